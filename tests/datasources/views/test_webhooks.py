"""The receiver, open to the world, and the switch on the keys page."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import logs, vault
from datasources import keys
from datasources.claro import Unreachable, sign
from datasources.mirror import deliveries
from datasources.models import Hint, Hook
from datasources.views.webhooks import BODY_BYTES_MAX
from tests.support.html import dom, field, words
from tests.support.html import told as alerts
from tests.support.sandbox import HTML_502
from tests.support.webhooks import body, deliver, path, registered, tended, told


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = "http://127.0.0.1:1"


@pytest.fixture
def hook(key) -> Hook:
    return registered(key)


# --- Deliveries ---


def test_a_delivery_is_noted_and_answered_with_nothing(account, hook):
    source_id = account.add()
    response = told(hook, source_id)
    assert (response.status_code, response.content) == (204, b"")
    assert Hint.objects.get().datasource_id == source_id
    assert not response.cookies
    tended(hook)
    assert hook.key.sources.get().datasource_id == source_id


def test_a_delivery_goes_to_a_worker_at_once_and_a_flood_only_once(account, hook):
    assert told(hook, account.add()).status_code == 204
    first = Hook.objects.get().leased_until
    assert first > timezone.now()
    for _ in range(20):
        assert told(hook, account.add()).status_code == 204
    assert Hook.objects.get().leased_until == first
    assert Hint.objects.count() == 21


def test_a_repeated_delivery_costs_two_queries(account, hook, django_assert_num_queries):
    raw_body = body(account.add())
    assert deliver(hook, raw_body).status_code == 204
    address, signature = path(hook), sign(deliveries.signing_secret(hook), raw_body)
    with django_assert_num_queries(2):
        assert deliver(hook, raw_body, to=address, signature=signature).status_code == 204
    assert Hint.objects.count() == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda right: "",
        lambda right: right[:-1] + ("0" if right[-1] != "0" else "1"),
        lambda right: sign("another-secret-of-some-length", b""),
        lambda right: f"sha1={right}",
        lambda right: "é",
    ],
    ids=["none", "one sign", "another secret", "another kind", "not ASCII"],
)
def test_a_forged_delivery_is_refused_and_told(web, account, hook, spoil):
    raw_body = body(account.add())
    right = sign(deliveries.signing_secret(hook), raw_body)
    assert deliver(hook, raw_body, signature=right).status_code == 204
    Hint.objects.all().delete()
    assert deliver(hook, raw_body, signature=spoil(right)).status_code == 401
    assert not Hint.objects.exists()
    assert "wrong signature" in words(web.get("/keys/"))
    told(hook, account.add())
    assert "wrong signature" not in words(web.get("/keys/"))


def test_the_signature_of_another_hook_opens_nothing(bob, account, hook):
    theirs = registered(keys.add(bob, "Bob's", account.another_key(), "valid"))
    raw_body = body(account.add())
    assert deliver(hook, raw_body, signature=sign(deliveries.signing_secret(theirs), raw_body)).status_code == 401


def test_forged_deliveries_are_written_down_once_a_minute(hook, django_assert_num_queries):
    raw_body, address = body(), path(hook)
    deliver(hook, raw_body, to=address, signature="0")
    with django_assert_num_queries(1):
        deliver(hook, raw_body, to=address, signature="0")


def test_an_unknown_token_is_not_found_before_anything_is_read(hook, account):
    raw_body = body(account.add())
    for token in ("x", "x" * 500, hook.token_hash, hook.derived("token")[:-1], "%00", "ü"):
        assert deliver(hook, raw_body, to=f"/hooks/{token}/").status_code == 404
    assert not Hint.objects.exists()


def test_a_body_that_is_too_big_is_not_looked_at(account, hook):
    for size, status in ((BODY_BYTES_MAX, 204), (BODY_BYTES_MAX + 1, 413), (5_000_000, 413)):
        raw_body = body(account.add(), filler="")
        raw_body = body(account.add(), filler="x" * (size - len(raw_body)))
        assert len(raw_body) == size
        assert deliver(hook, raw_body).status_code == status
    assert Hint.objects.count() == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(hook, method):
    response = Client().generic(method, path(hook))
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("raw_body", [b"", b"\xff\x00", b"[" * 60_000, b'{"event": null, "data": 1}'])
def test_a_signed_delivery_may_hold_anything(hook, raw_body):
    assert deliver(hook, raw_body).status_code == 204


def test_once_it_is_off_nothing_is_taken(web, key, hook, account):
    web.post(f"/keys/{key.pk}/hook/", {"on": "0"})
    assert told(hook, account.add()).status_code == 404


def test_a_secret_that_does_not_open_lets_claro_come_back_later(web, hook, account, settings):
    raw_body, address = body(account.add()), path(hook)
    signature = sign(deliveries.signing_secret(hook), raw_body)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert deliver(hook, raw_body, to=address, signature=signature).status_code == 503
    assert "can't be read" in words(dom(web.get("/keys/")).find(".//div[@class='hook']"))


def test_a_delivery_is_taken_while_redis_is_away(hook, account, redis_server):
    redis_server.stop()
    try:
        assert told(hook, account.add()).status_code == 204
    finally:
        redis_server.start()
    assert Hint.objects.count() == 1


# --- The switch ---


def line(web) -> str:
    """What the keys page says about the hook."""
    return words(dom(web.get("/keys/")).find(".//div[@class='hook']/div"))


def switch(web):
    return dom(web.get("/keys/")).find(".//button[@role='switch']")


def test_the_switch_turns_it_on_and_off(web, key, account):
    assert line(web).startswith("Off")
    assert switch(web).get("aria-checked") == "false"
    assert field(web.get("/keys/"), "on").get("value") == "1"
    assert web.post(f"/keys/{key.pk}/hook/", {"on": "1"}).headers["Location"] == "/keys/"
    assert "Setting up at Claro" in line(web)
    hook = Hook.objects.get()
    assert hook.leased_until > timezone.now()  # a worker has been handed it
    tended(hook)
    assert line(web) == "On: no updates received yet"
    assert switch(web).get("aria-checked") == "true"
    told(hook, account.add())
    assert line(web) == "On: 1 update received, last just now"
    assert field(web.get("/keys/"), "on").get("value") == "0"
    web.post(f"/keys/{key.pk}/hook/", {"on": "0"})
    assert "Removing at Claro" in line(web)
    tended(hook)
    assert line(web).startswith("Off")


def test_without_a_public_address_it_says_why(web, key, settings):
    settings.PUBLIC_URL = ""
    assert "PUBLIC_URL" in line(web)
    assert switch(web).get("disabled") is not None
    response = web.post(f"/keys/{key.pk}/hook/", {"on": "1"}, follow=True)
    assert "PUBLIC_URL" in alerts(response)
    assert not Hook.objects.exists()


def test_one_that_is_on_can_be_turned_off_without_a_public_address(web, key, hook, settings):
    settings.PUBLIC_URL = ""
    assert switch(web).get("disabled") is None
    assert "http://127.0.0.1:1" in line(web)
    web.post(f"/keys/{key.pk}/hook/", {"on": "0"})
    assert Hook.objects.get().state == "removing"


def test_errors_are_told_in_words(web, key, account):
    web.post(f"/keys/{key.pk}/hook/", {"on": "1"})
    hook = Hook.objects.get()
    account.fault("answer", status=502, body=HTML_502, path="/webhooks", times=3)
    tended(hook)
    assert line(web) == f"Setting up at Claro… {Unreachable.words} Retries automatically."
    account.refuse("INVALID_PARAMETERS", 400, "url must be a public https address.", path="/webhooks")
    tended(hook)
    assert line(web) == "Setup failed. url must be a public https address."
    assert field(web.get("/keys/"), "on").get("value") == "1"


def test_a_refused_removal_can_be_tried_again(web, key, account, hook):
    web.post(f"/keys/{key.pk}/hook/", {"on": "0"})
    account.refuse("ACCESS_DENIED", 403, path="/webhooks")
    tended(hook)
    assert line(web).startswith("Not removed at Claro yet.")
    assert "Try again" in words(dom(web.get("/keys/")).find(".//div[@class='hook']"))
    assert switch(web).get("disabled") is not None


def test_deleting_the_key_names_the_webhook_and_says_when_it_stays(web, key, account, hook):
    assert "webhook" in words(web.get(f"/keys/{key.pk}/delete/"))
    account.fault("answer", status=502, body=HTML_502, path="/webhooks", times=9)
    response = web.post(f"/keys/{key.pk}/delete/", follow=True)
    assert f"at Claro was not removed. {Unreachable.words}" in alerts(response)


def test_a_key_without_one_does_not_mention_it(web, key):
    assert "webhook" not in words(web.get(f"/keys/{key.pk}/delete/"))


def test_the_keys_page_costs_no_query_more_for_each_hook(web, key, alice, sandbox, django_assert_max_num_queries):
    registered(key)
    with CaptureQueriesContext(
        connection,
    ) as one:
        web.get("/keys/")
    for number in range(3):
        registered(keys.add(alice, f"Key {number}", sandbox.account().key, "valid"))
    with django_assert_max_num_queries(len(one)):
        web.get("/keys/")


def test_no_page_and_no_log_shows_token_or_secret(web, key, hook, caplog, settings):
    token, secret = hook.derived("token"), deliveries.signing_secret(hook)
    raw_body, address = body(), path(hook)
    deliver(hook, raw_body, to=address, signature="0")
    pages = b"".join(web.get(page).content for page in ("/keys/", f"/keys/{key.pk}/edit/", f"/keys/{key.pk}/delete/"))
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert deliver(hook, raw_body, to=address, signature="0").status_code == 503  # Django logs what ends so
    assert "/hooks/…" in logs.redacted(caplog.text)
    for hidden in (token, secret, hook.token_hash, hook.secret):
        assert hidden.encode() not in pages
        assert hidden not in logs.redacted(caplog.text)
