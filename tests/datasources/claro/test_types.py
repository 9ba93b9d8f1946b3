"""Every shape that docs/claro-api.md leaves open, and everything it doesn't mention."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasources.claro import BadAnswer, DataSource, DataSourcePage, Pagination, RateLimit, RowPage, SignedUrl
from datasources.claro.bodies import UNSTORABLE, storable
from datasources.claro.errors import TooLarge, Unreadable
from datasources.claro.numbers import NumberText, pack
from datasources.claro.types import CELLS_MAX, COLUMNS_MAX, FIELD_MAX, FIELDS_MAX, NAME_MAX, parse_time

ID = "0b6d2a1e-58d6-4c3f-8f1e-0a6a4a1f0a11"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["1e308", "1.10", "-0"]).map(NumberText)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_a_source_keeps_what_is_not_documented():
    source = DataSource.from_api({"datasourceId": ID, "fileName": "a.csv", "status": "queued", "owner": {"team": 7}})
    assert source.status == "queued"
    assert source.extra == {"owner": {"team": 7}}
    assert (source.size_bytes, source.uploaded_at) == (None, None)


@pytest.mark.parametrize("wrapper", ["dataSource", "data"])
def test_a_source_may_be_wrapped(wrapper):
    assert str(DataSource.from_api({wrapper: {"datasourceId": ID}}).datasource_id) == ID


def test_a_time_that_cannot_be_read_is_kept_as_it_is():
    source = DataSource.from_api({"datasourceId": ID, "uploadedAt": "yesterday"})
    assert source.uploaded_at is None
    assert source.extra == {"uploadedAt": "yesterday"}


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"datasourceId": "nonsense"}, {"data": []}])
def test_a_source_without_an_id_is_a_bad_answer(answer):
    with pytest.raises(BadAnswer):
        DataSource.from_api(answer)


@pytest.mark.parametrize(
    ("pagination", "count", "has_next", "total"),
    [
        ({"page": 1, "total": 250, "totalPages": 3, "hasNext": True}, 100, True, 250),
        ({"totalItems": 250}, 100, True, 250),
        ({"totalCount": 100}, 100, False, 100),
        ({"pages": 2}, 100, True, None),
        ({"hasNext": False, "total": 900}, 100, False, 900),
        (None, 100, True, None),
        (None, 99, False, None),
        ({}, 0, False, None),
        ({"hasNext": True}, 0, False, None),
        ({"total": "250"}, 100, True, 250),
        ({"total": None, "hasNext": "yes"}, 7, False, None),
        ({"total": 3}, 100, True, None),
        ({"total": 0}, 100, True, None),
        ({"total": 3}, 7, False, None),
        ({"total": 250, "totalPages": 0}, 100, True, None),
        ({"total": 3, "hasNext": False}, 100, False, None),
        ({"total": 0}, 0, False, 0),
    ],
)
def test_pagination_is_derived_where_it_is_missing(pagination, count, has_next, total):
    made = Pagination.from_api(pagination, page=1, limit=100, count=count)
    assert (made.has_next, made.total) == (has_next, total)


def test_an_item_that_cannot_be_read_costs_no_other_and_is_counted():
    items = [{"datasourceId": "ds_abc123"}, {"datasourceId": ID}, None, [], "x", {"datasourceId": 7}, {}]
    page = DataSourcePage.from_api({"dataSources": items}, page=1, limit=100)
    assert ([str(source.datasource_id) for source in page.sources], page.unreadable) == ([ID], 6)


@pytest.mark.parametrize("field", ["uploadedAt", "processedAt"])
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_a_date_that_some_time_zones_lack_is_kept_as_text(field, text):
    source = DataSource.from_api({"datasourceId": ID, field: text})
    assert (source.uploaded_at, source.processed_at) == (None, None)
    assert source.extra == {field: text}


def test_what_is_kept_of_a_source_is_cut_to_its_limits():
    fields = {f"f{number}": number for number in range(FIELDS_MAX)} | {"more": 1}
    source = DataSource.from_api(
        {"datasourceId": ID, "fileName": "x" * 2**20, "text": "y" * 2**20, "list": list(range(2**16)), **fields}
    )
    assert len(source.file_name) == NAME_MAX
    assert len(source.extra["text"]) == len(source.extra["list"]) == FIELD_MAX
    assert len(source.extra) == FIELDS_MAX + 1
    assert source.extra["…"] == "3 more fields are not kept."


@pytest.mark.parametrize(
    ("value", "size"), [(2**63 - 1, 2**63 - 1), (2**63, None), (-5, None), ("12", 12), (1e308, None), (10**400, None)]
)
def test_a_size_is_a_number_that_a_database_can_hold(value, size):
    assert DataSource.from_api({"datasourceId": ID, "fileSize": value}).size_bytes == size


@pytest.mark.parametrize("total", [2**31, 10**18, 1e308, "nan"])
def test_a_total_beyond_belief_says_nothing(total):
    made = Pagination.from_api({"total": total, "limit": total}, page=1, limit=100, count=100)
    assert (made.total, made.limit, made.has_next) == (None, 100, True)


ROWS = [{"a": 1, "b": None}, {"b": "x", "c": [1]}]
MEANT = (("a", "b", "c"), ((1, None, None), (None, "x", [1])))


@pytest.mark.parametrize(
    "answer",
    [
        {"data": ROWS},
        {"columns": ["a", "b", "c"], "data": ROWS},
        {"columns": [{"name": "a", "type": "number"}, {"name": "b"}, {"name": "c"}], "rows": ROWS},
        {"columns": ["a", "b", "c"], "rows": [[1], [None, "x", [1]]]},
        {"columns": ["a", "b", "c"], "data": [[1, None, None], [None, "x", [1]]]},
    ],
)
def test_every_shape_of_a_page_means_the_same(answer):
    page = RowPage.from_api(answer, page=1, limit=2)
    assert (tuple(column.name for column in page.columns), page.rows) == MEANT


@pytest.mark.parametrize("answer", [{}, {"rows": "x"}, {"data": {}}, {"rows": [1, 2]}, []])
def test_rows_that_cannot_be_read_are_a_bad_answer(answer):
    with pytest.raises(BadAnswer):
        RowPage.from_api(answer, page=1, limit=2)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        ([{"a": 1, "b": 2}, 5, {"a": 3}], ("a", "b"), ((1, 2), ("[unreadable row: 5]", None), (3, None))),
        ([{"a": 1}, NumberText("1.10")], ("a",), ((1,), ("[unreadable row: 1.10]",))),
        ([None, [1, 2], {"a": 1}, [3]], ("column 1", "column 2"), (None, (1, 2), None, (3, None))),
    ],
)
def test_a_row_of_another_shape_is_marked_and_the_others_are_kept(rows, columns, expected):
    page = RowPage.from_api({"rows": rows}, page=1, limit=4)
    assert tuple(column.name for column in page.columns) == columns
    for got, wanted in zip(page.rows, expected, strict=True):
        assert got == wanted if wanted else got[0].startswith("[unreadable row: ")


WIDE = {str(number): number for number in range(COLUMNS_MAX + 1)}


@pytest.mark.parametrize(
    ("row", "wide", "columns"),
    [({"a": 1}, WIDE, ("a",)), ([1], list(WIDE.values()), ("column 1",)), ([1], WIDE, ("column 1",))],
)
def test_a_row_of_more_cells_than_any_table_has_columns_is_marked_and_the_others_are_kept(row, wide, columns):
    page = RowPage.from_api({"rows": [row, wide, row]}, page=1, limit=1000)
    assert tuple(column.name for column in page.columns) == columns
    first, marked, last = page.rows
    assert (first, last) == ((1,), (1,))
    assert marked[0].startswith("[unreadable row: ")
    assert len(marked[0]) < 200


@pytest.mark.parametrize("rows", [[WIDE], [list(WIDE.values()), 5]])
def test_where_all_rows_are_too_wide_size_is_the_reason(rows):
    with pytest.raises(TooLarge):
        RowPage.from_api({"rows": rows}, page=1, limit=1000)


@pytest.mark.parametrize(
    "answer",
    [
        {"rows": [{"a": 1}] * 51},
        {"rows": [[1]] * 51},
        {"rows": [], "columns": [str(number) for number in range(COLUMNS_MAX + 1)]},
    ],
)
def test_more_rows_than_were_asked_for_or_more_columns_than_fit_are_refused(answer):
    with pytest.raises(Unreadable):
        RowPage.from_api(answer, page=1, limit=50)


@pytest.mark.parametrize(
    "answer",
    [
        {"rows": [{"a": 1}] * 99 + [{str(number): 1 for number in range(CELLS_MAX // 100 + 1)}]},
        {"rows": [[1]] * 99 + [[1] * (CELLS_MAX // 100 + 1)]},
    ],
)
def test_more_cells_than_fit_are_refused(answer):
    with pytest.raises(TooLarge):
        RowPage.from_api(answer, page=1, limit=100)


def test_a_list_of_more_than_a_page_is_refused():
    with pytest.raises(Unreadable):
        DataSourcePage.from_api({"dataSources": [{"datasourceId": ID}] * 101}, page=1, limit=20)


@given(JSON)
def test_no_answer_at_all_raises_anything_but_a_bad_answer(answer):
    for read in (
        lambda: DataSource.from_api(answer),
        lambda: DataSourcePage.from_api({"dataSources": answer, "pagination": answer}, page=1, limit=20),
        lambda: RowPage.from_api(answer, page=1, limit=20),
        lambda: RowPage.from_api({"columns": answer, "rows": answer, "pagination": answer}, page=1, limit=20),
        lambda: SignedUrl.from_api(answer, expires_in_s=60, now=NOW),
    ):
        with contextlib.suppress(BadAnswer):
            read()


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=4), max_size=6))
def test_rows_of_objects_keep_every_value_in_its_column(rows):
    page = RowPage.from_api({"data": rows}, page=1, limit=100)
    names = [column.name for column in page.columns]
    back = [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in page.rows]
    assert back == rows


@pytest.mark.parametrize("text", ["2026-11-24T12:00:00Z", "2026-11-24t12:00:00z", " 2026-11-24T13:00:00.000+01:00 "])
def test_a_time_may_be_written_in_several_ways(text):
    assert parse_time(text) == NOW


@given(st.text())
def test_a_time_is_read_or_left_alone(text):
    parsed = parse_time(text)
    assert parsed is None or parsed.tzinfo is UTC


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        ({"downloadUrl": "https://x/y", "expiresAt": "2026-11-24T13:00:00Z"}, "13:00"),
        ({"url": "https://x/y", "expiresIn": 300}, "12:05"),
        ({"data": {"url": "https://x/y"}}, "12:01"),
        ({"url": "https://x/y", "expiresIn": 0}, "12:01"),
        ({"url": "https://x/y", "expiresIn": -300}, "12:01"),
        ({"url": "https://x/y", "expiresAt": "2026-11-24T11:00:00Z"}, "12:01"),
    ],
)
def test_a_link_ends_when_the_answer_says_or_as_asked(answer, ends):
    signed = SignedUrl.from_api(answer, expires_in_s=60, now=NOW)
    assert f"{signed.expires_at:%H:%M}" == ends
    assert "https://x/y" not in repr(signed)


@pytest.mark.parametrize(
    ("behind_s", "told", "ends"),
    [
        (0, "2026-11-24T12:05:00Z", "2026-11-24 12:05:00"),
        (15, "2026-11-24T12:05:00Z", "2026-11-24 12:05:00"),
        (18_000, "2026-11-24T07:05:00Z", "2026-11-24 12:05:00"),
        (-18_000, "2026-11-24T17:05:00Z", "2026-11-24 12:05:00"),
        (18_000, "9998-12-30T23:59:59Z", "2026-11-25 12:00:00"),
    ],
)
def test_a_link_ends_by_our_clock_though_the_api_has_another(behind_s, told, ends):
    answer = {"url": "https://x/y", "expiresAt": told}
    signed = SignedUrl.from_api(answer, expires_in_s=60, now=NOW, behind=timedelta(seconds=behind_s))
    assert f"{signed.expires_at:%Y-%m-%d %H:%M:%S}" == ends


@pytest.mark.parametrize(
    ("headers", "reset_in_s"),
    [
        ({"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": "30"}, 30),
        ({"X-RateLimit-Reset": str(NOW.timestamp() + 20), "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}, 20),
        ({"X-RateLimit-Reset": str(NOW.timestamp() - 20), "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}, 0),
        ({"X-RateLimit-Limit": "100", "X-RateLimit-Reset": "soon"}, None),
    ],
)
def test_the_reset_is_told_as_a_duration_or_as_a_date(headers, reset_in_s):
    assert RateLimit.from_headers(headers).reset_in_s == reset_in_s


def test_no_headers_say_nothing():
    assert RateLimit.from_headers({}) is None


@given(JSON)
def test_what_is_stored_can_be_encoded_and_keeps_its_meaning(value):
    body = pack(value).encode()
    data = json.loads(body)
    kept = storable(data) if UNSTORABLE.search(body) else data
    text = json.dumps(kept, ensure_ascii=False, allow_nan=False)
    assert "\x00" not in text.encode().decode()
    assert "\\u0000" not in json.dumps(kept).replace("\\\\", "")


def test_what_cannot_be_stored_is_replaced():
    data = json.loads(r'{"a\u0000": ["\ud83d", "\ud83d\ude00", 1e999, NaN]}')
    assert storable(data) == {"a\ufffd": ["\ufffd", "😀", "inf", "nan"]}
