import uuid

import pytest
from django.http import Http404
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, User
from accounts.roles import Role
from datasources import access
from datasources.activity import log
from datasources.activity.words import What
from datasources.downloads import links
from datasources.keys import choice
from datasources.models import KeyShare, SavedView, Source
from tests.support.sources import seen_by


@pytest.fixture
def carol(transactional_db) -> User:
    return User.objects.create_user("carol@example.com")


@pytest.fixture
def source(alice):
    return seen_by(alice, uuid.UUID(int=7))


def test_an_owner_has_keys_sources_and_links(alice, source):
    link = links.ask(source, alice, 300)
    assert access.get_key(alice, source.key_id) == source.key
    assert choice.get_source(alice, source.datasource_id) == source
    assert access.get_link(alice, link.pk) == link
    assert list(access.keys_for(alice)) == [source.key]
    assert list(access.sources_for(alice)) == [source]
    assert list(access.links_for(alice)) == [link]
    assert access.people_for(source.key) == [alice.pk]


def test_for_a_stranger_none_of_it_exists(alice, bob, source):
    link = links.ask(source, alice, 300)
    for attempt in (
        lambda: access.get_key(bob, source.key_id),
        lambda: choice.get_source(bob, source.datasource_id),
        lambda: choice.get_source(bob, source.datasource_id, source.key_id),
        lambda: access.get_link(bob, link.pk),
    ):
        with pytest.raises(Http404):
            attempt()
    for found in (access.keys_for(bob), access.sources_for(bob), access.links_for(bob)):
        assert not found.exists()


def test_what_is_gone_is_not_there(alice, source):
    link = links.ask(source, alice, 300)
    Source.objects.update(gone_at=timezone.now())
    with pytest.raises(Http404):
        choice.get_source(alice, source.datasource_id)
    with pytest.raises(Http404):
        access.get_link(alice, link.pk)
    assert not access.sources_for(alice).exists()
    assert access.keys_for(alice).exists()


# --- Through a team ---


@pytest.fixture
def team(alice, source):
    """Alice's, with her key."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=source.key, team=team)
    return team


def test_whoever_is_in_a_team_reaches_what_is_behind_its_keys(alice, bob, source, team):
    link = links.ask(source, alice, 300)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    assert [(key, key.role) for key in access.keys_for(bob)] == [(source.key, Role.VIEWER)]
    assert choice.get_source(bob, source.datasource_id) == source
    assert access.get_link(bob, link.pk) == link
    assert sorted(access.people_for(source.key)) == [alice.pk, bob.pk]
    with pytest.raises(Http404):
        access.get_own_key(bob, source.key_id)


@pytest.mark.parametrize("end", ["removed", "unshared", "team deleted", "key deleted"])
def test_it_ends_at_once(alice, bob, source, team, end):
    mine = Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    {"removed": mine, "unshared": team.key_shares.get(), "team deleted": team, "key deleted": source.key}[end].delete()
    assert not access.keys_for(bob).exists()
    assert not access.sources_for(bob).exists()
    if end != "key deleted":
        assert access.people_for(source.key) == [alice.pk]


# --- What happened ---


def read_by(user, space=access.EVERYTHING) -> list[str]:
    return sorted(access.events_for(user, space).values_list("what", flat=True))


@pytest.fixture
def events(alice, bob, source, team) -> None:
    log.record(What.SIGNED_IN, alice)
    log.record(What.DOWNLOADED, bob, source=source)
    log.record(What.TEAM_RENAMED, alice, teams=[team])
    log.record(What.KEY_ADDED, alice, key=source.key, teams=[])


def test_one_reads_what_one_did_and_what_was_done_with_one_s_keys(alice, bob, events, source):
    assert read_by(alice) == ["downloaded", "key_added", "signed_in", "team_renamed"]
    assert read_by(bob) == ["downloaded"]
    assert read_by(alice, access.Space(access.Space.OWN)) == read_by(alice)
    source.key.delete()
    assert "downloaded" in read_by(alice)


@pytest.mark.parametrize("role", Role)
def test_whoever_answers_for_a_team_reads_what_concerned_it(bob, carol, events, team, role):
    Membership.objects.create(team=team, user=carol, role=role)
    assert read_by(carol) == (["downloaded", "team_renamed"] if role >= Role.ADMIN else [])
    assert read_by(carol, access.space(carol, str(team.pk))) == read_by(carol)
    team.memberships.get(user=carol).delete()
    assert read_by(carol) == []


def test_what_concerned_a_team_stays_its_own_when_the_key_is_taken_away(alice, carol, events, source, team):
    Membership.objects.create(team=team, user=carol, role=Role.ADMIN)
    team.key_shares.get().delete()
    log.record(What.KEY_REPLACED, alice, key=source.key)
    assert read_by(carol) == ["downloaded", "team_renamed"]


def test_who_answers_for_one_team_reads_nothing_of_another(alice, carol, events, team):
    other = teams.create("Other", carol)
    log.record(What.INVITED, alice, teams=[team])
    assert read_by(carol) == []
    assert read_by(alice, access.space(alice, str(team.pk))) == ["downloaded", "invited", "team_renamed"]
    assert read_by(carol, access.space(carol, str(other.pk))) == []


def test_a_failed_sign_in_is_read_by_whose_account_it_is(alice, bob):
    log.record(What.SIGN_IN_FAILED, None, owner=bob)
    assert (read_by(bob), read_by(alice)) == (["sign_in_failed"], [])


# --- Saved views ---


def saved(name: str, **what) -> SavedView:
    return SavedView.objects.create(name=name, **{"page": "sources:list", **what})


def found(user, space=access.EVERYTHING) -> dict[str, int]:
    return {view.name: view.role for view in access.views_for(user, space)}


@pytest.fixture
def views(alice, bob, source, team) -> None:
    saved("mine", owner=alice)
    saved("mine there", owner=alice, team=team)
    saved("ours", team=team)
    saved("our rows", team=team, page="sources:rows", datasource_id=source.datasource_id)
    saved("bob's", owner=bob)


def test_one_sees_one_s_own_views_and_those_of_one_s_teams_by_space(alice, bob, views, team):
    everything = {"mine": Role.OWNER, "mine there": Role.OWNER, "ours": Role.OWNER, "our rows": Role.OWNER}
    assert found(alice) == everything
    assert found(alice, access.space(alice, str(team.pk))).keys() == {"mine there", "ours", "our rows"}
    assert found(alice, access.Space(access.Space.OWN)).keys() == {"mine"}
    assert found(bob) == {"bob's": Role.OWNER}
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    assert found(bob) == {"bob's": Role.OWNER, "ours": Role.VIEWER, "our rows": Role.VIEWER}


@pytest.mark.parametrize("end", ["left", "unshared", "source gone", "key deleted", "team deleted"])
def test_a_view_whose_source_or_team_is_out_of_reach_is_not_there(bob, views, source, team, end):
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    saved("bob's there", owner=bob, team=team)
    saved("bob's rows", owner=bob, page="sources:rows", datasource_id=source.datasource_id)
    assert found(bob).keys() == {"bob's", "bob's there", "bob's rows", "ours", "our rows"}
    match end:
        case "left":
            teams.remove(team.memberships.get(user=bob))
        case "unshared":
            team.key_shares.get().delete()
        case "source gone":
            Source.objects.update(gone_at=timezone.now())
        case "key deleted":
            source.key.delete()
        case "team deleted":
            team.delete()
    left = {"bob's"} if end in ("left", "team deleted") else {"bob's", "bob's there", "ours"}
    assert found(bob).keys() == left
    for view in SavedView.objects.exclude(name__in=left):
        with pytest.raises(Http404):
            access.get_view(bob, view.pk)


def test_the_views_of_a_page_are_one_query(alice, views, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert [view.url for view in access.views_for(alice)]


def test_who_leaves_takes_their_keys_along(alice, bob, source, team):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    teams.remove(team.memberships.get(user=alice))
    assert not access.keys_for(bob).exists()
    assert access.keys_for(alice).get().role == Role.OWNER


def test_the_best_role_of_several_teams_counts(alice, bob, source, team):
    other = teams.create("Other", alice)
    KeyShare.objects.create(key=source.key, team=other)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    Membership.objects.create(team=other, user=bob, role=Role.ADMIN)
    assert [key.role for key in access.keys_for(bob)] == [Role.ADMIN]
    assert access.keys_for(alice).get().role == Role.OWNER


def test_a_space_is_a_part_of_all(alice, bob, source, team):
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    own = seen_by(bob, uuid.UUID(int=8))

    def seen(name: str) -> set[int]:
        return {one.pk for one in access.sources_for(bob, access.space(bob, name))}

    assert seen("") == {source.pk, own.pk}
    assert seen("own") == {own.pk}
    assert seen(str(team.pk)) == {source.pk}


@pytest.mark.parametrize("name", ["x", "1", str(uuid.UUID(int=9)), "OWN"])
def test_there_is_no_other_space(bob, team, name):
    for address in (name, str(team.pk)):
        with pytest.raises(Http404):
            access.space(bob, address)
