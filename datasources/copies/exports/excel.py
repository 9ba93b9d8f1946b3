"""Excel: a workbook of one sheet, streamed.

XlsxWriter makes the workbook with its header. The rows are XML that DuckDB makes, put into the sheet while the file is
sent: that takes a seventh of the time of XlsxWriter's own, and neither a file nor memory for the table.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from datasources.copies.exports.table import Cell, Table
from datasources.copies.schema import NUMBERS_SQL, Column, Kind, Letter

# https://support.microsoft.com/office/excel-specifications-and-limits, without the row of the header.
ROWS_MAX, COLUMNS_MAX, CHARACTERS_MAX = 1_048_575, 16_384, 32_767
# Excel calculates with so many digits.
DIGITS = 15
# Excel reads no sheet beyond this in a streamed archive (ZIP without its 64-bit extension).
SHEET_BYTES = 2**31 - 1
# Of a cell without its text.
CELL_BYTES = 75
_SHEET = "xl/worksheets/sheet1.xml"
_DIMENSION = re.compile('(<dimension ref="A1)[^"]*"')
# Characters that XML can't hold, and texts that read like the escape for them (ECMA-376, part 1, 22.9.2.19).
_NO_CHARACTERS = re.compile("[\ufffe\uffff]")  # XlsxWriter escapes the others
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)|[\0-\x08\x0b-\x1f\ufffe\uffff]")


def holds(column: Column) -> str | None:
    """SQL that is false for numbers that Excel would change; None for columns without such numbers."""
    number, value = column.number, column.value
    match column.kind:
        case Kind.INT:
            return f"{value} BETWEEN -{'9' * DIGITS} AND {'9' * DIGITS}"
        case Kind.FLOAT | Kind.NUMBER:
            return _is_in_range(str(number))
        case Kind.DECIMAL | Kind.MIXED:
            return f"({_digits(value)} <= {DIGITS} AND coalesce({_is_in_range(str(number))}, false))"
    return None


def changed(column: Column) -> str | None:
    """SQL that is true for cells whose numbers Excel would change."""
    if not (is_held := holds(column)):
        return None
    is_number = f"{column.letter} IN ({NUMBERS_SQL}) AND " if column.kind is Kind.MIXED else ""
    return f"{is_number}NOT {is_held}"


def length(column: Column) -> str | None:
    """SQL of a text's length as Excel counts it, in UTF-16, null for texts that are short enough by their bytes."""
    if column.kind not in (Kind.TEXT, Kind.NESTED, Kind.DECIMAL, Kind.MIXED):
        return None
    text = column.value
    beyond = f"length(regexp_replace({text}, '[\\x{{0}}-\\x{{FFFF}}]', '', 'g'))"
    return f"CASE WHEN strlen({text}) > {CHARACTERS_MAX} THEN length({text}) + {beyond} END"


def pieces(table: Table, names: tuple[str, ...], as_text: Sequence[int], rows: int) -> Iterator[bytes]:
    """The file; the columns at these positions are text."""
    cells = [Cell(_cell(column, xl_col_to_name(at), is_text=at in as_text)) for at, column in enumerate(table.columns)]
    out = _Out()
    with (
        zipfile.ZipFile(io.BytesIO(_workbook(names, rows))) as parts,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,  # type: ignore[call-overload]
    ):
        for name in parts.namelist():
            if name != _SHEET:
                file.writestr(name, parts.read(name))
        head, end, tail = parts.read(_SHEET).decode().partition("</sheetData>")
        # Programs that read a sheet bit by bit believe this.
        head = _DIMENSION.sub(f'\\1:{xl_col_to_name(len(names) - 1)}{rows + 1}"', head)
        with file.open(_SHEET, "w") as sheet:
            sheet.write(head.encode())
            number = 2  # the header is row 1
            for lines in table.texts(cells):
                sheet.write("".join([_row(n, line) for n, line in enumerate(lines, number)]).encode())
                number += len(lines)
                yield out.taken()
            sheet.write((end + tail).encode())
    yield out.taken()


def _workbook(names: tuple[str, ...], rows: int) -> bytes:
    """A workbook with the header alone."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Rows")
        bold = book.add_format({"bold": True, "bg_color": "#E6F2F0", "bottom": 1})
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(names):
            sheet.write_string(0, place, _NO_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", name), bold)
            sheet.set_column(place, place, min(max(len(name) + 2, 10), 40))
        if names:
            sheet.autofilter(0, 0, rows, len(names) - 1)
    return out.getvalue()


def _row(number: int, cells: str) -> str:
    # Text has no `&"`: its `&` is `&amp;`.
    cells = cells.replace('&"', f'{number}"')
    if not cells.isprintable() or "_x" in cells:
        cells = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", cells)
    return f'<row r="{number}">{cells}</row>'


def _cell(column: Column, letters: str, *, is_text: bool) -> str:
    """The SQL of a cell's XML, null for null. `&` is in the place of its row number."""
    value, start = column.text, f'\'<c r="{letters}&"'
    number = f"{start}><v>' || {value} || '</v></c>'"
    truth = f"{start} t=\"b\"><v>' || CAST(({value} = 'true') AS INTEGER) || '</v></c>'"
    safe = f"replace(replace(replace({value}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"
    text = f'{start} t="inlineStr"><is><t xml:space="preserve">\' || {safe} || \'</t></is></c>\''
    if column.kind is Kind.BOOLEAN:
        return truth
    if column.is_number:
        return text if is_text else number
    if column.kind is Kind.MIXED:
        letter = column.letter
        is_number = "" if is_text else f"WHEN {letter} IN ({NUMBERS_SQL}) THEN {number} "
        return f"CASE {is_number}WHEN {letter} = '{Letter.BOOLEAN}' THEN {truth} ELSE {text} END"
    return text


def _is_in_range(number: str) -> str:
    return f"({number} = 0 OR abs({number}) BETWEEN 1e-307 AND 9.99e307)"


def _digits(text: str) -> str:
    """SQL of the number of digits that count: without sign, exponent, and zeros at the begin."""
    return f"length(regexp_replace(regexp_replace({text}, '[eE].*$', ''), '^[-+0.]+|[.]', '', 'g'))"


class _Out(io.RawIOBase):
    """Bytes that were written and not yet taken. They can't be changed afterwards."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
