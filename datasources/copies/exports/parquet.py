"""Parquet: DuckDB writes it as a whole, so it is a file in the private folder while it is sent."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import duckdb

from datasources.copies import duck
from datasources.copies.exports.table import Table
from datasources.copies.schema import NUMBERS_SQL, Column, Kind

# Sorting takes room in the private folder, not memory.
_MEMORY = "256MB"
_PIECE_BYTES = 2**18
_NUMBERS_AT_ONCE = 65_536
# Digits of the widest decimal number.
_DIGITS = 38


def widths(column: Column) -> list[str]:
    """Aggregates that `type_of` needs of a column."""
    value = column.value
    if column.kind is Kind.INT:
        return [f"min({value})", f"max({value})"]
    if column.kind is Kind.DECIMAL:
        plain = r"^-?[0-9]+(\.[0-9]+)?$"
        whole = f"length(regexp_extract({value}, '^-?0*([0-9]*)', 1))"
        return [
            f"bool_and(regexp_matches({value}, '{plain}'))",
            f"max({whole})",
            f"max(length(regexp_extract({value}, '[.]([0-9]*)$', 1)))",
        ]
    return []


def type_of(column: Column, widths: Sequence[object]) -> str:
    """The SQL type that holds each of the column's numbers exactly; VARCHAR where none does."""
    match column.kind:
        case Kind.INT:
            least, most = (int(str(one or 0)) for one in widths)
            if least >= -(2**63) and most < 2**63:
                return "BIGINT"
            return _decimal(max(len(str(abs(least))), len(str(most))), 0)
        case Kind.FLOAT | Kind.NUMBER:
            return "DOUBLE"
        case Kind.DECIMAL:
            is_plain, whole, fraction = widths  # null where no row is found
            return _decimal(int(str(whole)), int(str(fraction))) if is_plain else "VARCHAR"
        case Kind.BOOLEAN:
            return "BOOLEAN"
    return "VARCHAR"


def mixed_numbers(column: Column) -> str | None:
    """SQL that is true for numbers among texts: the column is text then."""
    return f"{column.letter} IN ({NUMBERS_SQL})" if column.kind is Kind.MIXED else None


def pieces(table: Table, copy: Path, names: tuple[str, ...], types: Sequence[str]) -> Iterator[bytes]:
    """The file; no name occurs twice, case ignored."""
    with _written(table, copy, names, types) as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _written(table: Table, copy: Path, names: tuple[str, ...], types: Sequence[str]) -> IO[bytes]:
    target = copy.parent / f"export-{uuid.uuid4().hex}.tmp"
    cells = ", ".join(
        f"CAST({column.text if sql_type == 'VARCHAR' else column.value} AS {sql_type}) AS {_identifier(name)}"
        for column, name, sql_type in zip(table.columns, names, types, strict=True)
    )
    try:
        with duck.connect(_MEMORY, copy.parent) as database:
            database.execute(f"ATTACH {duck.quoted(copy)} AS copy (READ_ONLY); USE copy")
            source = _rows(table, database)
            database.execute(f"COPY (SELECT {cells} FROM {source}) TO {duck.quoted(target)} (FORMAT parquet)")  # noqa: S608
        return target.open("rb")
    finally:
        target.unlink(missing_ok=True)  # what is open can be read to its end


def _rows(table: Table, database: duckdb.DuckDBPyConnection) -> str:
    """The rows in order as SQL."""
    numbers = table.numbers
    if isinstance(numbers, range):
        return "rows ORDER BY n"
    database.execute("CREATE TEMP TABLE wanted(place INTEGER, wanted INTEGER)")
    for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
        some = numbers[start : start + _NUMBERS_AT_ONCE].tolist()  # type: ignore[attr-defined]
        database.execute(
            "INSERT INTO wanted SELECT ? + generate_subscripts(part, 1), unnest(part) "
            "FROM (SELECT ?::INTEGER[] AS part)",
            [start, some],
        )
    return "wanted JOIN rows ON n = wanted ORDER BY place"


def _decimal(whole: int, fraction: int) -> str:
    width = max(whole, 1) + fraction
    return f"DECIMAL({width}, {fraction})" if width <= _DIGITS else "VARCHAR"


def _identifier(name: str) -> str:
    return '"' + name.replace("\0", "\N{REPLACEMENT CHARACTER}").replace('"', '""') + '"'
