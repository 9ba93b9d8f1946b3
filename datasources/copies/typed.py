"""The finished file of a copy, with a type for each column (schema.py), made of the staging file."""

from collections import defaultdict
from pathlib import Path

import duckdb

from datasources.copies import duck, schema
from datasources.copies.schema import NUMBERS, NUMBERS_SQL, WHOLE_DOUBLES, Column, Kind, Letter

_MEMORY = "512MB"
# Of the sizes tried, the one with the smallest file and the quickest scattered rows (a quarter of DuckDB's own).
_BLOCK_BYTES = 65_536
_TYPES = {Kind.FLOAT: "DOUBLE", Kind.NUMBER: "DOUBLE", Kind.BOOLEAN: "BOOLEAN"}
_ONE_LETTER = {
    Letter.TEXT: Kind.TEXT,
    Letter.FLOAT: Kind.FLOAT,
    Letter.BOOLEAN: Kind.BOOLEAN,
    Letter.NESTED: Kind.NESTED,
}


def write(staging: Path, target: Path) -> list[Column]:
    """Writes the file `target` of all staged rows, in the place of whatever is there; returns its columns.

    Raises duckdb.Error when there is no room, and leaves no file then.
    """
    _remove(target)
    try:
        with duck.connect(_MEMORY, target.parent) as database:
            database.execute(f"ATTACH {duck.quoted(staging)} AS staging (READ_ONLY)")
            database.execute(f"ATTACH {duck.quoted(target)} AS copy (BLOCK_SIZE {_BLOCK_BYTES}); USE copy")
            columns = _write(database)
            database.execute("CHECKPOINT copy")
    except BaseException:
        _remove(target)
        raise
    return columns


def _remove(file: Path) -> None:
    for path in (file, file.with_name(f"{file.name}.wal")):
        path.unlink(missing_ok=True)


def _write(database: duckdb.DuckDBPyConnection) -> list[Column]:
    columns, cells = [], []
    letters = defaultdict(set)
    for place, letter in database.execute("SELECT place, letter FROM staging.letters").fetchall():
        letters[place].add(Letter(letter))
    for place, name in database.execute("SELECT place, name FROM staging.columns ORDER BY place").fetchall():
        kind, sql_type = _kind(database, place, letters[place] - {Letter.NULL})
        column = Column(place, name, kind)
        columns.append(column)
        cells += _cells(column, sql_type)
    # By n: equal rows are then in the same order in every copy of a version.
    selected = ", ".join(["n", *cells])
    database.execute(f"CREATE TABLE rows AS SELECT {selected} FROM staging.rows ORDER BY n")  # noqa: S608
    database.execute("CREATE TABLE columns(place INTEGER, name VARCHAR, kind VARCHAR)")
    with database.appender("columns") as appender:
        appender.append_rows([(column.place, column.name, column.kind.value) for column in columns])
    database.execute("CREATE TABLE meta(name VARCHAR, value VARCHAR)")
    with database.appender("meta") as appender:
        appender.append_rows([("format", str(schema.FORMAT)), ("duckdb", duckdb.__version__)])
    return columns


def _kind(database: duckdb.DuckDBPyConnection, place: int, letters: set[Letter]) -> tuple[Kind, str]:
    """The kind of a column and the type of its cells."""
    if not letters:
        return Kind.EMPTY, "VARCHAR"
    if len(letters) == 1 and (kind := _ONE_LETTER.get(*letters)):
        return kind, _TYPES.get(kind, "VARCHAR")
    if letters <= {Letter.INT, Letter.FLOAT}:
        return _kind_of_numbers(database, place, letters)
    return (Kind.DECIMAL if letters <= set(NUMBERS) else Kind.MIXED), "VARCHAR"


def _kind_of_numbers(database: duckdb.DuckDBPyConnection, place: int, letters: set[Letter]) -> tuple[Kind, str]:
    """Ints in the smallest type that holds all; with floats among them doubles, where these give back all as sent."""
    is_int, whole = f"{_letter(place)} = '{Letter.INT}'", f"try_cast(c{place} AS HUGEINT)"
    [(low, high, beyond, pointed)] = database.execute(
        f"""
        SELECT min({whole}) FILTER ({is_int}), max({whole}) FILTER ({is_int}),
            count(*) FILTER ({is_int} AND {whole} IS NULL),
            count(*) FILTER (NOT {is_int} AND ends_with(c{place}, '.0'))
        FROM staging.rows
        """  # noqa: S608 - places only
    ).fetchall()
    if beyond:
        return Kind.DECIMAL, "VARCHAR"
    if Letter.FLOAT not in letters:
        fits = low >= -(2**63) and high < 2**63
        return Kind.INT, "BIGINT" if fits else "HUGEINT"
    if pointed or low < -WHOLE_DOUBLES or high > WHOLE_DOUBLES:
        return Kind.DECIMAL, "VARCHAR"
    return Kind.NUMBER, "DOUBLE"


def _cells(column: Column, sql_type: str) -> list[str]:
    """The SQL of what is stored of a column."""
    value = column.value
    if not column.letter:
        return [f"{value}::{sql_type} AS {value}"]
    letter = _letter(column.place)
    # NaN would be greater than all numbers, and spoil sums.
    number = f"CASE WHEN {letter} IN ({NUMBERS_SQL}) AND {value} <> 'NaN' THEN try_cast({value} AS DOUBLE) END"
    return [value, f"{letter} AS {column.letter}", f"{number} AS {column.number}"]


def _letter(place: int) -> str:
    """The SQL of a staged cell's letter; rows from before the column was named have none for it."""
    return f"coalesce(nullif(substr(k, {place + 1}, 1), ''), '{Letter.NULL}')"
