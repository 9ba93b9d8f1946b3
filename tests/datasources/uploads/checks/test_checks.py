"""Checks of files before they are sent: kinds, header, rows, encodings, delimiters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from datasources.uploads.checks import FILE_BYTES_MAX, Sample, check, sample_of, sample_of_head
from datasources.uploads.checks.sample import HEAD_BYTES

ROOT = Path(__file__).resolve().parents[4]


def csv_file(rows: int = 10, header: str = "id,name", row: str = "{},thing") -> bytes:
    return "\n".join([header, *(row.format(number) for number in range(1, rows + 1)), ""]).encode(
        errors="surrogateescape"
    )


def report(content: bytes, name: str = "a.csv"):
    return check(name, sample_of(content))


def test_a_report_shows_how_the_file_will_be_read():
    found = report(csv_file(12))
    assert (found.kind, found.encoding, found.delimiter) == ("CSV", "UTF-8", "comma")
    assert (found.columns, found.rows_seen, found.is_whole) == (("id", "name"), 12, True)
    assert found.rows == tuple((str(number), "thing") for number in range(1, 6))
    assert (found.problem, found.is_header_in_doubt, found.warnings) == ("", False, ())


PDF = b"%PDF-1.7\n1 0 obj"
RECORDS = [{"id": number, "name": "x"} for number in range(10)]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.CSV", csv_file(), "CSV"),
        ("a.tsv", csv_file(header="id\tname", row="{}\tthing"), "TSV"),
        ("a.json", json.dumps(RECORDS).encode(), "JSON"),
        ("a.jsonl", "\n".join(map(json.dumps, RECORDS)).encode(), "JSONL"),
        ("a.ndjson", "\n".join(map(json.dumps, RECORDS)).encode(), "JSONL"),
        ("a.pdf", PDF, "PDF"),
        ("a.pdf", b"garbage before\n" + PDF, "PDF"),
        ("a.txt", b"one line", "Text"),
        ("notes", b"one line", "Text"),
    ],
)
def test_the_kind_follows_name_and_content(name, content, kind):
    found = report(content, name)
    assert (found.kind, found.problem) == (kind, "")
    assert bool(found.warnings) is (name == "notes")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b" \r\n\n", "empty"),
        ("a.csv", b"\xef\xbb\xbf\n", "empty"),
        ("a.csv", csv_file(9), "9 rows below the header"),
        ("a.csv", csv_file(1), "1 row below the header"),
        ("a.csv", b"id,name", "0 rows below the header"),
        ("a.csv", csv_file(header=" , "), "9 rows below the header"),
        ("a.csv", PDF, "ends in .pdf"),
        ("a.csv", b"PK\x03\x04....xl/workbook.xml", "spreadsheet"),
        ("a.xlsx", b"PK\x03\x04....xl/workbook.xml", "spreadsheet"),
        ("a.zip", b"PK\x03\x04....", "archive"),
        ("a.csv.gz", b"\x1f\x8b....", "archive"),
        ("a.txt", b"\x89PNG\r\n", "image"),
        ("a.parquet", b"PAR1....", "database"),
        ("a.csv", b"a\0b", "binary"),
        ("a.csv", json.dumps(RECORDS).encode(), "ends in .json"),
        ("a.csv", b"<!DOCTYPE html><table>", "web page"),
        ("a.pdf", b"a,b\n", "not a PDF"),
        ("a.json", b"id,name\n", "not JSON"),
        ("a.json", b'[{"a": 1},\n {"a": }]', "line 2, column 8"),
        ("a.json", b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', "Line 2"),
        ("a.jsonl", json.dumps(RECORDS, indent=1).encode(), "ends in .json"),
        ("a.jsonl", b'{"a": 1}\n' * 9, "9 rows. "),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_the_reason(name, content, words):
    found = report(content, name)
    assert words in found.problem
    assert found.problem.endswith(".")


def test_size_is_a_rule():
    small = sample_of(csv_file())
    sizes = [FILE_BYTES_MAX, FILE_BYTES_MAX + 1]
    large = [Sample(small.head, size, small.sha256, small.is_utf8, small.lines) for size in sizes]
    assert ["100 MB" in check("a.csv", sample).problem for sample in large] == [False, True]


@pytest.mark.parametrize(
    ("header", "in_doubt"),
    [
        ("id,name", False),
        ("1,thing", True),
        ("2026-11-27,x", True),
        ("Prices of autumn", True),
        ("2024,2025", True),
        ("name,name", False),
        ("\n0,thing", True),
    ],
)
def test_a_first_row_that_looks_like_data_has_to_be_confirmed(header, in_doubt):
    found = report(csv_file(header=header))
    assert (found.is_header_in_doubt, found.problem) == (in_doubt, "")


@pytest.mark.parametrize(
    ("value", "rows"),
    [([{"a": 1}], 1), ({"a": 1}, 1), ({"items": RECORDS[:9], "n": 9}, 9), ([1, 2], 2)],
)
def test_few_rows_in_json_are_a_warning_only(value, rows):
    found = report(json.dumps(value).encode(), "a.json")
    assert (found.problem, found.rows_seen) == ("", rows)
    assert f"{rows} row" in found.warnings[0]
    assert "nested" in found.warnings[0]


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_encodings_are_recognised(encoding, named):
    content = csv_file(header="id,größe", row="{},é").decode().encode(encoding)
    found = report(content)
    assert (found.encoding, found.columns, found.rows[0]) == (named, ("id", "größe"), ("1", "é"))
    assert bool(found.warnings) is (encoding == "cp1252")


@pytest.mark.parametrize(("sign", "named"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")])
def test_delimiters_are_recognised_in_spite_of_others_in_the_cells(sign, named):
    found = report(csv_file(header=f"id{sign}a note", row="{}" + sign + "well, then"))
    assert (found.delimiter, found.column_count) == (named, 2)


def test_a_sep_line_names_the_delimiter():
    found = report(b"sep=;\n" + csv_file(header="a,b;c", row="{},5;x"))
    assert (found.delimiter, found.columns) == ("semicolon", ("a,b", "c"))


def test_quotes_are_read_as_in_csv_and_odd_ones_are_a_warning():
    good = report(csv_file(row='{},"two\nlines, and ""marks"""'))
    assert (good.rows[0], good.rows_seen, good.warnings) == (("1", 'two\nlines, and "marks"'), 10, ())
    assert "Quotation marks" in report(csv_file(row='{},"a" b')).warnings[0]
    assert "Quotation marks" in report(csv_file() + b'11,"x\n').warnings[0]


@pytest.mark.parametrize(
    ("header", "row", "warning"),
    [
        ("id,ID ,name", "1,2,x", "Column names are repeated: “id”."),
        ("id,,name", "1,2,x", "1 column has no name."),
        ("id,size", "5,{}\n6,big", "Numbers and text are mixed in “size”."),
        ("id,size", "{},NA\n1,2.5\n1,7", "Numbers and text are mixed in “size”."),
        ("id,day", "{},27.11.2026", "Dates are not ISO 8601 (2026-11-27) in “day” (such as 27.11.2026)."),
        ("id,day", "{},11/27/26 4:05 PM", "Dates are not ISO 8601 (2026-11-27) in “day” (such as 11/27/26 4:05 PM)."),
        ("id", "{},5", "10 of the first 10 rows have more cells than the header."),
    ],
)
def test_warnings_name_the_columns(header, row, warning):
    assert report(csv_file(header=header, row=row)).warnings == (warning,)


@pytest.mark.parametrize("row", ["{},2026-11-27", "{},2026-11-27T10:00:00Z", "{},", "{},1984 was a year", "{},7 %"])
def test_usual_columns_have_no_warnings(row):
    assert report(csv_file(header="id,value", row=row)).warnings == ()


def test_of_a_large_file_only_the_start_is_read():
    content = csv_file(60_000)
    found = report(content)
    assert len(content) > HEAD_BYTES * 2
    assert (found.is_whole, found.problem, found.column_count) == (False, "", 2)
    assert 10_000 < found.rows_seen < 60_000
    objects = json.dumps([{"id": number, "name": "x" * 20} for number in range(20_000)]).encode()
    assert report(objects, "a.json").columns == ("id", "name")
    assert report(b'{"rows": ' + objects + b"}", "a.json").problem == ""
    many = "\n".join(json.dumps({"id": number}) for number in range(50_000)).encode()
    assert (report(many, "a.jsonl").problem, report(many, "a.jsonl").columns) == ("", ("id",))


@pytest.mark.parametrize("content", [csv_file(60_000), csv_file(60_000, row="{},é"), csv_file(60_000, row="{},\udce9")])
def test_the_start_of_a_large_file_has_the_same_report(content):
    found = check("a.csv", sample_of_head(content[:HEAD_BYTES], len(content)))
    assert found == report(content)
    assert check("a.csv", sample_of_head(csv_file(), len(csv_file()))) == report(csv_file())


def test_ten_rows_beyond_the_start_are_not_called_missing():
    wide = csv_file(20, row="{}," + "x" * 30_000)
    assert report(wide).problem == ""
    assert report(wide).rows_seen == 8


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"," * 130_000 + b"\n" + b"a\n" * 60_000),
        ("a.csv", b"a\n" * 130_000),
        ("a.csv", b'"' * 250_000),
        ("a.csv", b"1," * 125_000 + b"\n" * 12),
        ("a.json", b"[" + b"{}," * 80_000 + b"{}]"),
        ("a.json", b"[" + b",".join(b'{"%d":1}' % number for number in range(20_000)) + b"]"),
        ("a.jsonl", b"\n".join(b'{"%d":1}' % number for number in range(20_000))),
        ("a.json", b'{"a":' * 40_000),
        ("a.txt", b"\n" * 250_000 + b"x"),
        ("a.csv", b" " * 250_000 + b"<"),
    ],
    ids=range(10),
)
def test_files_that_are_extreme_in_one_way_take_no_more_time_than_others(name, content):
    found = report(content, name)
    assert found.problem or found.kind


def test_more_lines_than_claro_takes_are_a_warning():
    found = report(b"id\n" + b"1\n" * 1_000_001)
    assert "1,000,000 rows" in found.warnings[0]


def test_the_checks_need_no_django():
    code = (
        "import sys, datasources.uploads.checks as c; sys.exit(any(n.split('.')[0] == 'django' for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
