import csv
import io
from datetime import UTC, datetime

import pytest
import time_machine
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from core.text import visible
from datasources.activity import log, search, words
from datasources.activity.forms import ActivityForm
from datasources.activity.words import GROUPS, What
from datasources.models import AuditEvent

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def asked(**state) -> list[str]:
    """What the events are about that this asks for."""
    form = ActivityForm(state)
    found = search.narrowed(AuditEvent.objects.all(), form.state())
    assert not form.errors
    return sorted(found.values_list("about", flat=True))


def sentence(event: AuditEvent) -> str:
    return "".join(text for _, text in words.parts(event))


@pytest.fixture
def events(alice, bob, key) -> None:
    for day, (what, who, about) in enumerate(
        [(What.INVITED, alice, "carol"), (What.SIGNED_IN, bob, "b"), (What.DOWNLOADED, bob, "beans.csv")], start=20
    ):
        with time_machine.travel(datetime(2026, 11, day, 23, 30, tzinfo=UTC), tick=False):
            log.record(what, who, about=about, key=key if about == "beans.csv" else None)


# --- Narrowing ---


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({}, ["b", "beans.csv", "carol"]),
        ({"what": "invited"}, ["carol"]),
        ({"what": "downloads"}, ["beans.csv"]),
        ({"who": "BOB@"}, ["b", "beans.csv"]),
        ({"who": "bob@", "what": "sign-in"}, ["b"]),
        ({"q": "BEAN"}, ["beans.csv"]),
        ({"q": "main bob"}, ["beans.csv"]),
        ({"q": "main alice"}, []),
        ({"q": "%"}, []),
        ({"since": "2026-11-21"}, ["b", "beans.csv"]),
        ({"until": "2026-11-21"}, ["b", "carol"]),
        ({"since": "2026-11-21", "until": "2026-11-21"}, ["b"]),
        ({"since": "2999-12-31", "until": "2000-01-01"}, []),
        ({"key": "00000000-0000-0000-0000-000000000007"}, []),
        ({"source": "00000000-0000-0000-0000-000000000007"}, []),
    ],
    ids=str,
)
def test_what_is_asked_for_is_found(events, state, found):
    assert asked(**state) == found


def test_a_day_is_one_where_the_reader_is(events):
    with timezone.override("Asia/Tokyo"):
        assert asked(since="2026-11-22", until="2026-11-22") == ["b"]


def test_a_key_and_a_source_are_found_by_their_id_when_they_are_gone(alice, key, table):
    log.record(What.DOWNLOADED, alice, source=table)
    datasource_id, key_id = table.datasource_id, key.pk
    key.delete()
    assert asked(key=str(key_id)) == asked(source=str(datasource_id)) == ["things.csv"]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "yesterday", "2026-02-30"])
def test_a_day_that_is_none_is_told(db, day):
    form = ActivityForm({"since": day, "until": day})
    assert form.state()["since"] == ""
    assert len(form.complaints()) == 2


# --- Pages ---


@pytest.fixture
def many(alice, monkeypatch) -> list[int]:
    monkeypatch.setattr(search, "PER_PAGE", 3)
    return [log.record(What.TEAM_MADE, alice, about=str(n)).pk for n in range(8)][::-1]


def ids(page: search.Page) -> list[int]:
    return [event.pk for event in page.events]


def test_pages_lead_to_each_other_and_back(many):
    first = search.page(AuditEvent.objects.all())
    assert (ids(first), first.newer) == (many[:3], None)
    second = search.page(AuditEvent.objects.all(), before=first.older)
    third = search.page(AuditEvent.objects.all(), before=second.older)
    assert (ids(second), ids(third), third.older) == (many[3:6], many[6:], None)
    assert ids(search.page(AuditEvent.objects.all(), after=third.newer)) == many[3:6]
    assert search.page(AuditEvent.objects.all(), after=second.newer) == first


def test_what_happens_meanwhile_moves_nothing(many, alice):
    first = search.page(AuditEvent.objects.all())
    for _ in range(2):
        log.record(What.SIGNED_OUT, alice)
    assert ids(search.page(AuditEvent.objects.all(), before=first.older)) == many[3:6]


def test_a_place_where_nothing_is_is_empty(many):
    assert search.page(AuditEvent.objects.all(), before=1) == search.Page([], None, None)
    assert ids(search.page(AuditEvent.objects.all(), after=many[0] + 100)) == many[:3]


def test_a_page_is_one_query(many, django_assert_num_queries):
    with django_assert_num_queries(1):
        [list(words.parts(event)) for event in search.page(AuditEvent.objects.all()).events]


# --- Words ---


@pytest.mark.parametrize(
    ("what", "about", "details", "words"),
    [
        (What.SOURCE_DELETE_DONE, "products.csv", {}, "bob@example.com deleted products.csv, key Main"),
        (What.SOURCE_NOT_DELETED, "a.csv", {"why": "No."}, "bob@example.com could not delete a.csv: No."),
        (
            What.ROLE_CHANGED,
            "c@d.e",
            {"role": "Admin", "team": "T"},
            "bob@example.com changed the role of c@d.e in T to Admin",
        ),
        (What.TEAM_RENAMED, "New", {"before": "Old"}, "bob@example.com renamed the team Old to New"),
        (What.TEAM_RENAMED, "New", {}, "bob@example.com renamed the team … to New"),
        (What.TEAM_MADE, "{who.actor} {0}", {}, "bob@example.com created the team {who.actor} {0}"),
        (What.LEFT, "", {"team": "a\u202eb"}, "bob@example.com left a�b"),
        ("moon_landed", "x", {}, "bob@example.com moon landed"),
    ],
)
def test_an_event_is_a_sentence(bob, key, what, about, details, words):
    assert sentence(log.record(what, bob, key=key, about=about, **details)) == words


# All that any sentence has a place for.
DETAILS = {
    name: name[0]
    for name in (
        "before",
        "role",
        "team",
        "outcome",
        "factor",
        "when",
        "why",
        "devices",
        "format",
        "rows",
        "whose",
        "file",
        "files",
    )
}


def test_every_kind_can_be_said_and_asked_for(bob, key):
    for group in GROUPS.values():
        for what in group.words:
            said = sentence(log.record(what, bob, key=key, about="a", **DETAILS))
            assert "…" not in said
            assert "{" not in said
    asked_for = {kind for _, kinds in words.choices() for kind, _ in kinds}
    assert asked_for == ActivityForm.KINDS


# --- CSV ---


def parsed(text: str) -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline="")))


def test_the_export_has_a_line_for_each_event_newest_first(bob, key, table):
    with time_machine.travel(NOON, tick=False):
        log.record(What.SIGNED_IN, bob)
        log.record(What.SOURCE_DELETE_DONE, bob, source=table)
    head, *lines = parsed("".join(search.csv_lines(AuditEvent.objects.all())))
    assert head == list(search.COLUMNS)
    assert [line[2] for line in lines] == ["Deleted", "Signed in"]
    words = "bob@example.com deleted things.csv, key Main"
    source_id = str(table.datasource_id)
    assert lines[0][:7] == ["2026-11-24 12:00:00", "bob@example.com", "Deleted", words, "things.csv", source_id, "Main"]


def test_the_export_is_read_in_pieces(bob, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(search, "CHUNK", 2)
    made = [log.record(What.SIGNED_IN, bob, about=str(n)) for n in range(5)]
    with django_assert_num_queries(4):
        pieces = list(search.csv_lines(AuditEvent.objects.all()))
    assert [line[4] for line in parsed("".join(pieces))[1:]] == [event.about for event in reversed(made)]


@given(st.text(max_size=50))
@example('=HYPERLINK("http://evil","x")')
@example("\t=1")
@example("＝1+1")
@example('a";=1\r\n=2')
def test_no_spreadsheet_takes_a_text_for_a_formula(text):
    cell = search.cell(text)
    assert cell[:1] not in tuple("=+-@\t\r\n＝＋－＠")
    assert cell.removeprefix("'") in (visible(text), visible(text).removeprefix("'"))
    if "\0" not in cell:
        assert parsed("\ufeff" + search._lines([[cell, "end"]])) == [[cell, "end"]]
