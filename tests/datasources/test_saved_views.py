from urllib.parse import urlencode
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
        assert reverse(page, args=[ID] if page in (SavedView.Page.ROWS, SavedView.Page.PLOT) else [])


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


@pytest.mark.parametrize(
    ("query", "known", "missing"),
    [
        ("column=a&column=b&sort=c&filter=d+%3E+1", ["a", "b", "c", "d"], []),
        ("column=a&column=b&sort=c&sort=&filter=d+%3E+1", [], ["a", "b", "c", "d"]),
        ("column=A&sort=A&filter=A+%3E+1", ["a"], ["A"]),
        ("filter=Price+%3E+1+AND+%22a+b%22+IS+NULL", ["price", "a b"], []),
        ("filter=brand+%3D+Acme+OR+NOT+x+IN+(1)", ["brand"], ["x"]),
        ("filter=brand+%3D", [], []),
        ("filter=" + "(" * 2000, [], []),
        ("q=x&column=", [], [""]),
        ("column=<b>&column=<b>", ["b"], ["<b>"]),
    ],
)
def test_columns_of_a_view_that_are_gone_are_named(query, known, missing):
    view = SavedView(page="sources:rows", datasource_id=ID, query=query)
    assert saved_views.missing(view, known) == missing


@given(st.lists(st.text(max_size=9)), st.lists(st.text(max_size=9)), st.text(max_size=40))
def test_whatever_a_view_names_no_known_column_is_missing(columns, sorts, text):
    query = urlencode({"column": columns, "sort": sorts, "filter": text}, doseq=True)
    view = SavedView(page="sources:rows", datasource_id=ID, query=query)
    gone = saved_views.missing(view, [])
    assert saved_views.missing(view, [*columns, *sorts, *gone]) == []
    assert {*columns, *filter(None, sorts)} <= {*gone}


@pytest.mark.parametrize(
    ("address", "changed"),
    [
        ("q=x&order=asc", False),
        ("q=x&order=asc&page=7&view=1&back=z&nonsense=1", False),
        ("q=x", True),
        ("q=x&order=asc&limit=25", True),
        ("team={team}&q=x&order=asc", True),
        ("team=own&q=x&order=asc", True),
    ],
)
@pytest.mark.parametrize("is_theirs", [True, False])
def test_a_view_is_changed_where_its_page_has_another_state(address, changed, is_theirs):
    """The space is part of a user's own view; a team's has the team's."""
    view = SavedView(page="sources:list", query="q=x&order=asc", **({"owner_id": 1} if is_theirs else {"team_id": ID}))
    expected = changed if is_theirs else changed and "team" not in address
    assert saved_views.is_changed(view, QueryDict(address.format(team=ID))) is expected


def test_a_view_of_nobody_can_t_be(transactional_db):
    with pytest.raises(IntegrityError):
        SavedView.objects.create(name="x", page="sources:list")


@pytest.mark.parametrize("meanwhile", [{"owner": "bob"}, {"owner": None, "team": "team"}, None])
def test_a_view_that_was_moved_or_deleted_meanwhile_is_not_taken(alice, bob, meanwhile):
    there = {"bob": bob, "team": Team.objects.create(name="Data"), None: None}
    view = SavedView.objects.create(name="x", owner=alice, page="sources:list")
    stored = SavedView.objects.filter(pk=view.pk)
    if meanwhile:
        stored.update(**{name: there[whose] for name, whose in meanwhile.items()})
    else:
        stored.delete()
    with pytest.raises(SavedView.DoesNotExist):
        saved_views.rename(view)
    with pytest.raises(SavedView.DoesNotExist):
        saved_views.move(view, alice, None)
    assert not stored.filter(owner=alice).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_view_that_was_deleted_meanwhile_has_no_place_in_the_order(alice, gone):
    views = [SavedView.objects.create(name=name, owner=alice, page="sources:list") for name in "abc"]
    SavedView.objects.filter(pk=views[gone].pk).delete()
    saved_views.shift(views, views[1], views, 1, alice)
    order = [view for view in (views[0], views[2], views[1]) if view != views[gone]]
    assert list(SavedView.objects.order_by("places__place")) == order
