"""The first rows of CSV, TSV, JSON and JSON Lines, from the start of a file."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from datasources.uploads.checks.kinds import Kind, Refused
from datasources.uploads.checks.sample import HEAD_BYTES

csv.field_size_limit(max(csv.field_size_limit(), HEAD_BYTES))
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_COMPARED_ROWS = 100
# A file of short rows has a hundred thousand in its head: lists of them would take megabytes.
_ROWS_EXAMINED = 5000
# Records may each have names of their own: more would be a table of too many cells.
_RECORDS_SHOWN, _NAMES_SHOWN = 1000, 200
_SEP_LINE = re.compile(r'"?sep=(\\t|[^"\r\n])"?[ ,;]*(?:\r\n?|\n)', re.IGNORECASE)
_DECODER = json.JSONDecoder(parse_int=lambda digits: Digits(digits), parse_float=lambda digits: Digits(digits))
_SPACE = re.compile(r"[\s,]*")


class Digits(str):
    """A number of JSON as it is written: conversion would change its digits, or refuse them."""

    __slots__ = ()


@dataclass(frozen=True)
class Table:
    """The first rows as text, without empty ones, and how many were read; those of the whole file if it `is_whole`."""

    header: list[str]
    rows: list[list[str]]
    row_count: int
    is_whole: bool
    delimiter: str = ""
    are_quotes_odd: bool = False


def delimited(text: str, kind: Kind, is_whole: bool) -> Table:
    """The first row of CSV or TSV is the header. Raises Refused."""
    if _starts_as_json(text) and _is_json(text):
        raise Refused("The content is JSON. Give it a name that ends in .json.")
    delimiter = ""
    if found := _SEP_LINE.match(text):
        text, delimiter = text[found.end() :], found[1].replace("\\t", "\t")
    delimiter = delimiter or ("\t" if kind is Kind.TSV and "\t" in text else guessed_delimiter(text))
    try:
        (rows, count), are_quotes_odd = _read(text, delimiter, strict=True), False
    except csv.Error as error:
        is_cut = not is_whole and "unexpected end" in str(error)
        (rows, count), are_quotes_odd = _read(text, delimiter, strict=False), not is_cut
    if not is_whole:  # the end of the head may cut a row
        count -= 1
    rows = rows[:count]
    if not rows:
        raise Refused("No row could be read at the start of the file.")
    return Table(rows[0], rows[1:], count - 1, is_whole, DELIMITERS.get(delimiter, delimiter), are_quotes_odd)


def _read(text: str, delimiter: str, *, strict: bool) -> tuple[list[list[str]], int]:
    """The first rows with a filled cell, and how many there are. `strict` raises csv.Error for odd quotation marks."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    filled = (row for row in rows if any(cell.strip() for cell in row))
    first = list(islice(filled, _ROWS_EXAMINED))
    return first, len(first) + sum(1 for _ in filled)


def guessed_delimiter(text: str) -> str:
    """The delimiter that gives most rows the same number of cells; a comma if none does."""
    scores: dict[str, tuple[int, int]] = {}
    for delimiter in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        widths = Counter(len(row) for row in islice(reader, _COMPARED_ROWS) if len(row) > 1)
        if widths:
            [(width, count)] = widths.most_common(1)
            scores[delimiter] = count, width
    return max(scores, key=lambda delimiter: scores[delimiter]) if scores else ","


def json_table(text: str, is_whole: bool) -> Table:
    """The objects of a list, or of the longest list in an object. Raises Refused."""
    if not _starts_as_json(text):
        raise Refused("The content is not JSON. A file named .json begins with { or [.")
    if is_whole:
        return _table_of_value(_parsed(text))
    start = text.index(text.lstrip()[0])
    if text[start] == "{":  # a record, or the table is somewhere in it
        return Table([], [], 0, is_whole=False)
    return _table_of_records(list(_elements(text, start + 1)), is_whole=False)


def lines_table(text: str, is_whole: bool) -> Table:
    """An object in each line. Raises Refused."""
    lines = text.splitlines()
    if not is_whole:
        lines.pop()
    records = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                records.append(_DECODER.decode(line))
            except (ValueError, RecursionError):
                if number == 1 and is_whole and _is_json(text):
                    raise Refused("The content is one JSON value. Give it a name that ends in .json.") from None
                raise Refused(f"Line {number:,} is not JSON. Each line of a .jsonl file is one object.") from None
    return _table_of_records(records, is_whole=is_whole)


def _starts_as_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _is_json(text: str) -> bool:
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(text: str) -> Any:
    try:
        return _DECODER.decode(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise Refused(f"The JSON can't be read: line {error.lineno:,}, column {error.colno:,}.") from None
    except RecursionError:
        raise Refused("The JSON is nested too deep.") from None


def _elements(text: str, at: int) -> Iterator[Any]:
    """The elements of a list that begins before `at`, as far as they are complete."""
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr] # it matches nothing too
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        if at == len(text):  # a number may continue after the end of the head
            return
        yield value


def _table_of_value(value: Any) -> Table:
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if isinstance(inner, list) and inner]
        return _table_of_records(max(lists, key=len) if lists else [value], is_whole=True)
    return _table_of_records(value if isinstance(value, list) else [value], is_whole=True)


def _table_of_records(records: list[Any], *, is_whole: bool) -> Table:
    shown, header = records[:_RECORDS_SHOWN], dict[str, None]()
    for record in shown:
        header |= dict.fromkeys(record if isinstance(record, dict) else ("value",))
    names = list(header)[:_NAMES_SHOWN]
    rows = [[_shown(_field(record, name)) for name in names] for record in shown]
    return Table(names, rows, len(records), is_whole)


def _field(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else (record if name == "value" else None)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
