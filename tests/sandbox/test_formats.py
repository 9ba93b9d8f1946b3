"""Files as tables: what the formats become, and what failed files say."""

import json

import pytest

from sandbox import demo_files

TEXT, NUMBER = "text", "number"
TWO = [("a", TEXT), ("b", NUMBER)]


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ("a,b\nx,1\ny,2\n", TWO, [["x", 1], ["y", 2]]),
        ("a;b\r\nx;1\r\ny;2", TWO, [["x", 1], ["y", 2]]),
        ("a\tb\rx\t1\ry\t2\r", TWO, [["x", 1], ["y", 2]]),
        ("a|b\nx|1\n\n\ny|2\n", TWO, [["x", 1], ["y", 2]]),
        ("a;b\nx,y,z;1\n", TWO, [["x,y,z", 1]]),
        ("\ufeffa,b\nx,1\n", TWO, [["x", 1]]),
        # empty cells are null, short rows too; long rows get columns
        ("a,b\n,1\nx\n", TWO, [[None, 1], ["x", None]]),
        ("a,b\nx,1,z\n", [*TWO, ("column_3", TEXT)], [["x", 1, "z"]]),
        ("a,b\n", [("a", TEXT), ("b", TEXT)], []),
        # names: missing, twice, with blanks
        (
            "a,,a, a ,a_2\n1,2,3,4,5\n",
            [(n, NUMBER) for n in ("a", "column_2", "a_2", "a_3", "a_2_2")],
            [[1, 2, 3, 4, 5]],
        ),
        # quotes
        ('a,b\n"x, ""y""\nz\r\n",1\n', TWO, [['x, "y"\nz\r\n', 1]]),
        ("a,b\n'x,1\n", TWO, [["'x", 1]]),
        # a column of plain numbers is numbers; of anything else, text
        ("a,b\n007,1.50\n", TWO, [["007", 1.5]]),
        ("a,b\n1e5,-0.25\n", TWO, [["1e5", -0.25]]),
        ("a,b\n+1,0\n", TWO, [["+1", 0]]),
        ("a,b\n1234567890123456,1\n", TWO, [["1234567890123456", 1]]),
        ("a,b\nNA,1\nnan,2\n", TWO, [["NA", 1], ["nan", 2]]),
        ("a,b\n1 000,1\n", TWO, [["1 000", 1]]),
        # Windows-1252, its unused bytes included
        ("a,b\nBrébeuf “x”,1\n".encode("cp1252"), TWO, [["Brébeuf “x”", 1]]),
        (b"a,b\n\x8d\xe9,1\n", TWO, [["\x8dé", 1]]),
    ],
    ids=range(20),
)
def test_csv(parsed, content, columns, rows):
    assert parsed("a.csv", content) == (columns, rows)


def test_tsv_splits_at_tabs_only(parsed):
    assert parsed("a.tsv", "a,x\tb\n1,5\t2\n") == ([("a,x", TEXT), ("b", NUMBER)], [["1,5", 2]])


@pytest.mark.parametrize(
    ("content", "columns", "rows"),
    [
        ('[{"a": "x", "b": 1}, {"b": 2.5, "c": true}]', [*TWO, ("c", "boolean")], [["x", 1, None], [None, 2.5, True]]),
        ('{"a": "x", "b": 1}', TWO, [["x", 1]]),
        # the table is the one list of objects
        ('{"type": "F", "box": [1], "features": [{"a": "x", "b": 1}, {"a": "y"}]}', TWO, [["x", 1], ["y", None]]),
        ('{"one": [{"a": 1}], "two": [{"a": 1}]}', [("one", "json"), ("two", "json")], [[[{"a": 1}], [{"a": 1}]]]),
        # mixed and nested values are JSON
        (
            '[{"a": "x"}, {"a": 1}, {"a": null}, {"a": [{"b": null}]}]',
            [("a", "json")],
            [["x"], [1], [None], [[{"b": None}]]],
        ),
        ('[1, "x", [2]]', [("value", "json")], [[1], ["x"], [[2]]]),
        (f'[{{"a": {2**70}}}]', [("a", NUMBER)], [[2**70]]),
        (f'[{{"a": {2**60}}}]', [("a", NUMBER)], [[2**60]]),
        # text that is no good Unicode, and text that is nearly none
        (r'[{"a": "\ud83d!"}, {"a": "\u0000"}, {"a": "\ud83d\ude00"}]', [("a", TEXT)], [["?!"], ["\0"], ["😀"]]),
        ('[{"": 1, "<b>": 2}]', [("", NUMBER), ("<b>", NUMBER)], [[1, 2]]),
    ],
    ids=range(10),
)
def test_json(parsed, content, columns, rows):
    assert parsed("a.json", content) == (columns, rows)


def test_jsonl(parsed):
    content = '{"a": "x"}\n\n{"a": "y\u2028z", "b": 1}\r\n'
    assert parsed("a.jsonl", content) == (TWO, [["x", None], ["y\u2028z", 1]])


def test_text_is_lines(parsed):
    assert parsed("a.txt", "one\n\ntwo, “three”")[1] == [[1, "one"], [2, ""], [3, "two, “three”"]]


def test_pdf_is_the_lines_of_its_pages(parsed):
    columns, rows = parsed("a.pdf", demo_files.pdf([["first (1)", "second"], [], ["last"]]))
    assert columns == [("page", NUMBER), ("line", NUMBER), ("text", TEXT)]
    assert rows == [[1, 1, "first (1)"], [1, 2, "second"], [3, 3, "last"]]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a.pdf", "a.txt"])
@pytest.mark.parametrize("content", [b"", b" \r\n\t"])
def test_an_empty_file_says_so(error, name, content):
    assert error(name, content) == "The file is empty."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "[1, 2", "not JSON: Expecting ',' delimiter: line 1"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.json", '[{"a": NaN}]', "NaN"),
        ("a.json", "[]", "no records"),
        ("a.json", "[{}, {}]", "no records"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', "Line 2 is not JSON"),
        ("a.jsonl", '{"a": Infinity}', "Line 1 is not JSON"),
        ("a.pdf", "Hello", "PDF can't be read"),
        ("a.pdf", demo_files.pdf([["x"]])[:300], "PDF can't be read"),
        ("a.pdf", demo_files.pdf([[], []]), "holds pictures but no text"),
        ("a.pdf", demo_files.protected(demo_files.pdf([["x"]]), "secret"), "protected by a password"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither text nor a PDF"),
        ("a.csv", "a\n" + "x" * 20_000_000, "field larger than"),
        ("a.txt", "\n" * 1_000_001 + "x", "up to 1,000,000 rows"),
    ],
    ids=range(14),
)
def test_a_file_that_fails_says_why(error, name, content, words):
    assert words in error(name, content)


def test_a_table_may_be_wide_and_hold_long_cells(account, calls):
    names = [f"column {number}" for number in range(3000)]
    source_id = account.upload("wide.jsonl", json.dumps(dict.fromkeys(names, "x" * 1000)))
    assert calls.details(source_id)["columnCount"] == 3000
    assert calls.column(source_id, "column 2999", filter="\"column 2999\" LIKE 'xx%'") == ["x" * 1000]
