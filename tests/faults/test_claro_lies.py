"""Claro says what can't be: wrong totals, the same ids again and again, a wrong time, a status that goes back."""

import json
from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from datasources import keys, tasks
from datasources.downloads import links
from datasources.models import ApiKey, Source
from tests.faults.conftest import PATIENCE_S, followed_to, is_ready, read
from tests.support.html import words_of
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow

JSON = {"Content-Type": "application/json"}


def page_of(account, number: int) -> dict:
    """A page of the list as it is in truth, to be spoilt."""
    url, headers = f"{account.sandbox.base_url}/datasources", {"Authorization": f"Bearer {account.key}"}
    return requests.get(url, {"limit": 100, "page": number}, headers=headers, timeout=10).json()


def lie(account, *pages: dict, key: str = "") -> None:
    """The next calls with this key, or the account's, are answered with these."""
    for page in pages:
        account.fault("answer", status=200, body=json.dumps(page), headers=JSON, key=key or account.key)


def many(account, count: int = 250) -> None:
    account.add_many([{"fileName": f"{number}.csv", "age": number} for number in range(count)])


def test_totals_that_are_too_small_or_too_large_hide_nothing_and_cost_no_endless_calls(crew, alice, account):
    many(account)
    true = [page_of(account, number) for number in (1, 2, 3)]
    for total, pages in ((3, 1), (100_000, 1000)):
        for page in true:
            page["pagination"] = {"page": page["pagination"]["page"], "limit": 100, "total": total, "totalPages": pages}
        secret = account.another_key()
        lie(account, *true, key=secret)
        key = keys.add(alice, f"Total {total}", secret, ApiKey.State.VALID)
        read(key)
        assert key.sources.count() == 250
        assert len(account.sandbox.calls(secret)) <= 5
        account.sandbox.faults.clear()


def test_ids_that_come_again_on_other_pages_are_one_source_and_the_end_is_found(crew, alice, account):
    many(account)
    first, second, third = (page_of(account, number) for number in (1, 2, 3))
    second["dataSources"][:30] = first["dataSources"][-30:]
    for page in (first, second, third):
        page["pagination"]["hasNext"] = True
    before = len(account.calls())
    lie(account, first, second, third, *[third] * 50)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    read(key)
    assert key.sources.count() == 220
    assert len(account.calls()) - before <= 5
    account.sandbox.faults.clear()
    read(key)
    assert key.sources.count() == 250


def test_a_list_that_is_suddenly_empty_deletes_nothing(crew, alice, account):
    many(account, 20)
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    read(key)
    lie(account, {"dataSources": [], "pagination": {"page": 1, "total": 0, "hasNext": False}})
    read(key)
    assert key.sources.filter(gone_at=None).count() == 20


def test_a_status_that_goes_back_is_followed_again_to_its_end(table, visitor, account):
    path = f"/sources/{table.datasource_id}/"
    account.change(table.datasource_id, status="processing")
    read(table.key)
    assert "Claro is processing this file" in words_of(visitor.get(path).text)
    account.change(table.datasource_id, status="completed")
    followed_to(table, "completed")
    assert [change.status for change in table.timeline()] == ["processing", "completed", "processing", "completed"]
    wait_for(lambda: "Rows 1 to 3 of 3" in words_of(visitor.get(f"{path}rows/").text), PATIENCE_S)


def test_a_clock_that_is_hours_late_spoils_no_link_no_timeline_and_no_limit(crew, alice, visitor, account):
    account.sandbox.control("POST", "settings", clock_s=-5 * 3600)
    source_id = account.upload("a.csv", "id,name\n1,x\n")
    account.change(source_id, status="processing")
    key = keys.add(alice, "Main", account.key, ApiKey.State.VALID)
    read(key)
    source = Source.objects.select_related("key").get()
    account.change(source_id, status="completed")
    followed_to(source, "completed")
    account.change(source_id, status="processing")
    read(key)
    assert [change.status for change in source.timeline()] == ["processing", "completed", "processing"]
    assert all(change.lasted is None or change.lasted >= timedelta(0) for change in source.timeline())
    account.change(source_id, status="completed")
    followed_to(source, "completed")
    steps = ["processing", "completed", "processing", "completed"]
    assert [change.status for change in source.timeline()] == steps
    link = links.ask(source, alice, 300)
    tasks.start(link)
    wait_for(lambda: is_ready(link), PATIENCE_S)
    assert timedelta(minutes=4) < link.expires_at - timezone.now() <= timedelta(minutes=5)
    answer = visitor.get(f"/downloads/{link.pk}/file/")
    assert answer.status_code == 302
    assert requests.get(answer.headers["Location"], timeout=10).content == b"id,name\n1,x\n"
    assert visitor.get(f"/sources/{source_id}/").status_code == 200
