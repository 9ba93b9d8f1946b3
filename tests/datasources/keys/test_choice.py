import uuid
from datetime import timedelta

import pytest
from django.http import Http404
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Action, Role
from datasources.keys import choice
from datasources.models import ApiKey, KeyShare, Source
from tests.support.sources import seen_by


@pytest.fixture
def source(alice):
    return seen_by(alice, uuid.UUID(int=7))


@pytest.fixture
def team(alice, source):
    """Alice's, with her key."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=source.key, team=team)
    return team


def test_somebody_else_s_view_of_the_same_source_is_not_one_s_own(alice, bob, source):
    mine = seen_by(bob, source.datasource_id)
    assert choice.get_source(bob, source.datasource_id) == mine
    with pytest.raises(Http404):
        choice.get_source(bob, source.datasource_id, source.key_id)


def test_of_several_keys_the_newest_is_used(alice, source):
    newer = seen_by(alice, source.datasource_id, "Newer")
    seen_by(alice, source.datasource_id, "Older", created_at=timezone.now() - timedelta(days=1))
    assert choice.get_source(alice, source.datasource_id) == newer


def test_a_key_that_works_is_used_before_a_newer_one_that_is_refused(alice, source):
    refused = seen_by(alice, source.datasource_id, "Refused", state="invalid")
    assert choice.get_source(alice, source.datasource_id) == source
    ApiKey.objects.update(state="invalid")
    assert choice.get_source(alice, source.datasource_id) == refused


def test_a_key_under_which_it_is_gone_is_not_used(alice, source):
    newer = seen_by(alice, source.datasource_id, "Newer")
    Source.objects.filter(pk=newer.pk).update(gone_at=timezone.now())
    assert choice.get_source(alice, source.datasource_id) == source


def test_the_key_that_is_asked_for_is_used(alice, source):
    seen_by(alice, source.datasource_id, "Newer")
    assert choice.get_source(alice, source.datasource_id, source.key_id) == source
    with pytest.raises(Http404):
        choice.get_source(alice, source.datasource_id, uuid.uuid4())


def test_a_source_comes_with_all_that_a_page_says_about_its_key(alice, source, django_assert_num_queries):
    with django_assert_num_queries(2):
        found = choice.get_source(alice, source.datasource_id)
        assert (found.key.label, found.key.sync.is_running, found.key.watch.due_at) == ("Main", False, None)


def test_one_s_own_key_is_used_before_a_team_s(bob, source, team):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    own = seen_by(bob, source.datasource_id, created_at=timezone.now() - timedelta(days=1))
    assert choice.get_source(bob, source.datasource_id) == own
    ApiKey.objects.filter(pk=own.key_id).update(state="invalid")
    assert choice.get_source(bob, source.datasource_id) == source


def test_the_key_through_which_one_may_do_it_is_used(alice, bob, source, team):
    Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    newer = seen_by(alice, source.datasource_id, "Newer")
    viewed = teams.create("Viewed", alice)
    KeyShare.objects.create(key=newer.key, team=viewed)
    Membership.objects.create(team=viewed, user=bob, role=Role.VIEWER)
    assert choice.get_source(bob, source.datasource_id) == newer
    assert choice.get_source(bob, source.datasource_id, action=Action.DELETE) == source


def test_the_key_with_the_most_calls_left_is_used(bob, source, team, monkeypatch):
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    newer = seen_by(source.key.owner, source.datasource_id, "Newer")
    KeyShare.objects.create(key=newer.key, team=team)
    assert choice.get_source(bob, source.datasource_id) == newer
    ApiKey.objects.filter(pk=source.key_id).update(calls_per_minute=500)
    assert choice.get_source(bob, source.datasource_id) == source
