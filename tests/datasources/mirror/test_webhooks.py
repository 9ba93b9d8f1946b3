"""Webhooks at Claro: made once however often it is tried, removed with the switch and with the key, errors told."""

import pytest
from django.db import connection

from core import leases, vault
from core.leases import LeaseLost
from datasources import gateway, keys
from datasources.claro import PROCESSED, RateLimited, Unreachable
from datasources.gateway import KeyRefused
from datasources.mirror import deliveries, webhooks
from datasources.models import ApiKey, Hook
from datasources.security import master_key
from tests.conftest import asked_again
from tests.support import leaks
from tests.support.sandbox import HTML_502
from tests.support.webhooks import registered, tended

PUBLIC = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def public(settings):
    settings.PUBLIC_URL = PUBLIC


@pytest.fixture
def at_claro(account):
    """The webhooks of the account, as Claro has them."""
    return lambda: [one for one in account.sandbox.webhooks() if one.account == account.name]


def test_switching_on_makes_a_webhook_at_claro(key, at_claro):
    hook = webhooks.switch_on(key)
    assert (hook.state, at_claro()) == ("wanted", [])
    assert tended(hook) == "done"
    [webhook] = at_claro()
    assert (hook.state, hook.claro_id, hook.due_at) == ("registered", webhook.id, None)
    assert (webhook.name, webhook.events) == ("Claro Dashboard", [PROCESSED])
    assert webhook.url.startswith(f"{PUBLIC}/hooks/")
    assert webhook.secret == deliveries.signing_secret(hook)
    assert webhooks.find(webhook.url.split("/")[-2]) == hook


def test_secret_and_token_are_long_different_and_nowhere_readable(key, at_claro):
    hook = registered(key)
    [webhook] = at_claro()
    token = webhook.url.split("/")[-2]
    assert min(len(token), len(webhook.secret)) >= 43  # 256 bits in base64
    assert len({token, webhook.secret, hook.unseal(), hook.derived("idempotency key")}) == 4
    stored = leaks.database_content() + leaks.redis_content()
    for secret in (token, webhook.secret, hook.unseal()):
        assert secret.encode() not in stored


def test_switching_on_twice_is_once(key, at_claro):
    assert webhooks.switch_on(key) == webhooks.switch_on(key)
    hook = registered(key)
    assert webhooks.switch_on(key) == hook
    assert len(at_claro()) == 1


def test_a_try_whose_answer_was_lost_and_the_next_make_one(key, account, at_claro):
    gateway.check_stored(key)  # the budget knows its size, and is not careful any more
    hook = webhooks.switch_on(key)
    account.fault("cut", path="/webhooks", times=3)  # made at Claro, heard by nobody
    assert tended(hook) == "put back"
    assert (hook.state, hook.attempts, len(at_claro())) == ("wanted", 1, 1)
    assert isinstance(hook.trouble, Unreachable)
    assert tended(hook) == "done"
    assert (hook.state, hook.attempts, hook.trouble, len(at_claro())) == ("registered", 0, None, 1)


def test_a_worker_that_died_in_the_middle_left_nothing_double(key, at_claro):
    hook = registered(key)
    # as if it had died between Claro's answer and noting it
    Hook.objects.update(state="wanted", claro_id="")
    assert tended(hook) == "done"
    assert [webhook.id for webhook in at_claro()] == [hook.claro_id]


def test_a_refusal_is_told_and_another_try_is_a_new_one(key, account, at_claro):
    hook = webhooks.switch_on(key)
    account.refuse("INVALID_PARAMETERS", 400, "url must be a public https address.", path="/webhooks")
    assert tended(hook) == "put back"
    assert (hook.state, hook.due_at) == ("failed", None)
    assert "public https" in hook.trouble.user_message
    again = registered(key)
    assert again.token_hash != hook.token_hash
    assert len(at_claro()) == 1


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"status": 502, "body": HTML_502, "times": 3}, Unreachable),
        ({"status": 429, "headers": {"Retry-After": "30"}}, RateLimited),
        ({"status": 500}, None),
        ({"status": 409}, None),
    ],
    ids=["gateway", "limit", "error", "conflict"],
)
def test_what_may_pass_is_tried_again(key, account, fault, problem):
    hook = webhooks.switch_on(key)
    account.fault("answer", path="/webhooks", **fault)
    assert tended(hook) == "put back"
    assert hook.state == "wanted"
    assert hook.due_at is not None
    assert problem is None or isinstance(hook.trouble, problem)


def test_with_a_refused_key_it_waits_for_a_new_one(key, account, at_claro):
    hook = webhooks.switch_on(key)
    account.revoke()
    assert tended(hook) == "put back"
    assert asked_again(key) == "refused"
    assert tended(hook) == "put back"
    assert (hook.state, hook.due_at) == ("wanted", None)
    assert isinstance(hook.trouble, KeyRefused)
    keys.replace_secret(key, account.another_key(), ApiKey.State.VALID)
    hook.refresh_from_db()
    assert hook.due_at is not None
    assert tended(hook) == "done"
    assert len(at_claro()) == 1


def test_switching_off_removes_it_here_and_at_claro(key, at_claro):
    hook = registered(key)
    assert webhooks.switch_off(key).state == "removing"
    assert webhooks.find(hook.derived("token")) is None
    assert tended(hook) == "done"
    assert at_claro() == []
    assert not Hook.objects.exists()
    assert webhooks.switch_off(key) is None


def test_one_that_claro_has_forgotten_is_removed_all_the_same(key, account):
    hook = registered(key)
    account.refuse("WEBHOOK_NOT_FOUND", 404, path="/webhooks")
    webhooks.switch_off(key)
    assert tended(hook) == "done"
    assert not Hook.objects.exists()


def test_one_whose_id_never_arrived_is_found_by_its_address(key, account, at_claro):
    gateway.check_stored(key)  # the budget knows its size, and is not careful any more
    hook = webhooks.switch_on(key)
    account.fault("cut", path="/webhooks", times=3)
    tended(hook)
    [orphan] = at_claro()
    other = account.webhook("https://elsewhere.example/hooks/x/")
    webhooks.switch_off(key)
    assert tended(hook) == "done"
    assert [webhook.id for webhook in at_claro()] == [other]
    assert orphan.id != other


def test_removing_goes_on_until_claro_is_back(key, account, at_claro):
    hook = registered(key)
    webhooks.switch_off(key)
    account.fault("answer", status=502, body=HTML_502, path="/webhooks", times=3)
    assert tended(hook) == "put back"
    assert (hook.state, len(at_claro())) == ("removing", 1)
    assert hook.due_at is not None
    tended(hook)
    assert at_claro() == []


def test_a_refused_removal_rests_and_can_be_asked_for_again(key, account, at_claro):
    hook = registered(key)
    webhooks.switch_off(key)
    account.refuse("ACCESS_DENIED", 403, path="/webhooks")
    tended(hook)
    assert (hook.state, hook.due_at) == ("removing", None)
    assert hook.trouble is not None
    assert webhooks.switch_off(key).due_at is not None
    tended(hook)
    assert at_claro() == []


def test_switching_off_while_it_is_set_up_removes_it_next(key, at_claro):
    hook = webhooks.switch_on(key)
    lease = leases.claim(Hook, hook.pk)
    held = leases.Held(Hook, hook.pk, lease)
    webhooks.switch_off(key)
    webhooks._register(held)
    hook.refresh_from_db()
    assert (hook.state, len(at_claro())) == ("removing", 1)
    assert webhooks.tend(str(hook.pk), leases.claim(Hook, hook.pk)) == "done"
    assert at_claro() == []


def test_a_key_deleted_while_its_hook_is_set_up_leaves_none(key, at_claro):
    hook = webhooks.switch_on(key)
    held = leases.Held(Hook, hook.pk, leases.claim(Hook, hook.pk))
    assert held.work.key == key
    ApiKey.objects.all().delete()
    with pytest.raises(LeaseLost):
        webhooks._register(held)
    assert at_claro() == []


def test_with_the_key_goes_its_webhook(key, at_claro):
    registered(key)
    assert keys.goes_with(key)["hooks"] == 1
    assert keys.delete(key) is None
    assert at_claro() == []
    assert not ApiKey.objects.exists()


def test_a_key_is_deleted_although_claro_is_down_and_that_is_told(key, account, at_claro):
    registered(key)
    account.fault("answer", status=502, body=HTML_502, path="/webhooks", times=9)
    assert isinstance(keys.delete(key), Unreachable)
    assert not ApiKey.objects.exists()
    assert len(at_claro()) == 1


def test_deleting_a_key_without_a_hook_asks_claro_nothing(key, account):
    keys.delete(key)
    assert account.calls() == []


def test_a_new_master_key_takes_it_along(key, settings, at_claro):
    hook = registered(key)
    secret, token = deliveries.signing_secret(hook), hook.derived("token")
    new = vault.new_key()
    settings.CLARO_SECRET_KEYS = [new, *settings.CLARO_SECRET_KEYS]
    assert master_key.rotate().rotated["Hook"] == 1
    settings.CLARO_SECRET_KEYS = [new]
    hook.refresh_from_db()
    assert (deliveries.signing_secret(hook), hook.derived("token")) == (secret, token)
    assert webhooks.find(token) == hook


def test_a_secret_that_does_not_open_fails_and_can_be_made_anew(key, account, settings, at_claro):
    hook = webhooks.switch_on(key)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    keys.replace_secret(key, account.key, ApiKey.State.VALID)
    assert tended(hook) == "put back"
    assert hook.state == "failed"
    assert "Turn instant updates off and on again" in hook.trouble.user_message
    registered(key)
    assert len(at_claro()) == 1


def test_the_ciphertext_belongs_to_its_row(key, bob, account):
    hook = registered(key)
    theirs = registered(keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID))
    Hook.objects.filter(pk=hook.pk).update(secret=theirs.secret)
    hook.refresh_from_db()
    with pytest.raises(vault.SecretUnreadable):
        hook.unseal()


def test_finding_is_one_indexed_query(key, django_assert_num_queries):
    hook = registered(key)
    token = hook.derived("token")
    with django_assert_num_queries(1) as queries:
        assert webhooks.find(token).key.watch == key.watch
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}")
            assert "SCAN" not in " ".join(str(row) for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "is not set"),
        ("http://claro.example.com", "not an https address"),
        ("https://", "not an https address"),
        ("claro.example.com", "not an https address"),
        ("https://[::1", "not an https address"),
        ("https://claro.example.com", ""),
        ("http://localhost:8000", ""),
        ("http://[::1]:8000", ""),
    ],
)
def test_why_claro_can_not_reach_us(settings, address, why):
    settings.PUBLIC_URL = address
    assert (why in webhooks.why_not()) if why else webhooks.why_not() == ""
