from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.session_store import SessionStore

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored() -> SessionStore:
    store = SessionStore()
    store["place"] = "list"
    store.save()
    return store


def test_a_session_is_read_again_by_one_query(stored, django_assert_num_queries):
    SessionStore(stored.session_key).load()  # which prepares the query
    with django_assert_num_queries(1):
        assert SessionStore(stored.session_key)["place"] == "list"


def test_a_session_that_expired_is_empty_and_gives_its_key_up(stored):
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    found = SessionStore(stored.session_key)
    assert "place" not in found
    assert found.session_key is None


def test_a_key_of_no_session_is_not_used_for_a_new_one():
    found = SessionStore("a-key-somebody-made-up")
    found["place"] = "list"
    assert found.session_key is None
    found.save()
    assert found.session_key != "a-key-somebody-made-up"
