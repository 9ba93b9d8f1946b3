"""Favourites in the list and on a file's page."""

import re

import pytest

from core import live
from datasources import mirror
from datasources.models import Favourite, Source
from datasources.sources import marks
from tests.conftest import htmx, synced
from tests.support.html import all_words, dom, link, words


@pytest.fixture
def shelf(account, key) -> list[Source]:
    account.add_many([{"fileName": name, "age": age} for age, name in enumerate(("a.csv", "b.csv", "c.json"), 60)])
    return sorted(synced(key), key=str)


def names(page) -> list[str]:
    return all_words(page, ".//tbody//a[@class='name']")


def stars(page) -> dict[str, str]:
    """What the star of each file does, by its accessible name."""
    tree, found = dom(page), {}
    for button in tree.iterfind(".//tbody//button[@form='f']"):
        labels = [tree.find(f".//*[@id='{name}']") for name in button.get("aria-labelledby").split()]
        action, name = map(words, labels)
        found[name] = action
    return found


ADD, REMOVE = "Add to favourites", "Remove from favourites"


def test_a_star_makes_a_favourite_of_this_user_alone(web, client_of, bob, shelf, alice):
    page = web.get("/sources/?sort=name&order=asc")
    assert stars(page) == dict.fromkeys(("a.csv", "b.csv", "c.json"), ADD)
    [form] = [one for one in dom(page).iter("form") if one.get("id") == "f"]
    button = dom(page).findall(".//tbody/tr")[1].find(".//button[@form='f']")
    answer = web.post(form.get("action"), {button.get("name"): button.get("value", "")})
    assert answer.headers["Location"] == "/sources/?sort=name&order=asc"
    page = web.get(answer.headers["Location"])
    assert stars(page) == {"a.csv": ADD, "b.csv": REMOVE, "c.json": ADD}
    # The chip filters by them, and leads back.
    assert link(page, "Favourites") == "?sort=name&order=asc&favourites=1"
    page = web.get("/sources/?favourites=1&sort=name")
    assert names(page) == ["b.csv"]
    assert link(page, "Favourites") == "?sort=name"
    assert all_words(page, ".//nav[@class='chips']/a") == ["All 1", "Completed 1"]
    assert names(web.get("/sources/?favourites=1&q=b&type=text/csv&since=yesterday")) == ["b.csv"]
    assert names(web.get("/sources/?favourites=1&status=failed")) == []
    assert not marks.favourites_among(shelf, bob)
    assert web.get("/sources/?favourites=2").status_code == 400


def test_pressing_twice_changes_nothing_and_remove_takes_it_back(web, alice, shelf):
    for value, count in (("", 1), ("", 1), ("0", 0), ("0", 0)):
        page = web.post("/sources/favourite/?favourites=1", {shelf[0].pk: value}, headers=htmx())
        assert page.status_code == 200
        assert names(page) == ["a.csv"] * count
        assert Favourite.objects.count() == count


def test_the_page_of_a_file_has_the_star_too(web, shelf):
    path = f"/sources/{shelf[0].datasource_id}/"
    for label, value in ((ADD, ""), (REMOVE, "0"), (ADD, "")):
        [button] = [one for one in dom(web.get(path)).iter("button") if one.get("aria-label") == label]
        assert button.get("value") == value
        answer = web.post("/sources/favourite/?back=q%3Da", {button.get("name"): value, "page": "details"})
        assert answer.headers["Location"] == f"{path}?back=q%3Da"


@pytest.mark.parametrize("body", [{}, {"x": ""}, {"-1": ""}, {"9" * 30: ""}, {"1": "", "2": ""}])
def test_a_star_without_a_file_gets_a_sentence(web, shelf, body):
    assert web.post("/sources/favourite/", body).status_code == 422


def test_a_file_of_others_is_not_there(client_of, bob, shelf):
    for pk in (shelf[0].pk, 987_654):
        assert client_of(bob).post("/sources/favourite/", {pk: ""}).status_code == 404
    assert not Favourite.objects.exists()


def test_marks_go_with_the_last_key_that_sees_the_file(alice, shelf):
    marks.set_favourite(shelf[0], alice, is_one=True)
    marks.set_favourite(shelf[1], alice, is_one=True)
    mirror.mark_gone(shelf[0])
    assert [one.datasource_id for one in Favourite.objects.all()] == [shelf[1].datasource_id]
    Source.objects.all().delete()
    marks.tidy()
    assert not Favourite.objects.exists()


def test_marks_cost_no_query_for_each_file(web, alice, shelf, account, key, django_assert_max_num_queries):
    web.get("/sources/")
    with django_assert_max_num_queries(50) as few:
        web.get("/sources/")
    count = len(few)  # the next request empties it
    account.add_many([{"fileName": f"{n}.csv"} for n in range(20)])
    for source in synced(key):
        marks.set_favourite(source, alice, is_one=True)
    web.get("/sources/")
    with django_assert_max_num_queries(count):
        assert set(stars(web.get("/sources/")).values()) == {REMOVE}


def test_other_tabs_show_it(web, alice, shelf, monkeypatch):
    told = []
    monkeypatch.setattr(live, "publish", lambda users, *names: told.append((list(users), names)))
    marks.set_favourite(shelf[0], alice, is_one=True)
    assert told == [([alice.pk], ("marks-changed",))]
    for path in ("/sources/", f"/sources/{shelf[0].datasource_id}/"):
        assert re.search(r'hx-trigger="[^"]*marks-changed from:body', web.get(path).content.decode())
