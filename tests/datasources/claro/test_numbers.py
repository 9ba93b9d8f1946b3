import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasources.claro import NumberText, numbers

DIGITS = st.text("0123456789", min_size=1, max_size=25)
WHOLE = st.builds(lambda sign, digits: sign + (digits.lstrip("0") or "0"), st.sampled_from(["", "-"]), DIGITS)
NUMBERS = st.builds(
    lambda *parts: "".join(parts),
    WHOLE,
    st.just("") | DIGITS.map(lambda digits: "." + digits),
    st.just("") | st.builds(lambda e, n: e + n, st.sampled_from(["e", "E", "e+", "E-"]), DIGITS.map(lambda d: d[:3])),
)


@pytest.mark.parametrize(
    "text",
    [
        "0.1234567890123456789",
        "12345678901234567890.12",
        "0.00001",
        "1E5",
        "1.10",
        "1e-400",
        "1e400",
        "-0.0",
        "-0",
        "9007199254740993",
        "1" * 5000,
        "NaN",
        "-Infinity",
    ],
)
@pytest.mark.parametrize("wrap", ["{}", "[{}]", '{{"a": [{}, "-0"]}}'])
def test_a_number_keeps_its_digits_in_answers_in_the_cache_and_on_the_page(text, wrap):
    body = wrap.format(text)
    value = numbers.unpack(numbers.pack(numbers.loads(body)).encode())
    assert value == numbers.loads(body)
    assert numbers.shown(value) == body if isinstance(value, dict | list) else str(value) == text


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_any_numbers_come_back_as_they_were_written(texts):
    value = numbers.loads(f"[{','.join(texts)}]")
    assert [str(number) for number in value] == texts
    assert numbers.shown(numbers.unpack(numbers.pack(value).encode())) == json.dumps(["x"] * len(texts)).replace(
        '"x"', "{}"
    ).format(*texts)


@pytest.mark.parametrize("body", ["1.10", '{"a": [1E5, {"b": -0, "c": 1.5}], "d": "1.10"}', '{"": 1}', "[]"])
def test_a_number_keeps_its_digits_in_the_database(body):
    value = numbers.loads(body)
    stored = json.loads(json.dumps(numbers.stored(value)))
    assert numbers.restored(stored) == value


@pytest.mark.parametrize("value", [{"\ue000": 5}, {"\ue000": "1.10", "a": 1}, {"a": {"\ue000": None}}])
def test_an_object_that_looks_nearly_like_a_stored_number_stays_an_object(value):
    assert numbers.restored(numbers.stored(value)) == value


def test_most_numbers_are_ints_and_floats():
    assert numbers.loads("[1, 1.5, -7, 1e+22, 10000000000000000000000]") == [1, 1.5, -7, 1e22, 10**22]
    assert float(NumberText("1e400")) == math.inf


@pytest.mark.parametrize("text", ["1.10", "\x000", '"\\u00000"'])
def test_a_text_that_looks_like_a_number_stays_text(text):
    value = [text, NumberText("1.10"), {"a": text}]
    assert numbers.unpack(numbers.pack(value).encode()) == value
    assert json.loads(numbers.shown([text])) == [text]


@pytest.mark.parametrize("body", ["", "[1", "-", "[01]", "\xff", "[1.]"])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(ValueError):  # noqa: PT011
        numbers.loads(body)
