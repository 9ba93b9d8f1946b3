"""CSV and its relatives as rows of text: delimiters, `sep=` lines, titles above the header, quotes."""

import csv
import io
import re
from collections import Counter
from itertools import islice

from sandbox.encodings import Unreadable

csv.field_size_limit(2**24)
SAMPLE_CHARACTERS, SAMPLE_ROWS = 200_000, 100
_HEAD_ROWS = 30  # titles stand above the header within these
_DELIMITERS = "\t;|,"
_SEP_LINE = re.compile(r'"?sep=(\\t|[^"\r\n]?)[^\r\n]*(?:\r\n?|\n|$)', re.IGNORECASE)
_ODD_DELIMITERS = {
    ":": ":",
    "^": r"\^",
    "~": "~",
    "¦": "¦",
    "\x1f": "\x1f",
    "\x01": "\x01",
    "spaces": r"(?<=\S) {2,}(?=\S)",
}
_NUMBER = re.compile(r"[+-]?[\d.,' \u00a0]*\d[\d.,]*%?")
_HOW = "Put the names of the columns, one for each, in the first line and upload it again."


def table(text: str, delimiter: str = "") -> tuple[list[str], list[list[str]]]:
    """The header's cells, and the rows below it. Raises Unreadable."""
    if sep := _SEP_LINE.match(text):
        text, delimiter = text[sep.end() :], _named(sep[1])
    rows = _rows(text, delimiter if delimiter and delimiter in text else _delimiter(text))
    if not rows:
        raise Unreadable("The file is empty.")
    place = _header_place(rows)
    header, below = rows[place], [row for row in rows[place + 1 :] if row]
    _refuse_loose_delimiters(len(header), below)
    if below and all(_NUMBER.fullmatch(cell.strip()) for cell in header):
        raise Unreadable(f"The first line holds numbers only: it can't be the header. {_HOW}")
    return header, below


def _refuse_loose_delimiters(width: int, rows: list[list[str]]) -> None:
    """A few rows that are longer than the header and the others hold the delimiter within a cell without quotes."""
    longer = [row for row in rows if any(cell.strip() for cell in row[width:])]
    if longer and len(longer) * 2 < len(rows):
        first = next(cell for cell in longer[0] if cell.strip())
        raise Unreadable(
            f"{len(longer):,} of {len(rows):,} rows have more cells than the header, the first one with "
            f"“{first[:40]}”. Put cells that hold the delimiter in quotation marks and upload the file again."
        )


def is_tabbed(text: str) -> bool:
    """Whether text is a table with tabs, as spreadsheets save it under the name .txt."""
    if "\t" not in text[:SAMPLE_CHARACTERS]:
        return False
    widths = {len(row) for row in _sample(text, "\t")}
    return len(widths) == 1 and min(widths) > 1


def _named(delimiter: str) -> str:
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if len(delimiter) != 1:
        raise Unreadable("The first line, sep=, names no delimiter. Write it as in sep=; and upload the file again.")
    return delimiter


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Every line with a cell. Quotes must be as CSV has them: a lost one would swallow the lines that follow."""
    quoting = csv.QUOTE_MINIMAL if '"' in text else csv.QUOTE_NONE
    # "x", "y": quotes begin after a space. Two of them stand for a mark within a cell.
    is_spaced = delimiter != " " and bool(re.search(f'{re.escape(delimiter)} "(?!")', text))
    lines = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True, skipinitialspace=is_spaced
    )
    rows, line = [], 1
    try:
        for row in lines:
            line = lines.line_num + 1
            if row:
                rows.append(row)
            elif len(rows) < _HEAD_ROWS:
                rows.append([])  # a gap tells titles from the header
    except csv.Error as error:
        if "field larger" in str(error):
            raise Unreadable(
                f"The table can't be read: {error}, in the row of line {line:,}. Shorten the cell."
            ) from None
        raise Unreadable(
            f"The quotation marks in the row of line {line:,} are not closed, or text follows a closing one. "
            'Write each mark within a quoted cell twice ("") and upload the file again.'
        ) from None
    return _without_gaps(rows)


def _without_gaps(rows: list[list[str]]) -> list[list[str]]:
    """Without empty lines but those that may stand between titles and the header."""
    head = rows[:_HEAD_ROWS]
    while head and not any(cell.strip() for cell in head[0]):
        head.pop(0)
    return head + rows[_HEAD_ROWS:]


def _delimiter(text: str) -> str:
    """The one that gives most rows the same number of cells. Raises Unreadable if an unusual one would."""
    scores = {}
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in _sample(text, delimiter) if len(row) > 1)
        if widths:
            (width, count), *_ = widths.most_common(1)
            scores[delimiter] = (count, not _is_punctuation(text, delimiter), width)
    if scores:
        return max(scores, key=lambda delimiter: scores[delimiter])
    _refuse_odd_delimiters(text[:SAMPLE_CHARACTERS].splitlines()[:SAMPLE_ROWS])
    return ","


def _sample(text: str, delimiter: str) -> list[list[str]]:
    lines = csv.reader(io.StringIO(text[:SAMPLE_CHARACTERS], newline=""), delimiter=delimiter)
    rows = [row for row in islice(lines, SAMPLE_ROWS) if any(row)]
    return rows[:-1] if len(text) > SAMPLE_CHARACTERS and len(rows) > 1 else rows


def _is_punctuation(text: str, delimiter: str) -> bool:
    """Whether it is always followed by a space where it is first used, as commas in `Size, cm;Price, EUR`."""
    at = text.index(delimiter)
    line = re.split(r"[\r\n]", text[at : at + 10_000], maxsplit=1)[0]
    return line.count(delimiter) == line.count(f"{delimiter} ")


def _refuse_odd_delimiters(lines: list[str]) -> None:
    lines = [line for line in lines if line.strip()]
    for name, pattern in _ODD_DELIMITERS.items():
        counts = {len(re.findall(pattern, line)) for line in lines}
        if len(lines) > 1 and len(counts) == 1 and counts != {0}:
            is_sign = len(name) == 1 and name.isprintable()
            shown = name if is_sign or name == "spaces" else f"the character U+{ord(name):04X}"
            hint = f", or put sep={name} in a line above the header," if is_sign else ""
            raise Unreadable(
                f"The delimiter is unclear: the cells seem to be separated by {shown}. "
                f"Save the file with commas, semicolons or tabs{hint} and upload it again."
            )


def _header_place(rows: list[list[str]]) -> int:
    """The line of the header: the first one, unless that is a title."""
    head = rows[:_HEAD_ROWS]
    filled = [sum(bool(cell.strip()) for cell in row) for row in head]
    for place in range(1, len(head)):
        if _may_be_header(head[place], filled[place + 1 :]) and _are_titles(filled[:place], filled[place]):
            return place
    below = [count for count in filled[1:] if count]
    if filled[0] == 1 and below and min(below) > 1:
        raise Unreadable(f"The first line has one cell and the others have more: it can't be the header. {_HOW}")
    return 0


def _may_be_header(row: list[str], filled_below: list[int]) -> bool:
    """Whether the cells are different names, and as many as the rows below have, give or take a few long rows."""
    names = [cell.strip() for cell in row if cell.strip()]
    below = [count for count in filled_below if count]
    fitting = sum(count <= len(names) for count in below)
    is_named = len(names) > 1 and len({*names}) == len(names) and not any(map(_NUMBER.fullmatch, names))
    return is_named and bool(below) and fitting >= 0.8 * len(below)


def _are_titles(filled: list[int], names: int) -> bool:
    """Whether lines of so many filled cells are titles above a header of that many names."""
    gap = max((place for place, count in enumerate(filled) if not count), default=-1)
    return all(
        count <= 1 or (count == 2 and names >= 4) or (place < gap and count < names)
        for place, count in enumerate(filled)
    )
