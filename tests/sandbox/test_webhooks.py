"""Webhooks: what is taken and kept, and what the receiver gets."""

import hmac
import json
import uuid

import pytest

from sandbox.webhooks import Webhooks
from tests.sandbox.calls import assert_refused, good
from tests.support.processes import wait_for
from tests.support.receiver import Receiver

SECRET = "a-secret-of-some-length"
PROCESSED = "datasource.processed"


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def create(calls, receiver):
    """Asks for a webhook that is right, but for what a test spoils."""

    def create(once: str = "", **spoiled):
        body = {"name": "Test", "url": receiver.url, "events": [PROCESSED], "secret": SECRET} | spoiled
        body = {name: value for name, value in body.items() if value is not ...}
        return calls("POST", "/webhooks", json=body, headers={"Idempotency-Key": once} if once else {})

    return create


@pytest.fixture
def webhook(calls, create):
    """A webhook's path; it goes at the end."""
    path = f"/webhooks/{create().json()['webhookId']}"
    yield path
    calls("DELETE", path)


def deliveries(calls, webhook) -> list[dict]:
    return good(calls.get(f"{webhook}/deliveries"))["deliveries"]


def told(receiver) -> list[str]:
    """The sources that the receiver was told of."""
    return [json.loads(one.body)["data"]["datasourceId"] for one in list(receiver.received)]


# --- Operations ---


def test_a_webhook_is_kept_without_showing_its_secret(calls, create, receiver):
    answer = create(headers={"X-Team": "catalogue"})
    webhook = answer.json()
    assert answer.status_code == 201
    assert {**webhook, "webhookId": "", "createdAt": ""} == {
        "webhookId": "",
        "name": "Test",
        "url": receiver.url,
        "events": [PROCESSED],
        "headers": {"X-Team": "catalogue"},
        "active": True,
        "createdAt": "",
    }
    assert good(calls.get(f"/webhooks/{webhook['webhookId']}")) == webhook
    assert good(calls.get("/webhooks")) == {"webhooks": [webhook]}


def test_changing_and_deleting(calls, webhook):
    changed = good(calls("PATCH", webhook, json={"name": "Other", "active": False}))
    assert (changed["name"], changed["active"], changed["events"]) == ("Other", False, [PROCESSED])
    assert calls("DELETE", webhook).status_code == 204
    assert_refused(calls("DELETE", webhook), "WEBHOOK_NOT_FOUND", 404)
    assert good(calls.get("/webhooks")) == {"webhooks": []}


def test_the_same_request_with_the_same_key_makes_one(calls, create):
    first, again = create(once="k"), create(once="k")
    assert (again.status_code, again.json()) == (201, first.json())
    assert "another request" in assert_refused(create(once="k", name="Other"), "INVALID_PARAMETERS", 400)
    assert len(good(calls.get("/webhooks"))["webhooks"]) == 1
    create(), create()
    assert len(good(calls.get("/webhooks"))["webhooks"]) == 3


@pytest.mark.parametrize(
    "spoiled",
    [
        {"url": "http://claro.example.com/hooks/"},
        {"url": "http://127.0.0.1.example.com/"},
        {"url": "ftp://127.0.0.1/"},
        {"url": "/hooks/"},
        {"url": "https://"},
        {"url": "https://x:y/"},
        {"url": "https://[::1/"},
        {"url": "https://example.com/\n"},
        {"url": None},
        {"url": ...},
        {"name": ""},
        {"name": ["x"]},
        {"events": []},
        {"events": PROCESSED},
        {"events": ["datasource.exploded"]},
        {"events": [PROCESSED, {}]},
        {"events": ...},
        {"secret": "x" * 15},
        {"secret": 12345678901234567},
        {"secret": ...},
        {"headers": {f"X-{number}": "x" for number in range(11)}},
        {"headers": ["X-Team"]},
        {"headers": {"X-Team": 1}},
        {"headers": {"X-Team": "a\r\nX-Other: b"}},
        {"headers": {"X Team": "a"}},
        {"headers": {"Host": "example.com"}},
        {"headers": {"x-webhook-signature": "0"}},
    ],
    ids=lambda spoiled: str(spoiled)[:40],
)
def test_what_can_not_be_a_webhook_is_refused(create, spoiled):
    assert_refused(create(**spoiled), "INVALID_PARAMETERS", 400)


@pytest.mark.parametrize("url", ["https://claro.example.com/hooks/x/", "http://localhost:8000/x", "http://[::1]:1/x"])
def test_addresses_that_are_taken(create, url):
    assert create(url=url).status_code == 201


@pytest.mark.parametrize("body", ["[]", '"x"', "{", "null"])
def test_a_body_that_is_no_object_is_refused(calls, body):
    assert_refused(calls("POST", "/webhooks", data=body), "INVALID_PARAMETERS", 400)


@pytest.mark.parametrize(
    ("method", "below"),
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")],
)
def test_anothers_webhook_does_not_exist(sandbox, calls_of, webhook, method, below):
    stranger = calls_of(sandbox.account().key)
    for path in (webhook, f"/webhooks/{uuid.uuid4()}"):
        assert_refused(stranger(method, f"{path}{below}", json={}), "WEBHOOK_NOT_FOUND", 404)


def test_webhooks_outlast_a_restart(sandbox, calls, webhook):
    [kept] = good(calls.get("/webhooks"))["webhooks"]
    again = Webhooks(sandbox.store)
    assert [one.to_api() for one in again._of(sandbox.store.key(calls.key).account)] == [kept]


# --- Deliveries ---


def test_a_finished_source_is_told_once_and_signed(account, calls, receiver, webhook):
    source_id = account.add(status="processing", fileName="Übersicht.csv")
    account.change(source_id, status="completed")
    [delivery] = wait_for(lambda: list(receiver.received))
    assert delivery.path == "/told/"
    signature = hmac.digest(SECRET.encode(), delivery.body, "sha256").hex()
    assert delivery.headers["X-Webhook-Signature"] == f"sha256={signature}"
    body = json.loads(delivery.body)
    assert body["event"] == PROCESSED
    assert body["data"] == calls.details(source_id)
    [kept] = wait_for(lambda: [one for one in deliveries(calls, webhook) if one["status"] == "delivered"])
    assert (kept["deliveryId"], kept["responseStatus"], kept["attempts"]) == (body["id"], 204, 1)
    another = account.add(status="processing")
    account.change(another, status="failed", error="No room.")
    wait_for(lambda: len(receiver.received) == 2)
    assert told(receiver) == [str(source_id), str(another)]


def test_an_upload_and_one_that_becomes_ready_by_time_are_told(sandbox, account, receiver, webhook):
    sandbox.control("POST", "settings", processing_s=0.4)
    later = account.upload("later.csv", "a\n1\n")
    sandbox.control("POST", "settings", processing_s=0)
    at_once = account.upload("at-once.csv", "a\n1\n")
    wait_for(lambda: len(receiver.received) == 2)
    assert set(told(receiver)) == {str(later), str(at_once)}


def test_what_was_finished_before_or_is_anothers_is_not_told(sandbox, account, calls, receiver, webhook):
    account.add(status="completed")
    theirs = sandbox.account()
    theirs.change(theirs.add(status="processing"), status="completed")
    mine = account.add(status="processing")
    account.change(mine, status="completed")
    wait_for(lambda: receiver.received)
    assert told(receiver) == [str(mine)]


def test_what_nobody_took_is_sent_again_unchanged(account, calls, receiver, webhook):
    receiver.answers = [500, 302]
    account.change(account.add(status="processing"), status="completed")
    wait_for(lambda: receiver.received)
    [first] = wait_for(lambda: [one for one in deliveries(calls, webhook) if one["nextAttemptAt"]])
    assert (first["status"], first["responseStatus"], first["attempts"]) == ("pending", 500, 1)
    calls("POST", f"{webhook}/deliveries/{first['deliveryId']}/retry")  # a redirect is not followed
    wait_for(lambda: len(receiver.received) == 2)
    wait_for(lambda: len(receiver.received) == 3)  # by itself
    [kept] = wait_for(lambda: [one for one in deliveries(calls, webhook) if one["status"] == "delivered"])
    assert kept["responseStatus"] == 204
    assert len({(one.path, one.body) for one in receiver.received}) == 1


def test_a_receiver_that_is_away_is_noted(account, calls, receiver, webhook):
    receiver.close()
    account.change(account.add(status="processing"), status="completed")
    [kept] = wait_for(lambda: [one for one in deliveries(calls, webhook) if one["error"]])
    assert kept["error"] == "No answer (ConnectionError)."
    assert kept["status"] == "pending"


def test_a_test_delivery_and_ones_own_headers(calls, create, receiver):
    webhook = create(headers={"X-Team": "catalogue"}).json()["webhookId"]
    assert calls("POST", f"/webhooks/{webhook}/test").status_code == 202
    [delivery] = wait_for(lambda: list(receiver.received))
    assert json.loads(delivery.body)["event"] == "webhook.test"
    assert delivery.headers["X-Team"] == "catalogue"


def test_a_retry_of_a_delivery_that_is_not_there(calls, webhook):
    answer = calls("POST", f"{webhook}/deliveries/{uuid.uuid4()}/retry")
    assert_refused(answer, "DELIVERY_NOT_FOUND", 404)


def test_one_that_is_off_or_wants_other_events_is_not_told(account, calls, create, receiver, webhook):
    create(events=["dataset.created"])
    off = create().json()["webhookId"]
    calls("PATCH", f"/webhooks/{off}", json={"active": False})
    account.change(account.add(status="processing"), status="completed")
    wait_for(lambda: deliveries(calls, webhook))
    assert deliveries(calls, f"/webhooks/{off}") == []
    assert len(receiver.received) <= 1
