"""Filter expressions: what they find."""

import json

import pytest

from tests.sandbox.calls import Calls

RECORDS = [
    {"id": 1, "name": "Ärger", "price": 9.5, "zip": "00501", "active": True, "two words": "a", "attrs": {"k": 1}},
    {"id": 2, "name": "Bär", "price": 100.0, "zip": "501", "active": False, "two words": "b", "attrs": None},
    {"id": 3, "name": "it's", "price": None, "zip": "n/a", "active": None, "two words": None, "attrs": "text"},
    {"id": 4, "name": "東京", "price": -3.0, "zip": "NaN", "active": True, "two words": "B", "attrs": 7},
    {"id": 5, "name": "", "price": 20.0, "zip": "1e2", "active": False, "two words": '50% "off"', "attrs": [1]},
]
# Names that differ in case only, that mean something in SQL, that hold quotes.
MORE = {"Key": "upper", "key": "lower", "order": 3, "date": "2026-01-02", 'a"b`c': 1, "ÜBER": 1}


@pytest.fixture(scope="module")
def table(the_sandbox):
    """Calls, and a function that gives the ids of the rows that a filter finds."""
    account = the_sandbox.account(1_000_000)
    source_id = account.upload("things.json", json.dumps([record | MORE for record in RECORDS]))
    return Calls(the_sandbox.base_url, account.key), source_id


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("price > 10", [2, 5]),
        ("price >= 9.5", [1, 2, 5]),
        ("price < 0", [4]),
        ("price<=9.5", [1, 4]),
        ("price = 100", [2]),
        ("price == 100.0", [2]),
        ("price <> 100", [1, 4, 5]),
        ("price != 1e2", [1, 4, 5]),
        ("price = -3", [4]),
        ("price > -.5", [1, 2, 5]),
        ("10 < price", [2, 5]),
        ("id > price", [4]),
        ("price < 1e999", [1, 2, 4, 5]),
        (f"id < {10**400}", [1, 2, 3, 4, 5]),
        # AND, OR, NOT, and what binds more
        ("price > 10 AND price < 50", [5]),
        ("id = 1 OR id = 2 AND price < 0", [1]),
        ("(id = 1 OR id = 2) AND price < 50", [1]),
        ("NOT id = 1", [2, 3, 4, 5]),
        ("not (id = 1 or id = 2)", [3, 4, 5]),
        ("NOT price > 10", [1, 4]),  # null is neither
        ("((((id))) = ((2)))", [2]),
        # IN, LIKE, IS NULL, BETWEEN
        ("id IN (1, 3, 99)", [1, 3]),
        ("name IN ('Bär', '東京')", [2, 4]),
        ("id NOT IN (1, 2, 3)", [4, 5]),
        ("price IN (100, 'x')", []),  # as text: 100.0
        ("price IN ('100', '20.0')", [2, 5]),
        ("name LIKE '%r'", [1, 2]),
        ("name LIKE '_är'", [2]),
        ("name LIKE '%är%'", [2]),
        ("name ILIKE 'ä%'", [1]),
        ("name NOT LIKE '%r%'", [3, 4, 5]),
        ("price LIKE '1%'", [2]),
        ('"two words" LIKE \'%"off"\'', [5]),
        ("price IS NULL", [3]),
        ("price IS NOT NULL", [1, 2, 4, 5]),
        ("NOT price IS NULL", [1, 2, 4, 5]),
        ("attrs IS NULL", [2]),
        ("price BETWEEN 9.5 AND 20", [1, 5]),
        ("price NOT BETWEEN 9.5 AND 20", [2, 4]),
        ("name BETWEEN 'A' AND 'C'", [2]),
        # names
        ('"price" > 10', [2, 5]),
        ("`price` > 10", [2, 5]),
        ("\"two words\" = 'a'", [1]),
        ("`two words` = 'a'", [1]),
        ("\"two words\" = 'A'", []),
        ("PRICE > 10 and Name = 'Bär'", [2]),
        ("über = 1", [1, 2, 3, 4, 5]),
        ("Key = 'upper' AND key = 'lower'", [1, 2, 3, 4, 5]),
        ("order > 2 AND date = '2026-01-02'", [1, 2, 3, 4, 5]),
        ('"a""b`c" = 1', [1, 2, 3, 4, 5]),
        ('`a"b``c` = 1', [1, 2, 3, 4, 5]),
        # values
        ("name = 'it''s'", [3]),
        ("name = ''", [5]),
        ("name = '東京'", [4]),
        ("name = 'x'' OR 1=1 --'", []),
        ("name = '/* no comment */ ; --'", []),
        ("active = true", [1, 4]),
        ("active = FALSE", [2, 5]),
        ("active = 'true'", [1, 4]),
        ("active = 1", [1, 4]),
        # numbers and text
        ("zip = '00501'", [1]),
        ("zip = '501'", [2]),
        ("zip = 501", [1, 2]),
        ("zip > 99", [1, 2, 5]),  # n/a and NaN are no numbers
        ("zip = 100", [5]),
        ("price > '10'", [2, 5]),
        ("price = 'n/a'", []),
        ("zip = id", []),
        # JSON: the value itself, or its text
        ("attrs = 'text'", [3]),
        ("attrs = 7", [4]),
        ("attrs LIKE '%\"k\"%'", [1]),
        ("1 = 1", [1, 2, 3, 4, 5]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_filter_finds(table, expression, expected):
    calls, source_id = table
    assert calls.column(source_id, "id", filter=expression) == expected
    assert calls.count(source_id, expression) == len(expected)


def test_a_long_filter_within_the_limit_works(table):
    calls, source_id = table
    assert calls.column(source_id, "id", filter=" OR ".join(["id = 9"] * 390 + ["id = 2"])) == [2]


def test_an_empty_filter_is_none(table):
    calls, source_id = table
    assert calls.count(source_id, "") == len(RECORDS)
