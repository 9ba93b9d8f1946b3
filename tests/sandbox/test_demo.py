"""The demo account: about thirty sources of every kind, one of them with a million rows made on demand."""

import time
import uuid

import pytest
import requests
import time_machine

from sandbox import DEMO_KEY, demo
from tests.sandbox.calls import Calls, good
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def filled_at() -> float:
    return time.time()


@pytest.fixture(scope="module")
def demo_sandbox(tmp_path_factory, filled_at) -> Sandbox:
    sandbox = Sandbox(tmp_path_factory.mktemp("it's a demo"))
    demo.fill(sandbox.store, DEMO_KEY, 100)
    return sandbox


@pytest.fixture(scope="module")
def calls(demo_sandbox) -> Calls:
    """Calls to the demo account, with a key that may call more often than the demo's."""
    key = demo_sandbox.control("POST", "keys", account=demo.ACCOUNT, callsPerMinute=10_000).json()["key"]
    return Calls(demo_sandbox.base_url, key)


@pytest.fixture
def sources_at(calls, filled_at):
    """The objects of the list by file name, that many seconds after the first start."""

    def sources_at(seconds: float) -> dict[str, dict]:
        with time_machine.travel(filled_at + seconds):
            return {source["fileName"]: source for source in calls.sources(limit=100)["dataSources"]}

    return sources_at


@pytest.fixture
def sources(sources_at):
    return sources_at(1)


@pytest.fixture
def big(sources) -> uuid.UUID:
    return uuid.UUID(sources[demo.BIG]["datasourceId"])


def test_there_are_sources_of_every_kind_and_state(sources):
    assert 28 <= len(sources) <= 35
    assert {source["contentType"] for source in sources.values()} == {
        "text/csv",
        "text/tab-separated-values",
        "application/json",
        "application/x-ndjson",
        "application/pdf",
        "text/plain",
    }
    assert {source["status"] for source in sources.values()} == {"processing", "completed", "failed"}


def test_some_finish_while_one_watches_and_one_fails(sources, sources_at):
    processing = [name for name, source in sources.items() if source["status"] == "processing"]
    assert len(processing) == 4
    later = sources_at(120)
    assert sorted(later[name]["status"] for name in processing) == ["completed", "completed", "completed", "failed"]
    assert all(source["status"] != "processing" and source["processedAt"] for source in later.values())


def test_what_failed_says_why(sources):
    errors = {name: source["error"] for name, source in sources.items() if source["status"] == "failed"}
    assert errors["empty-export.csv"] == "The file is empty."
    assert "not JSON" in errors["broken-feed.json"]


def test_names_and_cells_are_as_odd_as_in_life(calls, sources):
    names = " ".join(sources)
    assert all(part in names for part in ("<img src=x", "<script>", "\u202e", "東京", "الربع", "Größen"))
    hostile = sources["<img src=x onerror=alert(1)>.csv"]["datasourceId"]
    assert "<script>document.title='owned'</script>" in calls.column(hostile, "<b>column</b>")
    assert sources["customer-survey-2026.csv"]["columnCount"] == 60
    assert sources["header-only.csv"]["rowCount"] == 0
    assert max(len(name) for name in sources) > 80


def test_every_finished_source_has_rows_and_a_file(calls, sources):
    for source in sources.values():
        if source["status"] == "completed" and source["fileName"] != demo.BIG:
            answer = calls.rows(source["datasourceId"], limit=1000)
            assert len(answer["rows"]) == min(1000, source["rowCount"])
            assert [column["name"] for column in answer["columns"]] == [column["name"] for column in source["columns"]]
            file = requests.get(good(calls.sign(source["datasourceId"]))["downloadUrl"], timeout=10)
            assert len(file.content) == source["fileSize"]


@pytest.mark.slow
def test_the_table_of_a_million_rows(calls, sources, big):
    assert (sources[demo.BIG]["rowCount"], sources[demo.BIG]["columnCount"]) == (1_000_000, 8)
    last = calls.rows(big, page=1000, limit=1000)
    assert last["pagination"] == {"page": 1000, "limit": 1000, "total": 1_000_000, "totalPages": 1000, "hasNext": False}
    assert (last["rows"][0][0], last["rows"][-1][0]) == (1_099_001, 1_100_000)
    assert all(isinstance(row[5], float) and row[6] in ("paid", "shipped", "returned", "open") for row in last["rows"])
    prices = calls.column(big, "unit_price", sort="unit_price", order="desc", limit=1000)
    assert prices == sorted(prices, reverse=True)
    assert calls.column(big, "order_id", sort="order_id", order="desc", limit=2) == [1_100_000, 1_099_999]
    assert calls.count(big, "country = 'JP' OR country <> 'JP'") == 1_000_000


def test_the_file_of_a_million_rows_is_made_on_demand(demo_sandbox, calls, sources, big):
    assert not (demo_sandbox.store.files / str(big)).exists()
    link = good(calls.sign(big))["downloadUrl"]
    with requests.get(link, stream=True, timeout=60) as answer:
        size = int(answer.headers["Content-Length"])
        lines = answer.iter_lines(decode_unicode=True)
        assert next(lines) == "order_id,ordered_at,sku,country,quantity,unit_price,status,customer"
        assert next(lines).startswith("100001,2019-01-01T00:03:31Z,")
    assert size == sources[demo.BIG]["fileSize"] == demo.BIG_FILE_BYTES


def test_a_second_start_leaves_everything_as_it_is(demo_sandbox, calls, sources, sources_at):
    gone = sources["translations.jsonl"]["datasourceId"]
    calls("DELETE", f"/datasources/{gone}")
    demo.fill(demo_sandbox.store, DEMO_KEY, 7)
    assert set(sources) - set(sources_at(1)) == {"translations.jsonl"}
    answer = Calls(calls.base_url, DEMO_KEY).get("/datasources")
    assert answer.headers["X-RateLimit-Limit"] == "7"
