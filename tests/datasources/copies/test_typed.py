import json
import resource

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasources.claro import NumberText, RowPage, bodies, numbers
from datasources.copies import duck, typed
from datasources.copies.schema import Kind
from datasources.copies.staging import Staging
from tests.support.copies import built, contents

NUMBERS = [
    "0", "-0", "-0.0", "5", "5.0", "5.5", "1.10", "100.10", "1e5", "1E5", "1e22", "1e+22", "1e-7", "5e-324", "1e400",
    "-1e400", "1e300", "NaN", "Infinity", "-Infinity", "0.1234567890123456789", "3.141592653589793", "9007199254740991",
    "9007199254740992", "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", str(2**127), str(-(2**127)), str(2**200), "1" * 4300, "1" * 4301, "12345678901234567890.12",
]  # fmt: skip
TEXTS = [
    '""', '" "', '"0012"', '"1e5"', '"5"', '"true"', '"null"', '"NaN"', '"[1]"', r'"\u0000"', r'"a\u0000b"',
    r'"\ud800"', r'"e\u0301"', '"𝄞"', r'"\n\r\t\""', "\"'; DROP TABLE rows; --\"", '"\ufeff"', '"2026-11-27"',
]  # fmt: skip
NESTED = ["[]", "{}", "[1, 1.0, 1.10, -0.0, null]", '{"b": 1, "a": {"__proto__": NaN}}', r'["\u0000", "é"]', "[[[]]]"]
PLAIN = ["null", "true", "false"]
CELLS = st.sampled_from([*NUMBERS, *TEXTS, *NESTED, *PLAIN])
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
WHOLE = st.integers(-(2**130), 2**130).map(str)
# Columns of one kind, of numbers, and of anything.
COLUMNS = st.sampled_from(
    [
        CELLS,
        FLOATS,
        WHOLE,
        FLOATS | WHOLE,
        FLOATS | st.integers(-(2**53), 2**53).map(str),
        st.integers().map(str) | st.just("null"),
        st.sampled_from(NUMBERS),
        st.sampled_from(TEXTS),
        st.sampled_from(NESTED),
        st.sampled_from(PLAIN),
        st.text().map(json.dumps),
    ]
)


def parsed(cells: list[list[str]]) -> RowPage:
    """Rows of JSON texts as the client reads them."""
    names = [f"column {place}" for place in range(len(cells[0]))]
    rows = ", ".join(f"[{', '.join(row)}]" for row in cells)
    body = f'{{"columns": {json.dumps(names)}, "rows": [{rows}]}}'
    return RowPage.from_api(bodies.read(body.encode(), numbers.loads), page=1, limit=1000)


@given(data=st.data())
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_cell_comes_back_as_claro_parses_it(tmp_path, data):
    kinds = data.draw(st.lists(COLUMNS, min_size=1, max_size=10))
    page = parsed(data.draw(st.lists(st.tuples(*kinds).map(list), min_size=1, max_size=8)))
    columns, rows = contents(built(tmp_path, [column.name for column in page.columns], page.rows))
    assert [column.name for column in columns] == [column.name for column in page.columns]
    assert repr(rows) == repr([list(row) for row in page.rows])  # 1, 1.0 and True differ, 0.0 and -0.0


@pytest.mark.parametrize("cell", [*NUMBERS, *TEXTS, *NESTED, *PLAIN])
def test_a_column_of_one_value_comes_back(tmp_path, cell):
    page = parsed([[cell], ["null"], [cell]])
    _, rows = contents(built(tmp_path, ["a"], page.rows))
    assert repr(rows) == repr([list(row) for row in page.rows])


@pytest.mark.parametrize(
    ("cells", "kind", "sql_type"),
    [
        (["a", "", None, "5"], Kind.TEXT, "VARCHAR"),
        ([1, None, -(2**63)], Kind.INT, "BIGINT"),
        ([1, 2**63], Kind.INT, "HUGEINT"),
        ([1, 2**127], Kind.DECIMAL, "VARCHAR"),
        ([1.0, -0.0, 1e300], Kind.FLOAT, "DOUBLE"),
        ([1, 2.5, 2**53, 1e22], Kind.NUMBER, "DOUBLE"),
        ([1, 2.5, 2**53 + 1], Kind.DECIMAL, "VARCHAR"),
        ([5, 5.0], Kind.DECIMAL, "VARCHAR"),
        ([1.5, NumberText("1.10")], Kind.DECIMAL, "VARCHAR"),
        ([True, None, False], Kind.BOOLEAN, "BOOLEAN"),
        ([{"a": 1}, []], Kind.NESTED, "VARCHAR"),
        ([None, None], Kind.EMPTY, "VARCHAR"),
        ([1, "1"], Kind.MIXED, "VARCHAR"),
        ([True, "true"], Kind.MIXED, "VARCHAR"),
    ],
)
def test_the_kind_and_type_of_a_column_follow_from_its_cells(tmp_path, cells, kind, sql_type):
    path = built(tmp_path, ["a"], [[cell] for cell in cells])
    [column], rows = contents(path)
    assert column.kind == kind
    assert repr(rows) == repr([[cell] for cell in cells])
    with duck.connect("64MB") as database:
        database.execute(f"ATTACH {duck.quoted(path)} AS copy (READ_ONLY)")
        assert database.execute("SELECT typeof(c0) FROM copy.rows").fetchall()[0] == (sql_type,)


def test_numbers_of_any_digits_compare_as_doubles(tmp_path):
    path = built(tmp_path, ["a"], [[NumberText("100.10")], [5], ["7"], [None], [NumberText("NaN")], [True]])
    with duck.connect("64MB") as database:
        database.execute(f"ATTACH {duck.quoted(path)} AS copy (READ_ONLY)")
        found = database.execute("SELECT x0 FROM copy.rows ORDER BY n").fetchall()
    assert found == [(100.1,), (5.0,), (None,), (None,), (None,), (None,)]


def test_a_version_is_one_file_of_one_format(tmp_path):
    path = built(tmp_path, ["a"], [[1]])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with duck.connect("64MB") as database:
        database.execute(f"ATTACH {duck.quoted(path)} AS copy (READ_ONLY)")
        meta = dict(database.execute("SELECT name, value FROM copy.meta").fetchall())
    assert meta == {"format": "1", "duckdb": duckdb.__version__}


@pytest.mark.parametrize("columns", [[], ["a", "b"]])
def test_a_table_without_rows_is_a_copy(tmp_path, columns):
    found, rows = contents(built(tmp_path, columns, []))
    assert ([column.name for column in found], rows) == (columns, [])


def test_hostile_names_of_columns_are_data(tmp_path):
    names = [
        "",
        "a",
        "a",
        "A",
        "n",
        "k",
        "c0",
        "rows",
        '"',
        "'; DROP TABLE rows; --",
        "__proto__",
        "x" * 5000,
        "\ufffd",
    ]
    row = list(range(len(names)))
    columns, rows = contents(built(tmp_path, names, [row]))
    assert [column.name for column in columns] == names
    assert rows == [row]


def test_a_finished_file_replaces_what_a_killed_process_left(tmp_path):
    (tmp_path / "built.copy").write_bytes(b"half a file")
    (tmp_path / "built.copy.wal").write_bytes(b"half a log")
    _, rows = contents(built(tmp_path, ["a"], [["text"]]))
    assert rows == [["text"]]


def test_no_file_is_left_where_there_is_no_room(tmp_path):
    with Staging.open(tmp_path / "staging") as file:
        file.append(["a"], [["text"]], block=0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # as a full disk: further writes fail
    try:
        with pytest.raises(duckdb.Error):
            typed.write(tmp_path / "staging", tmp_path / "copy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [file.name for file in tmp_path.iterdir()] == ["staging"]
