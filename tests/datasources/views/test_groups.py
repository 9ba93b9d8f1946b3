"""Groups of the list on its page."""

import pytest

from datasources import keys
from datasources.models import ApiKey
from tests.conftest import htmx, synced
from tests.support.html import all_words, dom, field, link, words

SHELF = [("a.csv", "completed"), ("b.csv", "failed"), ("c.csv", "completed"), ("d.csv", "<b>odd")]


@pytest.fixture
def shelf(account, key) -> None:
    account.add_many([{"fileName": name, "status": status, "age": n} for n, (name, status) in enumerate(SHELF, 60)])
    synced(key)


def bodies(page) -> list[list[str]]:
    """Each body of the table: its heading, if it has one, and the names of its files."""
    found = []
    for body in dom(page).iterfind(".//table/tbody"):
        heads = [words(one) for one in body.iterfind("tr/th[@scope='rowgroup']")]
        found.append(heads + [words(one) for one in body.iterfind(".//a[@class='name']")])
    return found


def test_each_group_is_a_part_of_the_table_with_a_heading(web, shelf):
    assert bodies(web.get("/sources/")) == [["a.csv", "b.csv", "c.csv", "d.csv"]]
    page = web.get("/sources/?group=status")
    assert bodies(page) == [["<b>odd", "d.csv"], ["Failed", "b.csv"], ["Completed", "a.csv", "c.csv"]]
    columns = len(all_words(page, ".//thead//th"))
    assert {one.get("colspan") for one in dom(page).iterfind(".//th[@scope='rowgroup']")} == {str(columns)}
    part = web.get("/sources/?group=status", headers=htmx())
    assert bodies(part) == bodies(page)
    assert web.get("/sources/?group=colour").status_code == 400


def test_the_address_keeps_the_group(web, shelf):
    page = web.get("/sources/?group=status&sort=name&order=asc&limit=2&page=2")
    assert bodies(page) == [["Completed", "a.csv", "c.csv"]]
    assert link(page, "Previous") == "?group=status&sort=name&order=asc&limit=2&page=1"
    assert link(page, "Size") == "?group=status&sort=size&order=asc&limit=2"
    assert link(page, "Favourites") == "?group=status&sort=name&order=asc&limit=2&favourites=1"
    assert field(page, "group").find("option[@selected]").get("value") == "status"


def test_one_key_is_no_group(web, shelf, alice, account):
    choices = all_words(web.get("/sources/"), ".//select[@id='group']/option")
    assert choices == ["No groups", "By status", "By day"]
    keys.add(alice, "<i>Second", account.another_key(), ApiKey.State.VALID)
    synced(ApiKey.objects.get(label="<i>Second"))
    page = web.get("/sources/?group=key")
    assert "By key" in all_words(page, ".//select[@id='group']/option")
    assert [body[0] for body in bodies(page)] == ["<i>Second", "Main"]
