"""Files of each format, read back by other programs than ours."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.text import FORMULA
from datasources.claro import NumberText, numbers
from datasources.copies import duck, search
from datasources.copies.exports import excel, writing
from datasources.copies.exports.formats import FORMATS, Options
from datasources.copies.exports.table import Incomplete
from datasources.copies.exports.writing import Plan, Refused, Wanted
from datasources.copies.opened import open_file
from datasources.copies.orders import CannotSort
from datasources.copies.query import Query
from tests.datasources.copies.test_typed import COLUMNS, parsed
from tests.support.copies import built

HOSTILE = [
    "=cmd|' /C calc'!A0",
    '"; DROP TABLE rows; --',
    "<b>&amp;</b>",
    "_x0041_",
    "a\r\nb",
    "-5",
    "\ufeff",
    "a,b;c\td",
]
EVERYTHING, USUAL = Query(), Options()
Rows = list[list[object]]


@st.composite
def tables(draw) -> tuple[list[str], Rows]:
    """Names of columns, and rows as the Claro client returns them."""
    kinds = draw(st.lists(COLUMNS, min_size=1, max_size=5))
    page = parsed(draw(st.lists(st.tuples(*kinds).map(list), min_size=1, max_size=8)))
    name = st.sampled_from([*HOSTILE, "id", "ID", "", "é", '"']) | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10
    )
    return draw(st.lists(name, min_size=len(kinds), max_size=len(kinds))), [list(row) for row in page.rows]


@pytest.fixture
def exported(tmp_path):
    """The plan and the bytes of a file of these rows."""

    def export(columns, rows, format, query=EVERYTHING, places=None, options=USUAL) -> tuple[Plan, bytes]:
        path = built(tmp_path, columns, rows)
        if query.words:
            search.fold(path)
        wanted = Wanted(query, tuple(range(len(columns))) if places is None else places, format, options)
        with open_file(path, seconds=60) as reader:
            plan = writing.plan(reader, wanted)
            return plan, b"".join(writing.pieces(reader, wanted, plan))

    return export


def shown(value: object) -> str | None:
    """The text of a cell as a page shows it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return numbers.shown(value) if isinstance(value, dict | list) else str(value)


def read_csv(data: bytes, separator: str, end: str) -> Rows:
    """The rows of a CSV file; None for a cell that is empty without quotes (Python's reader knows it from 3.12 on)."""
    rows, row, text, at = [], [], data.decode(), 0
    while at < len(text):
        if text[at] == '"':
            cell, at = "", at + 1
            while text[at] != '"' or text[at : at + 2] == '""':
                cell += text[at]
                at += 2 if text[at] == '"' else 1
            at += 1
        else:
            stop = min(found for sign in (separator, end) if (found := text.find(sign, at)) >= 0)
            cell, at = text[at:stop] or None, stop
        row.append(cell)
        if text.startswith(end, at):
            rows.append(row)
            row, at = [], at + len(end)
        else:
            assert text[at] == separator
            at += 1
    return rows


# --- CSV ----------------------------------------------------------------------------------------------------------
def check_csv(columns: list[str], rows: Rows, plan: Plan, data: bytes) -> None:
    """Every cell is the text that a page shows."""
    assert plan.columns == tuple(columns)
    assert read_csv(data, ",", "\r\n") == [columns, *([shown(value) for value in row] for row in rows)]


def check_tsv(columns: list[str], rows: Rows, _: Plan, data: bytes) -> None:
    assert read_csv(data, "\t", "\n") == [columns, *([shown(value) for value in row] for row in rows)]


def test_csv_for_excel_has_a_mark_a_separator_and_a_guard(exported):
    rows = [["=1+1", 1.5, -5], ["a;b", None, 7], ["", 2.25, None]]
    plan, data = exported(["=name", "price", "count"], rows, "excel-csv", options=Options(";", ","))
    assert data.decode() == '\ufeff\'=name;price;count\r\n\'=1+1;1,5;-5\r\n"a;b";;7\r\n"";2,25;\r\n'
    assert (plan.columns, plan.guarded) == (("'=name", "price", "count"), ("=name",))
    _, data = exported(["name", "price", "count"], rows, "excel-csv", options=Options(",", "."))
    assert data.decode() == '\ufeffname,price,count\r\n\'=1+1,1.5,-5\r\na;b,,7\r\n"",2.25,\r\n'


def check_csv_for_excel(columns: list[str], rows: Rows, plan: Plan, data: bytes) -> None:
    """No cell but a number starts a formula."""
    header, *lines = read_csv(data.removeprefix("\ufeff".encode()), ";", "\r\n")
    assert [cell for cell in header if cell and cell.startswith(FORMULA)] == []
    for line, row in zip(lines, rows, strict=True):
        for at, (cell, value) in enumerate(zip(line, row, strict=True)):
            if isinstance(value, str) and value.startswith(FORMULA):
                assert cell == f"'{value}"
                assert columns[at] in plan.guarded
            elif isinstance(value, float | NumberText):
                assert cell == shown(value).replace(".", ",")
            else:
                assert cell == shown(value)


# --- JSON ---------------------------------------------------------------------------------------------------------
def check_json_lines(columns: list[str], rows: Rows, plan: Plan, data: bytes) -> None:
    lines = data.decode().split("\n")[:-1]
    check_json(columns, rows, plan, f"[{','.join(lines)}]".encode())


def check_json(columns: list[str], rows: Rows, plan: Plan, data: bytes) -> None:
    """Every value is the one that Claro returned."""
    found = numbers.loads(data.decode())
    assert len(set(plan.columns)) == len(columns)
    unspoken = set()
    for row, line in zip(rows, found, strict=True):
        for name, value in zip(plan.columns, row, strict=True):
            if isinstance(value, float) and not math.isfinite(value):
                unspoken.add(name)
                value = str(value)
            assert (type(line[name]), repr(line[name])) == (type(value), repr(value))
    assert set(plan.as_text) == unspoken


def test_names_of_one_object_differ(exported):
    plan, data = exported(["a", "a", "a_2", "A"], [[1, 2, 3, 4]], "json")
    assert json.loads(data) == [{"a": 1, "a_3": 2, "a_2": 3, "A": 4}]
    assert plan.columns == ("a", "a_3", "a_2", "A")


# --- Excel --------------------------------------------------------------------------------------------------------
def sheet_of(data: bytes):
    return openpyxl.load_workbook(io.BytesIO(data)).active


def check_excel(columns: list[str], rows: Rows, plan: Plan, data: bytes) -> None:
    """Every cell is its text, or a number that Excel holds."""
    sheet = sheet_of(data)
    assert sheet.freeze_panes == "A2"
    header, *lines = sheet.iter_rows(max_row=len(rows) + 1, max_col=len(columns))
    assert [cell.value for cell in header] == [CONTROLS.sub(_escaped, name) for name in columns]
    lines = [[unescaped(cell) for cell in line] for line in lines]
    for line, row in zip(lines, rows, strict=True):
        for at, (cell, value) in enumerate(zip(line, row, strict=True)):
            if isinstance(value, int | float | NumberText) and not isinstance(value, bool) and not plan.types[at]:
                assert float(cell) == float(value)
                assert len(str(value).lstrip("-0.").replace(".", "").partition("e")[0]) <= 17
            elif isinstance(value, bool):
                assert cell is value
            else:
                assert cell == shown(value)


# openpyxl leaves these escapes.
CONTROLS = re.compile("[\0-\x08\x0b-\x1f]")


def _escaped(found: re.Match) -> str:
    return f"_x{ord(found[0]):04X}_"


def unescaped(cell) -> object:
    """As Excel shows it: openpyxl leaves some escapes."""
    value = cell.value
    if isinstance(value, str):
        value = re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value).replace("\r\n", "\n")
    return value


def test_programs_that_read_a_sheet_bit_by_bit_find_all_rows(exported):
    _, data = exported(["id", "name"], [[n, None] for n in range(100)], "xlsx")
    assert len(data) < 9000  # compressed
    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True).active
    assert (sheet.max_row, sheet.max_column) == (101, 2)
    assert len(list(sheet.iter_rows())) == 101


def test_long_numbers_and_codes_are_text_in_excel(exported):
    exact = NumberText("0.1234567890123456789")
    rows = [["00501", 10**15, 999_999_999_999_999, NumberText("100.10"), exact, 0.1 + 0.2]]
    plan, data = exported(["zip", "id", "count", "price", "exact", "sum"], rows, "xlsx")
    line = [cell.value for cell in list(sheet_of(data).iter_rows())[1]]
    assert line == ["00501", str(10**15), 999_999_999_999_999, 100.1, exact.text, 0.1 + 0.2]
    assert plan.as_text == ("id", "exact")


def test_what_excel_cannot_hold_is_refused_before_it_starts(exported, monkeypatch):
    with pytest.raises(Refused, match="column note has a cell of 32,768 characters"):
        exported(["id", "note"], [[1, "x" * 32_768], [2, "y"]], "xlsx")
    with pytest.raises(Refused, match="column note has a cell of 32,768 characters"):
        exported(["id", "note"], [[1, "𝄞" * 16_384], [2, "y"]], "xlsx")
    exported(["id", "note"], [[1, "x" * 32_767]], "xlsx")
    exported(["id", "note"], [[1, "x" * 32_768], [2, "y"]], "xlsx", Query(filter="id = 2"))
    with pytest.raises(Refused, match="name of 40,000 characters"):
        exported(["n" * 40_000], [[1]], "xlsx")
    monkeypatch.setattr(excel, "ROWS_MAX", 1)
    with pytest.raises(Refused, match="Excel holds 1 rows, and these are 2"):
        exported(["id"], [[1], [2]], "xlsx")
    monkeypatch.setattr(excel, "COLUMNS_MAX", 1)
    with pytest.raises(Refused, match="Excel holds 1 columns, and these are 2"):
        exported(["id", "note"], [[1, 2]], "xlsx")
    monkeypatch.setattr(excel, "SHEET_BYTES", 100)
    with pytest.raises(Refused, match="too large for Excel"):
        exported(["id"], [["x" * 30]], "xlsx")


def test_libreoffice_opens_the_workbook(exported, tmp_path):
    office = shutil.which("soffice")
    if not office:
        pytest.skip("LibreOffice is not installed")
    _, data = exported(["id", "note"], [[1, HOSTILE[0]], [2, None]], "xlsx")
    (tmp_path / "a.xlsx").write_bytes(data)
    command = [office, "--headless", "--convert-to", "csv", "--outdir", str(tmp_path), str(tmp_path / "a.xlsx")]
    subprocess.run(command, check=True, timeout=120)
    assert list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text()))) == [
        ["id", "note"],
        ["1", HOSTILE[0]],
        ["2", ""],
    ]


# --- Parquet ------------------------------------------------------------------------------------------------------
def check_parquet(_: list[str], rows: Rows, plan: Plan, data: bytes) -> None:
    """Every value is exact, or its text."""
    with tempfile.TemporaryDirectory() as folder:
        names, *found = values_of("parquet", data, Path(folder))
    assert names == list(plan.columns)
    for line, row in zip(found, rows, strict=True):
        for cell, value, kind in zip(line, row, plan.types, strict=True):
            if kind == "VARCHAR":
                assert cell == shown(value)
            elif isinstance(value, NumberText) or isinstance(cell, Decimal):
                assert cell == Decimal(str(value))
            else:
                assert repr(cell) == repr(value) or (
                    cell == value and math.copysign(1, cell) == math.copysign(1, value)
                )


CHECKS = {
    "csv": check_csv,
    "excel-csv": check_csv_for_excel,
    "tsv": check_tsv,
    "json": check_json,
    "jsonl": check_json_lines,
    "xlsx": check_excel,
    "parquet": check_parquet,
}


@pytest.mark.slow
@given(table=tables())
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_cell_of_every_format_is_exact(tmp_path, table):
    columns, rows = table
    with open_file(built(tmp_path, columns, rows), seconds=60) as reader:
        for format in FORMATS:
            wanted = Wanted(EVERYTHING, tuple(range(len(columns))), format, Options(";", ","))
            plan = writing.plan(reader, wanted)
            assert plan.rows == len(rows)
            CHECKS[format](columns, rows, plan, b"".join(writing.pieces(reader, wanted, plan)))


# --- Rows, columns and order ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_has_the_rows_shown_in_their_order_with_the_columns_chosen(exported, tmp_path, format):
    rows = [[n, f"thing {n % 7}", n * 1.5] for n in range(1, 301)]
    query = Query(filter="price > 15", words="thing", sorts=(("name", "desc"), ("id", "asc")))
    wanted = [[name, n] for n, name, price in sorted(rows, key=lambda row: (-int(row[1][-1]), row[0])) if price > 15]
    plan, data = exported(["id", "name", "price"], rows, format, query, places=(1, 0))
    assert (plan.rows, plan.columns) == (290, ("name", "id"))
    assert values_of(format, data, tmp_path) == [["name", "id"], *wanted]


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_without_rows_is_whole(exported, tmp_path, format):
    plan, data = exported(["id", "name"], [[1, "a"]], format, Query(filter="id = 2"))
    assert plan.rows == 0
    found = values_of(format, data, tmp_path)
    assert found == ([] if format in ("json", "jsonl") else [["id", "name"]])


def values_of(format: str, data: bytes, folder) -> Rows:
    """The names and the rows of a file, whole numbers as numbers."""
    if format in ("json", "jsonl"):
        found = json.loads(data) if format == "json" else [json.loads(line) for line in data.splitlines()]
        return [list(found[0]), *(list(line.values()) for line in found)] if found else []
    if format == "xlsx":
        return [[cell.value for cell in line] for line in sheet_of(data).iter_rows()]
    if format == "parquet":
        (folder / "v.parquet").write_bytes(data)
        with duck.connect("64MB") as database:
            found = database.execute(f"FROM read_parquet({duck.quoted(folder / 'v.parquet')})")
            return [[name for name, *_ in found.description], *map(list, found.fetchall())]
    text = data.decode().removeprefix("\ufeff")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if format == "tsv" else ",")
    return [[int(cell) if cell.isdigit() else cell for cell in line] for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_wide_tables_are_written(exported, tmp_path, format):
    columns = [f"c{place}" for place in range(300)]
    rows = [list(range(n, n + 300)) for n in range(3)]
    _, data = exported(columns, rows, format)
    assert values_of(format, data, tmp_path) == [columns, *rows]


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_is_not_read_to_its_end_leaves_nothing(tmp_path, format):
    path = built(tmp_path, ["id"], [[n] for n in range(1000)])
    with open_file(path) as reader:
        wanted = Wanted(Query(), (0,), format)
        begun = writing.pieces(reader, wanted, writing.plan(reader, wanted))
        next(begun)
        begun.close()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("format", FORMATS)
def test_fewer_rows_than_planned_are_no_file(tmp_path, format):
    with open_file(built(tmp_path, ["id"], [[1], [2]])) as reader:
        wanted = Wanted(Query(), (0,), format)
        plan = replace(writing.plan(reader, wanted), rows=3)
        with pytest.raises(Incomplete):
            next(writing.pieces(reader, wanted, plan))


def test_what_cannot_be_sorted_is_said_before(exported):
    with pytest.raises(CannotSort):
        exported(["id"], [[1]], "csv", Query(sorts=(("nope", "asc"),)))


def test_a_separator_is_one_that_is_known(exported):
    with pytest.raises(ValueError, match="separator"):
        exported(["id"], [[1]], "excel-csv", options=Options("']"))
