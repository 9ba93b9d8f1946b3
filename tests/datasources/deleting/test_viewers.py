from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core import redis
from datasources import keys
from datasources.deleting import viewers
from datasources.models import ApiKey, Opened, Source
from tests.conftest import synced


@pytest.fixture
def source(account, key) -> Source:
    account.add(fileName="a.csv")
    return synced(key)[0]


def test_it_is_written_down_once_an_hour(source, alice, django_assert_num_queries):
    viewers.note(source, alice)
    with django_assert_num_queries(0):
        viewers.note(source, alice)
    first = Opened.objects.get().at
    redis.connection().flushall()  # as if the hour were over
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        viewers.note(source, alice)
        assert Opened.objects.get().at == timezone.now() > first


def test_without_redis_nothing_is_written_and_nothing_breaks(source, alice, redis_server):
    redis_server.stop()
    try:
        viewers.note(source, alice)
    finally:
        redis_server.start()
    assert not Opened.objects.exists()


def test_the_others_of_this_month_are_told_the_latest_first(source, alice, bob, account, django_user_model):
    carol = django_user_model.objects.create_user("carol@example.com")
    for person, days in ((bob, 3), (carol, 1), (alice, 0)):
        with time_machine.travel(timezone.now() - timedelta(days=days), tick=False):
            viewers.note(source, person)
    people, others = viewers.by_whom([source.datasource_id], alice)
    assert [user.email for user, _ in people] == ["carol@example.com", "bob@example.com"]
    assert others == 0
    with time_machine.travel(timezone.now() + timedelta(days=28), tick=False):
        [(user, _)], _ = viewers.by_whom([source.datasource_id], alice)
        assert user.email == "carol@example.com"


def test_whoever_comes_through_a_key_that_one_does_not_know_is_only_counted(source, alice, bob, account):
    [copy] = synced(keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID))
    viewers.note(copy, bob)
    assert viewers.by_whom([source.datasource_id], alice) == ([], 1)
    viewers.note(source, bob)
    [(person, _)], others = viewers.by_whom([source.datasource_id], alice)
    assert (person.email, others) == ("bob@example.com", 0)


def test_what_was_long_ago_is_forgotten(source, alice):
    viewers.note(source, alice)
    viewers.tidy()
    assert Opened.objects.exists()
    Opened.objects.update(at=timezone.now() - timedelta(days=31))
    viewers.tidy()
    assert not Opened.objects.exists()
