from sandbox.tables import Column, Tables


def test_a_table_of_short_rows_takes_little_memory(tmp_path):
    """Beside many others there is less room than DuckDB would reserve for the longest rows of all."""
    tables = Tables(tmp_path)
    tables.run("SET memory_limit = '100MB'")
    assert tables.create("t", [Column("a", "c0", "text")], ([str(n)] for n in range(50_000))) == 50_000


def test_a_row_may_be_longer_than_duckdb_expects(tmp_path):
    tables, column = Tables(tmp_path), Column("a", "c0", "text")
    long = "x" * (2**24 + 10)
    tables.create("t", [column], [["short"], [long]])
    assert tables.page("t", [column], start=0, limit=2, where=None, order="") == [["short"], [long]]
