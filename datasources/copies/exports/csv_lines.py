"""CSV, CSV for Excel and TSV: null is nothing, empty text is `""`."""

from collections.abc import Iterator

from core.text import FORMULA
from datasources.copies.exports.formats import Options
from datasources.copies.exports.table import Cell, Table
from datasources.copies.schema import Column, Kind, Letter

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"  # by which Excel knows that it is UTF-8
SEPARATORS = (",", ";", "\t")
_GUARDED = (Kind.TEXT, Kind.MIXED)


def pieces(table: Table, names: tuple[str, ...], format: str, options: Options) -> Iterator[bytes]:
    """The file; `names` are the headers, guarded already."""
    is_excel = format == "excel-csv"
    separator = {"csv": ",", "tsv": "\t"}.get(format) or options.separator or ","
    if separator not in SEPARATORS:
        raise ValueError("This separator is not known.")  # it becomes part of SQL
    end = "\n" if format == "tsv" else "\r\n"
    header = separator.join(_quoted(name, separator) for name in names)
    yield f"{BOM if is_excel else ''}{header}{end}".encode()
    cells = [Cell(_cell(column, separator, options.decimal, is_guarded=is_excel)) for column in table.columns]
    for lines in table.texts(cells, separator):
        yield (end.join(lines) + end).encode()


def formulas(column: Column) -> str | None:
    """SQL that is true for cells that the guard changes; None for columns without such cells."""
    if column.kind not in _GUARDED:
        return None
    starts = ", ".join(f"chr({ord(start)})" for start in FORMULA)
    return f"{column.and_is_text}{column.value}[1] IN ({starts})"


def _cell(column: Column, separator: str, decimal: str, *, is_guarded: bool) -> str:
    text = column.text
    if column.kind in (Kind.BOOLEAN, Kind.INT, Kind.EMPTY):
        return text
    if decimal != "." and is_guarded:
        if column.is_number:
            text = f"replace({text}, '.', '{decimal}')"
        elif column.kind is Kind.MIXED:
            is_number = f"{column.letter} IN ('{Letter.FLOAT}', '{Letter.DECIMAL}')"
            text = f"CASE WHEN {is_number} THEN replace({text}, '.', '{decimal}') ELSE {text} END"
    if column.is_number and decimal != separator:
        return text
    if is_guarded and (is_formula := formulas(column)):
        text = f"CASE WHEN {is_formula} THEN '''' || {text} ELSE {text} END"
    return f"""CASE WHEN {text} = '' OR regexp_matches({text}, '["\\r\\n{separator}]')
        THEN '"' || replace({text}, '"', '""') || '"' ELSE {text} END"""


def _quoted(text: str, separator: str) -> str:
    if text and not any(sign in text for sign in ('"', "\r", "\n", separator)):
        return text
    return '"' + text.replace('"', '""') + '"'
