"""The bin: what stands in it is deleted once, when its time is up, or kept; never both."""

import json
from datetime import timedelta
from itertools import islice

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import leases, live, redis
from core.leases import LEASE, Held, LeaseLost
from datasources import access, keys, tasks
from datasources.claro import retry
from datasources.deleting import bin
from datasources.deleting.bin import State
from datasources.models import ApiKey, AuditEvent, Deletion, KeyShare, Source
from tests.conftest import emptied, synced, taken
from tests.support.breaker import the_breaker_opens
from tests.support.sandbox import HTML_502
from tests.support.threads import at_once


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.0)


@pytest.fixture
def sources(account, key) -> list[Source]:
    account.add_many([{"fileName": f"{number}.csv"} for number in range(3)])
    return synced(key)


@pytest.fixture
def deletion(sources, alice) -> Deletion:
    bin.put(sources[:1], alice)
    return Deletion.objects.get()


def asked(account) -> int:
    return len(account.calls(method="DELETE"))


def what_happened() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("what", flat=True))


def now(deletion: Deletion) -> Deletion:
    deletion.refresh_from_db()
    return deletion


def test_what_is_put_in_waits_its_time_and_is_deleted_by_a_task(deletion, sources, account):
    assert Deletion.objects.filter(due_at__gt=timezone.now() + timedelta(seconds=890)).exists()
    tasks.tick()
    assert redis.connection().llen("background") == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        tasks.tick()
        assert redis.connection().llen("background") == 1
    assert tasks.delete_source(str(deletion.pk), taken(deletion)) == "done"
    assert asked(account) == 1
    assert not Deletion.objects.exists()


def test_putting_it_in_twice_keeps_the_first(deletion, sources, alice, bob):
    bin.put(sources, bob, now=True)
    assert now(deletion).asked_by == alice
    assert deletion.due_at > timezone.now()
    assert Deletion.objects.values("batch").distinct().count() == 2


def test_many_who_delete_the_same_make_one_deletion(sources, alice):
    at_once(6, lambda: bin.put(sources, alice))
    assert Deletion.objects.count() == 3
    assert what_happened() == ["source_deleted"] * 3


def test_keeping_brings_it_back_and_nothing_is_asked(deletion, sources, alice, bob, account):
    assert bin.keep([deletion], bob) == ([deletion], [])
    assert bin.outside(Source.objects.all()).count() == 3
    assert tasks.delete_source(str(deletion.pk), timezone.now().isoformat()) == "taken"
    assert asked(account) == 0
    assert [(one.what, one.actor) for one in AuditEvent.objects.order_by("pk")] == [
        ("source_deleted", alice),
        ("source_restored", bob),
    ]


def test_of_two_who_undo_one_brings_it_back(deletion, alice):
    got = at_once(6, lambda: bin.keep([deletion], alice))
    assert sorted(len(kept) for kept, late in got) == [0] * 5 + [1]
    assert what_happened().count("source_restored") == 1


def test_undoing_while_the_task_takes_it_either_keeps_or_deletes(sources, alice, account):
    for round_ in range(3):
        bin.put(sources[round_ : round_ + 1], alice, now=True)
        deletion = Deletion.objects.get()
        lease = leases.claim(Deletion, deletion.pk)
        before = asked(account)
        both = iter([lambda: bin.keep([deletion], alice), lambda: tasks.delete_source(str(deletion.pk), lease)])  # noqa: B023
        first, second = at_once(2, lambda: next(both)())  # noqa: B023
        kept, word = (first, second) if isinstance(second, str) else (second, first)
        assert (len(kept[0]), word) in ((1, "taken"), (0, "done"))
        assert asked(account) - before == (word == "done")
        Deletion.objects.all().delete()


def test_once_claro_is_being_asked_it_is_too_late(deletion, alice):
    Held(Deletion, deletion.pk, taken(deletion)).renew(state=State.ASKED)
    assert bin.keep([deletion], alice) == ([], [deletion])
    assert Deletion.objects.exists()


def test_an_undo_between_the_claim_and_the_question_is_in_time(deletion, alice):
    held = Held(Deletion, deletion.pk, taken(deletion))
    assert bin.keep([deletion], alice) == ([deletion], [])
    with pytest.raises(LeaseLost):
        held.renew(state=State.ASKED)


def test_a_worker_that_died_in_the_midst_leaves_it_to_the_next_who_finds_it_gone_everywhere(
    deletion, sources, alice, bob, account
):
    other = keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID)
    synced(other)
    held = Held(Deletion, deletion.pk, taken(deletion))
    held.renew(state=State.ASKED)
    account.sandbox.store.delete(account.sandbox.store.sources[str(deletion.datasource_id)])
    with time_machine.travel(timezone.now() + LEASE + timedelta(seconds=1), tick=False):
        assert bin.empty(str(deletion.pk), leases.claim(Deletion, deletion.pk)) == "done"
    assert not Source.objects.filter(datasource_id=deletion.datasource_id, gone_at=None).exists()
    assert what_happened().count("source_delete_done") == 1


def test_a_task_delivered_twice_deletes_once(deletion, account):
    lease = taken(deletion)
    assert tasks.delete_source(str(deletion.pk), lease) == "done"
    assert tasks.delete_source(str(deletion.pk), lease) == "taken"
    assert asked(account) == 1


def test_without_an_answer_it_is_asked_again_until_somebody_keeps_it(deletion, sources, alice, account):
    account.fault("answer", status=502, body=HTML_502, times=3)
    assert emptied() == ["asked"]
    assert now(deletion).waits_until
    assert deletion.trouble.user_message == "Claro can't be reached right now."
    assert deletion.source not in bin.outside(Source.objects.all())
    assert bin.keep([deletion], alice) == ([deletion], [])
    bin.put(sources[:1], alice)
    assert emptied() == ["done"]


@pytest.mark.parametrize("wait", ["limit", "breaker"])
def test_while_no_call_can_be_made_it_waits_and_can_be_kept(deletion, sources, alice, account, key, wait):
    bin.put(sources[1:], alice, now=True)
    if wait == "limit":
        account.fault("answer", status=429, headers={"Retry-After": "30"}, body="slow down")
    else:
        the_breaker_opens(key)
    before = asked(account)
    assert bin.empty(str(deletion.pk), taken(deletion)) == "waiting"
    assert now(deletion).waits_until
    assert (deletion.state, deletion.attempts) == (State.WAITING, 0)
    # The others of this key don't try for themselves.
    assert leases.claim_due(Deletion) == []
    assert asked(account) - before <= 1
    assert bin.keep([deletion], alice) == ([deletion], [])


def test_what_claro_refuses_is_out_of_the_bin_and_tried_again_when_a_person_says_so(deletion, alice, account):
    account.refuse("ACCESS_DENIED", 403, "No.")
    assert emptied() == ["failed"]
    assert now(deletion).due_at is None
    assert bin.holding(deletion.source) is None
    assert deletion.source in bin.outside(Source.objects.all())
    bin.hurry([deletion], alice)
    assert now(deletion).problem is None
    assert emptied() == ["done"]
    assert what_happened() == ["source_deleted", "source_not_deleted", "source_deleted", "source_delete_done"]


def test_a_refusal_is_forgotten_after_a_week(deletion, account):
    account.refuse("ACCESS_DENIED", 403, "No.")
    emptied()
    bin.tidy()
    assert Deletion.objects.exists()
    Deletion.objects.update(asked_at=timezone.now() - timedelta(days=8))
    bin.tidy()
    assert not Deletion.objects.exists()


def test_everybody_who_sees_it_through_any_key_is_told(sources, alice, bob, account, key):
    synced(keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID))
    with redis.connection().pubsub() as channel:
        channel.subscribe(live.CHANNEL)
        bin.put(sources, alice)
        bin.keep(Deletion.objects.select_related("source__key"), alice)
        told = [json.loads(one["data"]) for one in islice(channel.listen(), 3) if one["type"] == "message"]
    assert told == [{"users": [alice.pk, bob.pk], "names": ["bin-changed", "sources-changed"]}] * 2


def test_a_key_that_is_deleted_takes_what_waits_along_and_the_source_stays(deletion, key, account):
    key.delete()
    assert not Deletion.objects.exists()
    assert asked(account) == 0


# --- What one sees of it (access.py) ---


def test_it_is_seen_by_whoever_sees_the_source_with_the_best_role_they_have(deletion, alice, bob, key, account):
    assert not access.deletions_for(bob).exists()
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    assert [(one.role, one.is_named) for one in access.deletions_for(bob)] == [(Role.MEMBER, True)]
    assert [one.role for one in access.deletions_for(alice)] == [Role.OWNER]
    assert access.deletions_for(bob, access.space(bob, str(team.pk))).exists()
    assert not access.deletions_for(bob, access.space(bob, "own")).exists()
    KeyShare.objects.all().delete()
    assert not access.deletions_for(bob).exists()
    synced(keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID))
    assert [(one.role, one.is_named) for one in access.deletions_for(bob)] == [(Role.OWNER, False)]


def test_a_batch_is_one_line_with_the_next_first(sources, alice, django_assert_num_queries):
    with time_machine.travel(timezone.now(), tick=False):
        bin.put(sources[1:], alice)
        bin.put(sources[:1], alice, now=True)
        Deletion.objects.filter(source=sources[1]).update(state=State.FAILED, due_at=None)
        with django_assert_num_queries(1):
            lines = bin.batches(alice)
        assert [(one.count, one.failed, one.waits_until is None, one.may_keep) for one in lines] == [
            (1, 0, True, True),
            (2, 1, False, True),
        ]


def test_it_takes_as_many_queries_for_many_as_for_one(sources, alice, django_assert_max_num_queries):
    with django_assert_max_num_queries(30) as few:
        bin.put(sources[:1], alice)
        bin.keep(access.get_deletions(alice, Deletion.objects.get().pk), alice)
    with django_assert_max_num_queries(len(few)):
        bin.put(sources, alice)
        bin.keep(access.get_deletions(alice, Deletion.objects.first().batch), alice)
