"""Rows that hold words in any column, whatever their case and accents.

The table `folded` of a copy has one text for each row: the texts of its cells as a page shows them, folded. It is
written with small copies. A worker adds it to a larger one at the first search (docs/copies.md).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasources.copies import duck
from datasources.copies.conditions import EVERY_ROW, Condition
from datasources.copies.opened import Reader
from datasources.copies.schema import Column, Kind
from datasources.models import TableCopy

# The longest text that is searched for.
LENGTH_MAX = 500
# Copies of up to so many cells are folded when they are made: a second of work at most.
CELLS_MAX = 1_000_000
_MEMORY = "512MB"
# Between the cells of a row. It is white space, so no word holds it.
_BETWEEN = "\x1f"
# A quoted phrase, or a word. A quote within a word is a part of it: 5" is a size.
_TERM = re.compile(r'"([^"]+)"(?!\S)|(\S+)')
# Letters that have no accent to strip, and full-width signs.
_LETTERS = dict(zip("øłđħŧıς", "oldhtiσ", strict=True)) | {chr(0xFEE0 + sign): chr(sign) for sign in range(0x21, 0x7F)}
_SEVERAL = {"ß": "ss", "æ": "ae", "œ": "oe"}
_FOLDED = {letter: to.lower() for letter, to in _LETTERS.items()} | _SEVERAL


class NotFolded(Exception):
    """The copy has no text to search yet. A worker writes it."""

    def __init__(self, copy: TableCopy | None):
        super().__init__("The search is being prepared.")
        self.copy = copy


def terms(words: str) -> tuple[str, ...]:
    """The words and quoted phrases of a search, folded, each once and none that is part of another."""
    found = [fold_text(phrase or word) for phrase, word in _TERM.findall(words[:LENGTH_MAX].replace(_BETWEEN, " "))]
    each = sorted({term.strip() for term in found} - {""}, key=lambda term: (-len(term), found.index(term)))
    kept: list[str] = []
    for term in each:
        if not any(term in longer for longer in kept):
            kept.append(term)
    return tuple(kept)


def condition(reader: Reader, words: str) -> Condition:
    """Rows that hold all terms of the words, in any columns. Raises NotFolded."""
    searched = terms(words)
    if not searched:
        return EVERY_ROW
    if reader.meta("folded") is None:
        raise NotFolded(reader.copy)
    holds = Condition.joined(" AND ", [Condition("contains(text, ?)", (term,)) for term in searched])
    return Condition.of("(n IN (SELECT n FROM folded WHERE {}))", holds)


def marks(text: str, terms: Sequence[str]) -> list[tuple[int, int]]:
    """Start and end of each part of the text that matches a term, in order and without overlaps."""
    if text.isascii():
        folded, places = text.lower(), None
    else:
        folded, places = _with_places(text)
    found = sorted((at, at + len(term)) for term in terms for at in _all(folded, term))
    ranges: list[tuple[int, int]] = []
    for start, stop in found:
        if places:
            start, stop = places[start][0], places[stop - 1][1]
        if ranges and start < ranges[-1][1]:
            start, stop = ranges[-1][0], max(stop, ranges[-1][1])
            ranges.pop()
        ranges.append((start, stop))
    return ranges


def fold_text(text: str) -> str:
    """The text without case and accents, as `folded_sql` folds cells."""
    if text.isascii():
        return text.lower()
    letters = [letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter)[0] != "M"]
    lower = (letter.lower() for letter in unicodedata.normalize("NFC", "".join(letters)))
    return "".join(_FOLDED.get(letter, letter) for letter in lower)


def folded_sql(sql: str) -> str:
    """SQL of the folded text of an SQL text."""
    others = f"translate(lower(strip_accents({sql})), '{''.join(_LETTERS)}', '{_translated()}')"
    for letter, several in _SEVERAL.items():
        others = f"replace({others}, '{letter}', '{several}')"
    return f"CASE WHEN strlen({sql}) = length({sql}) THEN lower({sql}) ELSE {others} END"


def fits(columns: Sequence[Column], rows: int) -> bool:
    """Whether a copy is small enough to be folded when it is made."""
    return len(columns) * rows <= CELLS_MAX


def fold(path: Path) -> None:
    """Writes the table `folded` into a finished file that nothing else has open. Raises duckdb.Error."""
    with duck.connect(_MEMORY, path.parent) as database:
        database.execute(f"ATTACH {duck.quoted(path)} AS copy; USE copy")
        found = database.execute("SELECT place, name, kind FROM columns ORDER BY place").fetchall()
        columns = [Column(place, name, Kind(kind)) for place, name, kind in found]
        cells = [column.text for column in columns if column.kind is not Kind.EMPTY]
        text = folded_sql("text")
        database.execute("BEGIN")
        database.execute(
            f"""
            CREATE TABLE folded AS SELECT n, {text} AS text FROM
                (SELECT n, concat_ws(chr({ord(_BETWEEN)}), '', {", ".join(cells) or "''"}) AS text FROM rows ORDER BY n)
            """  # noqa: S608 - places only
        )
        database.execute("INSERT INTO meta VALUES ('folded', '1')")
        database.execute("COMMIT")
        database.execute("CHECKPOINT copy")


def _translated() -> str:
    return "".join(to.lower() for to in _LETTERS.values()).replace("'", "''")


def _all(text: str, term: str) -> Iterator[int]:
    at = text.find(term) if term else -1
    while at >= 0:
        yield at
        at = text.find(term, at + len(term))


def _with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The folded text, and for each of its characters the part of the text that it comes from."""
    parts, places, start = [], [], 0
    for stop in range(1, len(text) + 1):
        if stop < len(text) and _continues(text[stop]):
            continue
        folded = fold_text(text[start:stop])
        parts.append(folded)
        places += [(start, stop)] * len(folded)
        start = stop
    return "".join(parts), places


def _continues(letter: str) -> bool:
    """Whether a character forms one letter with the one before: an accent, or a vowel or final of Hangul."""
    return not letter.isascii() and (unicodedata.category(letter)[0] == "M" or "\u1160" <= letter <= "\u11ff")
