"""A compiled query answers as the ORM does, and is written once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import BigAutoField, F

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core.queries import Prepared, Slot
from datasources import access, keys
from datasources.access import EVERYTHING, Space
from datasources.models import ApiKey


@pytest.fixture
def mine(alice, account, bob):
    """Alice's own key, and one of Bob's that is shared with a team of theirs."""
    own = keys.add(alice, "Mine", account.key, ApiKey.State.VALID)
    shared = keys.add(bob, "Shared", account.another_key(), ApiKey.State.VALID)
    team = teams.create("Both", by=bob)
    Membership.objects.create(team=team, user=alice, role=Role.VIEWER)
    keys.share(shared, [team], [team])
    return own, shared, team


def prepared_by(count: list):
    def query():
        count.append(1)
        return access.keys_for(Slot("reader", BigAutoField())).annotate(label_again=F("label"))

    return Prepared(query)


def test_its_objects_are_those_of_the_orm_with_all_that_hangs_on_them(alice, mine, django_assert_num_queries):
    with django_assert_num_queries(1):
        ours = prepared_by([]).objects(reader=alice.pk)
        assert [(one.owner.email, one.label_again) for one in ours]
    theirs = list(access.keys_for(alice).annotate(label_again=F("label")))
    assert ours == theirs
    assert [vars(one).keys() - {"_state"} for one in ours] == [vars(one).keys() - {"_state"} for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert all(getattr(one, name) == value for name, value in vars(other).items() if name != "_state")


def test_its_rows_hold_what_the_orm_makes_of_them(alice, mine):
    rows = Prepared(lambda: access.keys_for(access.READER).values_list("pk", "created_at", "role", "problem"))
    assert rows.rows(reader=alice.pk) == list(access.keys_for(alice).values_list("pk", "created_at", "role", "problem"))


def test_each_asks_for_themselves_and_the_query_is_written_once(alice, bob, mine):
    count: list = []
    query = prepared_by(count)
    assert {key.label for key in query.objects(reader=alice.pk)} == {key.label for key in access.keys_for(alice)}
    assert [key.label for key in query.objects(reader=bob.pk)] == ["Shared"]
    assert query.objects(reader=0) == []
    assert count == [1]


def test_the_keys_of_each_space_are_those_that_one_may_use(alice, mine, django_assert_num_queries):
    *_, team = mine
    for space in (EVERYTHING, Space(Space.OWN), access.space(alice, str(team.pk))):
        with django_assert_num_queries(1):
            listed = access.list_keys(alice, space)
            assert all(key.sync.key_id == key.watch.key_id == key.pk for key in listed)
        assert listed == list(access.keys_for(alice, space))
        assert listed


def test_many_at_once_who_are_the_first_to_ask(alice, mine):
    query = prepared_by([])

    def ask(_) -> int:
        try:
            return len(query.objects(reader=alice.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(32))) == {2}
