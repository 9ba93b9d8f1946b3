"""JSON, an array of objects, and JSON Lines, an object a line: values as the API sent them."""

import json
from collections.abc import Iterator

from datasources.copies.exports.table import Cell, Table
from datasources.copies.schema import Column, Kind, Letter

# JSON has no words for these numbers: they are text.
UNSPEAKABLE = ("nan", "inf", "-inf")


def pieces(table: Table, names: tuple[str, ...], format: str) -> Iterator[bytes]:
    """The file; no name occurs twice."""
    cells = [
        Cell(_value(column), before=f"{json.dumps(name, ensure_ascii=False)}:", missing="null")
        for column, name in zip(table.columns, names, strict=True)
    ]
    if format == "jsonl":
        for lines in table.texts(cells, ","):
            yield "".join([f"{{{line}}}\n" for line in lines]).encode()
        return
    start = "[\n"
    for lines in table.texts(cells, ","):
        yield (start + ",\n".join([f"{{{line}}}" for line in lines])).encode()
        start = ",\n"
    yield b"[]\n" if start == "[\n" else b"\n]\n"


def unspeakable(column: Column) -> str | None:
    """SQL that is true for numbers without a word in JSON; None for columns without numbers of that kind."""
    if column.kind in (Kind.FLOAT, Kind.NUMBER):
        return f"NOT isfinite({column.value})"
    if column.kind in (Kind.DECIMAL, Kind.MIXED):
        words = ", ".join(f"'{word}'" for word in UNSPEAKABLE)
        return f"{column.letter} = '{Letter.FLOAT}' AND {column.value} IN ({words})"
    return None


def _value(column: Column) -> str:
    """The SQL of the JSON of a cell, null for null."""
    quoted = f"CAST(to_json({column.text}) AS VARCHAR)"
    if column.kind is Kind.TEXT:
        return _unless_null(column, quoted)
    if (is_unspeakable := unspeakable(column)) is None:
        return column.text
    is_text = f"{is_unspeakable} OR {column.letter} = '{Letter.TEXT}'" if column.kind is Kind.MIXED else is_unspeakable
    return f"CASE WHEN {is_text} THEN {_unless_null(column, quoted)} ELSE {column.text} END"


def _unless_null(column: Column, sql: str) -> str:
    return f"CASE WHEN {column.value} IS NOT NULL THEN {sql} END"
