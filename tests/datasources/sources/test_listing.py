import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from datasources import access, keys
from datasources.models import ApiKey, Source
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import SORTS, Listing, listing

DAY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def main(alice):
    return keys.add(alice, "main", "claro_live_main", ApiKey.State.VALID)


@pytest.fixture
def another(alice):
    return keys.add(alice, "another", "claro_live_another", ApiKey.State.VALID)


def add(key: ApiKey, name: str, **fields) -> Source:
    more = {"datasource_id": uuid.uuid4(), "status": "completed", "first_seen_at": DAY, "last_seen_at": DAY}
    return Source.objects.create(key=key, file_name=name, **{**more, **fields})


def found(user, **query) -> Listing:
    return listing(access.keys_for(user), SourceListForm(query).state(), user)


def names(user, **query) -> list[str]:
    return [source.file_name for source in found(user, **query).sources]


@pytest.fixture
def three(alice, main):
    """Three sources; `b` is the middle one in every column, and `-` has none of what may be missing."""
    other = keys.add(alice, "Other", "claro_live_other", ApiKey.State.VALID)
    another = keys.add(alice, "ZZ", "claro_live_zz", ApiKey.State.VALID)
    for place, (key, name, kind, status) in enumerate(
        [(main, "A", "a/a", "completed"), (other, "b", "b/b", "failed"), (another, "C", "c/c", "processing")]
    ):
        at = DAY + timedelta(days=place)
        add(key, name, content_type=kind, status=status, size_bytes=10**place, uploaded_at=at, processed_at=at)


def test_the_newest_stand_first_where_nothing_is_asked_for(alice, three):
    assert names(alice) == ["C", "b", "A"]


@pytest.mark.parametrize("column", SORTS)
def test_every_column_sorts_both_ways(alice, three, column):
    assert names(alice, sort=column, order="asc") == ["A", "b", "C"]
    assert names(alice, sort=column, order="desc") == ["C", "b", "A"]


def test_every_sort_of_the_address_is_known():
    assert set(SORTS) == set(SourceListForm.SORTS)


@pytest.mark.parametrize("column", ["size", "uploaded", "processed"])
def test_what_has_no_value_stands_last_either_way(alice, three, main, column):
    add(main, "-")
    assert names(alice, sort=column, order="asc") == ["A", "b", "C", "-"]
    assert names(alice, sort=column, order="desc") == ["C", "b", "A", "-"]


def test_what_is_equal_keeps_one_order(alice, main):
    for number in range(5):
        add(main, f"{number}.csv", size_bytes=1)
    assert names(alice, sort="size") == ["4.csv", "3.csv", "2.csv", "1.csv", "0.csv"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "failed"}, ["b"]),
        ({"type": "c/c"}, ["C"]),
        ({"status": "failed", "type": "c/c"}, []),
        ({"status": "nonsense"}, []),
        ({"q": "a"}, ["A"]),
        ({"q": "B", "status": "failed"}, ["b"]),
    ],
)
def test_filters_narrow_together(alice, three, query, expected):
    assert names(alice, **query) == expected


def test_the_key_narrows_what_is_counted_in_all(alice, three, main):
    page = found(alice, key=str(main.pk))
    assert [source.file_name for source in page.sources] == ["A"]
    assert (page.total, page.matching) == (1, 1)


def test_a_key_of_somebody_else_shows_nothing(bob, three, main):
    page = found(bob, key=str(main.pk))
    assert (page.sources, page.total) == ([], 0)


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("REPORT", ["report.1.csv", "Report 100%.csv", "report_1.csv"]),
        ("%", ["Report 100%.csv"]),
        ("csv report", ["report.1.csv", "Report 100%.csv", "report_1.csv"]),
        ("1_report", ["report.1.csv", "Report 100%.csv", "report_1.csv"]),
        ("\\", ["back\\slash"]),
        ("'", ["it's", "prix d'Été"]),
        ('"', []),
        ("  report-100  ", ["Report 100%.csv"]),
        ("report nothing", []),
        ("00", []),
        ("report 10", ["Report 100%.csv"]),
        ("ETE", ["prix d'Été"]),
        ("été prix", ["prix d'Été"]),
        ("_", ["back\\slash", "it's", "prix d'Été", "report.1.csv", "Report 100%.csv", "report_1.csv"]),
    ],
)
def test_words_match_in_any_order_whatever_their_case_accents_and_separators(alice, main, q, expected):
    for name in ("Report 100%.csv", "report_1.csv", "report.1.csv", "back\\slash", "it's", "prix d'Été"):
        add(main, name)
    page = found(alice, q=q)
    assert sorted(source.file_name for source in page.sources) == sorted(expected)
    assert page.matching == len(expected)


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("7b0e0a0c-0000-4000-8000-000000000abc", ["mine"]),
        ("7B0E0A0C00004000", ["mine"]),
        ("7b0e0a0c-0000-4", ["mine"]),
        ("7b0e", ["has 7b0e", "mine"]),
        ("7b0", ["has 7b0e"]),
        ("b0e0a0c", []),
        ("7b0e-0a0c", []),
        ("7b0e mine", []),
    ],
)
def test_whole_ids_and_their_beginnings_are_found(alice, main, q, expected):
    add(main, "mine", datasource_id=uuid.UUID("7b0e0a0c-0000-4000-8000-000000000abc"))
    add(main, "has 7b0e", datasource_id=uuid.UUID(int=7))
    assert sorted(names(alice, q=q)) == expected


def test_statuses_are_counted_within_the_other_filters(alice, main):
    for status, kind, n in [("completed", "text/csv", 3), ("failed", "text/csv", 1), ("completed", "x/y", 2)]:
        for number in range(n):
            add(main, f"{kind} {number}", status=status, content_type=kind)
    page = found(alice, status="failed", type="text/csv")
    assert page.statuses == [("completed", 3), ("failed", 1)]
    assert page.types == [("text/csv", 1)]
    assert (page.total, page.all_statuses, page.matching) == (6, 4, 1)
    assert found(alice).type_names == ["text/csv", "x/y"]
    assert found(alice, q="x/y").statuses == [("completed", 2)]


@pytest.mark.parametrize(
    ("page", "shown", "has_next"), [("1", ["0", "1"], True), ("3", ["4"], False), ("4", [], False)]
)
def test_pages(alice, main, page, shown, has_next):
    for number in range(5):
        add(main, str(number))
    got = found(alice, sort="name", order="asc", limit="2", page=page)
    assert [source.file_name for source in got.sources] == shown
    assert (got.pages, got.matching, got.has_next) == (3, 5, has_next)


def test_a_list_of_nothing_has_one_page(alice):
    page = found(alice)
    assert (page.sources, page.pages, page.total, page.has_next) == ([], 1, 0, False)


SEARCH = {"q": "a", "status": "failed", "type": "b/b", "sort": "key", "limit": "100"}


@pytest.mark.parametrize("query", [{}, SEARCH], ids=["all", "a search"])
def test_a_page_costs_four_queries_keys_and_bin_included(alice, three, main, query, django_assert_num_queries):
    for number in range(30):
        add(main, f"{number}")
    with django_assert_num_queries(4):
        page = found(alice, **query)
        assert all(source.key.label for source in page.sources)


@pytest.mark.slow
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("aAb"), st.none() | st.integers(0, 2), st.sampled_from(["completed", "failed"])),
        max_size=12,
    ),
    sort=st.sampled_from(sorted(SORTS)),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 5),
    status=st.sampled_from(["", "failed"]),
)
def test_pages_never_overlap_and_hold_everything(alice, main, another, rows, sort, order, limit, status):
    Source.objects.all().delete()
    more = {"first_seen_at": DAY, "last_seen_at": DAY}
    made = Source.objects.bulk_create(
        Source(
            key=(main, another)[place % 2],
            datasource_id=uuid.uuid4(),
            file_name=name,
            size_bytes=size,
            status=state,
            uploaded_at=None if size is None else DAY + timedelta(days=size),
            **more,
        )
        for place, (name, size, state) in enumerate(rows)
    )
    query = {"sort": sort, "order": order, "limit": str(limit), "status": status}
    pages = found(alice, **query).pages
    shown = [source for page in range(1, pages + 1) for source in found(alice, page=str(page), **query).sources]
    seen = [source.pk for source in shown]
    if (sort, order) == ("uploaded", "desc"):
        assert shown == sorted(shown, key=lambda one: (one.uploaded_at is None, -(one.size_bytes or 0), -one.pk))
    assert len(seen) == len(set(seen))
    assert set(seen) == {source.pk for source in made if status in ("", source.status)}
