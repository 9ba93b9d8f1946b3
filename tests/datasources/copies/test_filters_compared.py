"""A filter finds the same rows on Claro's side (the sandbox) and in a copy, apart from differences that are named here.

docs/copies.md documents the differences.
"""

import json
import random

import pytest

from datasources.claro import numbers
from datasources.copies import duck, filters
from sandbox import answers, parsing, records
from sandbox import filters as on_claro
from sandbox.tables import Tables
from tests.sandbox.calls import Calls
from tests.support.copies import built, contents

ROWS = 60
EXPRESSIONS = 400
# Cells as JSON texts; a column takes them in turns.
CELLS = {
    "big": ["9007199254740993", "9007199254740992", "-9007199254740993", "4611686018427387905", "null", "0"],
    "price": ["9.5", "0.1", "100.25", "-3.5", "1e+22", "null", "0.30000000000000004"],
    "mixed numbers": ["5", "2.5", "-1", "1e+16", "0", "null"],
    "digits": ["100.10", "100.1", "1E2", "12345678901234567890.12", "9007199254740993", "5", "-0.50", "null", "1e400"],
    "name": ['"Ärger"', '"bär"', '"Bär"', '""', '"it\'s"', '"50% off_now"', '"a\\\\b"', "null", '"東京"', '"e\\u0301"'],
    "zip": ['"00501"', '"501"', '"1e2"', '" 7 "', '"n/a"', '"NaN"', '"7.0"', "null", '"-3"', '"inf"', '"1_000"'],
    "at": ['"2026-01-04"', '"2026-01-05"', '"2026-01-05T10:00:00Z"', '"2026-01-06T00:00:00+01:00"', '"soon"', "null"],
    "active": ["true", "false", "null"],
    # With one value at most: the sandbox writes no spaces between several.
    "attrs": ['["b"]', "[]", "[7]", "{}", "null", '["a"]'],
    "any": ["7", '"7"', '"a"', "true", "null", "7.50", "[7]", '"true"', "-1", '"00501"'],
    "nothing": ["null"],
}
CSV = "id,amount,count,code\n" + "\n".join(
    f"{n},{amount},{count},{code}"
    for n, (amount, count, code) in enumerate(
        [
            ("1.10", 7, "A1"),
            ("-8.00", 12, ""),
            ("0.1234567890123456789", 900719925474099, "a1"),
            ("", 0, "7"),
            ("7", -1, "007"),
        ],
        start=1,
    )
)
# Texts that are asked for besides those in cells.
ASKED = ["7", "7.0", "501", "x", "true", "1e2", "100.1", "%", "2026-01-05T10", "-1", "9007199254740993", "NULL", "ß"]
PATTERNS = ["%", "_", "%a%", "%är", "A%", "%'%", "1%", "%.%0", "%\\%", "7", "%E%", "[%", "__", "%5%1%"]
SIGNS = ["=", "<>", "!=", "<", "<=", ">", ">=", "=="]
# As the copy alone compares days with their times, they are asked for by these signs only.
SIGNS_OF_DAYS = ["<", ">="]
DAYS = ["2026-01-04", "2026-01-05", "2026-01-06"]


class Both:
    """One table in the sandbox and as a copy."""

    def __init__(self, folder, columns, rows):
        self._tables, self._columns = Tables(folder), columns
        self._tables.create("t", columns, rows)
        shown = self._tables.page("t", columns, start=0, limit=10**6, where=None, order="")
        self.names = [column.name for column in columns]
        path = built(folder, self.names, numbers.loads(answers.to_json(shown)))
        self._copy_columns, self.cells = contents(path)
        self._copy = duck.connect("256MB")
        self._copy.execute(f"ATTACH {duck.quoted(path)} AS copy (READ_ONLY); USE copy")

    def on_claro(self, expression: str) -> list[int]:
        where = on_claro.where(expression, self._columns)
        found = self._tables.run(f"SELECT n FROM t WHERE {where.sql} ORDER BY n", where.values).fetchall()  # noqa: S608
        return [n for (n,) in found]

    def in_copy(self, expression: str) -> list[int]:
        where = filters.condition(expression, self._copy_columns)
        found = self._copy.execute(f"SELECT n FROM rows WHERE {where.sql} ORDER BY n", where.parameters)  # noqa: S608
        return [n for (n,) in found.fetchall()]


def lines() -> str:
    """A row for each line; columns whose cells repeat after different numbers of rows."""
    names = ["id", *CELLS]
    rows = [
        [str(n), *(cells[n * step % len(cells)] for step, cells in enumerate(CELLS.values(), 1))] for n in range(ROWS)
    ]
    return "\n".join(
        "{" + ",".join(f"{json.dumps(k)}:{v}" for k, v in zip(names, row, strict=True)) + "}" for row in rows
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> Both:
    return Both(tmp_path_factory.mktemp("both"), *records.lines_table(lines()))


@pytest.fixture(scope="module")
def both_csv(tmp_path_factory) -> Both:
    folder = tmp_path_factory.mktemp("csv")
    (folder / "a.csv").write_text(CSV)
    return Both(folder, *parsing.parse(folder / "a.csv", "text/csv"))


class Expressions:
    """Expressions over a table, the same ones for the same seed."""

    def __init__(self, names, cells, seed):
        self._names, self._random = names, random.Random(seed)  # noqa: S311
        self._texts = {name: [row[place] for row in cells] for place, name in enumerate(names)}

    def one(self, depth: int = 2) -> str:
        r = self._random
        if depth and r.random() < 0.5:
            word = r.choice(["AND", "OR"])
            return f"({self.one(depth - 1)} {word} {self.one(depth - 1)})"
        return ("NOT " if r.random() < 0.25 else "") + self._comparison()

    def _comparison(self) -> str:
        r = self._random
        name = r.choice(self._names)
        column = f'"{name}"'
        match r.randrange(8):
            case 0:
                return f"{column} IS {r.choice(['NULL', 'NOT NULL'])}"
            case 1:
                word = r.choice(["LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE"])
                return f"{column} {word} {self._quoted(r.choice(PATTERNS))}"
            case 2:
                values = ", ".join(self._value(name) for _ in range(r.randint(1, 4)))
                return f"{column} {r.choice(['IN', 'NOT IN'])} ({values})"
            case 3:
                return f"{column} {r.choice(['', 'NOT '])}BETWEEN {self._value(name)} AND {self._value(name)}"
            case 4:
                return f'{column} {r.choice(SIGNS)} "{r.choice(self._names)}"'
            case 5 if name == "at":
                return f"at {r.choice(SIGNS_OF_DAYS)} '{r.choice(DAYS)}'"
            case 6:
                return f"{self._value(name)} {r.choice(SIGNS)} {column}"
        return f"{column} {r.choice(SIGNS)} {self._value(name)}"

    def _value(self, name: str) -> str:
        """A cell of the column, or another text; as a number or a truth value where it reads as one, or quoted."""
        cell = self._random.choice([*self._texts[name], *ASKED])
        text = numbers.shown(cell) if isinstance(cell, list | dict | bool) else str(cell)
        if text in DAYS:
            text += "T"
        is_bare = self._random.random() < 0.6 and (text in ("true", "false") or reads_as_number(text))
        return text if is_bare else self._quoted(text)

    @staticmethod
    def _quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"


def reads_as_number(text: str) -> bool:
    return text.strip("-0123456789.").lower() in ("", "e", "e+") and text[-1:].isdigit()


@pytest.mark.parametrize("seed", range(4))
def test_the_same_rows_are_found(both, seed):
    expressions = Expressions(both.names, both.cells, seed)
    for _ in range(EXPRESSIONS // 4):
        expression = expressions.one()
        assert both.in_copy(expression) == both.on_claro(expression), expression


def test_the_same_rows_of_a_csv_are_found(both_csv):
    expressions = Expressions(both_csv.names, both_csv.cells, 5)
    for _ in range(100):
        expression = expressions.one()
        assert both_csv.in_copy(expression) == both_csv.on_claro(expression), expression


def test_expressions_find_some_rows_but_not_all(both):
    """Else equal answers would mean little."""
    expressions = Expressions(both.names, both.cells, 0)
    counts = [len(both.in_copy(expressions.one())) for _ in range(100)]
    assert sum(0 < count < ROWS for count in counts) > 50


def test_the_same_rows_are_found_over_http(both, the_sandbox):
    account = the_sandbox.account(1_000_000)
    source_id = account.upload("things.jsonl", lines())
    calls = Calls(the_sandbox.base_url, account.key)
    expressions = Expressions(both.names, both.cells, 7)
    for _ in range(20):
        expression = expressions.one()
        ids = calls.column(source_id, "id", filter=expression, limit=1000)
        assert both.in_copy(expression) == [number + 1 for number in ids], expression


REFUSED = "refused"
# What the sandbox finds, and the copy; rows count from 1.
DIFFERENT = {
    # A day includes its times.
    "at = '2026-01-05'": ([2], [2, 3]),
    "at <= '2026-01-05'": ([1, 2], [1, 2, 3]),
    "at > '2026-01-05'": ([3], []),
    "at BETWEEN '2026-01-05' AND '2026-01-05'": ([2], [2, 3]),
    # Nested values have the text that the page shows, with spaces.
    "attrs = '{\"k\": 1}'": ([], [1]),
    "attrs = '{\"k\":1}'": ([1], []),
    # The sandbox compares 18 places after the point.
    "price = 0.1000000000000000001": ([1], []),
    # Only a copy reads these.
    "name LIKE '50!%' ESCAPE '!'": (REFUSED, [1]),
    "any = 7": (REFUSED, [1]),
    "call = 7": (REFUSED, [1]),
}


@pytest.fixture(scope="module")
def both_small(tmp_path_factory) -> Both:
    rows = [
        {"price": 0.1, "at": "2026-01-04", "attrs": {"k": 1}, "name": "50%", "any": 7, "call": 7},
        {"price": 0.2, "at": "2026-01-05", "attrs": [1, 2], "name": "500", "any": 8, "call": 8},
        {"price": 0.3, "at": "2026-01-05T10:00:00Z", "attrs": None, "name": "50", "any": 9, "call": 9},
    ]
    return Both(tmp_path_factory.mktemp("small"), *records.lines_table("\n".join(map(json.dumps, rows))))


@pytest.mark.parametrize("expression", DIFFERENT)
def test_a_documented_difference(both_small, expression):
    on_claro, in_copy = DIFFERENT[expression]
    assert both_small.in_copy(expression) == in_copy
    if on_claro is REFUSED:
        with pytest.raises(answers.ApiFault):
            both_small.on_claro(expression)
    else:
        assert both_small.on_claro(expression) == on_claro
