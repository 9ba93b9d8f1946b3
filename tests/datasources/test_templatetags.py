from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
import time_machine
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.middleware import reader_zone
from datasources.models import Source
from datasources.sources.contents import Contents
from datasources.templatetags import claro
from datasources.templatetags import facts as claro_facts

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Parsed(HTMLParser):
    """The tags with their attributes, and the text, of some HTML."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


def rendered(template: str, address: str = "/", **context) -> str:
    return Template(template).render(RequestContext(RequestFactory().get(address), context))


# --- Times ---


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (0, "just now"),
        (9, "just now"),
        (10, "10 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (89, "1 min ago"),
        (91, "2 min ago"),
        (3569, "59 min ago"),
        (3570, "1 h ago"),
        (84_599, "23 h ago"),
        (84_600, "1 day ago"),
        (2 * 86_400, "2 days ago"),
        (59 * 86_400, "59 days ago"),
        (60 * 86_400, "2 months ago"),
        (699 * 86_400, "23 months ago"),
        (700 * 86_400, "2 years ago"),
    ],
)
def test_how_long_ago(noon, seconds, words):
    [(tag, attributes)] = Parsed(claro.ago(NOON - timedelta(seconds=seconds))).tags
    assert Parsed(claro.ago(NOON - timedelta(seconds=seconds))).text == words
    assert (tag, "data-ago" in attributes) == ("time", True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "1 s"),
        (-86_400, "1 s"),
        (9, "9 s"),
        (10, "10 s"),
        (91, "2 min"),
        (3570, "1 h"),
        (3 * 86_400, "3 days"),
        (20_000 * 86_400, "55 years"),
    ],
)
def test_for_how_long(noon, seconds, words):
    found = Parsed(claro.lasting(NOON - timedelta(seconds=seconds)))
    assert found.text == words
    assert "data-lasting" in found.tags[0][1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3600, "1 h"),
        (90, "1 min 30 s"),
        (898, "15 min"),
        (86_340, "24 h"),
        (2 * 86_400 + 3600, "2 d 1 h"),
        (30 * 86_400 - 60, "30 d"),
        (0.2, "under 1 s"),
        (0, "0 s"),
        (-1, "0 s"),
    ],
)
def test_how_long_still(noon, seconds, words):
    found = Parsed(claro.until(NOON + timedelta(seconds=seconds)))
    assert found.text == words
    assert "data-until" in found.tags[0][1]


def test_a_countdown_that_ends_while_the_page_is_made_ends(noon):
    assert Parsed(claro.countdown(NOON)).text == claro.countdown(None) == "a moment"


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOON + timedelta(days=1), "25 November, 12:00 UTC"),
        (datetime(2026, 12, 27, tzinfo=UTC), "26 December"),
        (datetime(2026, 12, 27, 8, tzinfo=UTC), "27 December"),
    ],
)
def test_the_last_day_before_a_time(noon, at, words):
    found = Parsed(claro.last_day(at))
    assert found.text == words
    assert found.tags[0][1]["datetime"] == at.isoformat()


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"a": None, "rowCount": 12_000, "columnCount": 1}, [("a", None)]),
        ({"rowCount": "many", "columnCount": True}, [("rowCount", "many"), ("columnCount", True)]),
        ({"columns": [{"name": "id"}]}, []),
        ({"columns": ["id"]}, [("columns", ["id"])]),
        ({}, []),
    ],
)
def test_fields_that_stand_elsewhere_are_no_facts(facts, shown):
    assert claro_facts.in_words(facts) == shown


@pytest.mark.parametrize(
    ("rows", "columns", "size", "shown"),
    [
        (12_000, 10, 1_600_000, "12,000 rows · 10 columns · 1.6 MB"),
        (1, 1, 1, "1 row · 1 column · 1 bytes"),
        (0, None, None, "0 rows"),
        (None, None, None, ""),
    ],
)
def test_the_line_below_the_title(rows, columns, size, shown):
    assert claro_facts.summary(Contents(rows, columns), Source(size_bytes=size)) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rowCount", "Row count"),
        ("last_modified_by", "Last modified by"),
        ("tags", "Tags"),
        ("Already so", "Already so"),
        ("<b>", "<b>"),
        ("größe", "größe"),
        ("a\u202eb", "a�b"),
        ("", ""),
    ],
)
def test_names_of_fields_are_words(name, shown):
    assert claro_facts.in_plain_words(name) == shown


def test_labels_are_in_sentence_case():
    assert [claro.sentence_case(label) for label in ("New Password (again)", "API key", "Last day")] == [
        "New password (again)",
        "API key",
        "Last day",
    ]


def test_no_time_is_a_dash():
    assert (claro.ago(None), claro.until(None), claro.size(None), claro.count(None)) == ("–",) * 4
    assert claro.duration(None) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "under 1 s"),
        (0.4, "under 1 s"),
        (1, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3601, "1 h"),
        (3660, "1 h 1 min"),
        (86_400, "1 d"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d"),
        (400 * 86_400, "400 d"),
    ],
)
def test_durations_are_told_in_the_two_largest_units(seconds, words):
    assert claro.duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("zone", "shown", "clock"),
    [
        ("", "Tue 24 Nov 2026, 12:00:00 UTC", "12:00:00"),
        ("Europe/Berlin", "Tue 24 Nov 2026, 13:00:00 CET", "13:00:00"),
        ("Asia/Kathmandu", "Tue 24 Nov 2026, 17:45:00 +0545", "17:45:00"),
        ("America/Los_Angeles", "Tue 24 Nov 2026, 04:00:00 PST", "04:00:00"),
        ("Pacific/Kiritimati", "Wed 25 Nov 2026, 02:00:00 +14", "02:00:00"),
        ("../../etc/passwd", "Tue 24 Nov 2026, 12:00:00 UTC", "12:00:00"),
    ],
)
def test_times_are_the_reader_s(noon, zone, shown, clock):
    with timezone.override(reader_zone(zone)):
        [(_, attributes)] = Parsed(claro.ago(NOON)).tags
        assert attributes["title"] == shown
        assert datetime.fromisoformat(attributes["datetime"]) == NOON
        assert Parsed(claro.clock(NOON)).text == clock


@pytest.mark.parametrize(("seconds", "ms"), [(-60, 500), (0, 500), (1, 1250), (59, 59_250), (3600, 60_000)])
def test_a_page_looks_again_neither_at_once_nor_too_late(noon, seconds, ms):
    assert claro.delay_ms(NOON + timedelta(seconds=seconds)) == ms


# --- Sizes and counts ---


@pytest.mark.parametrize(
    ("number", "shown", "title"),
    [
        (0, "0 bytes", "0 bytes"),
        (999, "999 bytes", "999 bytes"),
        (1000, "1.0 kB", "1,000 bytes"),
        (99_949, "99.9 kB", "99,949 bytes"),
        (99_950, "100 kB", "99,950 bytes"),
        (999_499, "999 kB", "999,499 bytes"),
        (999_500, "1.0 MB", "999,500 bytes"),
        (1_500_000, "1.5 MB", "1,500,000 bytes"),
        (10**9, "1.0 GB", "1,000,000,000 bytes"),
        (10**12, "1.0 TB", "1,000,000,000,000 bytes"),
        (10**16, "10000 TB", "10,000,000,000,000,000 bytes"),
        (-1, "-1 bytes", "-1 bytes"),
    ],
)
def test_sizes(number, shown, title):
    found = Parsed(claro.size(number))
    assert (found.text, found.tags) == (shown, [("span", {"title": title})])


@pytest.mark.parametrize(("number", "shown"), [(0, "0"), (999, "999"), (1_000_000, "1,000,000")])
def test_counts(number, shown):
    assert claro.count(number) == shown


# --- Hostile texts ---


@pytest.mark.parametrize(
    ("content_type", "word", "icon"),
    [
        ("text/csv", "CSV", "file-type-csv"),
        ("application/pdf", "PDF", "file-type-pdf"),
        ("application/x-ndjson", "JSONL", "file-code"),
        ("image/png", "image/png", "file"),
        ("TEXT/CSV", "TEXT/CSV", "file"),
        ("", "unknown", "file"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>", "file"),
        ("text/\u202evsc", "text/�vsc", "file"),
    ],
)
def test_kinds(content_type, word, icon):
    found = Parsed(rendered("{{ kind|kind }}|{% icon kind|kind_icon %}", kind=content_type))
    assert found.text == f"{word}|"
    assert found.tags == [("span", {"class": f"icon icon-{icon}", "aria-hidden": "true"})]


@given(st.text())
def test_any_text_is_shown_as_text(text):
    found = Parsed(
        rendered("<p>{{ text|visible }}|{{ text|kind }}|{{ nested|pretty_json }}</p>", text=text, nested=[text])
    )
    assert [tag for tag, _ in found.tags] == ["p"]
    assert not set("\x00\u202e\u2066") & set(found.text)


@pytest.mark.parametrize(("value", "is_nested"), [([], True), ({}, True), ("[]", False), (None, False), (7, False)])
def test_only_lists_and_objects_are_nested(value, is_nested):
    assert claro.is_nested(value) is is_nested


# --- Addresses ---


@pytest.mark.parametrize(
    ("address", "tag", "expected"),
    [
        ("/?q=a&page=3", "{% query limit=100 %}", "?q=a&limit=100"),
        ("/?q=a&page=3", "{% query page=4 %}", "?q=a&page=4"),
        ("/?q=a&status=failed", "{% query status='' %}", "?q=a"),
        ("/?q=a", "{% query q='' %}", "?"),
        ("/?q=a", "{% query q=nothing %}", "?"),
        ("/", "{% query %}", "?"),
        ("/?unknown=x", "{% query sort='name' %}", "?unknown=x&sort=name"),
        ("/?q=a%26b%3D%23c", "{% query sort='name' %}", "?q=a%26b%3D%23c&sort=name"),
        ("/?q=%22%3E%3Cscript%3E", "{% query %}", "?q=%22%3E%3Cscript%3E"),
        ("/?filter=price+%3E+100&limit=0", "{% query sort='ü' %}", "?filter=price+%3E+100&limit=0&sort=%C3%BC"),
        ("/?q=1&q=2", "{% query %}", "?q=1&q=2"),
        ("/?column=a&column=b&page=2", "{% query limit=5 %}", "?column=a&column=b&limit=5"),
        ("/?column=a&column=b", "{% query column='' %}", "?"),
    ],
)
def test_an_address_keeps_what_is_not_changed_and_starts_at_the_first_page(address, tag, expected):
    assert rendered("{% autoescape off %}" + tag + "{% endautoescape %}", address) == expected


def header(address: str, **state) -> tuple[Parsed, dict]:
    state = {"sort": "", "order": "asc", **state}
    found = Parsed(rendered("{% sort_header label name %}", address, state=state, label="<b>Price", name="price"))
    assert [tag for tag, _ in found.tags] == ["th", "a", "bdi", "span"]
    assert found.text.strip() == "<b>Price"
    return found, found.tags[1][1]


@pytest.mark.parametrize(
    ("state", "aria_sort", "href"),
    [
        ({}, None, "?q=a&sort=price&order=asc"),
        ({"sort": "other", "order": "desc"}, None, "?q=a&sort=price&order=asc"),
        ({"sort": "price"}, "ascending", "?q=a&sort=price&order=desc"),
        ({"sort": "price", "order": "desc"}, "descending", "?q=a&sort=price&order=asc"),
    ],
)
def test_a_header_says_how_it_sorts_and_leads_to_the_next_way(state, aria_sort, href):
    found, link = header("/?q=a&page=7", **state)
    assert found.tags[0][1].get("aria-sort") == aria_sort
    assert link["href"] == href


@pytest.mark.parametrize(
    ("keys", "address", "expected"),
    [(["one"], "/", ""), (["one", "two"], "/", "?key=k"), ([], "/?key=k", "?key=k"), ([], "/", "")],
)
def test_the_key_stands_in_the_address_where_it_has_to_be_said(keys, address, expected):
    source = Source(datasource_id="7b0e0a0c-0000-4000-8000-000000000000", key_id="k")
    text = rendered("{% source_url 'sources:details' source %}", address, source=source, keys=keys)
    assert text == f"/sources/{source.datasource_id}/{expected}"


def test_a_value_is_read_by_its_name():
    template = Template("{% get_item values name %}|{% get_item values 'x' %}")
    assert template.render(Context({"values": {"a b": "<"}, "name": "a b"})) == "&lt;|"
