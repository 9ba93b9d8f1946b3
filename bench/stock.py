"""People, keys and sources to measure with, made as the product makes them."""

import uuid
from collections.abc import Callable

import requests
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, User
from accounts.roles import Role
from core import leases
from datasources import keys
from datasources.mirror import sync, watch
from datasources.models import ApiKey, Leased, Source, Sync, Watch
from tests.support.processes import wait_for
from tests.support.sandbox import Account

HEADER = "id,name,city,country,price,quantity,in_stock,rating,url,note,updated_at,code"


def person() -> User:
    return User.objects.create_user(f"{uuid.uuid4().hex}@example.com")


def key(account: Account, owner: User) -> ApiKey:
    return keys.add(owner, "Main", account.key, ApiKey.State.VALID)


def swept(key: ApiKey) -> ApiKey:
    """Runs a full sync of the key's list here, without a worker."""
    Sync.objects.filter(key=key).update(due_at=timezone.now(), leased_until=None, is_awaited=True)
    assert sync.run(str(key.sync.pk), leases.claim(Sync, key.sync.pk)) == "done"
    return key


def looked(key: ApiKey) -> None:
    """One look at the key's processing sources, done here instead of by a worker."""
    Watch.objects.filter(key=key).update(due_at=timezone.now(), leased_until=None)
    watch.poll(str(key.watch.pk), leases.claim(Watch, key.watch.pk))


def done(model: type[Leased], do: Callable[[str, str], str]) -> None:
    """Runs the due work of this kind for the last key here, without a worker."""
    work = model.objects.latest("pk")
    model.objects.filter(pk=work.pk).update(due_at=timezone.now(), leased_until=None)
    do(str(work.pk), leases.claim(model, work.pk))


def team(key: ApiKey, count: int) -> list[User]:
    """This number of users of the key."""
    people = [person() for _ in range(count)]
    made = teams.create("Bench", by=key.owner)
    Membership.objects.bulk_create(Membership(team=made, user=one, role=Role.VIEWER) for one in people)
    keys.share(key, [made], [made])
    return people


def names(count: int, **more: object) -> list[dict[str, object]]:
    """Sources for `Account.add_many`: of all kinds, with long and short names, uploaded a minute after each other."""
    kinds = ("csv", "tsv", "json", "jsonl", "pdf", "txt")
    states = ("completed",) * 8 + ("failed", "processing")
    return [
        {
            "fileName": f"{'quarterly-' * (number % 4)}report-{number:05}.{kinds[number % 6]}",
            "fileSize": number * 997,
            "status": states[number % 10],
            "age": number * 60,
            **more,
        }
        for number in range(count)
    ]


def table(account: Account, key: ApiKey, rows: int) -> Source:
    """A source of 12 columns of text, numbers, dates and links, uploaded, processed and swept up."""
    return uploaded(account, key, "\n".join([HEADER, *(_line(number) for number in range(rows))]))


def uploaded(account: Account, key: ApiKey, text: str) -> Source:
    """The source of this CSV, processed and swept up."""
    answer = requests.post(
        f"{account.sandbox.base_url}/datasources/upload",
        files={"file": ("products.csv", text)},
        headers={"Authorization": f"Bearer {account.key}"},
        timeout=60,
    )
    answer.raise_for_status()
    mine = key.sources.filter(datasource_id=answer.json()["datasourceId"], status="completed")
    return wait_for(lambda: swept(key) and mine.first(), seconds=60, pause=0.5)


def _line(number: int) -> str:
    note = "" if number % 3 else "Fits most; see the <b>manual</b> before ordering"
    return (
        f"{number},Product {number} & co,City {number % 97},Country {number % 31},{number * 1.37:.2f},{number % 500},"
        f"{'true' if number % 2 else 'false'},{number % 50 / 10},https://example.com/items/{number},{note},"
        f"2026-01-{number % 28 + 1:02}T10:00:00Z,SKU-{number:08}"
    )
