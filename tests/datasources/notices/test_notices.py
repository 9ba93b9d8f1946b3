import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import gateway, keys, mirror, notices
from datasources.claro import Unauthorized
from datasources.gateway.budget import Lane
from datasources.models import ApiKey, KeyShare, Notice, Outlet
from datasources.models.notices import Topic
from tests.conftest import asked_again, polled, synced


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def told(user) -> list[tuple[str, int, list[str]]]:
    return [(notice.topic, notice.count, notice.names) for notice in notices.of(user)]


def tell(key: ApiKey, topic: Topic, *names: str) -> None:
    notices.tell(key, topic, {uuid.uuid4(): name for name in names})


def test_the_owner_is_told_of_failures_without_asking(alice, key, account):
    ids = account.add_many(
        [{"fileName": "good.csv", "status": "processing"}, {"fileName": "bad.csv", "status": "processing"}]
    )
    synced(key)
    account.change(ids[0], status="completed")
    account.change(ids[1], status="failed")
    polled(key)
    assert told(alice) == [(Topic.FAILED, 1, ["bad.csv"])]
    assert notices.of(alice).get().datasource_id == ids[1]


def test_what_is_met_for_the_first_time_is_no_news(alice, key, account):
    notices.choose(alice, key, Topic.values)
    account.add_many([{"status": "failed"}, {"status": "completed"}])
    synced(key)
    assert told(alice) == []


def test_one_is_told_what_one_has_chosen(alice, key):
    notices.choose(alice, key, [Topic.PROCESSED])
    tell(key, Topic.FAILED, "bad.csv")
    tell(key, Topic.PROCESSED, "good.csv")
    assert told(alice) == [(Topic.PROCESSED, 1, ["good.csv"])]
    notices.choose(alice, key, [])
    tell(key, Topic.PROCESSED, "next.csv")
    assert told(alice) == [(Topic.PROCESSED, 1, ["good.csv"])]


def test_one_follows_a_single_source(alice, key, account):
    ids = account.add_many([{"fileName": name, "status": "processing"} for name in ("a.csv", "b.csv")])
    source = next(one for one in synced(key) if one.datasource_id == ids[0])
    notices.choose(alice, key, [Topic.PROCESSED], source)
    assert notices.follows(alice, source)
    for one in ids:
        account.change(one, status="completed")
    polled(key)
    assert told(alice) == [(Topic.PROCESSED, 1, [source.name])]


def test_a_hundred_at_once_are_one_notice(alice, key):
    for number in range(0, 100, 10):
        tell(key, Topic.FAILED, *(f"{number + n}.csv" for n in range(10)))
    assert told(alice) == [(Topic.FAILED, 100, ["0.csv", "1.csv", "2.csv"])]
    notice = notices.of(alice).get()
    assert (notice.more, notice.datasource_id) == (97, None)


def test_what_was_read_or_is_long_ago_is_not_counted_on(alice, key, clock):
    tell(key, Topic.FAILED, "a.csv")
    notices.read(alice)
    tell(key, Topic.FAILED, "b.csv")
    clock.shift(timedelta(minutes=6))
    tell(key, Topic.FAILED, "c.csv")
    assert [names for _, _, names in told(alice)] == [["c.csv"], ["b.csv"], ["a.csv"]]
    assert notices.unread(alice) == 2


def test_a_refused_key_is_told_once(alice, key, account):
    account.revoke()
    for one in (key, ApiKey.objects.get(pk=key.pk)):
        one.state = ApiKey.State.VALID
        with pytest.raises(Unauthorized), gateway.client(one, Lane.PERSON) as claro:
            claro.list_datasources(page=1, limit=1)
        assert told(alice) == []
    for _ in range(2):
        assert asked_again(key) == "refused"
    assert told(alice) == [(Topic.REFUSED, 1, ["Main"])]


def test_people_of_a_team_are_told_what_they_have_chosen_and_nothing_once_they_are_out(alice, bob, key):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    membership = Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    tell(key, Topic.FAILED, "a.csv")
    assert told(bob) == []
    notices.choose(bob, key, [Topic.FAILED])
    tell(key, Topic.FAILED, "b.csv")
    assert told(bob) == [(Topic.FAILED, 1, ["b.csv"])]
    membership.delete()
    tell(key, Topic.FAILED, "c.csv")
    assert told(bob) == []
    assert Notice.objects.filter(user=bob).count() == 1


def test_hostile_names_are_told_as_text(alice, key):
    tell(key, Topic.FAILED, "\u202egnp.csv" + "x" * 5000)
    [(_, _, [name])] = told(alice)
    assert "\u202e" not in name
    assert len(name) == 200


def test_outlets_wait_a_moment_for_what_comes_along(alice, key, clock):
    outlet = Outlet.objects.create(user=alice, kind=Outlet.Kind.MAIL)
    tell(key, Topic.FAILED, "a.csv")
    outlet.refresh_from_db()
    first = outlet.due_at
    assert first == timezone.now() + notices.GATHER
    clock.shift(timedelta(seconds=5))
    tell(key, Topic.FAILED, "b.csv")
    outlet.refresh_from_db()
    assert outlet.due_at == first


def test_old_notices_are_forgotten(alice, key, clock):
    tell(key, Topic.FAILED, "a.csv")
    clock.shift(notices.FORGET_AFTER + timedelta(seconds=1))
    notices.tidy()
    assert not Notice.objects.exists()


def test_nothing_is_told_where_nothing_changed(alice, key, account, django_assert_num_queries):
    account.add(status="completed")
    synced(key)
    with django_assert_num_queries(0):
        notices.tell_of(key, Topic.PROCESSED, [])
    assert not mirror.record(key, [], timezone.now())
    assert told(alice) == []


def test_a_key_that_is_deleted_takes_its_notices_along(alice, key):
    tell(key, Topic.FAILED, "a.csv")
    keys.delete(key)
    assert told(alice) == []
