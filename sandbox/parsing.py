"""A file as a table: CSV, TSV, JSON, JSONL, PDF (its lines of text) and plain text.

CSV: the first line that isn't a title is the header; every value is text unless all of a column's are plain numbers, so
that `00501` stays what it is. An empty cell is null. Values that are objects, arrays, or of mixed kinds are kept as
JSON. A file that would become a wrong table fails instead, and says how to save it.
"""

import io
import re
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from sandbox import delimited, records
from sandbox.encodings import AS_UTF_8, Unreadable, decoded
from sandbox.tables import Column

ROWS_MAX = 1_000_000
# Long whole numbers are more likely ids than amounts, so they are text.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14}|(?:0|[1-9]\d*)\.\d+)", re.ASCII)
_MARKUP = re.compile(
    r"\s*(?:<!--.*?-->\s*)*(?:<(!doctype html|html|head|body|table|meta|style|div)\b|<\?xml|(mime-version:))",
    re.I | re.S,
)
_WORKBOOK = "application/vnd.ms-excel"
_KINDS = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
    ".xls": _WORKBOOK,
    ".xlsx": _WORKBOOK,
}


def content_type(file_name: str) -> str:
    return _KINDS.get(Path(file_name).suffix.lower(), "text/plain")


def parse(path: Path, kind: str) -> tuple[list[Column], list[list[Any]]]:
    """Columns and rows of a file of that content type. Raises Unreadable."""
    data = path.read_bytes()
    if not data.strip():
        raise Unreadable("The file is empty.")
    columns, rows = _pdf(data) if kind == "application/pdf" else _text(decoded(data), kind)
    if len(rows) > ROWS_MAX:
        raise Unreadable(
            f"A data source may have up to {ROWS_MAX:,} rows; this one has {len(rows):,}. Split it into several files."
        )
    return columns, rows


def _text(text: str, kind: str):
    if not text.strip():
        raise Unreadable("The file is empty.")
    match kind:
        case "text/csv" | "application/vnd.ms-excel":
            return _delimited(text)
        case "text/tab-separated-values":
            return _delimited(text, "\t")
        case "application/json":
            _refuse_markup(text)
            return records.json_table(text)
        case "application/x-ndjson":
            _refuse_markup(text)
            return records.lines_table(text)
    return _delimited(text, "\t") if delimited.is_tabbed(text) else _lines(text)


def _delimited(text: str, delimiter: str = ""):
    _refuse_markup(text)
    if records.is_json(text):
        raise Unreadable("The file is JSON. Name it .json and upload it again.")
    header, rows = delimited.table(text, delimiter)
    width = max([len(header), *map(len, rows)])
    names = _unique([*header, *[""] * (width - len(header))])
    cells = [[*(value or None for value in row), *[None] * (width - len(row))] for row in rows]
    return _typed(names, cells)


def _refuse_markup(text: str) -> None:
    if found := _MARKUP.match(text):
        name = "a web page (HTML)" if found[1] or found[2] else "XML"
        raise Unreadable(f"The file is {name}, not a table of text. Open it in a spreadsheet. {AS_UTF_8}")


def _typed(names: list[str], rows: list[list[Any]]):
    """Makes columns of plain numbers numbers: whole ones in place; others keep their text, with all its digits."""
    columns = []
    for place, name in enumerate(names):
        values = {row[place] for row in rows if row[place] is not None}
        is_number = bool(values) and all(map(_NUMBER.fullmatch, values))
        whole = is_number and not any("." in value for value in values)
        if whole:
            for row in rows:
                if row[place] is not None:
                    row[place] = int(row[place])
        columns.append(
            Column(name, f"c{place}", "number" if is_number else "text", whole=whole, exact=is_number and not whole)
        )
    return columns, rows


def _pdf(data: bytes):
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("The PDF is protected by a password. Save it without one and upload it again.")
        pages = [page.extract_text() for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"The PDF can't be read: {error}. Export it again as a PDF.") from None
    lines = [(number, line) for number, text in enumerate(pages, start=1) for line in text.splitlines() if line.strip()]
    if not lines:
        raise Unreadable("The PDF holds pictures but no text. Run text recognition (OCR) on it and upload the result.")
    columns = [
        Column("page", "c0", "number", whole=True),
        Column("line", "c1", "number", whole=True),
        Column("text", "c2", "text"),
    ]
    return columns, [[page, line, text] for line, (page, text) in enumerate(lines, start=1)]


def _lines(text: str):
    columns = [Column("line", "c0", "number", whole=True), Column("text", "c1", "text")]
    return columns, [[number, line] for number, line in enumerate(text.splitlines(), start=1)]


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
