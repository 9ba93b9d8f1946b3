"""JSON bodies within bounded depth and memory."""

import json

import pytest

from datasources.claro import TooLarge
from datasources.claro.bodies import DEPTH_MAX, MEMORY_MAX, TOO_DEEP, TOO_LONG, memory_of, read, shallow
from tests.support.raw_answers import nested


def depth_of(value: object) -> int:
    depth = 0
    while isinstance(value, list | dict) and value:
        value = value[0] if isinstance(value, list) else next(iter(value.values()))
        depth += 1
    return depth


@pytest.mark.parametrize("depth", [DEPTH_MAX - 5, 500, 900, 1100, 100_000])
def test_a_deep_value_is_cut_and_its_neighbours_are_kept(depth):
    data = read(f'{{"deep": {nested(depth)}, "n": 1, "half": "\\ud800"}}'.encode())
    assert (data["n"], data["half"]) == (1, "\ufffd")
    assert depth_of(data["deep"]) <= DEPTH_MAX
    assert (TOO_DEEP in json.dumps(data)) == (depth > DEPTH_MAX)


def test_brackets_in_texts_are_no_depth():
    text = json.dumps({"a": '\\"[[' * 300, "b": "\\"})
    assert shallow(text) == text


@pytest.mark.parametrize("text", ["[" * 5000, "]" * 5000, '"' + '\\"' * 200_000, "[" * 200 + '"\\'])
def test_broken_json_is_refused_in_linear_time_however_deep(text):
    with pytest.raises(json.JSONDecodeError):
        json.loads(shallow(text))


def test_one_byte_that_is_no_utf8_costs_one_character():
    assert read(b'["a\xffb", "\xed\xa0\x80", "c"]') == ["a\ufffdb", "\ufffd\ufffd\ufffd", "c"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_body_may_be_in_another_unicode_encoding(encoding):
    assert read('{"a": "é\\u0000"}'.encode(encoding)) == {"a": "é\ufffd"}


def test_a_number_beyond_pythons_limit_costs_itself_only():
    assert read(f"[1, {'9' * 5000}, {'9' * 400}]".encode()) == [1, TOO_LONG, int("9" * 400)]


def test_control_characters_in_a_text_are_kept_and_a_nul_is_replaced():
    assert read(b'["a\tb", "\x00"]') == ["a\tb", "\ufffd"]


@pytest.mark.parametrize("piece", [b"[", b"{},", b"[],", b"1000,", b'{"a":1},', b'"ab",'])
def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(piece):
    body = b"[" + piece * (16 * 2**20 // len(piece))
    assert memory_of(body) > MEMORY_MAX
    with pytest.raises(TooLarge):
        read(body)


def test_a_large_page_of_ordinary_rows_is_read():
    rows = [{f"column {place}": f"value {row} {place}" for place in range(60)} for row in range(1000)]
    assert len(read(json.dumps(rows).encode())) == 1000
