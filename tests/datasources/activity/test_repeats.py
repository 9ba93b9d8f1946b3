"""Repeats are one line of the log, which unfolds."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from datasources.activity import log, search
from datasources.activity.repeats import MANY, fold
from datasources.activity.words import GROUPS, What
from datasources.models import AuditEvent
from tests.support.html import dom, link, words

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def recorded(what: What, user, about: str, times: int = 1, at: datetime = NOON, **details) -> None:
    for n in range(times):
        log.record(what, user, about=about.format(n=n), at=at + timedelta(seconds=n), **details)


def lines() -> list[str]:
    """The lines from the oldest to the newest."""
    return ["".join(text for _, text in line.parts) for line in fold(AuditEvent.objects.order_by("pk"))]


def test_repeats_about_several_files_are_one_line(alice):
    recorded(What.DOWNLOAD_ASKED, alice, "{n}.csv", 13)
    assert lines() == ["alice@example.com created download links for 13 files"]


def test_a_file_that_comes_again_counts_once(alice):
    for _ in range(2):
        recorded(What.DOWNLOADED, alice, "{n}.csv", 3)
    assert lines() == ["alice@example.com downloaded 3 files, 6 times in all"]


def test_what_reads_the_same_is_counted(alice):
    recorded(What.SIGNED_IN, alice, "", 4)
    recorded(What.DOWNLOADED, alice, "a.csv", 3)
    recorded(What.TEAM_MADE, alice, "T", 3)
    assert lines() == [
        "alice@example.com signed in 4 times",
        "alice@example.com downloaded a.csv 3 times",
        "alice@example.com created the team T 3 times",
    ]


def test_two_are_read_as_quickly_one_by_one(alice):
    recorded(What.DOWNLOADED, alice, "{n}.csv", 2)
    assert lines() == ["alice@example.com downloaded 0.csv", "alice@example.com downloaded 1.csv"]


@pytest.mark.parametrize(
    "other",
    [
        lambda alice, bob: recorded(What.DOWNLOADED, bob, "x"),
        lambda alice, bob: recorded(What.UPLOADED, alice, "x"),
        lambda alice, bob: log.record(What.DOWNLOADED, None, who="Share link", about="x"),
    ],
    ids=["another user", "another kind", "another link"],
)
def test_what_comes_between_parts_them(alice, bob, other):
    recorded(What.DOWNLOADED, alice, "{n}.csv", 3)
    other(alice, bob)
    recorded(What.DOWNLOADED, alice, "{n}.csv", 3)
    assert len(lines()) == 3


def test_a_pause_and_midnight_where_the_reader_is_part_them(alice):
    for minutes in (0, 1, 2, 70, 71, 72):
        recorded(What.DOWNLOADED, alice, f"{minutes}", at=NOON + timedelta(minutes=minutes))
    assert len(lines()) == 2
    AuditEvent._base_manager.all().delete()
    for minutes in (57, 58, 59, 60, 61, 62):
        recorded(What.DOWNLOADED, alice, f"{minutes}", at=NOON + timedelta(minutes=minutes))
    assert len(lines()) == 1
    with timezone.override("Asia/Vladivostok"):  # ten hours ahead
        AuditEvent._base_manager.all().delete()
        for minutes in (57, 58, 59, 60, 61, 62):
            recorded(What.DOWNLOADED, alice, f"{minutes}", at=NOON + timedelta(hours=1, minutes=minutes))
        assert len(lines()) == 2


def test_reasons_that_differ_about_one_file_are_all_read(alice):
    for why in ("No.", "Never.", "Perhaps."):
        recorded(What.SOURCE_NOT_DELETED, alice, "a.csv", why=why)
    assert len(lines()) == 3


def test_kinds_that_are_folded_are_known():
    assert set(MANY) <= {what for group in GROUPS.values() for what in group.words}


# --- Pages of lines ---


def test_a_page_has_lines_and_no_repeat_is_lost_between_pages(alice, monkeypatch):
    monkeypatch.setattr(search, "PER_PAGE", 3)
    for group in range(5):
        recorded(What.DOWNLOADED, alice, f"{group}-{{n}}", 3)
        recorded(What.SIGNED_OUT, alice, "")
    pages = [search.page(AuditEvent.objects.all())]
    while pages[-1].older:
        pages.append(search.page(AuditEvent.objects.all(), before=pages[-1].older))
    assert [len(page.lines) for page in pages] == [3, 3, 3, 1]
    seen = [event.pk for page in pages for event in page.events]
    assert seen == sorted(AuditEvent.objects.values_list("pk", flat=True), reverse=True)
    assert search.page(AuditEvent.objects.all(), after=pages[2].newer).events == pages[1].events


def test_a_line_of_more_than_a_page_reads_goes_on_with_the_next(alice, monkeypatch):
    monkeypatch.setattr(search, "PER_PAGE", 2)
    recorded(What.DOWNLOADED, alice, "{n}.csv", 11)
    first = search.page(AuditEvent.objects.all())
    assert [len(line.events) for line in first.lines] == [8]
    assert [len(line.events) for line in search.page(AuditEvent.objects.all(), before=first.older).lines] == [3]


# --- Filters in words ---


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ({"who": "alice", "what": "downloads"}, ["by alice", "Downloads"]),
        ({"what": "downloaded", "q": "beans"}, ["“beans”", "Downloaded"]),
        ({"since": "2026-11-24"}, ["today"]),
        ({"since": "2026-11-23", "until": "2026-11-23"}, ["yesterday"]),
        ({"since": "2026-11-18"}, ["last 7 days"]),
        ({"since": "2026-11-16", "until": "2026-11-22"}, ["last week"]),
        ({"since": "2026-10-01", "until": "2026-10-31"}, ["last month"]),
        ({"since": "2026-11-03"}, ["since 3 November 2026"]),
        ({"until": "2026-11-03"}, ["until 3 November 2026"]),
        ({"since": "2026-11-03", "until": "2026-11-03"}, ["on 3 November 2026"]),
        ({"since": "2026-11-03", "until": "2026-11-05"}, ["3 November 2026 to 5 November 2026"]),
    ],
    ids=str,
)
def test_filters_are_in_words_and_each_is_removed_alone(web, state, shown):
    with time_machine.travel(NOON, tick=False):
        page = web.get("/activity/", state)
        chips = [one for one in dom(page).iter("a") if one.get("id", "").startswith("chip-")]
        assert [words(one).removesuffix(" Remove this filter") for one in chips] == shown
        if len(chips) > 1:
            rest = web.get("/activity/" + chips[0].get("href"))
            assert words(dom(rest).find(".//*[@aria-label='Active filters']")) == f"{shown[1]} Remove this filter"


def test_a_period_is_chosen_by_a_link(web):
    with time_machine.travel(NOON, tick=False):
        page = web.get("/activity/?what=teams")
        assert link(page, "Last week") == "?what=teams&since=2026-11-16&until=2026-11-22"
