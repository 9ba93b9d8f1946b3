"""A file as a table: CSV, TSV, JSON, JSONL, PDF (its lines of text) and plain text.

CSV: the first line is the header; every value is text unless all of a column's are plain numbers, so that `00501`
stays what it is. An empty cell is null. Values that are objects, arrays, or of mixed kinds are kept as JSON.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from sandbox.tables import Column

ROWS_MAX = 1_000_000
csv.field_size_limit(2**24)
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,12})?")
_KINDS = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
}


class Unreadable(Exception):
    """The file can't be turned into a table; the text is for people."""


def content_type(file_name: str) -> str:
    return _KINDS.get(Path(file_name).suffix.lower(), "text/plain")


def parse(path: Path, kind: str) -> tuple[list[Column], list[list[Any]]]:
    """Columns and rows of a file of that content type. Raises Unreadable."""
    readers = {
        "text/csv": _csv,
        "text/tab-separated-values": lambda data: _csv(data, "\t"),
        "application/json": _json,
        "application/x-ndjson": _jsonl,
        "application/pdf": _pdf,
    }
    data = path.read_bytes()
    if not data.strip():
        raise Unreadable("The file is empty.")
    columns, rows = readers.get(kind, _plain)(data)
    if len(rows) > ROWS_MAX:
        raise Unreadable(f"A data source may have up to {ROWS_MAX:,} rows; this one has {len(rows):,}.")
    return columns, rows


def _csv(data: bytes, separator: str | None = None):
    text = _decoded(data)
    quoting = csv.QUOTE_MINIMAL if '"' in text else csv.QUOTE_NONE
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator or _separator(text), quoting=quoting)
    try:
        header = next(lines)
        rows = [row for row in lines if row]
    except (csv.Error, StopIteration) as error:
        raise Unreadable(f"The table can't be read: {error}") from None
    width = max([len(header), *map(len, rows)])
    names = _unique([*header, *[""] * (width - len(header))])
    cells = [[*(value or None for value in row), *[None] * (width - len(row))] for row in rows]
    return _typed(names, cells)


def _typed(names: list[str], rows: list[list[Any]]):
    """Turns the columns that hold nothing but plain numbers into numbers, in place."""
    columns = []
    for place, name in enumerate(names):
        values = {row[place] for row in rows if row[place] is not None}
        is_number = bool(values) and all(_NUMBER.fullmatch(value) for value in values)
        whole = is_number and not any("." in value for value in values)
        if is_number:
            for row in rows:
                if row[place] is not None:
                    row[place] = int(row[place]) if whole else float(row[place])
        columns.append(Column(name, f"c{place}", "number" if is_number else "text", whole))
    return columns, rows


def _json(data: bytes):
    try:
        value = _loaded(_decoded(data))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The file is not JSON: {error}") from None
    return _records(value if isinstance(value, list) else _within(value))


def _within(value: Any) -> list[Any]:
    """The records of an object that holds one list of objects, as the features of GeoJSON; else it is a record."""
    inner = value.values() if isinstance(value, dict) else ()
    lists = [each for each in inner if isinstance(each, list) and each and all(isinstance(one, dict) for one in each)]
    return lists[0] if len(lists) == 1 else [value]


def _loaded(text: str) -> Any:
    return json.loads(text, parse_constant=_not_json)


def _not_json(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _jsonl(data: bytes):
    records = []
    for number, line in enumerate(_decoded(data).split("\n"), start=1):
        if line.strip():
            try:
                records.append(_loaded(line))
            except (ValueError, RecursionError):
                raise Unreadable(f"Line {number} is not JSON.") from None
    return _records(records)


def _records(records: list[Any]):
    records = [record if isinstance(record, dict) else {"value": record} for record in records]
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise Unreadable("There are no records in the file.")
    columns = [_kind(name, place, [record.get(name) for record in records]) for place, name in enumerate(names)]
    return columns, [[record.get(name) for name in names] for record in records]


def _kind(name: str, place: int, values: list[Any]) -> Column:
    kinds = {type(value) for value in values if value is not None}
    at = f"c{place}"
    if kinds <= {str}:
        return Column(name, at, "text")
    if kinds == {bool}:
        return Column(name, at, "boolean")
    numbers = [value for value in values if value is not None]
    if kinds == {int} and all(abs(value) < 2**63 for value in numbers):
        return Column(name, at, "number", whole=True)
    if kinds <= {int, float} and all(abs(value) < 2**53 and math.isfinite(value) for value in numbers):
        return Column(name, at, "number")
    return Column(name, at, "json")


def _pdf(data: bytes):
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("The PDF is protected by a password.")
        pages = [page.extract_text() for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"The PDF can't be read: {error}") from None
    lines = ((number, line) for number, text in enumerate(pages, start=1) for line in text.splitlines() if line.strip())
    columns = [
        Column("page", "c0", "number", whole=True),
        Column("line", "c1", "number", whole=True),
        Column("text", "c2", "text"),
    ]
    return columns, [[page, line, text] for line, (page, text) in enumerate(lines, start=1)]


def _plain(data: bytes):
    columns = [Column("line", "c0", "number", whole=True), Column("text", "c1", "text")]
    return columns, [[number, line] for number, line in enumerate(_decoded(data).splitlines(), start=1)]


def _decoded(data: bytes) -> str:
    """UTF-8 with or without a mark, else Windows-1252, whose five unused bytes stand for themselves.

    Raises Unreadable.
    """
    if b"\0" in data:
        raise Unreadable("The file is neither text nor a PDF.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "".join(_single_bytes(data))


def _single_bytes(data: bytes) -> Iterator[str]:
    table = [bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(256)]
    return (table[byte] for byte in data)


def _separator(text: str) -> str:
    """The one that the header has most of."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    return max(",;\t|", key=header.count)


def _unique(names: list[str]) -> list[str]:
    """Names for columns without one, and a number behind those that stand twice."""
    taken: set[str] = set()
    result = []
    for place, given in enumerate(names, start=1):
        name = given.strip() or f"column_{place}"
        number = 2
        unique = name
        while unique in taken:
            unique, number = f"{name}_{number}", number + 1
        taken.add(unique)
        result.append(unique)
    return result
