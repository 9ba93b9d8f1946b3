"""One world for all the tests of a module: it takes a second to build, and there are hundreds of them.

Each test runs in a savepoint, so that it finds the world as it was built. What must be committed (threads, other
processes, `on_commit`) can't be tested here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Role
from datasources import keys, transfers
from datasources.downloads import batches, links
from datasources.models import ApiKey, Correction, Export, KeyShare, Outlet, SavedView, Source, Tag
from datasources.notices import channels
from datasources.sharing import shares
from datasources.uploads import queue
from tests.conftest import TABLE, synced
from tests.datasources.views.conftest import made, put_away
from tests.support.copy_rows import ready
from tests.support.sandbox import Account
from tests.support.uploads import received


@dataclass(frozen=True)
class World:
    """Alice's team works through her key. Carol is a viewer in it, Bob is in no team."""

    account: Account
    alice: User
    bob: User
    key: ApiKey
    table: Source
    team: Team
    # By the names that paths give to ids (`urls.py`).
    ids: dict[str, object]


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, redis_server, the_sandbox) -> Iterator[World]:
    around = transaction.atomic()
    around._from_testcase = True  # as Django's TestCase does, so that code within is as if there were none
    with django_db_blocker.unblock(), override_settings(CLARO_API_BASE_URL=the_sandbox.base_url), around:
        yield _build(the_sandbox.account())
        transaction.set_rollback(True)


def _build(account: Account) -> World:
    alice, bob, carol = (User.objects.create_user(f"{name}@example.com") for name in ("alice", "bob", "carol"))
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    account.upload("things.csv", TABLE)
    [table] = synced(key)
    account.add(fileName="in the bin.csv")
    [binned] = (source for source in synced(key) if source != table)
    Correction.objects.create(old=binned, new=table)
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    ready(table)
    doras = _key_of_another(account)
    ids = {
        "datasource_id": table.datasource_id,
        "link_id": made(links.ask(table, alice, 3600)).pk,
        "batch_id": batches.create(alice, [table]).pk,
        "share_id": shares.make(alice, key, [table]).pk,
        "deletion_id": put_away(binned, alice).pk,
        "team_id": team.pk,
        "key_id": key.pk,
        "membership_id": Membership.objects.create(team=team, user=carol, role=Role.VIEWER).pk,
        "view_id": SavedView.objects.create(name="Failed", team=team, page="sources:list", query="status=failed").pk,
        "tag_id": Tag.objects.create(name="Season", team=team).pk,
        "invitation_id": teams.invite(team, alice, Role.VIEWER, timezone.now() + timedelta(days=1)).pk,
        "export_id": Export.objects.create(source=table, user=alice, format="csv").pk,
        "upload_id": queue.add(alice, key, received()).pk,
        "transfer_id": transfers.offer_key(doras, doras.owner, alice.email).pk,
        "outlet_id": channels.save(alice, Outlet.Kind.WEBHOOK, "https://hooks.example.com/x").pk,
    }
    return World(account, alice, bob, key, table, team, ids)


def _key_of_another(account: Account) -> ApiKey:
    dora = User.objects.create_user("dora@example.com")
    return keys.add(dora, "Dora's", account.another_key(), ApiKey.State.VALID)


@pytest.fixture
def account(world, db) -> Account:
    return world.account


@pytest.fixture
def alice(world, db) -> User:
    return world.alice


@pytest.fixture
def bob(world, db) -> User:
    return world.bob


@pytest.fixture
def key(world, db) -> ApiKey:
    return world.key


@pytest.fixture
def table(world, db) -> Source:
    return world.table


@pytest.fixture
def team(world, db) -> Team:
    return world.team


@pytest.fixture
def ids(world, db) -> dict[str, object]:
    return world.ids
