"""Pages of rows: shapes, paging, sorting."""

import json

import pytest

from tests.sandbox.calls import assert_refused

RECORDS = [
    {"id": 1, "name": "b", "price": 2.5, "active": True, "attrs": {"k": [1, None]}},
    {"id": 2, "name": None, "price": None, "active": False, "attrs": None},
    {"id": 3, "name": "a", "price": -1, "active": None, "attrs": "text"},
]


@pytest.fixture
def table(account):
    return account.upload("things.json", json.dumps(RECORDS))


@pytest.fixture
def groups(account):
    """Ten rows with three values and gaps, in no order."""
    return account.upload("groups.csv", "n,group\n" + "".join(f"{n},{'bca '[n % 4].strip()}\n" for n in range(10)))


def test_rows_come_with_typed_columns(calls, table):
    answer = calls.rows(table)
    assert answer == {
        "columns": [
            {"name": "id", "type": "number"},
            {"name": "name", "type": "text"},
            {"name": "price", "type": "number"},
            {"name": "active", "type": "boolean"},
            {"name": "attrs", "type": "json"},
        ],
        "rows": [list(record.values()) for record in RECORDS],
        "pagination": {"page": 1, "limit": 50, "total": 3, "totalPages": 1, "hasNext": False},
    }


def test_rows_come_as_arrays(sandbox, calls, table):
    sandbox.control("POST", "settings", shape="arrays")
    answer = calls.rows(table, limit=2)
    assert answer["columns"] == list(RECORDS[0])
    assert answer["data"] == [list(record.values()) for record in RECORDS[:2]]
    assert answer["pagination"]["totalPages"] == 2


def test_rows_come_as_objects(sandbox, calls, table):
    sandbox.control("POST", "settings", shape="objects")
    answer = calls.rows(table)
    assert set(answer) == {"data", "pagination"}
    assert answer["data"] == RECORDS


def test_rows_come_in_pages_in_the_order_of_the_file(account, calls):
    source_id = account.upload("many.csv", "n\n" + "".join(f"{n}\n" for n in range(2345)))
    pages = [calls.rows(source_id, page=page, limit=1000) for page in (1, 2, 3, 4)]
    assert [row for page in pages for row in page["rows"]] == [[n] for n in range(2345)]
    assert [page["pagination"]["hasNext"] for page in pages] == [True, True, False, False]
    assert pages[0]["pagination"] == {"page": 1, "limit": 1000, "total": 2345, "totalPages": 3, "hasNext": True}
    assert len(calls.rows(source_id)["rows"]) == 50
    assert calls.rows(source_id, page=10**9, limit=1000)["rows"] == []


@pytest.mark.parametrize(
    ("sort", "order", "expected"),
    [
        ("price", "asc", [3, 1, 2]),
        ("price", None, [3, 1, 2]),
        ("price", "desc", [1, 3, 2]),
        ("name", "asc", [3, 1, 2]),
        ("name", "desc", [1, 3, 2]),
        ("active", "asc", [2, 1, 3]),
        ("id", "desc", [3, 2, 1]),
        (None, "desc", [1, 2, 3]),  # order without sort means nothing
        ("", "", [1, 2, 3]),
    ],
)
def test_rows_are_sorted_and_nulls_stand_last(calls, table, sort, order, expected):
    assert calls.column(table, "id", sort=sort, order=order) == expected


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_equal_rows_keep_their_order_over_pages(calls, groups, order):
    found = []
    for page in (1, 2, 3, 4):
        found += calls.column(groups, "n", sort="group", order=order, limit=3, page=page)
    a, b, c, none = [2, 6], [0, 4, 8], [1, 5, 9], [3, 7]
    assert found == (a + b + c if order == "asc" else c + b + a) + none


def test_rows_are_sorted_within_a_filter(calls, groups):
    answer = calls.rows(groups, filter="n >= 4", sort="group", order="desc", limit=2)
    assert answer["rows"] == [[5, "c"], [9, "c"]]
    assert answer["pagination"]["total"] == 6


def test_a_sort_takes_the_name_as_it_is(account, calls):
    source_id = account.upload("odd.csv", '"a ""b"" ;--",ß\n1,x\n2,y\n')
    assert calls.column(source_id, "ß", sort='a "b" ;--', order="desc") == ["y", "x"]


@pytest.mark.parametrize(
    "query",
    [
        *({"page": page} for page in ("0", "-1", "abc", "1e3", "")),
        *({"limit": limit} for limit in ("0", "1001", "abc", "", "9" * 5000)),
        *({"sort": sort} for sort in ("nothing", "ID", 'id" DESC --', "id, name")),
        *({"sort": "id", "order": order} for order in ("up", "DESC", "asc;")),
        {"filter": "nothing = 1"},
    ],
    ids=lambda query: str(query)[:30],
)
def test_a_query_that_makes_no_sense_is_refused(calls, table, query):
    assert_refused(calls.get(f"/datasources/{table}/data", **query), "INVALID_PARAMETERS", 400)


def test_a_source_that_is_processing_has_no_rows_yet(account, calls):
    path = f"/datasources/{account.add(status='processing')}"
    assert_refused(calls.get(f"{path}/data"), "PROCESSING_IN_PROGRESS", 409)
    assert_refused(calls("POST", f"{path}/download"), "PROCESSING_IN_PROGRESS", 409)


def test_a_source_that_failed_has_no_rows(account, calls):
    answer = calls.get(f"/datasources/{account.add(status='failed')}/data")
    assert "failed" in assert_refused(answer, "INVALID_PARAMETERS", 400)


def test_a_source_without_a_file_has_an_empty_page(account, calls):
    answer = calls.rows(account.add())
    assert (answer["columns"], answer["rows"], answer["pagination"]["total"]) == ([], [], 0)
