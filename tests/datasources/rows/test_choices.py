"""Choices of columns: they survive the way through an address, and their changes."""

from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from datasources.rows import choices, column_changes
from datasources.rows.choices import Choice
from datasources.rows.column_changes import Ticked, changed

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=30, unique=True)


@st.composite
def tables(draw) -> tuple[list[str], list[str], Choice]:
    """The names of a table, those of them that are shown in any order, and how."""
    names = draw(NAMES)
    shown = draw(st.lists(st.sampled_from(names), unique=True))
    pins = tuple(draw(st.lists(st.sampled_from(names), max_size=choices.PINS_MAX, unique=True)))
    widths = draw(st.dictionaries(st.sampled_from(names), st.integers(choices.WIDTH_MIN, choices.WIDTH_MAX)))
    return names, shown, Choice(pins=pins, widths=widths, is_grouped=draw(st.booleans())).with_shown(shown, names)


def through(parameters: dict[str, list[str]]) -> Choice:
    address = choices.with_choice(QueryDict("filter=a&page=2"), parameters)
    return choices.read(dict(QueryDict(address.urlencode()).lists()))


@given(tables())
def test_any_choice_survives_the_way_through_an_address(table):
    names, shown, choice = table
    assert through(choice.parameters()) == choice
    pinned = [name for name in choice.pins if name in shown]
    assert choice.shown(names) == [*pinned, *(name for name in shown if name not in pinned)]


@given(tables(), st.data())
def test_any_change_leaves_columns_of_the_table_each_once(table, data):
    names, _, choice = table
    place = data.draw(st.integers(1, len(names)))
    change = data.draw(st.sampled_from(["all", "none", "group", "only", "show", "hide", "pin", "unpin", "fit"]))
    do = change if change in ("all", "none", "group") else f"{change} {place}"
    after = changed(choice, names, do)
    shown = after.shown(names)
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(names)
    assert through(after.parameters()).shown(names) == shown


def test_hiding_one_column_names_one_column():
    names = [f"Question {place}: how satisfied were you?" for place in range(200)]
    assert changed(Choice(), names, "hide 7").parameters() == {"hide": [names[6]]}
    assert changed(Choice(), names, "only 7").parameters() == {"column": [names[6]]}


def test_hidden_columns_come_back_to_their_place():
    hidden = changed(Choice(), ["a", "b", "c"], "hide 2")
    assert changed(hidden, ["a", "b", "c"], "show 2").parameters() == {}
    moved = changed(Choice(), ["a", "b", "c"], "left 3")
    assert moved.parameters() == {"column": ["a", "c", "b"]}
    assert changed(moved, ["a", "b", "c"], "right 3").parameters() == {}


def test_boxes_that_were_not_listed_keep_their_columns():
    after = changed(Choice(), ["a", "b", "c", "d"], "tick", Ticked(on=[1], off=[2]))
    assert after.shown(["a", "b", "c", "d"]) == ["a", "c", "d"]


def test_boxes_count_before_any_other_change():
    names, boxes = ["a", "b", "c", "d"], Ticked(on=[1, 3, 4], off=[2])
    assert changed(Choice(), names, "move 4 2", boxes).shown(names) == ["a", "d", "c"]
    after = changed(Choice(), names, "width 1 90", boxes)
    assert (after.shown(names), after.widths) == (["a", "c", "d"], {"a": 90})
    assert changed(Choice(), names, "all", boxes) == Choice()


@given(tables(), st.sampled_from(["group", "pin 1", "width 1 90", "all", "hide 1", "show 1"]))
def test_boxes_that_say_what_is_shown_change_nothing(table, do):
    names, shown, choice = table
    on = [place for place, name in enumerate(names, 1) if name in shown]
    off = [place for place, name in enumerate(names, 1) if name not in shown]
    assert changed(choice, names, do, Ticked(on, off)) == changed(choice, names, do)


def test_without_columns_the_first_tick_shows_one():
    nothing = changed(Choice(), ["a", "b"], "none")
    assert (nothing.parameters(), nothing.shown(["a", "b"])) == ({"columns": ["none"]}, [])
    assert changed(nothing, ["a", "b"], "tick", Ticked(on=[2], off=[1])).shown(["a", "b"]) == ["b"]


@given(st.text(max_size=20))
def test_what_is_no_button_changes_nothing(do):
    try:
        after = changed(Choice(), ["a"], do)
    except column_changes.UnknownChange:
        return
    assert do.split()[0] in column_changes._CHANGES
    assert set(after.shown(["a"])) <= {"a"}


def test_the_chooser_lists_some_hundreds_and_finds_the_others():
    names = [f"c{place}" for place in range(1, 2001)]
    assert len(column_changes.listed(names, Choice())) == column_changes.LISTED_MAX
    assert [column.place for column in column_changes.listed(names, Choice(), " C1999 ")] == [1999]
