"""Numbers keep the digits of the file, and are still compared and sorted as numbers."""

import json

import pytest

# In ascending order.
NUMBERS = [
    "-123456789012345678901234567891",
    "-123456789012345678901234567890",
    "-1E5",
    "-0.5",
    "1e-400",
    "0.00001",
    "0.123456789012345678",
    "0.123456789012345679",
    "1.10",
    "1E2",
    "9007199254740992",
    "9007199254740993",
    "9007199254740993.5",
    "12345678901234567890.12",
    "12345678901234567890.13",
    "1e22",
    "123456789012345678901234567890",
    "123456789012345678901234567891",
]
SHUFFLED = sorted(NUMBERS, key=lambda number: number[::-1])


@pytest.fixture
def texts(calls):
    """One column of a source, with the numbers as the answer spells them."""

    def texts(source_id, column: str = "v", **query) -> list[str]:
        answer = calls.get(f"/datasources/{source_id}/data", **query)
        assert answer.status_code == 200, answer.text
        data = json.loads(answer.content, parse_float=str, parse_int=str)
        place = [each["name"] for each in data["columns"]].index(column)
        return [row[place] for row in data["rows"]]

    return texts


@pytest.fixture
def numbers(account):
    return account.upload("a.json", "[" + ", ".join(f'{{"v": {number}}}' for number in SHUFFLED) + "]")


@pytest.mark.parametrize("shape", ["typed", "arrays", "objects"])
def test_json_numbers_come_with_their_digits(sandbox, calls, numbers, shape):
    sandbox.control("POST", "settings", shape=shape)
    body = calls.get(f"/datasources/{numbers}/data").text
    places = [body.index(number) for number in SHUFFLED]
    assert places == sorted(places)


def test_json_numbers_are_sorted_as_numbers(texts, numbers):
    assert texts(numbers, sort="v") == NUMBERS
    assert texts(numbers, sort="v", order="desc") == NUMBERS[::-1]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_read_off_the_table_finds_its_row(texts, numbers, number):
    assert texts(numbers, filter=f"v = {number}") == [number]
    at = NUMBERS.index(number)
    assert sorted(texts(numbers, filter=f"v > {number}")) == sorted(NUMBERS[at + 1 :])
    assert sorted(texts(numbers, filter=f"v <= {number}")) == sorted(NUMBERS[: at + 1])


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("v = 1.1", ["1.10"]),
        ("v = 100.0", ["1E2"]),
        ("v = '1E2'", ["1E2"]),
        ("v IN (1.1, 100, 9007199254740993)", ["1.10", "1E2", "9007199254740993"]),
        ("v BETWEEN 9007199254740993 AND 9007199254740994", ["9007199254740993", "9007199254740993.5"]),
        ("v LIKE '1.1%'", ["1.10"]),
        ("v LIKE '%e22'", ["1e22"]),
    ],
)
def test_filters_compare_values_and_match_the_digits(texts, numbers, expression, found):
    assert sorted(texts(numbers, filter=expression)) == sorted(found)


def test_numbers_within_json_cells_come_with_their_digits(account, calls):
    cells = '{"deep":[1.10,1E5,{"x":0.1234567890123456789}]}', "12345678901234567890.12", '"1.10"', "true"
    source_id = account.upload("a.jsonl", "\n".join(f'{{"v":{cell}}}' for cell in cells))
    body = calls.get(f"/datasources/{source_id}/data").text
    assert all(cell in body for cell in cells)
    assert [calls.count(source_id, f"v = {value}") for value in ("12345678901234567890.12", "'1.10'", "'true'")] == [
        1
    ] * 3


def test_csv_numbers_come_with_their_digits(account, texts):
    values = ["0.1234567890123456789", "12345678901234567890.12", "0.00001", "1.10", "-8.00", "7"]
    source_id = account.upload("a.csv", "v\n" + "\n".join(values))
    assert texts(source_id) == values
    assert texts(source_id, sort="v") == ["-8.00", "0.00001", "0.1234567890123456789", "1.10", "7", values[1]]
    assert texts(source_id, filter="v = 1.1") == ["1.10"]
    assert texts(source_id, filter="v < 0.1234567890123456789") == ["0.00001", "-8.00"]


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_whole_numbers_are_compared_exactly_beyond_2_to_the_53(account, texts, name):
    ids = [1234567890123456780 + n for n in range(10)]
    as_csv, as_json = "v\n" + "\n".join(map(str, ids)), json.dumps([{"v": number} for number in ids])
    source_id = account.upload(name, as_csv if name == "a.csv" else as_json)
    assert texts(source_id, filter=f"v = {ids[2]}") == [str(ids[2])]
    assert texts(source_id, filter=f"v > {ids[7]}") == [str(number) for number in ids[8:]]
    assert texts(source_id, filter=f"v IN ({ids[0]}, {ids[9]})") == [str(ids[0]), str(ids[9])]
    assert texts(source_id, filter=f"v >= {ids[0]}.5 AND v < {ids[2]}.0") == [str(ids[1])]


def test_a_cell_can_not_pass_for_a_place_of_the_encoder(account, calls):
    """Text that looks like part of an answer stays text."""
    source_id = account.upload("a.jsonl", '{"a": "\\",\\"x\\":1.10", "b": 1.10}')
    assert calls.rows(source_id)["rows"] == [['","x":1.10', 1.1]]
