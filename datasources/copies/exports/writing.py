"""The file of an export: what it will be (`plan`), and its bytes (`pieces`)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from core.text import no_formula
from datasources.copies.exports import csv_lines, excel, json_lines, parquet
from datasources.copies.exports.formats import Options
from datasources.copies.exports.table import Incomplete, Table
from datasources.copies.opened import Reader
from datasources.copies.query import Query
from datasources.copies.schema import Column


class Refused(Exception):
    """A format can't hold these rows; the message is a sentence for users."""


@dataclass(frozen=True)
class Wanted:
    """An export: rows and their order, the places of the columns (schema.Column) in the order of the file, a format."""

    query: Query
    places: tuple[int, ...]
    format: str
    options: Options = field(default_factory=Options)


@dataclass(frozen=True)
class Plan:
    """`columns` are the names in the file. `as_text` are those of numbers that the format can't hold, `guarded` those
    with cells that the formula guard changes."""

    rows: int
    columns: tuple[str, ...]
    as_text: tuple[str, ...] = ()
    guarded: tuple[str, ...] = ()
    # Of each column: the SQL type in a Parquet file, "text" for text in an Excel file.
    types: tuple[str, ...] = ()


def plan(reader: Reader, wanted: Wanted) -> Plan:
    """The rows, columns and types of the file. Raises Refused, and what query.where and orders.by do."""
    table = Table(reader, wanted.query, wanted.places)
    rows = table.count()
    names = tuple(column.name for column in table.columns)
    match wanted.format:
        case "excel-csv":
            found = _with_any(table, csv_lines.formulas)
            changed = tuple(name for at, name in enumerate(names) if at in found or name != no_formula(name))
            return Plan(rows, tuple(map(no_formula, names)), guarded=changed)
        case "json" | "jsonl":
            told_apart = _told_apart(names)
            return Plan(rows, told_apart, _of(told_apart, _with_any(table, json_lines.unspeakable)))
        case "xlsx":
            _check_limits(table, rows)
            found = _with_any(table, excel.changed)
            types = tuple("text" if at in found else "" for at in range(len(names)))
            return Plan(rows, names, _of(names, found), types=types)
        case "parquet":
            return _plan_of_parquet(table, rows, names)
    return Plan(rows, names)


def pieces(reader: Reader, wanted: Wanted, plan: Plan) -> Iterator[bytes]:
    """The file, some hundred kilobytes at a time. Nothing is open in the copy between two pieces.

    Raises Incomplete, and what Reader.run does.
    """
    table = Table(reader, wanted.query, wanted.places)
    if len(table.numbers) != plan.rows:
        raise Incomplete(f"{len(table.numbers)} rows in place of {plan.rows}")
    match wanted.format:
        case "json" | "jsonl":
            yield from json_lines.pieces(table, plan.columns, wanted.format)
        case "xlsx":
            as_text = {at for at, kind in enumerate(plan.types) if kind}
            yield from excel.pieces(table, plan.columns, as_text, plan.rows)
        case "parquet":
            yield from parquet.pieces(table, reader.path, plan.columns, plan.types)
        case _:
            yield from csv_lines.pieces(table, plan.columns, wanted.format, wanted.options)


def _of(names: Sequence[str], positions: set[int]) -> tuple[str, ...]:
    return tuple(name for at, name in enumerate(names) if at in positions)


def _check_limits(table: Table, rows: int) -> None:
    """Raises Refused where Excel can't hold the rows."""
    if rows > excel.ROWS_MAX:
        raise Refused(f"Excel holds {excel.ROWS_MAX:,} rows, and these are {rows:,}. Choose another format or filter.")
    if len(table.columns) > excel.COLUMNS_MAX:
        raise Refused(
            f"Excel holds {excel.COLUMNS_MAX:,} columns, and these are {len(table.columns):,}. Choose fewer columns."
        )
    texts = [column for column in table.columns if excel.length(column)]
    lengths = table.facts([f"max({excel.length(column)})" for column in texts])
    for column in table.columns:
        longest = len(column.name.encode("utf-16-le")) // 2
        _check_length(column, longest, "name")
    for column, longest in zip(texts, lengths, strict=True):
        _check_length(column, longest or 0, "cell")
    sizes = table.facts([f"sum(strlen({column.value}))" for column in texts])
    if sum(filter(None, sizes)) + rows * len(table.columns) * excel.CELL_BYTES > excel.SHEET_BYTES:
        raise Refused("These rows are too large for Excel: a sheet holds 2 GB. Choose another format or fewer columns.")


def _check_length(column: Column, longest: int, what: str) -> None:
    if longest > excel.CHARACTERS_MAX:
        raise Refused(
            f"The column {column.name[:200]} has a {what} of {longest:,} characters. Excel holds "
            f"{excel.CHARACTERS_MAX:,}. Choose another format, or leave this column out."
        )


def _plan_of_parquet(table: Table, rows: int, names: Sequence[str]) -> Plan:
    asked = [parquet.widths(column) for column in table.columns]
    values = iter(table.facts([aggregate for some in asked for aggregate in some]))
    widths = [[next(values) for _ in some] for some in asked]
    types = tuple(map(parquet.type_of, table.columns, widths))
    mixed = _with_any(table, parquet.mixed_numbers)
    as_text = {at for at, column in enumerate(table.columns) if column.is_number and types[at] == "VARCHAR"} | mixed
    names = _told_apart([name or f"column {at}" for at, name in enumerate(names, 1)], str.casefold)
    return Plan(rows, names, _of(names, as_text), types=types)


def _with_any(table: Table, condition: Callable[[Column], str | None]) -> set[int]:
    """The positions of the columns with a cell for which the condition's SQL is true."""
    asked = [(at, sql) for at, column in enumerate(table.columns) if (sql := condition(column))]
    found = table.facts([f"bool_or({sql})" for _, sql in asked])
    return {at for (at, _), is_any in zip(asked, found, strict=True) if is_any}


def _told_apart(names: Sequence[str], key: Callable[[str], str] = str) -> tuple[str, ...]:
    """The names, with a number after those that occurred before."""
    taken, told = set(map(key, names)), []
    seen: set[str] = set()
    for name in names:
        new, number = name, 1
        while key(new) in seen or (number > 1 and key(new) in taken):
            number += 1
            new = f"{name}_{number}"
        seen.add(key(new))
        told.append(new)
    return tuple(told)
