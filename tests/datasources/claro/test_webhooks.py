"""The client's webhooks: the calls, the signature over the bytes as received, and what a delivery may look like."""

import json
import uuid
from datetime import UTC, datetime

import pytest
import responses

from datasources.claro import (
    PROCESSED,
    ApiError,
    BadAnswer,
    Delivery,
    Unreachable,
    Webhook,
    parse_delivery,
    retry,
    sign,
    verify_signature,
)
from datasources.claro.webhooks import webhooks_from_api
from tests.datasources.claro.test_client import BASE, mocked

ID = uuid.uuid4()
SECRET = "a-secret-of-some-length"
BODY = b'{"event": "datasource.processed"}'
NEW = {
    "name": "Claro Dashboard",
    "url": "https://dashboard.test/hooks/token/",
    "events": [PROCESSED],
    "secret": SECRET,
    "idempotency_key": "once",
}
CALL = f"{BASE}/webhooks"


def generate_header(secret=SECRET, body=BODY, spelling="sha256=") -> str:
    """A signature header that is right, but for what a test spoils."""
    return spelling + sign(secret, body)


# --- Calls ---


def test_a_webhook_is_made_with_what_the_api_asks_for():
    with responses.RequestsMock() as api:
        api.post(CALL, status=201, json={"webhookId": "w1", "name": NEW["name"], "events": [PROCESSED]})
        made = mocked().create_webhook(**NEW)
        [call] = api.calls
    assert (made.webhook_id, made.name, made.events) == ("w1", "Claro Dashboard", (PROCESSED,))
    assert call.request.headers["Idempotency-Key"] == "once"
    assert json.loads(call.request.body) == {name: NEW[name] for name in ("name", "url", "events", "secret")}


def test_other_calls_carry_no_idempotency_key():
    with responses.RequestsMock() as api:
        api.get(CALL, json=[])
        mocked().list_webhooks()
        assert "Idempotency-Key" not in api.calls[0].request.headers


def test_making_one_is_repeated_with_the_same_key_when_the_answer_was_lost():
    with responses.RequestsMock() as api:
        api.post(CALL, body=ConnectionError("lost"))
        api.post(CALL, status=201, json={"id": "w1"})
        assert mocked().create_webhook(**NEW).webhook_id == "w1"
        assert {call.request.headers["Idempotency-Key"] for call in api.calls} == {"once"}


def test_a_post_without_a_key_is_not_repeated():
    now = datetime.now(UTC)
    assert retry.should_retry("POST", Unreachable(), 1, 2, 0, now, "key") is True
    assert retry.should_retry("POST", Unreachable(), 1, 2, 0, now, None) is False
    assert retry.should_retry("POST", ApiError(status=422), 1, 2, 0, now, "key") is False


def test_a_short_secret_is_not_sent():
    with pytest.raises(ValueError, match="at least 16"):
        mocked().create_webhook(**NEW | {"secret": "x" * 15})


def test_an_api_without_webhooks_is_not_taken_for_a_missing_data_source():
    with responses.RequestsMock() as api:
        api.post(CALL, status=404, json={"error": "There is no such operation."})
        with pytest.raises(ApiError) as raised:
            mocked().create_webhook(**NEW)
    assert raised.value.user_message == "Claro offers no webhooks to this key."
    assert raised.value.status == 404
    assert not raised.value.retryable


def test_deleting_what_is_gone_is_fine_and_an_odd_id_stays_one_id():
    with responses.RequestsMock() as api:
        api.delete(f"{CALL}/a%2Fb%3F", status=404, json={"code": "WEBHOOK_NOT_FOUND", "error": "gone"})
        mocked().delete_webhook("a/b?")


@pytest.mark.parametrize("status", [204, 200])
def test_deleting_takes_an_answer_with_or_without_a_body(status):
    with responses.RequestsMock() as api:
        api.delete(f"{CALL}/w1", status=status, body=b"" if status == 204 else b"{}")
        mocked().delete_webhook("w1")


@pytest.mark.parametrize(
    "answer",
    [
        {"id": "w1", "name": "n", "url": "https://x/", "events": [PROCESSED]},
        {"webhookId": "w1", "name": "n", "url": "https://x/", "events": [PROCESSED], "active": True},
        {"webhook": {"id": "w1", "name": "n", "url": "https://x/", "events": [PROCESSED]}},
        {"data": {"webhookId": "w1", "name": "n", "url": "https://x/", "events": [PROCESSED]}},
    ],
)
def test_a_webhook_in_any_shape(answer):
    assert Webhook.from_api(answer) == Webhook("w1", "n", "https://x/", (PROCESSED,))


def test_a_number_is_an_id_too_and_everything_else_may_be_missing():
    assert Webhook.from_api({"id": 7}) == Webhook("7", "", "", ())


@pytest.mark.parametrize("answer", [None, [], "w1", {}, {"id": None}, {"id": {}}, {"id": True}, {"data": "w1"}])
def test_a_webhook_without_an_id_is_a_bad_answer(answer):
    with pytest.raises(BadAnswer):
        Webhook.from_api(answer)


@pytest.mark.parametrize(
    "wrapped", [lambda found: found, lambda found: {"webhooks": found}, lambda found: {"data": found}]
)
def test_a_list_in_any_shape(wrapped):
    with responses.RequestsMock() as api:
        api.get(CALL, json=wrapped([{"id": "w1"}, {"id": "w2"}]))
        assert [hook.webhook_id for hook in mocked().list_webhooks()] == ["w1", "w2"]


def test_a_webhook_that_cannot_be_read_costs_no_other():
    answer = {"webhooks": [None, {"id": "w1"}, {"id": {}}, {"id": "x" * 501}]}
    assert [webhook.webhook_id for webhook in webhooks_from_api(answer)] == ["w1"]


@pytest.mark.parametrize("answer", [{}, {"webhooks": None}, "none", {"data": {"id": "w1"}}])
def test_a_list_that_is_none_is_a_bad_answer(answer):
    with responses.RequestsMock() as api:
        api.get(CALL, json=answer)
        with pytest.raises(BadAnswer):
            mocked().list_webhooks()


def test_a_webhook_does_not_show_its_address():
    assert "token" not in repr(Webhook("w1", "n", "https://x/hooks/token/", ()))


# --- Signatures ---


@pytest.mark.parametrize("spelling", ["sha256=", "", "SHA256=", "  sha256="])
def test_a_right_signature_in_either_spelling(spelling):
    assert verify_signature(SECRET, BODY, generate_header(spelling=spelling))


def test_capitals_and_white_space_do_not_matter():
    assert verify_signature(SECRET, BODY, f" {generate_header(spelling='').upper()}\n")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        generate_header(secret="another-secret-of-some-length"),
        generate_header(body=BODY + b" "),
        generate_header(spelling="sha1="),
        generate_header(spelling="sha256=sha256="),
        generate_header()[:-1],
        generate_header() + "0",
        generate_header() + ",sha256=00",
        "sha256=é\ud800",
        "0" * 64,
    ],
)
def test_a_wrong_signature(header):
    assert not verify_signature(SECRET, BODY, header)


def test_the_bytes_count_not_what_they_mean():
    assert not verify_signature(SECRET, BODY.replace(b": ", b":"), generate_header())


def test_a_known_signature():
    """RFC 4231, 4.3: so that `sign` is HMAC-SHA256 and not merely at one with itself."""
    assert sign("Jefe", b"what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


# --- Deliveries ---


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"event": PROCESSED, "datasourceId": str(ID)}, Delivery(PROCESSED, ID)),
        ({"type": PROCESSED, "data": {"datasourceId": str(ID)}}, Delivery(PROCESSED, ID)),
        (
            {"event": PROCESSED, "type": "other", "datasourceId": str(ID), "data": {"datasourceId": "x"}},
            Delivery(PROCESSED, ID),
        ),
        ({"event": PROCESSED, "datasourceId": None, "data": {"datasourceId": str(ID)}}, Delivery(PROCESSED, ID)),
        ({"event": {"name": PROCESSED}, "type": PROCESSED}, Delivery(PROCESSED)),
        ({"event": PROCESSED, "data": [str(ID)]}, Delivery(PROCESSED)),
        ({"event": PROCESSED, "datasourceId": "../../keys"}, Delivery(PROCESSED)),
        ({"event": PROCESSED, "datasourceId": 12}, Delivery(PROCESSED)),
        ({"datasourceId": str(ID).upper()}, Delivery("", ID)),
        ({}, Delivery()),
        ([{"event": PROCESSED}], Delivery()),
        (PROCESSED, Delivery()),
        (None, Delivery()),
    ],
)
def test_a_delivery_in_any_shape(data, expected):
    assert parse_delivery(json.dumps(data).encode()) == expected


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"{", b"[" * 100_000, b"event=datasource.processed", b"NaN"])
def test_a_delivery_that_can_not_be_read_says_nothing(body):
    assert parse_delivery(body) == Delivery()
