"""Latency, faults on demand and at random, and the log of calls."""

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests

from datasources.claro import RateLimit
from datasources.claro.types import parse_time
from sandbox.faults import KINDS, Faults
from tests.sandbox.calls import Calls, good
from tests.support.sandbox import HTML_502


def test_an_answer_of_ones_choice(account, calls):
    account.fault("answer", status=502, body=HTML_502, headers={"Content-Type": "text/html", "X-RateLimit-Limit": "7"})
    answer = calls.get("/datasources")
    assert (answer.status_code, answer.text) == (502, HTML_502)
    assert (answer.headers["Content-Type"], answer.headers["X-RateLimit-Limit"]) == ("text/html", "7")
    assert "X-RateLimit-Reset" in answer.headers
    assert calls.get("/datasources").status_code == 200  # once, unless it says otherwise


def test_a_refusal_that_never_reaches_the_operation(account, calls):
    source_id = account.upload("a.csv", "a\n1\n")
    account.refuse("ACCESS_DENIED", 403, method="DELETE")
    assert calls("DELETE", f"/datasources/{source_id}").json()["code"] == "ACCESS_DENIED"
    assert calls.details(source_id)["status"] == "completed"


def test_half_an_answer(account, calls):
    account.fault("cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        calls.get("/datasources")


@pytest.mark.parametrize("kind", ["drop", "hang"])
def test_no_answer(account, calls, kind):
    source_id = account.upload("a.csv", "a\n1\n")
    account.fault(kind, seconds=0.01)
    with pytest.raises(requests.exceptions.ConnectionError):
        calls("DELETE", f"/datasources/{source_id}")
    assert calls.details(source_id)["status"] == "completed"  # the call had no effect


@pytest.mark.parametrize("kind", ["hang", "slow"])
def test_an_answer_that_takes_its_time(account, kind, calls):
    account.fault(kind, seconds=9)  # not to its end
    with pytest.raises(requests.exceptions.ReadTimeout):
        calls("GET", "/datasources", timeout=(10, 0.1))


def test_a_slow_answer_is_ours(account, calls):
    account.fault("slow", seconds=0.01)
    assert calls.sources()["dataSources"] == []


def test_latency_is_part_of_every_answer(sandbox, calls):
    sandbox.control("POST", "settings", latency_s=3)
    for _ in range(2):
        with pytest.raises(requests.exceptions.ReadTimeout):
            calls("GET", "/datasources", timeout=(10, 0.1))
    sandbox.control("POST", "settings", latency_s=0)
    assert calls.get("/datasources").status_code == 200


def test_a_fault_waits_for_its_call(account, calls):
    source_id = account.add()
    account.fault("answer", status=500, path=f"{source_id}/data", method="GET", skip=1, times=2)
    path = f"/datasources/{source_id}"
    made = [("GET", path), ("POST", f"{path}/data"), *[("GET", f"{path}/data")] * 4]
    assert [calls(*call).status_code for call in made] == [200, 404, 200, 500, 500, 200]


def test_a_fault_may_be_for_one_key(account, calls, calls_of):
    account.fault("answer", status=500, key=calls.key)
    assert calls_of(account.another_key()).get("/datasources").status_code == 200
    assert [calls.get("/datasources").status_code for _ in range(2)] == [500, 200]


def test_its_clock_may_be_wrong_in_everything_it_tells(sandbox, account, calls):
    source_id = account.upload("a.csv", "a\n1\n")
    right = calls.details(source_id)
    sandbox.control("POST", "settings", clock_s=-7200)
    answer = calls.get(f"/datasources/{source_id}")
    ago = datetime.now(UTC) - timedelta(hours=2)
    for told in (parsedate_to_datetime(answer.headers["Date"]), parse_time(answer.json()["processedAt"])):
        assert abs(told - ago) < timedelta(seconds=30)
    assert parse_time(right["uploadedAt"]) - parse_time(answer.json()["uploadedAt"]) == timedelta(hours=2)
    assert 0 < RateLimit.from_headers(answer.headers).reset_in_s <= 61
    sandbox.control("POST", "settings", clock_s=0)
    assert calls.details(source_id) == right


def test_faults_are_taken_back(sandbox, account, calls):
    account.fault("drop", times=100)
    sandbox.control("DELETE", "faults")
    assert calls.get("/datasources").status_code == 200


def test_a_fault_that_is_none_is_told(account):
    with pytest.raises(requests.HTTPError):
        account.fault("explode")
    with pytest.raises(requests.HTTPError):
        account.fault("drop", tiems=3)


def test_faults_at_random_are_of_every_kind():
    faults = Faults(rate=1.0)
    drawn = [faults.next("GET", "/datasources") for _ in range(300)]
    assert {fault.kind for fault in drawn} == set(KINDS) - {"hang", "replaced"}
    assert {fault.status for fault in drawn if fault.kind == "answer"} == {429, 500, 502}
    faults = Faults(rate=0.0)
    assert not any(faults.next("GET", "/datasources") for _ in range(50))


def test_every_call_stands_in_the_log(sandbox, account, calls):
    began = time.time()
    good(calls.get("/datasources", page=2, status="failed"))
    Calls(calls.base_url, "nobody").get("/datasources")
    [call] = account.calls()
    assert began <= call.pop("at") <= time.time()
    assert call == {
        "key": calls.key,
        "method": "GET",
        "path": "/datasources",
        "query": {"page": "2", "status": "failed"},
        "status": 200,
    }
    assert sandbox.calls("nobody")[-1]["status"] == 401
    sandbox.control("DELETE", "calls")
    # Others' calls may end late: the sandbox is shared by all tests of a worker.
    assert account.calls() == sandbox.calls("nobody") == []


def test_a_source_can_be_made_in_any_state(sandbox, account, calls):
    made = account.add_many(
        [
            {"fileName": "a.pdf", "fileSize": 10**12, "status": "archived", "age": 3600},
            {"id": "00000000-0000-4000-8000-000000000001", "contentType": "text/x-odd"},
        ]
    )
    first, second = calls.details(made[0]), calls.details(made[1])
    assert (first["status"], first["fileSize"], first["contentType"]) == ("archived", 10**12, "application/pdf")
    assert (second["datasourceId"][-1], second["contentType"]) == ("1", "text/x-odd")
    account.change(made[0], status="processing")
    assert calls.details(made[0])["processedAt"] is None
    answer = sandbox.control("GET", "calls?key=nobody-at-all")
    assert json.loads(answer.text) == []
