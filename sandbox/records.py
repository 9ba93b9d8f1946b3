"""JSON and JSON Lines as records. Numbers keep their text, as doubles would lose digits of it."""

import json
import re
from typing import Any

from sandbox.answers import Verbatim, to_json
from sandbox.encodings import Unreadable
from sandbox.tables import Column

_WHOLE_DIGITS = 18  # as many always fit a BIGINT
_SPACE = re.compile(r"[ \t\r\n]*")


def json_table(text: str) -> tuple[list[Column], list[list[Any]]]:
    """The table of one JSON value, or of several on end (JSON Lines under the name .json). Raises Unreadable."""
    try:
        values = _values(text)
    except (ValueError, RecursionError) as error:
        how = "Export it again; if it is a table of text, name it .csv."
        raise Unreadable(f"The file is not JSON: {error}. {how}") from None
    return _table(_records(values[0]) if len(values) == 1 else values)


def lines_table(text: str) -> tuple[list[Column], list[list[Any]]]:
    """The table of JSON Lines; of JSON under the name .jsonl, too. Raises Unreadable."""
    records = []
    for number, line in enumerate(re.split(r"\r\n?|\n", text), start=1):
        if line.strip():
            try:
                records.append(_DECODER.decode(line))
            except (ValueError, RecursionError) as error:
                if values := is_json(text):
                    return _table(_records(values[0]) if len(values) == 1 else values)
                raise Unreadable(f"Line {number:,} is not JSON: {error}. Write one JSON object on each line.") from None
    return _table(_records(records[0]) if len(records) == 1 and isinstance(records[0], list) else records)


def is_json(text: str) -> list[Any]:
    """The values of the text if it is JSON of objects or lists, else none."""
    try:
        return _values(text) if text.lstrip()[:1] in ("{", "[") else []
    except (ValueError, RecursionError):
        return []


def _values(text: str) -> list[Any]:
    values, at = [], _SPACE.match(text).end()
    while at < len(text):
        value, at = _DECODER.raw_decode(text, at)
        values.append(value)
        at = _SPACE.match(text, at).end()
    return values


def _records(value: Any) -> list[Any]:
    """The records of an object that holds one list of objects, as the features of GeoJSON; else it is a record."""
    if isinstance(value, list):
        return value
    inner = value.values() if isinstance(value, dict) else ()
    lists = [each for each in inner if isinstance(each, list) and each and all(isinstance(one, dict) for one in each)]
    return lists[0] if len(lists) == 1 else [value]


def _table(records: list[Any]) -> tuple[list[Column], list[list[Any]]]:
    records = [record if isinstance(record, dict) else {"value": record} for record in records]
    names = list(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise Unreadable("There are no records in the file. Export it again with at least one.")
    columns = [_column(name, place, {type(record.get(name)) for record in records}) for place, name in enumerate(names)]
    return columns, [[_stored(record.get(column.name), column) for column in columns] for record in records]


def _column(name: str, place: int, kinds: set[type]) -> Column:
    kinds = kinds - {type(None)}
    at = f"c{place}"
    if kinds <= {str}:
        return Column(name, at, "text")
    if kinds == {bool}:
        return Column(name, at, "boolean")
    if kinds == {int}:
        return Column(name, at, "number", whole=True)
    if kinds <= {int, Verbatim}:
        return Column(name, at, "number", exact=True)
    return Column(name, at, "json")


def _stored(value: Any, column: Column) -> Any:
    return to_json(value) if column.is_verbatim and value is not None else value


def _whole(text: str) -> int | Verbatim:
    return int(text) if len(text) <= _WHOLE_DIGITS and text != "-0" else Verbatim(text)


def _not_json(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


_DECODER = json.JSONDecoder(parse_float=Verbatim, parse_int=_whole, parse_constant=_not_json)
