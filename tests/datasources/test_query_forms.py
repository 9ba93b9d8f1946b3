import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.forms import PageForm
from datasources.keys.forms import KeyChoiceForm
from datasources.rows.choices import Choice
from datasources.rows.forms import RowsForm
from datasources.sources.forms import SourceListForm

LIST_DEFAULTS = {"key": "", "status": "", "type": "", "q": "", "page": 1, "limit": 50, "sort": "uploaded"}
LIST_DEFAULTS |= {"order": "desc", "favourites": "", "tag": "", "since": "", "group": ""}
ROWS_DEFAULTS = {"page": 1, "limit": 50, "sort": "", "order": "asc", "filter": "", "column": (), "from_column": 1}
ROWS_DEFAULTS |= {"q": "", "check": "", "go": "", "row": "", "sorts": (), "choice": Choice()}
ROWS_DEFAULTS |= {"hide": (), "pin": (), "width": (), "columns": "", "thousands": ""}


@pytest.mark.parametrize(
    ("form", "defaults"),
    [(SourceListForm, LIST_DEFAULTS), (RowsForm, ROWS_DEFAULTS), (PageForm, {"page": 1}), (KeyChoiceForm, {"key": ""})],
)
@pytest.mark.parametrize("query", [{}, {"page": "", "limit": "", "sort": "", "key": ""}, {"unknown": "x"}])
def test_an_address_that_asks_for_nothing_has_defaults_and_no_complaints(form, defaults, query):
    asked = form(query)
    assert (asked.state(), asked.complaints()) == (defaults, [])


BAD_NUMBERS = ["abc", "1.5", "-1", "0", "1e3", "9" * 5000, "99999999999", "1 2", "\x00", "½"]


@pytest.mark.parametrize(
    ("form", "name", "values"),
    [
        (SourceListForm, "page", BAD_NUMBERS),
        (SourceListForm, "limit", [*BAD_NUMBERS, "101", "9999"]),
        (SourceListForm, "sort", ["nonsense", "file_name", "-name", "Name", "name; drop table"]),
        (SourceListForm, "order", ["up", "ASC", "asc,desc"]),
        (SourceListForm, "key", ["x", "1", "00000000-0000-0000-0000-00000000000g", "\x00"]),
        (SourceListForm, "status", ["x" * 51, "a\x00b"]),
        (SourceListForm, "type", ["x" * 256, "a\x00b"]),
        (SourceListForm, "q", ["x" * 201, "a\x00b"]),
        (RowsForm, "page", [*BAD_NUMBERS, "1000000001"]),
        (RowsForm, "limit", [*BAD_NUMBERS, "1001", "9999"]),
        (RowsForm, "order", ["up", "ASC"]),
        (RowsForm, "sort", ["x" * 1001, "a\x00b"]),
        (RowsForm, "filter", ["x" * 4001, "a\x00b"]),
        (RowsForm, "q", ["x" * 401, "a\x00b"]),
        (RowsForm, "go", [*BAD_NUMBERS, "1000000001"]),
        (RowsForm, "row", [*BAD_NUMBERS, "1000000001"]),
        (PageForm, "page", [*BAD_NUMBERS, "1000001"]),
        (KeyChoiceForm, "key", ["x", "' or 1=1 --"]),
    ],
)
def test_what_can_t_be_used_gets_a_sentence_and_the_default(form, name, values):
    defaults = form({}).state()
    for value in values:
        asked = form({name: value})
        assert asked.state()[name] == defaults[name], value
        [sentence] = asked.complaints()
        assert sentence.startswith(f"“{name}” in the address: ")
        assert sentence.endswith(".")


def test_one_bad_value_takes_nothing_from_the_good_ones():
    asked = SourceListForm({"page": "abc", "limit": "100", "q": "x"})
    state = asked.state()
    assert (state["page"], state["limit"], state["q"], len(asked.complaints())) == (1, 100, "x", 1)


@given(
    st.dictionaries(
        st.sampled_from(sorted([*LIST_DEFAULTS, "filter"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
@pytest.mark.parametrize("form", [SourceListForm, RowsForm, PageForm])
def test_no_address_at_all_is_an_error(form, query):
    asked = form(query)
    state = asked.state()
    assert isinstance(state["page"], int)
    assert len(asked.complaints()) <= len(query)


@pytest.mark.parametrize(
    ("form", "name", "value", "expected"),
    [
        (SourceListForm, "limit", "1", 1),
        (SourceListForm, "limit", "100", 100),
        (SourceListForm, "limit", "37", 37),
        (SourceListForm, "page", "1000000", 1_000_000),
        (SourceListForm, "q", "x" * 200, "x" * 200),
        (SourceListForm, "q", "  spaces around  ", "spaces around"),
        (SourceListForm, "status", "quarantined", "quarantined"),
        (RowsForm, "limit", "1", 1),
        (RowsForm, "limit", "1000", 1000),
        (RowsForm, "page", "1000000000", 1_000_000_000),
        (RowsForm, "sort", " column with spaces ", " column with spaces "),
        (RowsForm, "column", "price", ["price"]),
        (RowsForm, "column", ["", "a, b", " "], ["", "a, b", " "]),
        (RowsForm, "filter", " price > 100 ", " price > 100 "),
        (RowsForm, "filter", "x" * 4000, "x" * 4000),
    ],
)
def test_what_the_api_allows_goes_through_as_it_is(form, name, value, expected):
    asked = form({name: value})
    assert (asked.state()[name], asked.complaints()) == (expected, [])


def test_rows_are_asked_for_in_the_api_s_words():
    query = RowsForm.query(RowsForm({"sort": "price", "order": "desc", "filter": " a > 1"}).state())
    assert query.arguments() == {"sort": "price", "order": "desc", "filter": " a > 1"}
