"""Filter expressions on a copy: what they find."""

import pytest

from datasources.claro import NumberText
from datasources.copies import duck, filters
from tests.support.copies import built, contents

COLUMNS = ["id", "name", "price", "zip", "active", "two words", "attrs", "at", "number", "exact", "any", "nothing"]
ROWS = [
    [1, "Ärger", 9.5, "00501", True, "a", {"k": 1}, "2026-01-04", 5, NumberText("100.10"), 7, None],
    [2, "Bär", 100.25, "501", False, "b", None, "2026-01-05", 2.5, 100.1, "7", None],
    [3, "it's", None, "n/a", None, None, [1, 2], "2026-01-05T10:00:00Z", None, None, True, None],
    [4, "東京", -3.5, "NaN", True, "B", [], "2026-01-05 23:59:59.5+02:00", -1, 2**53 + 1, None, None],
    [5, "", 1e22, "1e2", False, '50% "off"', {"a b": "c"}, "2026-01-05 report", 1e22, NumberText("1.10"), [7], None],
    [2**62 + 1, "a\\b%c_d", 0.1, " 7 ", None, "\n", None, None, 0, NumberText("0.10000000000000000555"), "n/a", None],
]
# Names that differ in case only, that mean something in SQL, that hold quotes.
MORE = {"Key": "upper", "key": "lower", "order": 3, "date": "2026-01-02", 'a"b`c': 1, "ÜBER": 1, "a.b": 1, "": 1}
LAST = ROWS[-1][0]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The ids of the rows that a filter finds."""
    names = [*COLUMNS, *MORE]
    path = built(tmp_path_factory.mktemp("filters"), names, [[*row, *MORE.values()] for row in ROWS])
    columns, _ = contents(path)
    with duck.connect("256MB") as database:
        database.execute(f"ATTACH {duck.quoted(path)} AS copy (READ_ONLY); USE copy")

        def found(text: str) -> list[int]:
            condition = filters.condition(text, columns)
            sql = f"SELECT c0 FROM rows WHERE {condition.sql} ORDER BY n"  # noqa: S608
            return [number for (number,) in database.execute(sql, condition.parameters).fetchall()]

        yield found


ALL = [row[0] for row in ROWS]
FOUND = {
    # numbers
    "price > 10": [2, 5],
    "price >= 9.5": [1, 2, 5],
    "price < 0": [4],
    "price<=9.5": [1, 4, LAST],
    "price == 100.250": [2],
    "price != 9.5e0": [2, 4, 5, LAST],
    "price > -.5": [1, 2, 5, LAST],
    "10 < price": [2, 5],
    "price < 1e999": [1, 2, 4, 5, LAST],
    "price > -1e999": [1, 2, 4, 5, LAST],
    "price = 1e22": [5],
    "price = 0.1": [LAST],
    "price = 0.1000000000000000055": [],
    "price < 0.1000000000000000055": [4, LAST],
    "price > 0.1000000000000000055": [1, 2, 5],
    "price > 0.0999999999999999999": [1, 2, 5, LAST],
    "price >= 0.0999999999999999999": [1, 2, 5, LAST],
    "NOT price = 0.1000000000000000055": [1, 2, 4, 5, LAST],
    f"id < {10**400}": ALL,
    f"id > -{10**400}": ALL,
    f"id = {10**400}": [],
    f"NOT id = {2**127}": ALL,
    f"id = {LAST}": [LAST],
    f"id = {LAST - 1}": [],
    f"id > {LAST - 1}.5": [LAST],
    f"id >= {LAST}.5": [],
    f"id < {LAST}.000": [1, 2, 3, 4, 5],
    f"id <= {LAST}.0": ALL,
    "id > 1.5 AND id < 3.5": [2, 3],
    "id <> 1.5": ALL,
    "id > price": [4, LAST],
    "id IN (1, 3.0, 4.5, 99)": [1, 3],
    "id NOT IN (1, 2, 3)": [4, 5, LAST],
    "id NOT IN (1.5)": ALL,
    "price NOT IN (1.5, 9.5)": [2, 4, 5, LAST],
    "price IN (100.25, 'x')": [2],
    "price IN (100.250, 'x')": [],
    "number = 5": [1],
    "number = 2.5": [2],
    "number LIKE '5'": [1],
    "number LIKE '1e+22'": [5],
    "number = price": [5],
    "id = number": [],
    "exact = 100.1": [1, 2],
    "exact = 100.10": [1, 2],
    "exact LIKE '100.10'": [1],
    f"exact = {2**53}": [],
    f"exact = {2**53 + 1}": [4],
    f"exact > {2**53}": [4],
    "exact = 0.1": [],
    "exact = 0.10000000000000000555": [LAST],
    "exact IN (1.1, 100.1, 5)": [1, 2, 5],
    "exact NOT IN (1.1, 100.1)": [4, LAST],
    "exact BETWEEN 1 AND 100.1": [1, 2, 5],
    "exact > price": [1, 4, LAST],
    # AND, OR, NOT, and what binds more
    "id = 1 OR id = 2 AND price < 0": [1],
    "(id = 1 OR id = 2) AND price < 50": [1],
    "not (id = 1 or id = 2)": [3, 4, 5, LAST],
    "NOT price > 10": [1, 4, LAST],
    "((((id))) = ((2)))": [2],
    # IN, LIKE, IS NULL, BETWEEN
    "name IN ('Bär', '東京')": [2, 4],
    "name LIKE '_är'": [2],
    "name LIKE '%är%'": [2],
    "name ILIKE 'ä%'": [1],
    "name NOT LIKE '%r%'": [3, 4, 5, LAST],
    "name NOT ILIKE '%R%'": [3, 4, 5, LAST],
    "name LIKE '%\\b%'": [LAST],
    "name LIKE '%!%%' ESCAPE '!'": [LAST],
    "name LIKE '%!_%' ESCAPE '!'": [LAST],
    "name LIKE 'a\\\\b\\%c\\_d' ESCAPE '\\'": [LAST],
    "name LIKE 'aé\\bé%cé_é!d' ESCAPE 'é'": [],
    "name LIKE 'a\\bé%cé_d' ESCAPE 'é'": [LAST],
    "name ILIKE 'XA\\BX%CX_D' ESCAPE 'X'": [LAST],
    "name NOT LIKE '%!%%' ESCAPE '!'": [1, 2, 3, 4, 5],
    "price LIKE '1%'": [2, 5],
    '"two words" LIKE \'%"off"\'': [5],
    "\"two words\" LIKE '_'": [1, 2, 4, LAST],
    "price IS NULL": [3],
    "price IS NOT NULL": [1, 2, 4, 5, LAST],
    "NOT price IS NULL": [1, 2, 4, 5, LAST],
    "attrs IS NULL": [2, LAST],
    "any IS NULL": [4],
    "1 IS NULL": [],
    "price BETWEEN 9.5 AND 20": [1],
    "price NOT BETWEEN 9.5 AND 20": [2, 4, 5, LAST],
    "name BETWEEN 'A' AND 'C'": [2],
    "5 BETWEEN id AND price": [1, 2, 5],
    "2 IN (id, price)": [2],
    # names
    "`price` > 10": [2, 5],
    "\"two words\" = 'a'": [1],
    "`two words` = 'A'": [],
    "PRICE > 10 and Name = 'Bär'": [2],
    "über = 1": ALL,
    "Key = 'upper' AND key = 'lower'": ALL,
    "order > 2 AND date = '2026-01-02'": ALL,
    '"a""b`c" = 1': ALL,
    '`a"b``c` = 1': ALL,
    '"a.b" = 1': ALL,
    # values
    "name = 'it''s'": [3],
    "name = ''": [5],
    "name = 'x'' OR 1=1 --'": [],
    "name = '/* no comment */ ; --'": [],
    "active = true": [1, 4],
    "active = FALSE": [2, 5],
    "active = 'true'": [1, 4],
    "active = 1": [1, 4],
    "active IN (1, 0)": [1, 2, 4, 5],
    "any = true": [3],
    "nothing = 1": [],
    "NOT nothing = 'x'": [],
    "nothing IS NULL": ALL,
    # numbers and text
    "zip = '00501'": [1],
    "zip = '501'": [2],
    "zip = 501": [1, 2],
    "zip = 00501": [1, 2],
    "zip IN ('501', '00501')": [1, 2],
    "zip IN (501, 7)": [1, 2, LAST],
    "zip > 99": [1, 2, 5],
    "NOT zip > 99": [LAST],
    "zip = 100": [5],
    "price > '10'": [2, 5],
    "price = 'n/a'": [],
    "zip = id": [],
    "any = 7": [1, 2],
    "any IN (7)": [1, 2],
    "any = '7'": [1, 2],
    "any > 6": [1, 2],
    # nested values: the text that the page shows
    "attrs = '[1, 2]'": [3],
    'attrs LIKE \'%"a b": "c"%\'': [5],
    "attrs > 1": [],
    # days
    "at = '2026-01-05'": [2, 3, 4],
    "at <> '2026-01-05'": [1, 5],
    "at < '2026-01-05'": [1],
    "at <= '2026-01-05'": [1, 2, 3, 4],
    "at > '2026-01-05'": [5],
    "at >= '2026-01-05'": [2, 3, 4, 5],
    "'2026-01-05' < at": [5],
    "'2026-01-05' = at": [2, 3, 4],
    "at IN ('2026-01-04', '2026-01-05')": [1, 2, 3, 4],
    "at NOT IN ('2026-01-04', '2026-01-05')": [5],
    "at BETWEEN '2026-01-05' AND '2026-01-05'": [2, 3, 4],
    "at NOT BETWEEN '2026-01-05' AND '2026-01-05'": [1, 5],
    "at = '2026-01-05T10:00:00Z'": [3],
    "at > '2026-01-05T09'": [3],
    "at = '2026-02-30'": [],
    "date = '2026-01-02'": ALL,
    # constants
    "1 = 1": ALL,
    "'a' = 'b'": [],
    "1 = 1.0": ALL,
    "'1' = '1.0'": ALL,
    "'a' LIKE '_'": ALL,
    "": ALL,
    "  \n": ALL,
}


@pytest.mark.parametrize("expression", FOUND, ids=lambda text: text[:40])
def test_a_filter_finds(found, expression):
    assert found(expression) == FOUND[expression]
