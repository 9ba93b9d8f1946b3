"""A filter that is too long for an address has a short reference there."""

from urllib.parse import quote_plus, urlsplit

import pytest

from datasources.models import ColumnReference, SavedView
from tests.datasources.views.conftest import ids
from tests.support.html import dom, link, words

# 3,990 characters, three bytes each in an address.
LONG = " OR ".join(f"note = 'цена{number:04}'" for number in range(160)) + " OR id < 3"


@pytest.fixture
def path(table) -> str:
    return f"/sources/{table.datasource_id}/rows/"


@pytest.fixture
def short(web, path, copy) -> str:
    """Where the rows page leads from the long address."""
    return web.get(f"{path}?filter={quote_plus(LONG)}&sort=id").headers["Location"]


def test_the_page_of_a_short_address_is_that_of_the_long_one(web, path, short):
    assert short.startswith(f"{path}?sort=id&where=")
    assert len(short) < 200
    page = web.get(short)
    assert (page.status_code, ids(page)) == (200, [1, 2])
    assert [one.get("value") for one in dom(page).iter("input") if one.get("id") == "filter"] == [LONG]
    assert words(web.get(f"{path}2/?{urlsplit(short).query}")).count("Row 2 of 2")
    headers = [one.get("href") for one in dom(page).iterfind(".//thead//a") if one.get("class") == "sort-link"]
    assert headers
    assert max(map(len, headers)) < 200
    assert ids(web.get(headers[0].replace("?", f"{path}?", 1)))


def test_one_more_condition_and_a_plot_lead_to_short_addresses(web, path, short):
    changed = web.get(f"{path}filter/?{urlsplit(short).query}&do=add&c=id&op=gt&v=1").headers["Location"]
    assert len(changed) < 200
    assert ids(web.get(changed)) == [2]
    plot = web.get(f"{path.replace('/rows/', '/plot/')}?kind=bar&x=id&filter={quote_plus(LONG)}").headers["Location"]
    assert "?kind=bar&x=id&where=" in plot
    assert "Rows by id" in words(web.get(plot))


def test_a_view_keeps_the_whole_filter(web, alice, path, short):
    save = link(web.get(short), "Save this view")
    assert web.post(save, {"name": "Long"}).status_code == 302
    view = SavedView.objects.get()
    assert view.parameters == {"filter": [LONG], "sort": ["id"]}
    ColumnReference.objects.all().delete()
    opened = web.get(view.url)
    assert (opened.status_code, "where=" in opened.headers["Location"]) == (302, True)
    assert "Long" in words(web.get(opened.headers["Location"]))


def test_a_reference_opens_for_those_who_may_open_the_source(web, client_of, bob, path, short):
    assert client_of(bob).get(short).status_code == 404
    assert web.get(f"{path}?where=unknown").status_code == 404
