"""The list of data sources, one source, and deleting it."""

import uuid

import pytest
import requests

from tests.sandbox.calls import assert_refused, good


@pytest.fixture
def names(calls):
    """File names of a list, as the query finds them."""
    return lambda **query: [source["fileName"] for source in calls.sources(**query)["dataSources"]]


def test_a_source_has_the_documented_fields(account, calls):
    source_id = account.upload("prices.csv", "id,price\n1,2.5\n2,\n")
    source = calls.details(source_id)
    assert source["datasourceId"] == str(source_id)
    assert (source["fileName"], source["contentType"]) == ("prices.csv", "text/csv")
    assert (source["fileSize"], source["status"]) == (18, "completed")
    assert source["uploadedAt"].endswith("Z")
    assert source["processedAt"] >= source["uploadedAt"]
    assert (source["rowCount"], source["columnCount"]) == (2, 2)
    assert source["columns"] == [{"name": "id", "type": "number"}, {"name": "price", "type": "number"}]
    assert calls.sources()["dataSources"] == [source]


def test_a_source_that_is_processing_is_not_processed_yet(account, calls):
    source = calls.details(account.add(status="processing"))
    assert (source["status"], source["processedAt"]) == ("processing", None)
    assert "rowCount" not in source


def test_a_source_may_say_more_than_is_documented(account, calls):
    source_id = account.add(extra={"owner": {"name": "Ann"}})
    assert calls.details(source_id)["owner"] == {"name": "Ann"}
    account.change(source_id, status="failed", error="No room.", extra={"pages": 3})
    source = calls.details(source_id)
    assert (source["status"], source["error"], source["pages"]) == ("failed", "No room.", 3)


def test_the_newest_stands_first(account, names):
    account.add_many([{"fileName": f"{age}.csv", "age": age} for age in (20, 10, 30)])
    assert names() == ["10.csv", "20.csv", "30.csv"]


def test_the_list_comes_in_pages(account, calls):
    account.add_many([{"fileName": f"{number}.csv", "age": number} for number in range(45)])
    pages = [calls.sources(page=page) for page in (1, 2, 3, 4)]
    assert [len(page["dataSources"]) for page in pages] == [20, 20, 5, 0]
    assert pages[0]["pagination"] == {"page": 1, "limit": 20, "total": 45, "totalPages": 3, "hasNext": True}
    assert pages[2]["pagination"]["hasNext"] is False
    found = [source["fileName"] for page in pages for source in page["dataSources"]]
    assert found == [f"{number}.csv" for number in range(45)]
    assert len(calls.sources(limit=100)["dataSources"]) == 45


def test_an_empty_list_has_no_pages(calls):
    assert calls.sources()["pagination"] == {"page": 1, "limit": 20, "total": 0, "totalPages": 0, "hasNext": False}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "completed"}, ["a.csv", "b.json"]),
        ({"status": "processing"}, ["c.csv"]),
        ({"status": "failed"}, ["d.pdf"]),
        ({"contentType": "text/csv"}, ["a.csv", "c.csv"]),
        ({"contentType": "text/csv", "status": "completed"}, ["a.csv"]),
        ({"contentType": "image/png"}, []),
        ({"status": "", "contentType": ""}, ["a.csv", "b.json", "c.csv", "d.pdf"]),
    ],
)
def test_the_list_is_filtered(account, names, query, expected):
    states = {"a.csv": "completed", "b.json": "completed", "c.csv": "processing", "d.pdf": "failed"}
    account.add_many([{"fileName": name, "status": status} for name, status in states.items()])
    assert sorted(names(**query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        *({"page": page} for page in ("0", "-1", "abc", "1.5", "", "١", "1" * 5000)),
        *({"limit": limit} for limit in ("0", "101", "-20", "abc", "", "20 ")),
        *({"status": status} for status in ("done", "Completed", "completed,failed")),
    ],
    ids=lambda query: str(query)[:30],
)
def test_a_query_that_makes_no_sense_is_refused(calls, query):
    words = assert_refused(calls.get("/datasources", **query), "INVALID_PARAMETERS", 400)
    assert next(iter(query)) in words


def test_sources_of_another_account_are_not_there(sandbox, account, calls, calls_of):
    source_id = account.upload("mine.csv", "a\n1\n")
    stranger = calls_of(sandbox.account().key)
    assert stranger.sources()["dataSources"] == []
    path = f"/datasources/{source_id}"
    for method, address in (("GET", path), ("DELETE", path), ("GET", f"{path}/data"), ("POST", f"{path}/download")):
        assert_refused(stranger(method, address), "DATASOURCE_NOT_FOUND", 404)
    assert calls.details(source_id)["fileName"] == "mine.csv"


def test_two_keys_of_an_account_see_the_same(account, calls, calls_of):
    source_id = account.upload("ours.csv", "a\n1\n")
    assert calls_of(account.another_key()).details(source_id) == calls.details(source_id)


def test_a_deleted_source_is_gone(account, calls):
    source_id = account.upload("old.csv", "a\n1\n")
    link = good(calls.sign(source_id))["downloadUrl"]
    answer = calls("DELETE", f"/datasources/{source_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert calls.sources()["dataSources"] == []
    for method, path in (("DELETE", ""), ("GET", ""), ("GET", "/data"), ("POST", "/download")):
        assert_refused(calls(method, f"/datasources/{source_id}{path}"), "DATASOURCE_NOT_FOUND", 404)
    assert requests.get(link, timeout=10).status_code == 403
    assert not list(account.sandbox.store.files.glob(f"{source_id}*"))


def test_a_source_deleted_while_it_is_parsed_stays_gone(sandbox, calls):
    source_id = calls.upload("big.csv", b"a,b\n" + b"1,2\n" * 30_000).json()["datasourceId"]
    assert calls("DELETE", f"/datasources/{source_id}").status_code == 204
    sandbox.store.wait()
    assert calls.sources()["dataSources"] == []
    assert not list(sandbox.store.files.glob(f"{source_id}*"))


@pytest.mark.parametrize("wrong", ["abc", "1", "%00", "123e4567-e89b-12d3-a456-42661417400"])
def test_what_is_no_id_is_refused(calls, wrong):
    assert_refused(calls.get(f"/datasources/{wrong}"), "INVALID_PARAMETERS", 400)


def test_an_id_that_nobody_has_is_not_found(calls):
    assert_refused(calls.get(f"/datasources/{uuid.uuid4()}"), "DATASOURCE_NOT_FOUND", 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("/", "/things", f"/datasources/{uuid.UUID(int=0)}/rows", "/datasources/a/b/c")),
        *((method, "/datasources") for method in ("PUT", "PATCH", "DELETE", "POST")),
    ],
)
def test_there_is_no_other_operation(calls, method, path):
    assert_refused(calls(method, path), "NOT_FOUND", 404)
