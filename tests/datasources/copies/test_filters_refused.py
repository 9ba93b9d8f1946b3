"""Filters that a copy can't answer: refused in words with their place, quickly, and never a fault."""

import logging
import re
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasources.copies import duck, filters
from datasources.copies.filters import FilterError
from datasources.copies.schema import Column, Kind

KINDS = {
    "id": Kind.INT,
    "price": Kind.FLOAT,
    "name": Kind.TEXT,
    "active": Kind.BOOLEAN,
    "zip": Kind.TEXT,
    "attrs": Kind.NESTED,
    "two words": Kind.TEXT,
    "any": Kind.MIXED,
    "exact": Kind.DECIMAL,
    "number": Kind.NUMBER,
    "nothing": Kind.EMPTY,
    "Key": Kind.INT,
    "key": Kind.INT,
}
COLUMNS = [Column(place, name, kind) for place, (name, kind) in enumerate(KINDS.items())]


def refused(text: str, columns=COLUMNS) -> FilterError:
    with pytest.raises(FilterError) as raised:
        filters.condition(text, columns)
    return raised.value


# What the message holds, and then texts with « before the place of the fault.
MAYBE_CLAROS = {
    "A value is missing after >.": """
        price >«
        (price > «)
        price > «AND id = 1
    """,
    "A value is missing after ESCAPE.": "name LIKE 'a' ESCAPE «zip",
    "A value is missing after AND.": "price > 1 AND«",
    "A column is missing before >.": """
        «> 5
        id = 1 AND «> 5
    """,
    "is not expected here. Compare a column with a value": """
        price «5
        price > 1«)
        price > 10 «euro
        price > 1 «name = 'a'
        price > 1 «LIMIT 1
        price > 1 «ORDER BY id
        «SELECT * FROM x
        «DROP TABLE x
        ATTACH «'x'
        SHOW «TABLES
        id = 0«x1f
        é = 1 «ü
    """,
    "A closing bracket is missing.": """
        (price > 1«
        ((price > 1) OR id IN (1, 2«
    """,
    "A quote is opened here and not closed.": """
        «'
        name = «'it
        name = 'a' AND «"two words
        «`two words = 'it''s'
    """,
    "Remove the semicolon.": """
        «;
        price > 1«; DROP TABLE x
        price > 1«;
    """,
    "Remove it.": """
        price > 1 «-- x
        name = '--' «/* x */
        «/* x */ price > 1
    """,
    "Compare price with a value, as in price = 'Acme'.": """
        «price
        id = 1 AND («price)
    """,
    "Compare active with": "NOT «active",
    "Say which column: name = '5'.": """
        «5
        «'5'
    """,
    "Say which column: name = 'true'.": "TRUE",
    "5e is not a number.": "id > «5e",
    "can't use lower here": "«lower(name) = 'a'",
    "can't use read_csv here": "id = 1 OR «read_csv('/etc/passwd') = 1",
    "can't use getenv here": "«getenv('HOME') = ''",
    "can't use count here": "«count(*) > 1",
    "can't use OVER here": "«sum(price) OVER () > 1",
    "can't use CURRENT_DATE here": "CURRENT_DATE > name",
    "can't use IN here": """
        «id IN (SELECT 1)
        «name IN read_text('/etc/passwd')
        «id IN name
        «id IN ()
    """,
    "can't use a subquery here": "id = (SELECT «1)",
    "can't use EXISTS here": "EXISTS (SELECT «1)",
    "can't use ALL here": "id > «ALL(1)",
    "can't use CASE here": "CASE WHEN «id = 1 THEN 1 END = 1",
    "can't use a cast here": """
        «id::TEXT = 'x'
        CAST(«id AS INT) = 1
        DATE «'2026-01-01' = name
    """,
    "can't use INTERVAL here": "INTERVAL '1 day' > id",
    "can't use id + 1 here": "«id + 1 = 2",
    "can't use a minus sign here": """
        -«id = -1
        - - «5 < id
    """,
    "can't use name || 'x' here": "«name || 'x' = 'x'",
    "Two texts follow each other.": "name = 'x' «'y'",
    "can't use name ~ 'a' here": "«name ~ 'a'",
    "can't use name GLOB 'a' here": "«name GLOB 'a'",
    "can't use [ ] here": """
        id = [«1]
        «attrs[1] = 1
    """,
    "can't use { } here": "id = {'a': «1}",
    "can't use -> here": "«attrs -> 'k' = 1",
    'Put a name with dots in double quotes: "attrs.k".': "«attrs.k = 1",
    "can't use a placeholder here": """
        id = $1
        id = ?
        id = :a
    """,
    "can't use POSITIONALCOLUMN here": "#1 = 1",
    "can't use * here": "id = «*",
    "can't use a list here": "id IN (1, («2, 3))",
    "can't use id = 1 here": "«id = 1 = 1",
    "can't use id > 1 here": "(«id > 1) = active",
    "can't use IS here": "«id IS TRUE",
    "can't use id IS DISTINCT FROM 1 here": "«id IS DISTINCT FROM 1",
    "can't use BETWEEN here": "«id BETWEEN SYMMETRIC 2 AND 1",
    "ESCAPE needs a single character": """
        name LIKE 'a' ESCAPE «''
        name LIKE 'a' ESCAPE «'ab'
    """,
    "ESCAPE needs a pattern in quotes": "name LIKE «zip ESCAPE '!'",
}
WRONG = {
    "There is no column nothingness.": "id = 1 OR «nothingness = 1",
    "There is no column c0.": "«c0 = 1",
    "There is no column n.": "«n = 1",
    "There is no column rowid.": "«rowid = 1",
    "To look for the text, write name = 'Bär'.": """
        name = «Bär
        name = «"Bär"
        name IN ('a', «Bär)
    """,
    "To look for the text, write \"two words\" = 'it''s'.": """
        "two words" = «"it's"
    """,
    "Say which column: name = 'Acme'.": "«Acme",
    "'single quotes'": '«"Bär" > 1',
    "Match their upper and lower case.": "«KEY = 1",
    "Find empty cells with IS NULL": """
        price = NULL
        id IN (1, NULL)
    """,
    "Nothing follows ! at the end": "name LIKE «'50!' ESCAPE '!'",
}


def lines(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(line.strip(), words) for words, text in table.items() for line in text.strip().splitlines()]


def check(line: str, words: str) -> FilterError:
    text, at = line.replace("«", ""), line.find("«")
    error = refused(text)
    assert words in error.message
    assert error.position == (None if at < 0 else at)
    return error


@pytest.mark.parametrize(("line", "words"), lines(MAYBE_CLAROS), ids=lambda text: text[:40])
def test_what_is_no_expression_may_be_one_of_claros(line, words):
    assert check(line, words).claro_may_read


@pytest.mark.parametrize(("line", "words"), lines(WRONG), ids=lambda text: text[:40])
def test_what_is_wrong_is_not_sent_to_claro(line, words):
    assert not check(line, words).claro_may_read


BOMBS = {
    "brackets": "(" * 20_000 + "id = 1" + ")" * 20_000,
    "alternatives": "id = 1 OR " * 20_000 + "id = 2",
    "list": f"id IN ({', '.join(map(str, range(100_000)))})",
    "text": f"name = '{'x' * 5_000_000}'",
    "number": f"id = {'9' * 1_000_000}",
    "brackets within the limit": "(" * 1_990 + "id = 1" + ")" * 1_990,
    "brackets below the limit of depth, often": ("(" * 200 + "id = 1" + ")" * 200 + " OR ") * 8 + "id = 1",
    "open brackets": "(" * 4_000,
    "negations": "NOT " * 990 + "id = 1",
    "negations in brackets": "NOT (" * 700 + "id = 1" + ")" * 700,
    "functions": "f(" * 2_000,
    "signs": "-" + " -" * 1_990 + " 5 = id",
    "lists": "id IN (" * 500,
    "arrays": "[" * 4_000,
    "objects": "{'a':" * 800,
    "cases": "CASE WHEN " * 400,
    "casts": "CAST(" * 800,
    "arrows": "a -> " * 800,
    "intervals": "INTERVAL " * 400,
    "betweens": "id BETWEEN " * 360,
    "comparisons": "id = " * 790 + "1",
    "quotes": "'" * 3_999,
    "texts": "'%' ? '%' " * 400,
    "subqueries": "(SELECT " * 500,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_quickly_in_words(name, caplog):
    caplog.set_level(logging.DEBUG)
    started = time.thread_time()
    error = refused(BOMBS[name])
    assert time.thread_time() - started < 0.5
    assert error.message[0].isupper()
    assert error.message.endswith(".")
    assert len(error.message) < 300
    assert not caplog.records


@pytest.mark.parametrize("name", ["brackets", "alternatives", "list", "text", "number"])
def test_a_text_that_is_too_long_is_not_sent_to_claro(name):
    error = refused(BOMBS[name])
    assert "longer than 4,000 characters" in error.message
    assert not error.claro_may_read


@pytest.mark.parametrize(
    "text",
    [
        "id = 1 OR " * 398 + "id = 2",
        f"id IN ({', '.join(str(n) for n in range(800))})",
        f"zip IN ({', '.join(str(n) for n in range(800))})",
        f"exact IN ({', '.join(str(n) for n in range(800))})",
        f"name IN ({', '.join(['$2026-01-05$'.replace('$', chr(39))] * 280)})",
        "(" * 25 + "id = 1" + ")" * 25,
        f"name = '{'x' * 3_980}'",
        f"id < {'9' * 3_980}",
        "id < 1e" + "9" * 3_980,
        "exact = 1e-" + "9" * 3_980,
        f"name LIKE '{'%a' * 1_980}'",
        f"name ILIKE '{'_%' * 1_900}' ESCAPE '!'",
    ],
    ids=lambda text: text[:20],
)
def test_a_large_filter_within_the_limits_is_answered(rows, text):
    started = time.process_time()
    rows(text)
    assert time.process_time() - started < 1


@pytest.fixture(scope="module")
def rows():
    """Runs a filter over a table of all kinds, made without a copy."""
    types = {Kind.INT: "BIGINT", Kind.FLOAT: "DOUBLE", Kind.NUMBER: "DOUBLE", Kind.BOOLEAN: "BOOLEAN"}
    cells = [f"{column.value} {types.get(column.kind, 'VARCHAR')}" for column in COLUMNS]
    cells += [f"{column.letter} VARCHAR, {column.number} DOUBLE" for column in COLUMNS if column.letter]
    with duck.connect("256MB") as database:
        database.execute(f"CREATE TABLE rows({', '.join(cells)})")
        names = "c0, c1, c2, c3, c4, c5, c6, c7, c8, x8"
        values = "(1, 2.5, repeat('a', 4000), true, '00501', '{}', NULL, 'x', '1.10', 1.1)"
        database.execute(f"INSERT INTO rows({names}) VALUES {values}")  # noqa: S608

        def rows(text: str):
            condition = filters.condition(text, COLUMNS)
            sql = f"SELECT c0 FROM rows WHERE {condition.sql}"  # noqa: S608
            return database.execute(sql, condition.parameters).fetchall()

        yield rows


HOSTILE = ["') OR 1=1 --", 'x"; DROP TABLE rows; --', "`", "{}", "{0}", "%s", "?", "$1", "\\", "\n", "c0", "__proto__"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_and_no_value_is_part_of_the_sql(name):
    """The same SQL as for a harmless name and value."""
    columns = [Column(0, name, Kind.TEXT), Column(1, "other", Kind.DECIMAL)]
    column, value = '"' + name.replace('"', '""') + '"', "'" + name.replace("'", "''") + "'"
    template = "{0} = {1} OR {0} IN ({1}, '2026-01-05') OR {0} LIKE {1} OR {0} BETWEEN {1} AND {1} OR other IN (1, {1})"
    found = filters.condition(template.format(column, value), columns)
    harmless = filters.condition(template.format('"a"', "'b'"), [Column(0, "a", Kind.TEXT), columns[1]])
    assert found.sql == harmless.sql
    assert found.parameters == tuple(name if each == "b" else each for each in harmless.parameters)


WORDS = """id price name active zip attrs Key any exact nothing "two words" `order` = < > <> != <= AND OR NOT IN LIKE
    IS NULL TRUE ILIKE ( ) , 1 2.5 1e5 1e999 0x1f 99999999999999999999 - + * / % 'a' '%' '5' '2026-01-05' . ::
    INT || CASE WHEN THEN END SELECT FROM [ ] { } : ? $1 @ ~ ! ^ & | -> ->> ESCAPE ANY ALL EXISTS CAST( AS
    INTERVAL DATE E'x' ; -- /* */ " ` ' # \\ count(*) DISTINCT SYMMETRIC OVER ORDER BY COLLATE AT ZONE VALUES
    PIVOT WITH SHOW lambda GLOB TO BETWEEN é ² ١ \u202e 😀"""
PARTS = [
    "id = 1",
    "name LIKE 'a%' ESCAPE 'a'",
    "price BETWEEN 1 AND 2",
    "any IN (1, '2')",
    "exact = TRUE",
    "id IS NULL",
]


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(re.findall(r"\S+", WORDS)), max_size=14).map(" ".join),
        st.lists(st.sampled_from([*PARTS, "AND", "OR", "NOT", "(", ")", "name", "5"]), max_size=9).map(" ".join),
    )
)
@settings(max_examples=400, deadline=None)
def test_no_text_is_a_fault(rows, text):
    try:
        rows(text)
        return
    except FilterError as raised:
        error = raised
    assert error.message
    assert error.position is None or 0 <= error.position <= len(text)
    excerpt = filters.explain(text, error)
    assert (excerpt is None) == (error.position is None)
    if excerpt:
        assert "".join(excerpt).strip("…") in text


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("price > 10 euro", ("price > 10 ", "euro", "")),
        ("price >", ("price >", "", "")),
        ("name LIKE '50!' ESCAPE '!'", ("name LIKE ", "'50!'", " ESCAPE '!'")),
        ("name = Bär OR id = 1", ("name = ", "Bär", " OR id = 1")),
        ("id = 1 OR " * 10 + "white = 1", ("…" + ("id = 1 OR " * 4), "white", " = 1")),
        ("white = 1" + " OR id = 1" * 10, ("", "white", (" = 1" + " OR id = 1" * 4)[:40] + "…")),
    ],
)
def test_the_place_of_a_fault_is_shown(text, excerpt):
    assert filters.explain(text, refused(text)) == excerpt


def test_a_fault_without_a_place_has_no_excerpt():
    assert filters.explain("price = NULL", refused("price = NULL")) is None


def test_words_of_sql_are_columns_where_the_table_has_them():
    for name in ("any", "call", "case", "date", "end", "from", "group", "order", "select", "table", "to", "Values"):
        columns = [Column(0, name, Kind.TEXT)]
        for text in ("{} = 1", "'x' = {}", "NOT {} IS NULL AND ({} LIKE 'a' OR {} IN ('b'))"):
            assert "c0" in filters.condition(text.replace("{}", name.lower()), columns).sql


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("name = TODAY()", "2026-03-01"),
        ("name > today ( ) - 1", "2026-02-28"),
        ("TODAY() + 31 < name", "2026-04-01"),
        ("name IN (TODAY() - 60)", "2025-12-31"),
    ],
)
def test_today_is_a_text(text, day):
    assert day in filters.condition(text, COLUMNS, date(2026, 3, 1)).parameters
    assert filters.condition(text, COLUMNS, date(2026, 3, 2)) != filters.condition(text, COLUMNS, date(2026, 3, 1))


@pytest.mark.parametrize("days", ["1.5", "36501", "9999999", "1e3"])
def test_today_counts_whole_days(days):
    with pytest.raises(FilterError, match="whole days"):
        filters.condition(f"name > TODAY() - {days}", COLUMNS)
