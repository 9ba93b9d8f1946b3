"""One unreadable item of an answer costs that item only."""

import json

import pytest
import requests
from django.utils import timezone

from datasources import gateway
from datasources.claro import BadAnswer
from datasources.gateway.budget import Lane
from datasources.mirror import sync
from datasources.models import ApiKey
from tests.conftest import polled, synced
from tests.support.html import words_of
from tests.support.raw_answers import nested
from tests.support.webhooks import registered, tended, told

JSON = {"Content-Type": "application/json"}


def list_of(account) -> dict:
    """The first page of the list as it is, to be spoilt."""
    headers = {"Authorization": f"Bearer {account.key}"}
    return requests.get(f"{account.sandbox.base_url}/datasources?limit=100", headers=headers, timeout=10).json()


def lie(account, body: dict | str, times: int = 1, path: str = "") -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    account.fault("answer", status=200, body=text, headers=JSON, times=times, **({"path": path} if path else {}))


@pytest.mark.parametrize("item", [{"datasourceId": "ds_abc123"}, None, 7, [], {"fileName": "x"}, {"datasourceId": {}}])
def test_a_list_with_an_unreadable_item_shows_the_others_and_says_so(key, account, web, item):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv"}])
    page = list_of(account)
    page["dataSources"].insert(1, item)
    lie(account, page)
    assert sorted(source.file_name for source in synced(key)) == ["a.csv", "b.csv"]
    text = words_of(web.get("/sources/").content.decode())
    assert "1 item could not be read" in text
    assert "a.csv" in text
    assert "b.csv" in text


def test_a_list_that_can_be_read_again_says_nothing(key, account, web):
    account.add(fileName="a.csv")
    page = list_of(account)
    page["dataSources"].append(None)
    lie(account, page)
    synced(key)
    synced(key)
    assert "could not be read" not in words_of(web.get("/sources/").content.decode())


def test_a_source_whose_item_and_details_cannot_be_read_stays_in_the_list(key, account):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv"}])
    kept = synced(key)
    page = list_of(account)
    page["dataSources"][0] = {"datasourceId": "ds_abc123"}
    lie(account, page)
    lie(account, {"datasourceId": "ds_abc123"})
    assert len(synced(key)) == len(kept) == 2
    key.refresh_from_db()
    assert (key.problem, key.state) == (None, ApiKey.State.VALID)


def test_unreadable_items_are_no_failure_of_the_key(key, account):
    account.add(fileName="a.csv")
    page = list_of(account)
    page["dataSources"] = [None] * 3
    for _ in range(5):
        lie(account, page)
        synced(key)
    with gateway.client(key, Lane.PERSON) as claro:  # the breaker is closed
        assert len(claro.list_datasources().sources) == 1


def test_a_list_without_sources_leaves_the_copy_and_is_named_on_the_key(key, account):
    account.add(fileName="a.csv")
    synced(key)
    lie(account, {"dataSources": None})
    assert len(synced(key)) == 1
    key.refresh_from_db()
    assert key.problem["user_message"] == BadAnswer.words


def test_a_page_of_which_nothing_can_be_read_does_not_end_the_sync(key, account):
    account.add_many([{"fileName": f"{number}.csv", "age": number} for number in range(150)])
    lie(account, {"dataSources": [None] * 100, "pagination": {"total": 150, "hasNext": True}})
    assert len(synced(key)) == 50
    key.sync.refresh_from_db()
    assert key.sync.unreadable == 100


def test_pages_that_are_unreadable_for_ever_end_after_a_few(key, account):
    lie(account, {"dataSources": [None], "pagination": {"hasNext": True}}, times=50)
    synced(key)
    assert len(account.calls("/datasources")) == sync.UNREADABLE_PAGES


def test_a_look_passes_over_a_source_that_cannot_be_read(key, account):
    account.add_many([{"fileName": "a.csv", "status": "processing"}, {"fileName": "b.csv", "status": "processing"}])
    synced(key)
    page = list_of(account)
    page["dataSources"][0] = None
    page["pagination"] = {"hasNext": False}
    lie(account, page)
    lie(account, {"datasourceId": "ds_abc123"}, times=3)
    assert polled(key) == "done"
    assert key.sources.filter(gone_at=None).count() == 2


def test_a_hint_at_a_source_that_cannot_be_read_is_followed_once(key, account, settings):
    settings.PUBLIC_URL = "https://dashboard.test"
    source_id = account.add(fileName="a.csv")
    hook = registered(key)
    told(hook, source_id)
    lie(account, {"datasourceId": 5})
    assert tended(hook) == "done"
    assert not hook.hints.exclude(due_at=None).exists()


def test_a_deep_value_beside_a_nul_costs_itself_only(key, account):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv"}])
    page = json.dumps(list_of(account))
    for depth in (600, 50_000):
        lie(account, page.replace('"a.csv"', f'"a\\u0000.csv", "outline": {nested(depth)}'))
        names = sorted(source.file_name for source in synced(key))
        assert names == ["a\ufffd.csv", "b.csv"]


def test_a_total_that_no_column_can_hold_is_passed_over(key, account):
    account.add(fileName="a.csv")
    page = list_of(account)
    page["pagination"] = {"total": 2**40, "limit": 2**70, "hasNext": False}
    lie(account, page)
    assert len(synced(key)) == 1
    key.sync.refresh_from_db()
    assert (key.sync.total, key.sync.finished_at <= timezone.now()) == (None, True)
