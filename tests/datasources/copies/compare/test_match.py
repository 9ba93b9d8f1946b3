from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasources.copies.compare import match
from datasources.copies.compare.match import CannotCompare, Match, Side
from datasources.copies.opened import open_file
from tests.support.copies import built, contents

COLUMNS = ["id", "name", "price"]
BEFORE = [[1, "a", 1.5], [2, "b", None], [3, "c", 3.5], [4, "", 4.0]]
NOW = [[5, "e", 5.5], [2, "b", 2.5], [1, "a", 1.5], [4, None, 4.0]]


@pytest.fixture
def compared(tmp_path):
    """What differs between two tables, and the rows of the table of differences."""

    def compare(before, now, on=(), columns=(COLUMNS, COLUMNS)):
        sides = []
        for name, names, rows in zip("ab", columns, (before, now), strict=True):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            path = built(folder, names, rows)
            with open_file(path, seconds=60) as reader:
                sides.append(Side(path, reader.columns))
        target = tmp_path / "target.new"
        target.unlink(missing_ok=True)
        work = Match(*sides, list(on), target)
        try:
            found = work.write(lambda _: None)
        finally:
            work.close()
        return found, *contents(target)

    return compare


def test_rows_are_matched_by_their_key(compared):
    found, columns, rows = compared(BEFORE, NOW, ["id"])
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 1, 2, 1)
    assert found.duplicates == (0, 0)
    assert found.cells == [0, 1, 1]
    assert [column.name for column in columns] == [
        "Change",
        "Row before",
        "Row now",
        "id",
        "name (before)",
        "name (now)",
        "price (before)",
        "price (now)",
        "name changed",
        "price changed",
    ]
    assert rows == [
        ["added", None, 1, 5, None, "e", None, 5.5, False, False],
        ["changed", 2, 2, 2, "b", "b", None, 2.5, False, True],
        ["removed", 3, None, 3, "c", None, 3.5, None, False, False],
        ["changed", 4, 4, 4, "", None, 4.0, 4.0, True, False],
    ]


def test_whole_rows_are_compared_with_their_number(compared):
    twice = [[1, "a", 1.5]] * 3
    found, _, rows = compared([*twice, [2, "b", 2.5]], [*twice[:2], [2, "b", 2.5], [2, "b", 2.5]])
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 1, 0, 3)
    assert sorted(row[0] for row in rows) == ["added", "removed"]


def test_rows_of_a_key_that_is_not_unique_are_matched_in_their_order(compared):
    found, _, rows = compared([[1, "a", 1], [1, "b", 2], [1, "c", 3]], [[1, "a", 1], [1, "x", 2]], ["id"])
    assert found.duplicates == (2, 1)
    assert (found.added, found.removed, found.changed, found.unchanged) == (0, 1, 1, 1)
    assert [row[:3] for row in rows] == [["changed", 2, 2], ["removed", 3, None]]


def test_several_columns_form_a_key_and_null_is_a_value_of_it(compared):
    found, _, _ = compared([[1, None, 1], [1, "", 2]], [[1, "", 2], [1, None, 7]], ["id", "name"])
    assert found.duplicates == (0, 0)
    assert (found.added, found.removed, found.changed, found.unchanged) == (0, 0, 1, 1)


def test_columns_of_other_kinds_are_compared_by_their_text(compared):
    found, columns, rows = compared([[1, "5", 1], [2, "x", 2]], [[1, 5, 1], [2, 6, 2]], ["id"])
    assert found.cells == [0, 1, 0]
    assert rows == [["changed", 2, 2, 2, "x", 6, 2, 2, True, False]]
    assert [column.kind for column in columns[4:6]] == ["text", "int"]


def test_numbers_are_compared_as_they_were_sent(compared):
    exact = 2**53 + 1
    found, _, rows = compared([[1, "a", exact], [2, "a", 2**70]], [[1, "a", exact - 1], [2, "a", 2**70]], ["id"])
    assert found.changed == 1
    assert rows[0][6:8] == [exact, exact - 1]


def test_columns_are_matched_by_name_wherever_they_are(compared):
    found, _, _ = compared([[1, "a", 9]], [["a", 1, 9]], ["id"], (["id", "name", "old"], ["name", "id", "new"]))
    assert [pair.name for pair in found.pairs] == ["name", "id"]
    assert found.unchanged == 1


def test_a_key_that_one_table_lacks_is_refused(compared):
    with pytest.raises(CannotCompare, match="The column old is not in both tables"):
        compared([[1, "a", 9]], [[1, "a", 9]], ["old"], (["id", "name", "old"], ["id", "name", "new"]))


def test_tables_without_a_common_column_are_refused(compared):
    with pytest.raises(CannotCompare, match="no column in common"):
        compared([[1]], [[1]], (), (["a"], ["b"]))


def test_the_table_is_cut_and_the_counts_are_not(compared, monkeypatch):
    monkeypatch.setattr(match, "ROWS_MAX", 2)
    found, _, rows = compared(BEFORE, [], ["id"])
    assert (found.removed, found.shown, len(rows)) == (4, 2, 2)


def test_names_are_never_part_of_the_sql(compared):
    hostile = ["x'; DROP TABLE rows; --", '"', "ra"]
    found, columns, _ = compared([[1, "a", 1]], [[1, "b", 1]], [hostile[0]], (hostile, hostile))
    assert found.changed == 1
    assert columns[3].name == hostile[0]


cells = st.one_of(
    st.none(), st.integers(-3, 3), st.sampled_from(["", "a", "1", "1.0", "x"]), st.booleans(), st.just(1.0)
)
tables = st.lists(st.tuples(st.integers(0, 4), cells, cells), max_size=8)


@pytest.mark.slow
@settings(max_examples=25)
@given(before=tables, now=tables)
def test_the_counts_are_those_of_a_comparison_in_python(tmp_path_factory, before, now):
    """By whole rows, two tables differ as their rows do, counted with their types."""
    folder = tmp_path_factory.mktemp("compared")
    sides = []
    for name, rows in (("a", before), ("b", now)):
        (folder / name).mkdir()
        path = built(folder / name, COLUMNS, [list(row) for row in rows])
        with open_file(path, seconds=60) as reader:
            sides.append(Side(path, reader.columns))
    kinds = [[column.kind for column in side.columns] for side in sides]
    work = Match(*sides, [], folder / "target.new")
    found = work.write(lambda _: None)
    work.close()
    shown = (lambda cell: repr(cell)) if kinds[0] == kinds[1] else None
    if shown:
        a, b = (Counter(tuple(map(shown, row)) for row in rows) for rows in (before, now))
        assert found.added == (b - a).total()
        assert found.removed == (a - b).total()
    assert found.unchanged + found.removed == len(before)
    assert found.unchanged + found.added == len(now)
