import uuid

import pytest

from accounts import teams
from accounts.models import Membership
from accounts.roles import Action, Role
from datasources import keys
from datasources.access import EVERYTHING, Space
from datasources.deleting import bin
from datasources.models import ApiKey, KeyShare, Source
from datasources.sources import selection
from datasources.sources.forms import SourceListForm
from tests.conftest import synced

ALL = SourceListForm({}).state()


@pytest.fixture
def sources(account, key) -> list[Source]:
    account.add_many([{"fileName": f"{number}.csv", "age": number} for number in range(4)])
    return synced(key)


def chosen(user, ids=None, action=Action.DELETE, space=EVERYTHING, **state) -> selection.Selection:
    return selection.choose(user, space, ALL | state, ids, action)


def names(found: selection.Selection) -> list[str]:
    return [source.name for source in found.sources]


def test_those_that_were_ticked_are_chosen(alice, sources, django_assert_num_queries):
    ids = {source.datasource_id for source in sources[1:3]}
    with django_assert_num_queries(2):
        found = chosen(alice, ids)
        assert [source.key.label for source in found.sources] == ["Main", "Main"]
    assert names(found) == ["1.csv", "2.csv"]


def test_all_means_all_that_match_whatever_the_page(alice, sources):
    assert names(chosen(alice, page=2, limit=1)) == ["0.csv", "1.csv", "2.csv", "3.csv"]
    assert names(chosen(alice, q="3.c")) == ["3.csv"]
    assert names(chosen(alice, status="failed")) == []
    assert names(chosen(alice, key=uuid.uuid4())) == []


def test_another_s_and_what_is_not_there_is_not_chosen(alice, bob, sources):
    ids = {sources[0].datasource_id, uuid.uuid4()}
    assert chosen(bob, ids) == selection.Selection([], 0, gone=2, ids=frozenset(ids))
    assert names(chosen(alice, ids)) == ["0.csv"]
    assert chosen(alice, ids).gone == 1


def test_what_is_in_the_bin_is_not_chosen(alice, sources):
    bin.put(sources[:1], alice)
    assert names(chosen(alice)) == ["1.csv", "2.csv", "3.csv"]


def test_what_one_may_not_do_this_with_is_left_out_and_counted(alice, bob, sources, key, sandbox):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    other = sandbox.account()
    other.add(fileName="bobs.csv")
    synced(keys.add(bob, "Bob's", other.key, ApiKey.State.VALID))
    assert (names(chosen(bob)), chosen(bob).left_out) == (["bobs.csv"], 4)
    assert len(chosen(bob, action=Action.DOWNLOAD).sources) == 5
    assert names(chosen(bob, action=Action.DOWNLOAD, space=Space(Space.OWN))) == ["bobs.csv"]


def test_what_several_keys_see_is_chosen_once_through_the_best_one(alice, bob, account, sources):
    synced(keys.add(alice, "Newer", account.another_key(), ApiKey.State.VALID))
    assert {source.key.label for source in chosen(alice).sources} == {"Newer"}
    assert len(chosen(alice).sources) == 4
    ApiKey.objects.filter(label="Newer").update(state=ApiKey.State.INVALID)
    assert {source.key.label for source in chosen(alice).sources} == {"Main"}


def test_so_many_go_at_once(alice, sources, monkeypatch):
    monkeypatch.setattr(selection, "MOST", 3)
    for ids in (None, {uuid.uuid4() for _ in range(4)}):
        with pytest.raises(selection.TooMany) as error:
            chosen(alice, ids)
        assert error.value.count == 4
    assert len(chosen(alice, {source.datasource_id for source in sources[:3]}).sources) == 3
