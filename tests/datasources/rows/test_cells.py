"""Asserted on the HTML as a parser reads it: what the API says is text, and stays text."""

import math
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasources.claro import NumberText
from datasources.rows.cells import CUT_AT, FITS, cell, escaped, grouped, whole
from datasources.rows.choices import Choice
from datasources.rows.pages import Rows
from datasources.rows.tables import table

OURS = {"tr", "th", "td", "bdi", "span", "button", "a"}
ATTRIBUTES = {
    "tr": {"id"},
    "th": {"scope"},
    "td": {"class"},
    "bdi": set(),
    "span": {"class", "role", "aria-label"},
    "button": {"class", "form", "name", "value"},
    "a": {"href", "rel", "target"},
}
TRAPS = "\x00\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</td></tr></table><h1>",
    "</button><iframe src=//evil.example>",
    "<!-- --><!doctype html>",
    "&lt;b&gt; &amp;amp; &#60;",
    "{{ 7*7 }} {% now 'Y' %}",
    "javascript:alert(1)",
    "' onmouseover='alert(1)",
    '" onmouseover="alert(1)" x="',
    "`onmouseover=alert(1)`",
]


class Parsed(HTMLParser):
    """The tags with their attributes, and the text, of some HTML."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.others: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), "an attribute stands twice"
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment

    def attributes(self, tag: str) -> dict[str, str]:
        [found] = [attributes for name, attributes in self.tags if name == tag]
        return found

    @property
    def classes(self) -> list[str]:
        return self.attributes("td")["class"].split()


def parsed(value: object) -> Parsed:
    """The one cell of a value, with nothing in it but what we put there."""
    found = Parsed(cell(value))
    assert found.others == []
    assert found.tags[0][0] == "td"
    for tag, attributes in found.tags:
        assert tag in OURS - {"tr", "th"}
        assert attributes.keys() <= ATTRIBUTES[tag]
    return found


def body(page: Rows) -> str:
    return table(page, {"choice": Choice(), "from_column": 1, "sort": "", "order": "asc"}, {}).body


def one_row(*values: object) -> Rows:
    return Rows(columns=tuple("abc"[: len(values)]), rows=[list(values)], first=0, total=1, has_next=False)


def test_a_text_is_shown_as_it_is():
    found = parsed("thing 7")
    assert (found.classes, found.text) == (["is-text"], "thing 7")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("wrap", [str, lambda text: text * 40, lambda text: [text], lambda text: {text: {"x": text}}])
def test_hostile_text_stays_text(text, wrap):
    found = parsed(wrap(text))
    assert text[:8] in found.text.replace('\\"', '"')
    assert "a" not in [tag for tag, _ in found.tags]


@given(st.text())
def test_any_text_comes_out_as_it_went_in(text):
    found = parsed(text)
    text = text.replace("\x00", "\ufffd")
    if "is-empty" in found.classes:
        assert text == ""
    elif "is-cut" in found.classes:
        assert found.text in (text[: CUT_AT - 1] + "…", text[:CUT_AT])
    else:
        assert found.text == text
    assert Parsed(escaped(whole(text))).text == text


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_json_value_is_one_cell_that_adds_no_markup(value):
    found = parsed(value)
    if isinstance(value, list | dict):
        assert "is-json" in found.classes


@given(st.text(st.characters(codec="ascii")) | st.text() | st.integers() | st.lists(st.text(max_size=9)))
def test_whatever_may_be_wider_than_its_column_is_clipped(value):
    text = value if isinstance(value, str) else whole(value, is_compact=True)
    is_clipped = not {"is-long", "is-link", "is-cut", "is-lines"}.isdisjoint(parsed(value).classes)
    assert is_clipped is (len(text) > FITS or not text.isascii() or "\n" in text)


def test_null_is_told_apart_from_empty_text_and_from_the_word():
    assert (parsed(None).classes, parsed(None).text) == (["is-null"], "null")
    assert (parsed("").classes, parsed("").text) == (["is-empty"], "empty")
    assert parsed("null").classes == ["is-text"]
    assert parsed(" ").classes == ["is-text", "is-blank"]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (-7, "-7"),
        (1.5, "1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (10**100, "1" + "0" * 100),
        (NumberText("0.1234567890123456789"), "0.1234567890123456789"),
        (NumberText("0.00001"), "0.00001"),
        (NumberText("1E5"), "1E5"),
        (-0.0, "-0.0"),
        (2**63, "9223372036854775808"),
        (1e300, "1e+300"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_have_their_own_class_and_lose_no_digit(number, shown):
    found = parsed(number)
    assert (found.classes[0], found.text) == ("is-number", shown)


@pytest.mark.parametrize(("value", "shown"), [(True, "true"), (False, "false")])
def test_a_truth_value_is_no_number(value, shown):
    found = parsed(value)
    assert (found.classes, found.text) == (["is-bool"], shown)


def test_a_nested_value_is_shown_as_json():
    found = parsed({"a": [1, None, "ü"]})
    assert (found.classes, found.text) == (["is-json", "is-long"], '{"a": [1, null, "ü"]}')


def test_a_nested_number_keeps_its_digits():
    assert parsed({"a": [NumberText("1.10"), "1.10"]}).text == '{"a": [1.10, "1.10"]}'


def test_a_long_nested_value_is_cut_and_its_whole_text_has_lines():
    value = {"names": [f"name {number}" for number in range(60)], "n": NumberText("1.10")}
    found = parsed(value)
    assert found.classes == ["is-json", "is-long", "is-cut"]
    assert len(found.text) == CUT_AT
    assert "\n" in whole(value)
    assert '"n": 1.10' in whole(value)
    assert "\n" not in whole(value, is_compact=True)


@pytest.mark.parametrize(("length", "is_cut"), [(CUT_AT, False), (CUT_AT + 1, True)])
@pytest.mark.parametrize("character", ["x", "1"])
def test_a_long_text_or_number_is_cut_and_its_button_names_the_cell(length, is_cut, character):
    text = character * length
    found = Parsed(cell(int(text) if character == "1" else text, row=7, place=3))
    assert ("is-cut" in found.classes) is is_cut
    if is_cut:
        assert found.text == character * (CUT_AT - 1) + "…"
        button = {"class": "cell-more", "form": "cell", "name": "at", "value": "7.3"}
        assert found.attributes("button") == button
    assert len(cell(text * 1000)) < 400


def test_a_text_of_several_lines_opens_in_the_dialog_and_is_whole_in_its_cell():
    found = parsed("one\r\n\ntwo")
    assert found.classes == ["is-text", "is-lines"]
    assert found.text == "one\r\n\ntwo"


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("  before", [("ws", "  ")]),
        ("after  ", [("ws", "  ")]),
        ("two  within", []),
        ("tab\there", [("ws", "\t")]),
        (" \xa0both\u3000", [("ws", " \xa0"), ("ws", "\u3000")]),
        ("no\xa0break", [("ws", "\xa0")]),
        ("a\nb", [("nl", "\n")]),
        ("a\r\n\u2028b", [("nl", "\r\n\u2028")]),
        ("zero\u200bwidth\ufeff", [("zw", "\u200b"), ("zw", "\ufeff")]),
        ("bell\x07", [("zw", "\x07")]),
        ("<a> &amp; ", [("ws", " ")]),
        ("می\u200cخواهم", []),
        ("👩\u200d🚀 ❤\ufe0f", []),
        ("\u200fשלום\u200e", []),
    ],
)
def test_spaces_and_characters_that_cannot_be_seen_are_marked_and_stay(text, marks):
    found = re.findall(r'<span class="(\w+)">(.*?)</span>', cell(text).replace("&#13;", "\r"), re.DOTALL)
    assert found == marks
    assert parsed(text).text == text


def test_carriage_returns_are_written_so_that_no_browser_drops_them():
    assert escaped("a\r\nb\r") == "a&#13;\nb&#13;"
    assert "&#13;" in cell("a\rb")
    assert "&#13;" in cell("\r")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" ", "space"),
        ("   ", "3 spaces"),
        ("\t", "tab"),
        ("\n", "line break"),
        ("\r\n", "line break"),
        ("\xa0\xa0", "2 no-break spaces"),
        ("\u200b", "zero width space"),
        ("\u2060", "word joiner"),
        ("\ufeff", "zero width no-break space"),
        ("\u200e", "left-to-right mark"),
        ("\u3000", "ideographic space"),
        ("\x07", "U+0007"),
        ("\u3164", "hangul filler"),
        (" \n\u200b", "3 invisible characters"),
        (" " * 1000, "1,000 spaces"),
    ],
)
def test_a_cell_of_which_nothing_can_be_seen_says_what_it_holds(text, words):
    found = parsed(text)
    assert found.classes[:2] == ["is-text", "is-blank"]
    assert found.attributes("span") == {"role": "img", "aria-label": words}
    assert found.text == text[:CUT_AT]


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/a?b=c&d=%22e%22#f",
        "http://example.com",
        "https://example.com:8443/",
        "https://[2001:db8::1]/x",
        "https://exämple.example/ü",
        "https://example.com/?q='\"><script>",
    ],
)
def test_an_http_address_is_a_link_that_tells_the_other_side_nothing(address):
    found = parsed(address)
    assert found.classes == ["is-link"]
    link = {"href": address, "rel": "noopener noreferrer nofollow", "target": "_blank"}
    assert (found.attributes("a"), found.text) == (link, address)


def test_a_long_address_is_cut_and_leads_to_the_whole():
    address = "https://example.com/" + "x" * 500
    found = parsed(address)
    assert found.attributes("a")["href"] == address
    assert len(found.text) == CUT_AT


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)//https://example.com",
        "JAVASCRIPT:alert(1)",
        "data:text/html,<b>",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/",
        "see https://example.com/",
        " https://example.com/",
        "https://",
        "http:///path",
        "https://?q",
        "https://bank.example@evil.example/",
        "https://user:password@example.com/",
        "https://evil.example\\@bank.example/",
        "https://example.com/a b",
        "https://example.com/\nx",
        "https://example.com/\u202egnp.exe",
        "https://example.com/\u200bx",
        "https://example.com/\x00",
        "https://[broken/",
        "https://example.com/" + "x" * 2000,
    ],
)
def test_nothing_else_is_a_link(text):
    assert "is-link" not in parsed(text).classes


@pytest.mark.parametrize("mark", TRAPS[1:])
@pytest.mark.parametrize("text", ["a{}b", "{}12/03/2024{}", "{}" * 9 + "C:\\x", ("{}x" * 100)])
def test_direction_marks_stay_in_a_cell_and_act_only_there(mark, text):
    text = text.replace("{}", mark)
    html = cell(text)
    assert Parsed(html).text in (text, text[: CUT_AT - 1] + "…")
    inside = re.search("<bdi>(.*)</bdi>", html, re.DOTALL)[1]
    assert not any(trap in html.replace(inside, "") for trap in TRAPS)


def test_a_text_stands_in_a_direction_of_its_own():
    assert [tag for tag, _ in parsed("שלום").tags] == ["td", "bdi"]
    assert [tag for tag, _ in parsed("שלום" * 50).tags] == ["td", "button", "bdi"]


def test_rows_are_numbered_from_the_page_s_first():
    html = body(Rows(("a",), [["x"], ["y"]], first=1_049_999, total=None, has_next=False))
    found = Parsed(html)
    assert [attributes["id"] for tag, attributes in found.tags if tag == "tr"] == ["row-1050000", "row-1050001"]
    assert [attributes for tag, attributes in found.tags if tag == "th"] == [{"scope": "row"}] * 2
    assert found.text == "1,050,000x\n1,050,001y"


def test_a_page_has_a_cell_for_each_value():
    found = Parsed(body(one_row("a", None, 3)))
    assert [tag for tag, _ in found.tags] == ["tr", "th", "button", "td", "td", "td"]


def test_a_page_without_rows_is_empty():
    assert body(Rows((), [], 0, 0, False)) == ""


def test_a_template_does_not_escape_the_body_again():
    assert body(one_row("<b>")).__html__().count("&lt;b&gt;") == 1


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=3))
def test_the_fast_way_and_the_thorough_one_mark_the_same(text):
    marks = re.compile(r'<span class="(?:nl|ws|zw)"|is-blank')
    thorough = cell(text + "x" * CUT_AT)
    assert bool(marks.search(cell(text + "x"))) == bool(marks.search(thorough))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, '<td class="is-number p2">1<i></i>234<i></i>567</td>'),
        (-123456.5, '<td class="is-number d1">-123<i></i>456.5</td>'),
        (NumberText("1000.25"), '<td class="is-number">1<i></i>000.25</td>'),
        (1e30, ""),
        (True, ""),
        ("1234", ""),
        (None, ""),
    ],
)
def test_thousands_are_grouped_and_decimals_aligned_without_other_text(value, shown):
    assert grouped(value, 2) == shown
    assert not shown or Parsed(shown).text == str(value)
