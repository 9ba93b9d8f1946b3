from uuid import UUID

import pytest
from django.db import IntegrityError
from django.http import QueryDict
from django.urls import resolve, reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Team
from datasources import saved_views
from datasources.models import SavedView

ID = UUID(int=7)
ROWS = f"/sources/{ID}/rows/"


@pytest.mark.parametrize(
    ("path", "query", "url"),
    [
        ("/sources/", "", "/sources/"),
        (
            "/sources/",
            "status=failed&sort=name&order=asc&limit=100&page=7",
            "/sources/?status=failed&limit=100&sort=name&order=asc",
        ),
        ("/sources/", "q=%C3%BC%26x%3D1", "/sources/?q=%C3%BC%26x%3D1"),
        ("/sources/", "q=a&q=b", "/sources/?q=b"),
        ("/sources/", "limit=9999&q=x&sort=nonsense&next=//evil.example", "/sources/?q=x"),
        (
            ROWS,
            "filter=+price+%3E+1&sort=price&key=00000000-0000-0000-0000-000000000008",
            f"{ROWS}?sort=price&filter=+price+%3E+1",
        ),
        (ROWS, "column=price&column=a%2C+b&column=", f"{ROWS}?column=price&column=a%2C+b&column="),
        (ROWS, "column=&sort=", f"{ROWS}?column="),
        ("/downloads/", "page=3", "/downloads/"),
        ("/activity/", "what=keys&since=2026-01-01&before=9", "/activity/?what=keys&since=2026-01-01"),
    ],
)
def test_what_a_page_knows_and_can_use_is_kept(path, query, url):
    view, _ = saved_views.read(path, query)
    assert view.url == url


@pytest.mark.parametrize(
    "path",
    [
        "",
        "sources/",
        "/",
        "/keys/",
        "/sources",
        "/sources/refresh/",
        f"/sources/{ID}/",
        f"/sources/{ID}/delete/",
        "/accounts/logout/",
        "//evil.example/sources/",
        "https://evil.example/sources/",
        "/sources/?x=",
        "/sources/\n",
        "/sources/../keys/",
        "javascript:alert(1)",
    ],
)
def test_no_other_page_can_be_saved(path):
    with pytest.raises(saved_views.CannotBeSaved):
        saved_views.read(path, "")


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_asked_for_the_address_is_one_of_our_pages(path, query):
    for asked in (path, f"/sources/{path}", "/sources/"):
        try:
            view, _ = saved_views.read(asked, query)
        except saved_views.CannotBeSaved:
            continue
        assert resolve(view.url.partition("?")[0]).view_name in saved_views.FORMS


def test_the_space_is_told_apart():
    view, space = saved_views.read("/sources/", f"team={ID}&q=x")
    assert (space, view.query) == (str(ID), "q=x")


def test_every_page_of_a_view_has_a_form():
    assert set(saved_views.FORMS) == set(SavedView.Page)
    for page in SavedView.Page:
        assert reverse(page, args=[ID] if page == SavedView.Page.ROWS else [])


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"team={ID}&q=x&order=asc", True),
        (f"order=asc&q=x&team={ID}&page=4&limit=", True),
        (f"team={ID}&q=x", False),
        (f"team={ID}&q=x&order=asc&limit=25", False),
        ("q=x&order=asc", False),
    ],
)
def test_a_view_is_shown_on_all_its_pages(address, shown):
    view = SavedView(page="sources:list", query="q=x&order=asc", team=Team(pk=ID))
    assert saved_views.is_shown(view, "/sources/", QueryDict(address)) is shown
    assert not saved_views.is_shown(view, "/downloads/", QueryDict(address))


def test_a_view_of_some_columns_is_not_one_of_others():
    view, _ = saved_views.read(ROWS, "column=a&column=b")
    assert saved_views.is_shown(view, ROWS, QueryDict("page=2&column=a&column=b"))
    assert not saved_views.is_shown(view, ROWS, QueryDict("column=a"))
    assert not saved_views.is_shown(view, ROWS, QueryDict("column=b&column=b"))


def test_a_view_of_nobody_can_t_be(transactional_db):
    with pytest.raises(IntegrityError):
        SavedView.objects.create(name="x", page="sources:list")
