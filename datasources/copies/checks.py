"""Suspicious cells of a column: what they are, and the SQL condition that finds their rows.

An address names a check as `<name>.<place>`, places counted from 1: `spaces.3`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datasources.copies.conditions import Condition
from datasources.copies.schema import NUMBERS, Column, Kind, Letter

# What UTF-8 becomes when it is read as Windows-1252: each continuation byte is one of these.
_CONTINUED = "\\x{80}-\\x{BF}€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_MOJIBAKE = f"[ÂÃ][{_CONTINUED}]|â€|â‚¬|ï»¿|[ÐÑ][{_CONTINUED}][ÐÑ]|\\x{{FFFD}}"
# RE2's \s has neither these two nor the spaces of Unicode.
_SPACE = r"[\s\x0B\x{85}\p{Z}]"
_SPACES = rf"^{_SPACE}|{_SPACE}$|[ \t\x{{A0}}]{{2}}"
_LEADING_ZEROS = r"[+-]?0[0-9]+([.,][0-9]+)?"
_NUMBER = (
    r"[+-]?((0|[1-9][0-9]*|[1-9][0-9]{0,2}(\.[0-9]{3})+|[1-9][0-9]{0,2}(,[0-9]{3})+)([.,][0-9]+)?|[.,][0-9]+)"
    r"([eE][+-]?[0-9]+)?"
)
_TIME = r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
ISO_DATE = rf"[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]){_TIME}Z?)?"
_DATE = (
    rf"[0-9]{{4}}[-/](0[1-9]|1[0-2])[-/](0[1-9]|[12][0-9]|3[01]){_TIME}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?)?"
    rf"|[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-][0-9]{{4}}{_TIME})?"
)


@dataclass(frozen=True)
class Check:
    """A kind of suspicious cells: words for people, and their SQL in a column; null there counts as no."""

    title: str
    note: str
    sql: Callable[[Column], str]
    kinds: frozenset[Kind] = frozenset({Kind.TEXT, Kind.MIXED})


class UnknownCheck(Exception):
    """An address names no check, or one that its column can't have."""


def condition(check: str, columns: Sequence[Column]) -> Condition:
    """The rows that a check of an address finds. Raises UnknownCheck."""
    found = re.fullmatch(r"([a-z-]{1,40})\.([1-9][0-9]{0,5})", check, re.ASCII)
    if not found or found[1] not in CHECKS or int(found[2]) > len(columns):
        raise UnknownCheck(check)
    known, column = CHECKS[found[1]], columns[int(found[2]) - 1]
    if column.kind not in known.kinds:
        raise UnknownCheck(check)
    return Condition(known.sql(column))


def of(column: Column) -> dict[str, Check]:
    return {name: check for name, check in CHECKS.items() if column.kind in check.kinds}


def words(check: str, columns: Sequence[Column]) -> str:
    """The title of an address's check, without the column's name. Raises UnknownCheck."""
    condition(check, columns)
    return CHECKS[check.partition(".")[0]].title


def text_matches(column: Column, pattern: str, *, is_whole: bool = True) -> str:
    """The SQL for the texts of a column that match."""
    function = "regexp_full_match" if is_whole else "regexp_matches"
    return f"({column.and_is_text}{function}({column.value}, '{pattern}'))"


def _other_than(*patterns: str) -> Callable[[Column], str]:
    """Texts that are not empty and match none of the patterns."""
    return lambda column: (
        f"({column.and_is_text}{column.value} <> '' AND NOT regexp_full_match({column.value}, '{'|'.join(patterns)}'))"
    )


def _matching(pattern: str, *, is_whole: bool = True) -> Callable[[Column], str]:
    return lambda column: text_matches(column, pattern, is_whole=is_whole)


def _mojibake(column: Column) -> str:
    # Most texts are ASCII, and their bytes are counted sooner than searched.
    text = column.value
    return f"({column.and_is_text}strlen({text}) <> length({text}) AND regexp_matches({text}, '{_MOJIBAKE}'))"


def _of_letters(*letters: Letter) -> Callable[[Column], str]:
    listed = ", ".join(f"'{letter}'" for letter in letters)
    return lambda column: f"({column.value} IS NOT NULL AND {column.letter} IN ({listed}))"


def repeated(column: Column, selected: str) -> str:
    """A query with a row for each value, empty ones apart, that occurs more than once."""
    is_filled = f"{column.value} <> ''" if column.kind is Kind.TEXT else f"{column.value} IS NOT NULL"
    return f"SELECT {selected} FROM rows WHERE {is_filled} GROUP BY {column.value} HAVING count(*) > 1"  # noqa: S608


def _duplicates(column: Column) -> str:
    return f"({column.value} IN ({repeated(column, column.value)}))"


_MIXED = frozenset({Kind.MIXED})
_KEYS = frozenset({Kind.TEXT, Kind.INT})
CHECKS = {
    "leading-zeros": Check(
        "Leading zeros", "Programs that read these texts as numbers lose the zeros.", _matching(_LEADING_ZEROS)
    ),
    "numbers": Check("Numbers as text", "They sort and compare as text: 10 before 9.", _matching(_NUMBER)),
    "not-numbers": Check(
        "Text among numbers",
        "Most cells of this column are numbers; these are not.",
        _other_than(_NUMBER, _LEADING_ZEROS),
    ),
    "dates": Check("Dates as text", "Programs may read them by another order of day and month.", _matching(_DATE)),
    "not-dates": Check("Text among dates", "Most cells of this column are dates; these are not.", _other_than(_DATE)),
    "mojibake": Check(
        "Broken characters", "The file was probably read by the wrong encoding (Ã¤ instead of ä).", _mojibake
    ),
    "spaces": Check(
        "Stray spaces",
        "White space at the start or end, or several spaces in a row.",
        _matching(_SPACES, is_whole=False),
    ),
    "mixed-text": Check("Mixed types: text", "", _of_letters(Letter.TEXT), _MIXED),
    "mixed-numbers": Check("Mixed types: numbers", "", _of_letters(*NUMBERS), _MIXED),
    "mixed-booleans": Check("Mixed types: true or false", "", _of_letters(Letter.BOOLEAN), _MIXED),
    "mixed-nested": Check("Mixed types: nested values", "", _of_letters(Letter.NESTED), _MIXED),
    "duplicates": Check(
        "Duplicates", "Nearly every value of this column occurs once; these occur again.", _duplicates, _KEYS
    ),
}
