"""The tables inside a copy's file, and the kinds of its columns (docs/copies.md, the file).

    rows(n INTEGER, c0 <type>, c1 <type> …; for kinds DECIMAL and MIXED also k<place> VARCHAR(1), x<place> DOUBLE)
    columns(place INTEGER, name VARCHAR, kind VARCHAR)   profile(place INTEGER, facts VARCHAR)   meta(name, value)
    folded(n INTEGER, text VARCHAR)   once a search needed it

`n` is a row's number in the API's order, from 1. Names of columns are data: SQL uses places, so no name reaches it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datasources.claro import numbers
from datasources.claro.numbers import NumberText

# Part of a file: one that was written another way is not opened, and copied again.
FORMAT = 1
# Doubles hold all whole numbers up to this one.
WHOLE_DOUBLES = 2**53


class Kind(StrEnum):
    TEXT = "text"
    INT = "int"
    FLOAT = "float"
    # Whole numbers and floats as doubles: what is whole was sent without a point.
    NUMBER = "number"
    # Other numbers, of which a double would change some (2^53 + 1 beside 1.5, 5 beside 5.0, 1.10): the text is kept,
    # and a double beside it to compare (null for NaN).
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    NESTED = "nested"
    # Nothing but nulls.
    EMPTY = "empty"
    MIXED = "mixed"


# Cells of these kinds may be of any length.
LONG = (Kind.TEXT, Kind.NESTED, Kind.DECIMAL, Kind.MIXED)


class Letter(StrEnum):
    """The kind of one staged cell; a row has one text of such letters."""

    TEXT = "s"
    INT = "i"
    FLOAT = "f"
    # A number that int and float would change (numbers.NumberText).
    DECIMAL = "d"
    BOOLEAN = "b"
    NESTED = "j"
    NULL = "n"


# Of cells that are numbers, as SQL too.
NUMBERS = (Letter.INT, Letter.FLOAT, Letter.DECIMAL)
NUMBERS_SQL = ", ".join(f"'{letter}'" for letter in NUMBERS)


def folded(name: str) -> str:
    """The name without case and line breaks: enough to name a column, unless another one is equal in that.

    A form sends other line breaks than it was given, and a line to type in has none
    (https://html.spec.whatwg.org/#value-sanitization-algorithm).
    """
    return name.replace("\r", "").replace("\n", "").lower()


@dataclass(frozen=True)
class Column:
    """A column of a copy; `place` counts from 0."""

    place: int
    name: str
    kind: Kind

    @property
    def value(self) -> str:
        """The SQL of a cell as it is stored."""
        return f"c{self.place}"

    @property
    def letter(self) -> str | None:
        """The SQL of a cell's Letter, where the kind does not determine it."""
        return f"k{self.place}" if self.kind in (Kind.DECIMAL, Kind.MIXED) else None

    @property
    def number(self) -> str | None:
        """The SQL of a cell as a number (null where it is none, "5" being text); None for kinds without numbers."""
        if self.kind in (Kind.INT, Kind.FLOAT, Kind.NUMBER):
            return f"c{self.place}"
        return f"x{self.place}" if self.kind in (Kind.DECIMAL, Kind.MIXED) else None

    @property
    def text(self) -> str:
        """The SQL of a cell's text as a page shows it (null for null); DuckDB writes doubles as Python does."""
        value, as_text = self.value, f"CAST({self.value} AS VARCHAR)"
        match self.kind:
            case Kind.INT | Kind.FLOAT | Kind.BOOLEAN:
                return as_text
            case Kind.NUMBER:
                is_whole = f"{value} = trunc({value}) AND abs({value}) <= {WHOLE_DOUBLES}"
                return f"CASE WHEN {is_whole} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR) ELSE {as_text} END"
        return value

    @property
    def and_is_text(self) -> str:
        """The beginning of a condition, up to its AND, that leaves the texts of a mixed column; "" for other kinds."""
        return f"{self.letter} = '{Letter.TEXT}' AND " if self.kind is Kind.MIXED else ""

    @property
    def is_number(self) -> bool:
        return self.kind in (Kind.INT, Kind.FLOAT, Kind.NUMBER, Kind.DECIMAL)

    @property
    def stored(self) -> tuple[str, ...]:
        """The SQL to select for a cell: the arguments of `cell`."""
        return (self.value, self.letter) if self.letter else (self.value,)

    def cell(self, value: Any, letter: str | None = None) -> object:
        """The value that the API sent, from what is stored."""
        if value is None:
            return None
        match self.kind:
            case Kind.NUMBER:
                # A whole float beyond that was sent with an exponent (1e+22).
                return int(value) if value.is_integer() and abs(value) <= WHOLE_DOUBLES else value
            case Kind.NESTED:
                return numbers.loads(value)
            case Kind.DECIMAL | Kind.MIXED:
                return _from_letter(value, Letter(letter or Letter.TEXT))
        return value


def _from_letter(text: str, letter: Letter) -> object:
    match letter:
        case Letter.INT:
            return int(text)
        case Letter.FLOAT:
            return float(text)
        case Letter.DECIMAL:
            return NumberText(text)
        case Letter.BOOLEAN:
            return text == "true"
        case Letter.NESTED:
            return numbers.loads(text)
        case Letter.NULL:
            return None
    return text


def as_text(value: object) -> tuple[str | None, Letter]:
    """A cell as it is staged: its text and letter."""
    match value:
        case None:
            return None, Letter.NULL
        case bool():
            return ("true" if value else "false"), Letter.BOOLEAN
        case str():
            return value, Letter.TEXT
        case int():
            return str(value), Letter.INT
        case float():
            return repr(value), Letter.FLOAT
        case NumberText():
            return value.text, Letter.DECIMAL
    # As a table page shows it.
    return numbers.shown(value), Letter.NESTED


def named(columns: Sequence[Column], name: str) -> list[Column]:
    """The columns of exactly this name; where there are none, those whose names are equal when folded."""
    exact = [column for column in columns if column.name == name]
    return exact or [column for column in columns if folded(column.name) == folded(name)]
