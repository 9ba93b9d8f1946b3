"""Suspicious cells: what each check finds, and what addresses may name."""

import pytest

from datasources.claro import NumberText
from datasources.copies import checks, opened
from datasources.copies.checks import UnknownCheck
from datasources.copies.schema import Column, Kind
from tests.support.copies import built


def found(folder, check: str, cells: list) -> list:
    with opened.open_file(built(folder, ["first", "a"], [["x", cell] for cell in cells])) as reader:
        condition = checks.condition(f"{check}.2", reader.columns)
        sql = f"SELECT n FROM rows WHERE {condition.sql} ORDER BY n"  # noqa: S608
        return [cells[n - 1] for (n,) in reader.run(sql, condition.parameters)]


@pytest.mark.parametrize(
    ("check", "yes", "no"),
    [
        ("leading-zeros", ["00501", "-01", "007.5"], ["0", "0.5", "501", "0x1", "00a", ""]),
        ("numbers", ["5", "-1.5", "1e5", "1,234.5", "1.234,5", ".5", "0"], ["", "007", "5 kg", "1..2", "-", "five"]),
        ("not-numbers", ["n/a", "5 kg", " "], ["5", "007", "1e5", "", None]),
        (
            "dates",
            ["2024-01-31", "2024-01-31T10:00:00Z", "31.1.2024", "1/31/2024"],
            ["2024", "1.2.3", "2024-13-01", ""],
        ),
        ("not-dates", ["n/a", "2024"], ["2024-01-31", "", None]),
        ("mojibake", ["MÃ¼ller", "itâ€™s", "\ufffd", "Â£5", "ï»¿id"], ["Müller", "Ãlvaro", "£5", "abc", ""]),
        ("spaces", [" a", "a ", "a\n", "\u00a0a", "a  b", " ", "a\u3000"], ["a", "a b", "a\nb", ""]),
        ("duplicates", ["a", "a", "B\0", "B\0"], ["b", "c", "", "", None, None]),
    ],
)
def test_a_check_finds_these_cells_and_no_others(tmp_path, check, yes, no):
    assert found(tmp_path, check, [*yes, *no, "word"] if "not-" not in check else [*yes, *no])[: len(yes)] == yes
    assert len(found(tmp_path, check, [*yes, *no])) == len(yes)


@pytest.mark.parametrize(
    ("check", "cells"),
    [
        ("mixed-text", ["5", ""]),
        ("mixed-numbers", [5, 0.5, NumberText("1.10")]),
        ("mixed-booleans", [True]),
        ("mixed-nested", [[1]]),
        ("numbers", ["5"]),
    ],
)
def test_the_cells_of_a_mixed_column_are_told_apart_by_type(tmp_path, check, cells):
    assert found(tmp_path, check, ["5", "", 5, 0.5, NumberText("1.10"), True, [1], None]) == cells


@pytest.mark.parametrize(
    "check",
    ["", "spaces", "spaces.0", "spaces.3", "spaces.01", "spaces.2;", "x.1", "mixed-text.1", "spaces.2", "1=1.1"],
)
def test_other_checks_are_unknown(check):
    with pytest.raises(UnknownCheck):
        checks.condition(check, [Column(0, "a", Kind.TEXT), Column(1, "b", Kind.INT)])
