from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from core import vault
from datasources import keys
from datasources.claro import Unauthorized
from datasources.downloads import links
from datasources.gateway.breaker import Breaker
from datasources.mirror import sync, watch
from datasources.models import ApiKey, DownloadLink, Source, Sync, Watch
from tests.conftest import synced, taken
from tests.support.breaker import the_breaker_opens, the_pause_is_over
from tests.support.copies import copied


def add(owner, secret: str = "claro_live_abcd1234", label: str = "Main", state=ApiKey.State.VALID) -> ApiKey:
    return keys.add(owner, label, secret, state)


def test_a_key_is_stored_encrypted_and_its_first_sweep_is_due(alice):
    key = ApiKey.objects.get(pk=add(alice).pk)
    assert (key.owner, key.label, key.hint, key.state) == (alice, "Main", "1234", "valid")
    assert key.unseal() == "claro_live_abcd1234"
    assert "abcd1234" not in key.secret
    assert "abcd1234" not in str(key)
    assert key.sync.due_at <= timezone.now()
    assert key.watch.due_at is None


@pytest.mark.parametrize(("secret", "hint"), [("x" * 11, ""), ("y" * 8 + "1234", "1234"), ("a", "")])
def test_a_short_key_shows_nothing_of_itself(alice, secret, hint):
    assert add(alice, secret).hint == hint


def test_the_same_key_is_recognised_for_the_same_person(alice):
    key = add(alice)
    assert keys.same_secret(alice, "claro_live_abcd1234") == key
    assert keys.same_secret(alice, "claro_live_abcd1234", other_than=key) is None
    assert keys.same_secret(alice, "claro_live_other") is None


def test_the_same_key_of_two_people_is_two_keys_with_one_budget(alice, bob):
    first = add(alice)
    assert keys.same_secret(bob, "claro_live_abcd1234") is None
    second = add(bob)
    assert second.fingerprint == first.fingerprint
    assert second.secret != first.secret
    assert add(bob, "claro_live_another").fingerprint != first.fingerprint


def test_the_same_key_is_recognised_under_a_new_master_key_too(alice, bob, settings):
    first = add(alice)
    settings.CLARO_SECRET_KEYS = [vault.new_key(), *settings.CLARO_SECRET_KEYS]
    assert keys.same_secret(alice, "claro_live_abcd1234") == first
    assert add(bob).fingerprint == first.fingerprint


def test_the_database_itself_refuses_a_key_twice(alice):
    add(alice)
    with pytest.raises(IntegrityError):
        add(alice, label="Again")
    assert (ApiKey.objects.count(), Sync.objects.count(), Watch.objects.count()) == (1, 1, 1)


def test_a_new_secret_keeps_what_hangs_on_the_key_and_lets_it_go_on(key, account, alice):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv", "status": "processing"}])
    first, second = synced(key)
    ready = links.ask(first, alice, 300)
    ready.state, ready.due_at = DownloadLink.State.READY, None
    ready.save()
    waiting = links.ask(second, alice, 300)
    refused = Unauthorized("No.")
    ApiKey.objects.update(state="invalid", problem=refused.to_dict(), problem_since=timezone.now())
    for model in (Sync, Watch, DownloadLink):
        model.objects.update(due_at=None, attempts=3)
    key.refresh_from_db()

    keys.replace_secret(key, "claro_live_replaced", ApiKey.State.VALID)

    key = ApiKey.objects.get(pk=key.pk)
    assert (key.unseal(), key.hint, key.state) == ("claro_live_replaced", "aced", "valid")
    assert (key.problem, key.problem_since) == (None, None)
    assert Source.objects.filter(key=key).count() == 2
    for work in (key.sync, key.watch, DownloadLink.objects.get(pk=waiting.pk)):
        assert work.due_at <= timezone.now()
        assert work.attempts == 0
    assert DownloadLink.objects.get(pk=ready.pk).due_at is None


def test_a_new_secret_touches_no_other_key(alice, bob):
    key, other = add(alice), add(bob)
    Sync.objects.update(due_at=None)
    keys.replace_secret(key, "claro_live_replaced", ApiKey.State.UNCHECKED)
    other.refresh_from_db()
    assert (other.unseal(), other.state) == ("claro_live_abcd1234", "valid")
    assert Sync.objects.get(key=other).due_at is None
    assert keys.same_secret(alice, "claro_live_abcd1234") is None


def test_a_secret_that_another_person_has_too_shares_their_budget_after_replacing(alice, bob):
    first, second = add(alice), add(bob, "claro_live_bobs")
    keys.replace_secret(second, "claro_live_abcd1234", ApiKey.State.VALID)
    second.refresh_from_db()
    assert second.fingerprint == first.fingerprint


def test_what_goes_with_a_key_is_what_one_still_sees(key, account, alice):
    account.add_many([{"fileName": "a.csv"}, {"fileName": "b.csv"}, {"fileName": "c.csv"}])
    first, second, third = synced(key)
    links.ask(first, alice, 300)
    links.ask(second, alice, 300)
    copied(first, ["id"], [[1]])
    Source.objects.filter(pk__in=[second.pk, third.pk]).update(gone_at=timezone.now())
    nothing = {"hooks": 0, "shares": 0, "teams": 0, "uploads": 0}
    assert keys.goes_with(key) == {"sources": 1, "copies": 1, "links": 1} | nothing


def test_a_key_is_deleted_with_all_that_hangs_on_it_and_no_call(key, account, alice, bob):
    account.add(fileName="a.csv")
    links.ask(synced(key)[0], alice, 300)
    other = add(bob, account.key)
    calls = len(account.calls())
    keys.delete(key)
    assert list(ApiKey.objects.all()) == [other]
    for model in (Source, DownloadLink):
        assert not model.objects.exists()
    assert [sync.key for sync in Sync.objects.all()] == [other]
    assert len(account.calls()) == calls


def test_what_rested_goes_on_when_a_refused_key_is_accepted_again(web, account, key, alice):
    """A refusal may have been a mistake at Claro: a check that succeeds wakes what had stopped."""
    account.add(fileName="a.csv", status="processing")
    [source] = synced(key)
    link = links.ask(source, alice, 300)
    for model in (Sync, Watch, DownloadLink):
        model.objects.update(due_at=None, attempts=1)
    ApiKey.objects.update(state="invalid")
    web.post(f"/keys/{key.pk}/check/")
    now = timezone.now()
    assert Sync.objects.get().due_at <= now
    assert Watch.objects.get().due_at <= now
    link.refresh_from_db()
    assert link.due_at <= now


def test_what_waited_for_claro_to_answer_goes_on_as_soon_as_a_check_succeeds(web, account, key, alice):
    account.add(fileName="a.csv", status="processing")
    [source] = synced(key)
    link = links.ask(source, alice, 300)
    the_breaker_opens(key)
    for _ in range(5):
        the_pause_is_over(key)
        Breaker(key.fingerprint).probe_failed()
    for work, do in ((key.sync, sync.run), (key.watch, watch.poll), (link, links.make)):
        do(str(work.pk), taken(work))
        work.refresh_from_db()
        assert work.due_at > timezone.now() + timedelta(minutes=1)
    assert account.calls() == account.calls("/datasources")[:1]
    web.post(f"/keys/{key.pk}/check/")
    for work in (key.sync, key.watch, link):
        work.refresh_from_db()
        assert work.due_at <= timezone.now()
