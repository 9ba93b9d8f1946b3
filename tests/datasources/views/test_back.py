"""The way back to the list of sources: as it was left, and nowhere else."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from datasources.models import Source
from tests.conftest import synced
from tests.support.html import dom, label, link, words

STATE = {"q": "a&b=c ü", "status": "completed", "sort": "name", "order": "asc", "page": "2", "limit": "2"}
LIST = f"/sources/?{urlencode(STATE)}"


@pytest.fixture
def sources(account, key) -> list[Source]:
    account.add_many([{"fileName": f"a&b=c ü {number}.csv", "age": number} for number in range(5)])
    return sorted(synced(key), key=lambda source: source.file_name)


def left(address: str) -> dict[str, str]:
    """The list's state that an address leads to."""
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/sources/"), address
    return {name: value for name, [value] in parse_qs(parts.query).items()}


def test_each_page_of_a_source_leads_back_to_the_list_as_it_was_left(web, sources):
    page = web.get(LIST)
    details = link(page, sources[2].file_name)
    about = web.get(details)
    assert left(link(about, "All data sources")) == STATE
    rows = web.get(link(about, "Open table"))
    assert left(link(web.get(link(rows, "File details")), "All data sources")) == STATE
    delete = web.get(link(about, "Delete"))
    assert left(link(web.get(link(delete, "Cancel")), "All data sources")) == STATE


def test_deleting_leads_back_to_the_list_as_it_was_left(web, sources):
    page = dom(web.get(LIST))
    [delete] = [one.get("href") for one in page.iter("a") if label(page, one) == f"Delete {sources[2]}"]
    answer = web.post(delete, {"confirm": "wrong"})
    assert answer.status_code == 422
    assert left(web.post(delete, {"confirm": sources[2].file_name}).url) == STATE


def test_deleting_several_leads_back_to_the_list_as_it_was_left(web, sources):
    page = web.get(LIST)
    [button] = [one for one in dom(page).iter("button") if "/chosen/delete/" in one.get("formaction", "")]
    ids = {"source": [str(sources[2].datasource_id)]}
    address = web.post(button.get("formaction"), ids).url
    assert left(link(web.get(address), "Cancel")) == STATE
    assert left(web.post(address, {"confirm": "1"}).url) == STATE


def test_a_page_that_has_gone_with_what_was_deleted_is_not_returned_to(web, sources):
    last = sources[4]
    back = urlencode({"back": urlencode(STATE | {"page": "3"})})
    answer = web.post(f"/sources/{last.datasource_id}/delete/?{back}", {"confirm": last.file_name})
    assert left(answer.url) == STATE
    assert web.get(answer.url).status_code == 200


def test_the_space_is_kept(web, sources):
    page = web.get("/sources/?team=own&sort=name")
    about = web.get(link(page, sources[0].file_name))
    assert left(link(about, "All data sources")) == {"team": "own", "sort": "name"}


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example/",
        "/keys/",
        "next=https://evil.example/",
        "javascript:alert(1)",
        "\r\nLocation: https://evil.example/",
        "#",
        "%",
        "\0",
        "team=somebody",
    ],
)
def test_back_leads_nowhere_else(web, sources, back):
    path = f"/sources/{sources[0].datasource_id}/"
    asked = urlencode({"back": back})
    assert link(web.get(f"{path}?{asked}"), "All data sources") == "/sources/"
    assert web.post(f"{path}delete/?{asked}", {"confirm": sources[0].file_name}).url == "/sources/"


@pytest.mark.parametrize("back", ["page=abc", "page=99999999999999999999", "limit=0", "sort=nothing", "page=-1"])
def test_a_malformed_way_back_is_told_by_the_list(web, sources, back):
    path = f"/sources/{sources[0].datasource_id}/delete/?{urlencode({'back': back})}"
    answer = web.post(path, {"confirm": sources[0].file_name}, follow=True)
    assert answer.status_code == 400
    assert "in the address" in words(answer)


def test_the_default_list_adds_nothing_to_addresses(web, sources):
    page = web.get("/sources/")
    assert "back=" not in page.content.decode()


def test_the_way_back_is_no_part_of_a_saved_view(web, table):
    path = f"/sources/{table.datasource_id}/rows/"
    assert "Save this view" not in words(web.get(f"{path}?back=sort%3Dname"))
    assert "Save this view" in words(web.get(f"{path}?back=sort%3Dname&sort=id"))


def test_following_a_source_keeps_the_way_back(web, account, key):
    account.add(status="processing")
    [source] = synced(key)
    path = f"/sources/{source.datasource_id}/"
    assert web.post(f"{path}follow/?back=sort%3Dname", {"on": "1"}).url == f"{path}?back=sort%3Dname"
    assert web.post(f"{path}follow/", {"on": "0"}).url == path
