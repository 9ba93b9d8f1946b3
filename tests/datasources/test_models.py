import uuid
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import User
from datasources import keys
from datasources.claro import RateLimited
from datasources.models import LINK_MARGIN, ApiKey, DownloadLink, Source, StatusChange

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def source(**fields) -> Source:
    return Source(datasource_id=uuid.UUID(int=7), **{"status": "completed", **fields})


def stored(owner: User, **fields) -> Source:
    key = keys.add(owner, "Main", "claro_live_x", ApiKey.State.VALID)
    one = source(key=key, first_seen_at=NOON, last_seen_at=NOON, **fields)
    one.save()
    return one


@pytest.mark.parametrize(
    ("uploaded_at", "processed_at", "took"),
    [
        (NOON, NOON + 90 * SECOND, 90 * SECOND),
        (NOON, NOON, timedelta(0)),
        (NOON, NOON - SECOND, None),
        (None, NOON, None),
        (NOON, None, None),
        (None, None, None),
    ],
)
def test_processing_took_what_lies_between_two_times_that_make_sense(uploaded_at, processed_at, took):
    assert source(uploaded_at=uploaded_at, processed_at=processed_at).took == took


def test_what_was_processed_once_more_took_nobody_knows_how_long():
    once_more = source(uploaded_at=NOON, processed_at=NOON + 90 * SECOND, restarted_at=NOON + 60 * SECOND)
    assert once_more.took is None


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"error": "Row 7 has 3 columns."}, "Row 7 has 3 columns."),
        ({"errorMessage": " spaces "}, "spaces"),
        ({"failureReason": "x"}, "x"),
        ({"message": "x"}, "x"),
        ({"error": {"message": "inner", "code": 7}}, "inner"),
        ({"error": "first", "message": "second"}, "first"),
        ({"error": "", "message": "second"}, "second"),
        ({"error": "  ", "failureReason": None, "message": "second"}, "second"),
        ({"error": {"code": 7}}, ""),
        ({"error": {"message": {"deeper": "x"}}}, ""),
        ({"error": ["a"]}, ""),
        ({"error": 7}, ""),
        ({"error": True}, ""),
        ({}, ""),
    ],
)
def test_the_failure_is_found_under_the_names_it_may_have(extra, text):
    assert source(extra=extra).failure == text


@pytest.mark.parametrize(
    ("status", "is_processing", "has_failed"),
    [("processing", True, False), ("completed", False, False), ("failed", False, True), ("quarantined", True, False)],
)
def test_an_unknown_status_counts_as_processing(status, is_processing, has_failed):
    one = source(status=status)
    assert (one.is_processing, one.has_failed) == (is_processing, has_failed)


def test_a_source_without_a_file_name_has_its_id():
    assert str(source(file_name="a.csv")) == "a.csv"
    assert source(file_name="").name == "00000000-0000-0000-0000-000000000007"


def test_the_timeline_tells_how_long_each_state_lasted(alice, django_assert_num_queries):
    one = stored(alice)
    for status, at in [("completed", NOON + 100 * SECOND), ("processing", NOON), ("queued", NOON + 10 * SECOND)]:
        StatusChange.objects.create(source=one, status=status, at=at, seen_at=at)
    with django_assert_num_queries(1):
        timeline = [(change.status, change.lasted) for change in one.timeline()]
    assert timeline == [("processing", 10 * SECOND), ("queued", 90 * SECOND), ("completed", None)]


def test_steps_at_the_same_time_keep_the_order_they_came_in(alice):
    one = stored(alice)
    for status in ("processing", "failed"):
        StatusChange.objects.create(source=one, status=status, at=NOON, seen_at=NOON)
    assert [(change.status, change.lasted) for change in one.timeline()] == [
        ("processing", timedelta(0)),
        ("failed", None),
    ]


@pytest.mark.parametrize(
    ("state", "left", "is_alive"),
    [
        ("ready", LINK_MARGIN + SECOND, True),
        ("ready", LINK_MARGIN, False),
        ("ready", LINK_MARGIN - SECOND, False),
        ("ready", -SECOND, False),
        ("pending", timedelta(hours=1), False),
        ("failed", timedelta(hours=1), False),
    ],
)
def test_a_link_is_alive_while_a_browser_can_still_get_to_the_file(alice, state, left, is_alive):
    """The query and the property say the same."""
    with time_machine.travel(NOON, tick=False):
        link = DownloadLink(source=stored(alice), state=state, expires_at=NOON + left, expires_in_s=3600)
        link.save()
        assert link.is_alive is is_alive
        assert DownloadLink.objects.alive().exists() is is_alive


@pytest.mark.parametrize("status", ["processing", "completed", "failed", "queued"])
@pytest.mark.parametrize("gone_at", [None, NOON])
def test_sources_that_are_present_are_either_processing_or_finished(alice, status, gone_at):
    """A status that we don't know is processing, in a query as in the property."""
    one, here = stored(alice, status=status, gone_at=gone_at), gone_at is None
    assert Source.objects.present().exists() is here
    assert Source.objects.processing().exists() is (here and one.is_processing)
    assert Source.objects.finished().exists() is (here and not one.is_processing)
    assert ApiKey.objects.seeing(one.datasource_id).exists() is here


def test_a_link_that_is_being_made_has_no_end_yet():
    link = DownloadLink()
    assert (link.is_pending, link.is_alive) == (True, False)


@pytest.mark.parametrize("model", [ApiKey, DownloadLink])
def test_trouble_comes_back_as_the_error_it_was(model):
    error = RateLimited("Wait.", retry_at=NOON)
    assert model(problem=None).trouble is None
    trouble = model(problem=error.to_dict()).trouble
    assert isinstance(trouble, RateLimited)
    assert (trouble.retry_at, trouble.user_message) == (NOON, error.user_message)


def test_a_row_s_name_holds_all_that_binds_its_secret_to_it():
    key = ApiKey(pk=uuid.UUID(int=1), owner_id=2)
    link = DownloadLink(pk=uuid.UUID(int=1), source_id=2)
    assert key.sealed_row() == "apikey:00000000-0000-0000-0000-000000000001:2"
    assert link.sealed_row() == "downloadlink:00000000-0000-0000-0000-000000000001:2"


def test_nothing_stored_shows_its_secret_when_it_is_printed(alice):
    key = keys.add(alice, "Main", "claro_live_abcd1234", ApiKey.State.VALID)
    assert (str(key), repr(key)) == ("Main (…1234)", "<ApiKey: Main (…1234)>")
    link = DownloadLink(pk=uuid.UUID(int=1), source_id=1)
    link.seal("https://files.example/?signature=x")
    assert "signature" not in f"{link} {link!r} {link.url}"
