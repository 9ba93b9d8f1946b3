"""Chips become text, and the text becomes the same chips, on copies and in Claro's grammar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot.dialects import Dialect

from datasources.copies import chips, filters
from datasources.copies.chips import CannotSay, Chip, Group, Operator
from datasources.copies.chips.model import COMPARING, WITH_LIST, WITH_TWO, WITHOUT_VALUE
from datasources.copies.schema import Column, Kind
from sandbox import filters as on_claro
from sandbox.tables import Column as ClaroColumn

# Words of all SQL dialects: names like any other.
KEYWORDS = sorted(
    {word for one in Dialect.classes.values() for word in one.tokenizer_class.KEYWORDS if word.isidentifier()}
    | {"today", "TODAY", "escape", "Group"}
)
LETTERS = st.characters(codec="utf-8", exclude_characters="\0")
SIGNS = st.sampled_from(list("'\"`%_!\\()-,;$ \n5aA"))
NAMES = st.one_of(st.sampled_from(KEYWORDS), st.text(st.one_of(SIGNS, LETTERS), min_size=1, max_size=12))
NUMBERS = st.one_of(
    st.integers().map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr), st.just("00501")
)
VALUES = st.one_of(
    st.sampled_from(["", "true", "null", "2026-01-05", "' OR 1 = 1", "50%", "AB_", "a!b_", "x--y", "/* x", "today()"]),
    st.text(st.one_of(SIGNS, LETTERS), max_size=12),
    NUMBERS,
)
OPERATORS = st.sampled_from([one for one in Operator if one is not Operator.TEXT])


@st.composite
def chip_of(draw, names):
    operator, column = draw(OPERATORS), draw(st.sampled_from(names))
    if operator in WITHOUT_VALUE:
        return Chip(column, operator)
    if operator is Operator.LAST_DAYS:
        return Chip(column, operator, (str(draw(st.integers(1, 36_500))),))
    is_number = operator in COMPARING and draw(st.booleans())
    most = 2 if operator in WITH_TWO else 4 if operator in WITH_LIST else 1
    values = draw(st.lists(NUMBERS if is_number else VALUES, min_size=2 if most == 2 else 1, max_size=most))
    return Chip(column, operator, tuple(values), draw(st.booleans()), is_number)


@st.composite
def groups(draw):
    """The names of a table, and conditions on its columns."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    one = chip_of(names)
    kinds = st.sampled_from(list(chips.Kind))
    inner = st.builds(Group, kinds, st.lists(one, min_size=1, max_size=3).map(tuple))
    items = draw(st.lists(st.one_of(one, inner), max_size=4))
    return names, Group(draw(kinds), tuple(items))


@given(groups())
def test_chips_come_back_from_their_text(drawn):
    names, group = drawn
    text = chips.text(group)
    assert chips.parse(text, names) == group
    assert chips.parse(text) == group


@given(groups())
def test_a_copy_reads_all_that_chips_write(drawn):
    names, group = drawn
    columns = [Column(place, name, Kind.TEXT) for place, name in enumerate(names)]
    text = chips.text(group)
    if len(text) <= filters.LENGTH_MAX:
        filters.condition(text, columns)


@given(
    st.lists(NAMES, min_size=1, max_size=5, unique=True).flatmap(
        lambda names: st.tuples(st.just(names), chip_of(names))
    )
)
def test_claro_reads_what_chips_write_for_it_and_they_come_back(drawn):
    names, chip = drawn
    try:
        chip = chips.for_claro(chip)
    except CannotSay:
        return
    text = chips.text(Group(items=(chip,)))
    assert chips.parse(text, names) == Group(items=(chip,))
    assert "ILIKE" not in text or "ILIKE" in (*chip.values, chip.column)
    if len(text) <= on_claro.LENGTH_MAX:
        on_claro.where(text, [ClaroColumn(name, f"c{place}", "text") for place, name in enumerate(names)])


@pytest.mark.parametrize("name", KEYWORDS)
def test_a_word_of_sql_is_a_name_in_both_grammars(name):
    text = chips.text(Group(items=(Chip(name, Operator.GT, ("x",)),)))
    on_claro.where(text, [ClaroColumn(name, "c0", "text")])
    assert "c0" in filters.condition(text, [Column(0, name, Kind.TEXT)]).sql
