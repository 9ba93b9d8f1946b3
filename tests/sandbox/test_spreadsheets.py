"""Files as spreadsheets write them: encodings, delimiters, titles; and files that would become a wrong table."""

import gzip
import io
import zipfile

import pytest

TEXT, NUMBER = "text", "number"
COLUMNS = [("id", NUMBER), ("name", TEXT), ("price", TEXT)]
LINES = ["id\tname\tprice", *(f"{number}\tMüller {number}\t{number},50" for number in range(1, 13))]
ROWS = [[number, f"Müller {number}", f"{number},50"] for number in range(1, 13)]
TABBED = "\r\n".join(LINES) + "\r\n"
TWO = [("a", TEXT), ("b", NUMBER)]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.txt", "a.xls"])
@pytest.mark.parametrize(
    "content",
    [
        TABBED.encode("utf-16"),
        b"\xfe\xff" + TABBED.encode("utf-16-be"),
        TABBED.encode("utf-16-le"),
        TABBED.encode("utf-16-be"),
        TABBED.encode("utf-32"),
        b"\0\0\xfe\xff" + TABBED.encode("utf-32-be"),
        TABBED.encode("utf-8-sig"),
        TABBED.encode("cp1252"),
        "\r".join(LINES).encode(),
    ],
    ids=["utf-16", "utf-16-be", "le-bare", "be-bare", "utf-32", "utf-32-be", "utf-8-sig", "cp1252", "cr"],
)
def test_a_table_with_tabs_is_read_in_every_encoding_of_spreadsheets(parsed, name, content):
    assert parsed(name, content) == (COLUMNS, ROWS)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_json_is_read_in_every_encoding_of_spreadsheets(parsed, name, encoding):
    assert parsed(name, '{"a": "Müller", "b": 1}'.encode(encoding)) == (TWO, [["Müller", 1]])


@pytest.mark.parametrize(
    "content",
    [
        "sep=;\r\na;b\r\nx,y;1\r\n",
        "sep=;\ra;b\rx,y;1\r",
        '\ufeff"sep=;"\r\na;b\r\nx,y;1\r\n',
        "SEP=|\na|b\nx,y|1\n",
        "sep=\t\na\tb\nx,y\t1\n",
        "sep=\\t\na\tb\nx,y\t1\n",
        "sep=:\na:b\nx,y:1\n",
        'sep=,\na,b\n"x,y",1\n',
        "sep=;;\na;b\nx,y;1\n",
        "sep=;\nSales 2026\n\na;b\nx,y;1\n",
        "sep=;\r\na;b\r\nx,y;1\r\n".encode("utf-16"),
    ],
    ids=range(11),
)
def test_a_first_line_names_the_delimiter(parsed, content):
    assert parsed("a.csv", content) == (TWO, [["x,y", 1]])
    assert parsed("a.tsv", content) == (TWO, [["x,y", 1]])


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("id;name;price\n1;x,y;2\n2;z;3\n", ["id", "name", "price"]),
        ("id;name, first;price, net, EUR, old\n1;x;2\n", ["id", "name, first", "price, net, EUR, old"]),
        ("size, cm;price, EUR\n1,5;2,5\n3,5;4,5\n", ["size, cm", "price, EUR"]),
        ("id,tags\n1,a;b;c\n2,a;b\n", ["id", "tags"]),
        ("id|text\n1|a, b, c\n2|a, b, c\n", ["id", "text"]),
        ('"a;1","b;2"\nx,y\n', ["a;1", "b;2"]),
        ("name\nAnna Berg\nBo Lund\n", ["name"]),
        ("address\nhttp://a\nhttp://b:8000/\n", ["address"]),
    ],
)
def test_the_delimiter_is_the_one_of_most_rows(parsed, content, names):
    assert [name for name, _ in parsed("a.csv", content)[0]] == names


@pytest.mark.parametrize(
    "titles",
    [
        "Sales 2026\n",
        "\n\n",
        "Sales 2026\n\n",
        "Sales 2026;;;\n;;;\n",
        "Sales 2026\nMade by;Anna\n",
        "Sales 2026, all shops, net\n\n\n",
        "Account;DE12;EUR\nFrom;1.1.2026\n\n",
    ],
)
def test_titles_above_the_header_are_left_out(parsed, titles):
    columns, rows = parsed("a.csv", titles + "id;name;price;note\n1;x;2;\n2;y;3;z\n")
    assert [name for name, _ in columns] == ["id", "name", "price", "note"]
    assert rows == [[1, "x", 2, None], [2, "y", 3, "z"]]


@pytest.mark.parametrize(
    ("content", "names", "count"),
    [
        ("a,b\nx,y\nz,w\n", ["a", "b"], 2),
        ("a,b\n\nx,y\n", ["a", "b"], 1),
        ("a,,\nx,y,1\nz,w,2\n,,\n", None, 0),
        ("a,b,\nx,y,1\nz,w,2\n", ["a", "b", "column_3"], 2),
        ("a,b\n,\nx,y\n", ["a", "b"], 2),
        ("a,2025,2026\nx,1,2\n", ["a", "2025", "2026"], 1),
    ],
)
def test_the_first_line_is_the_header_unless_it_is_a_title(account, calls, content, names, count):
    source = calls.details(account.upload("a.csv", content))
    if names is None:
        assert "can't be the header" in source["error"]
    else:
        assert ([column["name"] for column in source["columns"]], source["rowCount"]) == (names, count)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize(
    "content",
    [
        '{"a": "x", "b": 1}\n{"a": "y", "b": 2}\n',
        '{"a": "x", "b": 1}\r\n\r\n{"a": "y", "b": 2}',
        '{"a": "x", "b": 1}\r{"a": "y", "b": 2}\r',
        '{\n "a": "x",\n "b": 1\n}\n{\n "a": "y",\n "b": 2\n}\n',
        '[{"a": "x", "b": 1}, {"a": "y", "b": 2}]',
        '[\n{"a": "x", "b": 1},\n{"a": "y", "b": 2}\n]\n',
    ],
    ids=range(6),
)
def test_json_and_json_lines_are_read_under_each_others_names(parsed, name, content):
    assert parsed(name, content) == (TWO, [["x", 1], ["y", 2]])


def zipped(name: str, content: str = "x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


AS_CSV = "Save it as “CSV UTF-8” and upload it again."
UNCLOSED = "The quotation marks in the row of line 2 are not closed, or text follows a closing one."


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", zipped("xl/workbook.xml"), f"The file is an Excel workbook. {AS_CSV}"),
        ("a.xlsx", zipped("xl/workbook.xml"), f"The file is an Excel workbook. {AS_CSV}"),
        ("a.json", zipped("xl/workbook.xml"), f"The file is an Excel workbook. {AS_CSV}"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", AS_CSV),
        (
            "a.ods",
            zipped("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
            f"OpenDocument spreadsheet. {AS_CSV}",
        ),
        ("a.docx", zipped("word/document.xml"), "Save it as plain text"),
        ("a.rtf", r"{\rtf1\ansi Hello}", "Save it as plain text"),
        ("a.csv", b"PAR1\x15\x04\x15 a,b", f"a Parquet file. {AS_CSV}"),
        ("a.csv", zipped("a.csv"), "Unpack it"),
        ("a.csv", gzip.compress(b"a,b\n1,2\n"), "Unpack it"),
        ("a.csv", b"%PDF-1.7\n", "Name it .pdf"),
        ("a.csv", b"a,b\n\0\x01\x02,1\n", "Save it as CSV, JSON, plain text or PDF"),
        ("a.csv", bytes(range(1, 128)), "Save it as CSV, JSON, plain text or PDF"),
        (
            "a.xls",
            "<html><body><table><tr><td>1",
            f"a web page (HTML), not a table of text. Open it in a spreadsheet. {AS_CSV}",
        ),
        ("a.csv", "\ufeff\n<!-- x -->\n<TABLE border=1>", "a web page (HTML)"),
        ("a.json", "<!DOCTYPE html><p>Sign in", "a web page (HTML)"),
        ("a.xls", '<?xml version="1.0"?><Workbook/>', "The file is XML"),
        ("a.csv", '[{"a": 1}]', "The file is JSON. Name it .json"),
        ("a.json", "a,b\n1,2\n", "name it .csv"),
        (
            "a.csv",
            "a,b\nMüller,1\n".encode() + "Müller,2\n".encode("cp1252"),
            f"mixes encodings: some lines are UTF-8, others are not. {AS_CSV}",
        ),
        (
            "a.csv",
            b"\xef\xbb\xbfa,b\nM\xfcller,1\n",
            f"marked as UTF-8, but it is damaged or only partly UTF-8. {AS_CSV}",
        ),
        ("a.tsv", TABBED.encode("utf-16")[:-1], "marked as UTF-16, but it is damaged"),
        ("a.csv", "имя,город\nИван,Москва\n".encode("cp1251"), f"neither UTF-8 nor Windows-1252. {AS_CSV}"),
        ("a.csv", "名前,都市\nさくら,東京\n".encode("cp932"), f"neither UTF-8 nor Windows-1252. {AS_CSV}"),
        ("a.csv", "名字,城市\n张伟,北京\n".encode("gbk"), f"neither UTF-8 nor Windows-1252. {AS_CSV}"),
        ("a.csv", "a,b\rMüller,1\r".encode("mac_roman"), f"neither UTF-8 nor Windows-1252. {AS_CSV}"),
        ("a.csv", "a,b\r\nMüller,1\r\n".encode("cp850"), f"neither UTF-8 nor Windows-1252. {AS_CSV}"),
        (
            "a.csv",
            "a:b\n1:2\n",
            "separated by :. Save the file with commas, semicolons or tabs, or put sep=: in a line",
        ),
        ("a.csv", "a\x1fb\n1\x1f2\n", "U+001F"),
        ("a.csv", "id   name\n1    Anna\n", "separated by spaces"),
        ("a.csv", "sep=\na;b\n1;2\n", "Write it as in sep=;"),
        ("a.csv", 'a,b\n"x,1\ny,2\n', f'{UNCLOSED} Write each mark within a quoted cell twice ("")'),
        ("a.csv", 'a,b\n"x,1\ny,"2\nz,3\n', UNCLOSED),
        ("a.tsv", 'a\tb\n"x\t1\ny\t2\n', UNCLOSED),
        ("a.csv", "1,2\n3,4\n", "holds numbers only: it can't be the header. Put the names"),
        ("a.csv", "Sales 2026\n1;2;3\n4;5;6\n", "has one cell and the others have more: it can't be the header"),
        ("a.csv", ",,\n,,\n", "The file is empty."),
        ("a.csv", "\ufeff", "The file is empty."),
        ("a.csv", "a,b\r\n" + "Anna\0,1\r\n" * 9, f"holds NUL characters, which are no text. {AS_CSV}"),
        ("a.csv", "a,b\n" + "Anna,1\0\n" * 9, f"holds NUL characters, which are no text. {AS_CSV}"),
        ("a.slk", 'ID;PWXL;N;E\r\nC;Y1;X1;K"a"\r\nE\r\n', f"a spreadsheet in SYLK format. {AS_CSV}"),
        ("a.csv", 'TABLE\r\n0,1\r\n"EXCEL"\r\nVECTORS\r\n0,2\r\n""\r\n', f"a spreadsheet in DIF format. {AS_CSV}"),
        ("a.xls", "MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n", "a web page (HTML)"),
        ("a.csv", b"\x28\xb5\x2f\xfd\x24\x08\x41\0\0a,b\n1,2\n", "Unpack it"),
        ("a.csv", "imię,miasto\nMałgorzata,Łódź\n".encode("cp1250"), f"neither UTF-8 nor Windows-1252. {AS_CSV}"),
        ("a.csv", "imię,miasto\nGrażyna,Łódź\n".encode("iso8859-2"), f"neither UTF-8 nor Windows-1252. {AS_CSV}"),
        (
            "a.csv",
            "name,city\nAnna,Bern\nBo,Ulm\nMain St, 5,Bonn\n",
            "1 of 3 rows have more cells than the header, the first one with “Main St”. Put cells that hold",
        ),
        ("a.csv", "a,b\n'x, y',1\nz,2\nz,2\n", "more cells than the header"),
        ("a.csv", "name\nAnna\nBo\nLund, Bo\n", "more cells than the header"),
    ],
    ids=range(49),
)
def test_a_file_that_would_become_a_wrong_table_fails_and_says_what_to_do(error, name, content, words):
    assert words in error(name, content)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('a, b\n1, "x"\n2, "y, z"\n', [[1, "x"], [2, "y, z"]]),
        ('a,b\n1,"x, ""y"""\n2, z\n', [[1, 'x, "y"'], [2, " z"]]),
        ('a; b\n"1"; "x"\n"2"; "y; z"\n', [[1, "x"], [2, "y; z"]]),
        ("a,b\nx,1\ny,2\n\x1a", [["x", 1], ["y", 2]]),
        ("ID;Price\nC;1\nP;2\n", [["C", 1], ["P", 2]]),
        ("a,b\nx,1,\ny,2\nz,3\n", [["x", 1, None], ["y", 2, None], ["z", 3, None]]),
        ("a,b\n山田,1\n太郎,2\n".encode("utf-16-le"), [["山田", 1], ["太郎", 2]]),
        ("a,b\n山田太郎山田太郎,1\n".encode("utf-16-be"), [["山田太郎山田太郎", 1]]),
    ],
    ids=[
        "space before quotes",
        "a mark in a cell",
        "semicolons",
        "end of file of DOS",
        "no SYLK",
        "empty cell more",
        "wide",
        "big-endian",
    ],
)
def test_tables_as_other_programs_write_them_are_read(parsed, content, rows):
    assert parsed("a.csv", content)[1] == rows


def test_western_text_with_many_accents_is_windows_1252(parsed):
    text = "Ångström créée ÄÖÜ «naïve» – “quoted”… l’œuvre Škoda šaty žena Žižkov 5€"
    assert parsed("a.csv", f"a,b\n{text},1\n".encode("cp1252")) == (TWO, [[text, 1]])


def test_markup_within_a_table_is_text(parsed):
    assert parsed("a.csv", "<b>a</b>,b\n<script>,1\n") == ([("<b>a</b>", TEXT), ("b", NUMBER)], [["<script>", 1]])
