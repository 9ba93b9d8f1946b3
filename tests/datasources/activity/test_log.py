from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from datasources import keys, tasks
from datasources.activity import log
from datasources.activity.words import GROUPS, What
from datasources.keys import health
from datasources.models import AuditEvent, KeyShare, Unchangeable
from tests.conftest import asked_again, synced


@pytest.fixture
def event(alice) -> AuditEvent:
    return log.record(What.SIGNED_IN, alice)


def test_a_line_says_who_did_what_when_and_from_where(alice, table):
    token = log.origin.set(log.Origin("203.0.113.7", "Firefox"))
    try:
        event = log.record(What.SOURCE_DELETED, alice, source=table)
    finally:
        log.origin.reset(token)
    event.refresh_from_db()
    assert (event.what, event.actor, event.who, event.about) == (
        "source_deleted",
        alice,
        "alice@example.com",
        "things.csv",
    )
    assert (event.key_uuid, event.key_label, event.owner) == (table.key_id, "Main", alice)
    assert event.datasource_id == table.datasource_id
    assert (event.address, event.agent) == ("203.0.113.7", "Firefox")
    assert timezone.now() - event.at < timedelta(seconds=10)


def test_it_concerns_the_teams_of_the_key_unless_teams_are_named(alice, key):
    one, two = (teams.create(name, alice) for name in ("One", "Two"))
    for team in (one, two):
        KeyShare.objects.create(key=key, team=team)
    of_key = log.record(What.KEY_REPLACED, alice, key=key)
    assert set(of_key.teams.all()) == {one, two}
    assert of_key.details == {}
    of_one = log.record(What.KEY_UNSHARED, alice, key=key, teams=[one])
    assert list(of_one.teams.all()) == [one]
    assert of_one.details == {"team": "One"}
    assert log.record(What.SIGNED_IN, alice, teams=[one, two]).details == {}


def test_who_is_deleted_keeps_their_words(bob, event, alice):
    log.record(What.SIGNED_IN, bob)
    bob.delete()
    of_bob = AuditEvent.objects.exclude(pk=event.pk).get()
    assert (of_bob.actor, of_bob.who) == (None, "bob@example.com")


def test_what_is_written_stays_as_it_was(event):
    event.who = "mallory@example.com"
    for attempt in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        AuditEvent.objects.filter(pk=event.pk).delete,
        lambda: AuditEvent.objects.update(who="mallory@example.com"),
        lambda: AuditEvent.objects.update_or_create(pk=event.pk, defaults={"who": "mallory@example.com"}),
    ):
        with pytest.raises(Unchangeable):
            attempt()
    assert AuditEvent.objects.get().who == "alice@example.com"


@pytest.mark.parametrize(("days", "kept"), [(30, {"29"}), (365, {"29", "31"}), (0, {"29", "31", "4000"})])
def test_what_is_too_old_is_forgotten_a_few_at_a_time(settings, alice, monkeypatch, days, kept):
    settings.AUDIT_DAYS = days
    monkeypatch.setattr(log, "BATCH", 2)
    team = teams.create("Catalogue", alice)
    for age in (29, 31, 4000):
        with time_machine.travel(timezone.now() - timedelta(days=age)):
            for _ in range(3):
                log.record(What.TEAM_MADE, alice, about=str(age), teams=[team])
    tasks.tidy()
    assert set(AuditEvent.objects.values_list("about", flat=True)) == kept
    assert AuditEvent.teams.through.objects.count() == 3 * len(kept)


def test_every_kind_has_words():
    assert [what for group in GROUPS.values() for what in group.words] == list(What)


def test_of_all_whose_call_is_refused_one_writes_it_down(key, account):
    account.revoke()
    held_by_another = type(key).objects.get(pk=key.pk)
    synced(key)
    assert asked_again(key) == "refused"
    health.confirm_refusal(held_by_another)
    event = AuditEvent.objects.get()
    assert (event.what, event.who, event.actor, event.owner) == ("key_refused", "Claro", None, key.owner)


def test_a_refused_key_that_was_replaced_meanwhile_is_not_called_refused(key, account):
    stale = type(key).objects.get(pk=key.pk)
    keys.replace_secret(key, account.another_key(), key.State.VALID)
    health.confirm_refusal(stale)
    key.refresh_from_db()
    assert key.state == key.State.VALID
    assert not AuditEvent.objects.exists()
