import uuid
from datetime import timedelta

import pytest
from django.http import Http404
from django.utils import timezone

from datasources import access, keys, links
from datasources.models import ApiKey, Source


def seen_by(owner, datasource_id: uuid.UUID, label: str = "Main", **key_fields) -> Source:
    """The source as a new key of this person sees it."""
    key = keys.add(owner, label, f"claro_live_{uuid.uuid4().hex}", ApiKey.State.VALID)
    ApiKey.objects.filter(pk=key.pk).update(**key_fields)
    at = timezone.now()
    return Source.objects.create(
        key=key, datasource_id=datasource_id, status="completed", first_seen_at=at, last_seen_at=at
    )


@pytest.fixture
def source(alice):
    return seen_by(alice, uuid.UUID(int=7))


def test_an_owner_has_keys_sources_and_links(alice, source):
    link = links.ask(source, alice, 300)
    assert access.get_key(alice, source.key_id) == source.key
    assert access.get_source(alice, source.datasource_id) == source
    assert access.get_link(alice, link.pk) == link
    assert list(access.keys_for(alice)) == [source.key]
    assert list(access.sources_for(alice)) == [source]
    assert list(access.links_for(alice)) == [link]
    assert access.people_for(source.key) == [alice.pk]


def test_for_a_stranger_none_of_it_exists(alice, bob, source):
    link = links.ask(source, alice, 300)
    for attempt in (
        lambda: access.get_key(bob, source.key_id),
        lambda: access.get_source(bob, source.datasource_id),
        lambda: access.get_source(bob, source.datasource_id, source.key_id),
        lambda: access.get_link(bob, link.pk),
    ):
        with pytest.raises(Http404):
            attempt()
    for found in (access.keys_for(bob), access.sources_for(bob), access.links_for(bob)):
        assert not found.exists()


def test_somebody_else_s_view_of_the_same_source_is_not_one_s_own(alice, bob, source):
    mine = seen_by(bob, source.datasource_id)
    assert access.get_source(bob, source.datasource_id) == mine
    with pytest.raises(Http404):
        access.get_source(bob, source.datasource_id, source.key_id)


def test_what_is_gone_is_not_there(alice, source):
    link = links.ask(source, alice, 300)
    Source.objects.update(gone_at=timezone.now())
    with pytest.raises(Http404):
        access.get_source(alice, source.datasource_id)
    with pytest.raises(Http404):
        access.get_link(alice, link.pk)
    assert not access.sources_for(alice).exists()
    assert access.keys_for(alice).exists()


def test_of_several_keys_the_newest_is_used(alice, source):
    newer = seen_by(alice, source.datasource_id, "Newer")
    seen_by(alice, source.datasource_id, "Older", created_at=timezone.now() - timedelta(days=1))
    assert access.get_source(alice, source.datasource_id) == newer


def test_a_key_that_works_is_used_before_a_newer_one_that_is_refused(alice, source):
    refused = seen_by(alice, source.datasource_id, "Refused", state="invalid")
    assert access.get_source(alice, source.datasource_id) == source
    ApiKey.objects.update(state="invalid")
    assert access.get_source(alice, source.datasource_id) == refused


def test_a_key_under_which_it_is_gone_is_not_used(alice, source):
    newer = seen_by(alice, source.datasource_id, "Newer")
    Source.objects.filter(pk=newer.pk).update(gone_at=timezone.now())
    assert access.get_source(alice, source.datasource_id) == source


def test_the_key_that_is_asked_for_is_used(alice, source):
    seen_by(alice, source.datasource_id, "Newer")
    assert access.get_source(alice, source.datasource_id, source.key_id) == source
    with pytest.raises(Http404):
        access.get_source(alice, source.datasource_id, uuid.uuid4())


def test_a_source_comes_with_all_that_a_page_says_about_its_key(alice, source, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = access.get_source(alice, source.datasource_id)
        assert (found.key.label, found.key.sync.is_running, found.key.watch.due_at) == ("Main", False, None)
