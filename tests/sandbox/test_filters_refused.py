"""What is no filter expression is refused in words that help, and never a fault."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.calls import Calls, assert_refused

# What the answer says, and a text a line that it says it to.
REFUSED = {
    "can't be read": """
        price >
        > 5
        price 5
        (price > 1
        price > 1)
        '
        AND
        price > 10 euro
        price > 1 name = 'a'
        price > 1 LIMIT 1
        price > 1 ORDER BY id
        SELECT * FROM x
        DROP TABLE x
        ATTACH 'x'
        SHOW TABLES
        price > 1; DROP TABLE x
        select > 5
    """,
    "single expression": """
        ;
        price > 1;
        price > 1; id > 2
    """,
    "comment": """
        price > 1 -- x
        price > 1 /* x */
        /* x */ price > 1
    """,
    "with a value": """
        price
        NOT active
        price > 1 AND name
    """,
    "Say which column": """
        TRUE
        5
        '5'
    """,
    "no column": """
        nothing = 1
        name = Bär
        c0 = 1
        n = 1
        rowid = 1
    """,
    "To look for the text, write name = 'Bär'.": """
        name = Bär
        name = "Bär"
    """,
    "Say which column: name = 'Acme'.": "Acme",
    "'single quotes'": '"Bär" > 1',
    "upper and lower case": "KEY = 'x'",
    "IS NULL": """
        price = NULL
        id IN (1, NULL)
    """,
    "can't use": """
        lower(name) = 'a'
        abs(id) > 1
        @id = 1
        count(*) > 1
        sum(price) OVER () > 1
        read_csv('/etc/passwd') = 1
        name IN read_text('/etc/passwd')
        getenv('HOME') = ''
        CURRENT_DATE > name
        id IN (SELECT 1)
        id = (SELECT 1)
        EXISTS (SELECT 1)
        id > ALL(1)
        CASE WHEN id = 1 THEN 1 END = 1
        id::TEXT = 'x'
        CAST(id AS INT) = 1
        DATE '2026-01-01' = name
        INTERVAL '1 day' > id
        id + 1 = 2
        -id = -1
        - - 5 < id
        name || 'x' = 'x'
        name = 'x' 'y'
        name ~ 'a'
        name SIMILAR TO 'a'
        name GLOB 'a'
        name LIKE 'a' ESCAPE '!'
        id = [1]
        id = {'a': 1}
        attrs[1] = 1
        attrs -> 'k' = 1
        attrs.k = 1
        id = $1
        id = ?
        id = :a
        #1 = 1
        *
        id = *
        id IN (1, (2, 3))
        id IN name
        id IN ()
        id = 1 = 1
        (id > 1) = active
        id IS TRUE
        id IS DISTINCT FROM 1
        id BETWEEN SYMMETRIC 2 AND 1
    """,
}
LINES = [(line.strip(), words) for words, lines in REFUSED.items() for line in lines.strip().splitlines()]
LONG = [
    ("   ", "single expression"),
    ("-- x\nprice > 1", "comment"),
    ("(" * 200 + "id = 1" + ")" * 200, "nested too deeply"),
    ("(" * 3000, "nested too deeply"),
    ("NOT " * 900 + "id = 1", "nested too deeply"),
    ("f(" * 900, "nested too deeply"),
    ("id = 1 OR " * 500 + "id = 2", "longer than 4,000"),
    ("x" * 5000, "longer than 4,000"),
]
WORDS = """id price name active zip attrs Key "two words" `order` nothing = < > <> != <= AND OR NOT IN LIKE IS NULL TRUE
    ( ) , 1 2.5 1e5 1e999 0x1f 99999999999999999999 - + * / % 'a' '%' '5' . :: INT || CASE WHEN THEN END SELECT FROM [
    ] { } : ? $1 @ ~ ! ^ & | -> ->> ESCAPE ANY ALL EXISTS CAST( AS INTERVAL DATE E'x' ; -- /* */ " ` ' # \\ count(*)
    DISTINCT SYMMETRIC OVER ORDER BY COLLATE AT ZONE VALUES PIVOT WITH SHOW lambda GLOB TO BETWEEN é ² ١ \u202e 😀"""
PARTS = ["id = 1", "name LIKE 'a%'", "price BETWEEN 1 AND 2", "id IN (1, '2')", "active = TRUE", "attrs IS NULL"]


@pytest.fixture(scope="module")
def filtered(the_sandbox):
    """The answer to a filter."""
    account = the_sandbox.account(1_000_000)
    record = '{"id": 1, "price": 2.5, "name": "a", "active": true, "zip": "01", "attrs": {}, "Key": 1, "key": 2}'
    path = f"/datasources/{account.upload('things.jsonl', record)}/data"
    calls = Calls(the_sandbox.base_url, account.key)
    return lambda expression: calls.get(path, filter=expression)


@pytest.mark.parametrize(("expression", "words"), LINES + LONG, ids=lambda text: text[:40])
def test_anything_else_is_refused_in_words(filtered, expression, words):
    assert words in assert_refused(filtered(expression), "INVALID_PARAMETERS", 400)


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(re.findall(r"\S+", WORDS)), max_size=14).map(" ".join),
        st.lists(st.sampled_from([*PARTS, "AND", "OR", "NOT", "(", ")", "name", "5"]), max_size=9).map(" ".join),
    )
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_a_fault(filtered, expression):
    answer = filtered(expression)
    if answer.status_code != 200:
        assert_refused(answer, "INVALID_PARAMETERS", 400)
