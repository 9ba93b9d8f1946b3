"""Columns of the rows page: chosen, remembered, and kept in addresses that stay short."""

from urllib.parse import parse_qs, urlsplit

import pytest

from datasources import saved_views
from datasources.mirror import mark_gone
from datasources.models import ColumnChoice, ColumnReference, SavedView
from datasources.rows import remembered
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.html import dom, words

ENGLISH = "Q{}. How satisfied were you, all in all, with the service that you got at this branch last year?"
RUSSIAN = "Вопрос {}: насколько вы довольны обслуживанием в этом отделении за последний год, в целом?"


def heads(page) -> list[str]:
    return [words(head) for head in dom(page).findall(".//thead/tr[1]/th")[1:]]


def change(web, path: str, do: str, query: str = "", **data):
    """Where a button of the chooser leads."""
    return web.post(f"{path}columns/{query}", {"do": do, **data}).headers.get("Location", "")


@pytest.fixture(params=["live", "copy"])
def survey(request, account, key):
    """Makes the rows page of a table with these columns, live and from a copy."""

    def made(names: list[str]) -> str:
        head, row = ",".join(f'"{name}"' for name in names), ",".join("1" * len(names))
        source_id = account.upload("survey.csv", f"{head}\n{row}\n")
        [source] = [one for one in synced(key) if str(one.datasource_id) == str(source_id)]
        if request.param == "copy":
            copied(source, names, [[1] * len(names)])
        return f"/sources/{source_id}/rows/"

    return made


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [(ENGLISH, 120), (RUSSIAN, 120), (RUSSIAN, 170), ("q{}_1", 260)])
def test_addresses_of_a_survey_stay_short(web, survey, name, count):
    names = [name.format(place) for place in range(count)]
    path = survey(names)
    hidden = change(web, path, "hide 1")
    assert parse_qs(urlsplit(hidden).query) == {"hide": [names[0]]}
    assert len(dom(web.get(hidden)).findall(".//thead/tr[1]/th")) == count
    moved = change(web, path, "move 2 99", f"?{urlsplit(hidden).query}")
    assert len(dom(web.get(moved)).findall(".//thead/tr[1]/th")) == count
    assert len(f"http://testserver{moved}") <= 4000
    saved = web.get("/views/add/", {"path": path, "query": urlsplit(moved).query})
    assert saved.status_code == 200
    there = web.post(f"/views/add/?{saved.request['QUERY_STRING']}", {"name": "Mine"}).headers["Location"]
    assert len(dom(web.get(there)).findall(".//thead/tr[1]/th")) == count


def test_columns_are_remembered_until_an_address_names_others(web, path):
    address = change(web, path, "hide 2")
    assert address == f"{path}?hide=name"
    bare = web.get(f"{path}?limit=25")
    assert bare.headers["Location"] == f"{path}?limit=25&hide=name"
    assert heads(web.get(f"{path}?column=name")) == ["name"]
    assert change(web, path, "all", "?hide=name&limit=25") == f"{path}?limit=25"
    assert heads(web.get(path)) == ["id", "name", "price"]


def test_going_back_to_all_columns_undoes_the_change(web, path):
    hidden = web.post(f"{path}columns/", {"do": "hide 1"}).headers["Location"]
    assert web.get(path).headers["Location"] == hidden
    again = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert web.get(hidden, headers=again).status_code == 200
    assert web.get(path).headers["Location"] == hidden
    assert web.get(path, headers=again).status_code == 200
    assert web.get(path).status_code == 200


def test_the_choice_of_one_user_is_not_that_of_another(web, path):
    change(web, path, "hide 2")
    assert list(ColumnChoice.objects.values_list("user__email", "query")) == [("alice@example.com", "hide=name")]


def test_the_same_long_choice_has_the_same_reference(web, survey):
    names = [RUSSIAN.format(place) for place in range(60)]
    path = survey(names)
    first, again = (change(web, path, "move 1 60") for _ in range(2))
    assert first == again
    assert ColumnReference.objects.count() == 1


def test_a_reference_opens_for_those_who_may_open_the_source(web, client_of, bob, survey):
    path = survey([RUSSIAN.format(place) for place in range(60)])
    address = change(web, path, "move 1 60")
    assert web.get(address).status_code == 200
    assert client_of(bob).get(address).status_code == 404
    assert web.get(f"{path}?columns=unknown").status_code == 404


@pytest.mark.slow
def test_a_view_with_a_reference_names_missing_columns_and_serves_other_files(web, client_of, bob, survey):
    names = [RUSSIAN.format(place) for place in range(60)]
    path, other = survey(names), survey(names[:59])
    query = urlsplit(change(web, path, "move 1 60")).query
    view = SavedView(page="sources:rows", datasource_id=path.split("/")[2], query=query)
    assert saved_views.missing(view, names[1:]) == names[:1]
    there = web.get(f"{other}?{query}")
    assert len(dom(there).findall(".//thead/tr[1]/th")) == 60
    assert client_of(bob).get(f"{other}?{query}").status_code == 404


def test_the_oldest_references_of_a_user_go_except_those_of_saved_views(web, alice, bob, survey, monkeypatch):
    monkeypatch.setattr(remembered, "REFERENCES_MAX", 2)
    path = survey([RUSSIAN.format(place) for place in range(60)])
    ColumnReference.objects.create(datasource_id=path.split("/")[2], digest="of-bob", query="hide=a", user=bob)
    saved, second, *others = (change(web, path, f"move 1 {place}") for place in (60, 59))
    kept = {"owner": alice, "page": "sources:rows", "datasource_id": path.split("/")[2]}
    SavedView.objects.create(query=urlsplit(saved).query, **kept)
    others += [change(web, path, f"move 1 {place}") for place in (58, 57)]
    assert [web.get(address).status_code for address in (saved, second, *others)] == [200, 404, 200, 200]
    assert ColumnReference.objects.filter(digest="of-bob").exists()


def test_references_and_choices_go_with_the_source(web, survey, key):
    path = survey([RUSSIAN.format(place) for place in range(60)])
    change(web, path, "move 1 60")
    mark_gone(key.sources.get(datasource_id=path.split("/")[2]))
    assert not ColumnReference.objects.exists()
    assert not ColumnChoice.objects.exists()


@pytest.mark.slow
def test_a_long_address_is_made_short(web, survey):
    names = [ENGLISH.format(place) for place in range(120)]
    path = survey(names)
    page = web.get(path, {"column": names[::-1]})
    assert page.status_code == 302
    assert len(page.headers["Location"]) < 200
    assert len(dom(web.get(page.headers["Location"])).findall(".//thead/tr[1]/th")) == 121


def test_columns_that_no_longer_exist_are_named(web, path):
    page = web.get(f"{path}?column=id&column=colour&column=size")
    assert words(dom(page).find(".//p[@id='missing']")) == "No longer in the table: colour, size"


def test_a_table_without_columns_can_be_shown(web, survey):
    path = survey(["a", "b"])
    address = change(web, path, "none")
    assert address == f"{path}?columns=none"
    page = web.get(address)
    assert (page.status_code, heads(page)) == (200, [])


def test_pins_and_widths_become_a_style_sheet(web, path):
    address = change(web, path, "pin 3", "?width=90.id")
    assert address == f"{path}?pin=price&width=90.id"
    page = web.get(address)
    assert heads(page) == ["price", "id", "name"]
    style = dom(page).find(".//table").get("data-column-style")
    assert ":nth-child(2) { position: sticky; left: min(var(--rows-number) + 0px," in style
    assert ":nth-child(3) { width: 90px" in style


def test_a_table_that_has_changed_is_not_changed_by_old_places(web, path):
    address = change(web, path, "hide 1", of="something else")
    assert address == path
    assert not ColumnChoice.objects.exists()


def test_what_is_no_button_is_refused(web, path):
    for do in ("", "explode", "hide", "hide 99", "hide 0", "move 1"):
        assert web.post(f"{path}columns/", {"do": do}).status_code == 400


def test_a_column_is_found_by_a_part_of_its_name(web, path):
    page = web.get(f"{path}chooser/?find=RI&hide=price")
    boxes = dom(page).findall(".//input[@name='on']")
    assert [(box.get("value"), box.get("checked")) for box in boxes] == [("3", None)]
    assert "No column has this in its name." in words(web.get(f"{path}chooser/?find=zzz"))
