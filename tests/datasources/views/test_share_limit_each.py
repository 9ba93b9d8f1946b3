"""A download limit that counts each file of a share link on its own."""

import pytest
from django.test import Client

from datasources import access
from datasources.models import ShareLink
from datasources.sharing import shares
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.html import all_words, as_shown, field, link, words
from tests.support.shares import PERSON, SCRIPT, path, uses
from tests.support.threads import at_once


@pytest.fixture
def sources(account, key, table):
    account.upload("more.csv", "id\n1\n")
    return sorted(synced(key), key=str)


@pytest.fixture
def each(alice, key, sources) -> ShareLink:
    """Two files, each to be downloaded twice."""
    share = shares.make(alice, key, sources, most_uses=2, limits_each=True)
    for number in (1, 2):
        made(shares.renew(share, number))
    return share


def download(share: ShareLink, number: int) -> int:
    """As another visitor each time."""
    return Client(headers=SCRIPT).get(path(share, f"?dl={number}")).status_code


def test_each_file_has_a_count_of_its_own(each):
    assert [download(each, number) for number in (1, 1, 1, 2, 2, 2)] == [302, 302, 404, 302, 302, 404]
    assert uses(each) == 4
    assert sorted(each.files.values_list("uses", flat=True)) == [2, 2]
    assert access.open_share(each.unseal()) is None
    assert (each.is_used_up, each.why_not) == (True, "limit reached")


def test_the_page_says_what_is_left_of_each(each, outside):
    download(each, 1)
    page = outside.get(path(each))
    assert "more.csv CSV" in words(page)
    assert [text.partition(" · ")[2].partition(" · ")[2] for text in all_words(page, ".//li/div/small")] == [
        "1 download left",
        "2 downloads left",
    ]
    assert "The limit is 2 downloads of each file." in words(page)
    download(each, 1)
    page = outside.get(path(each))
    assert "Download limit reached" in words(page)
    assert link(page, "Download things.csv") == "?dl=2"
    assert "?dl=1" not in page.content.decode()


def test_one_who_has_taken_the_last_of_a_file_can_repeat_it(each):
    recipient = Client(headers=PERSON)
    download(each, 1)
    assert recipient.get(path(each, "?dl=1")).status_code == 302
    page = recipient.get(path(each))
    assert link(page, "Download more.csv") == "?dl=1"
    assert "Downloaded, can be repeated" in words(page)
    assert "You already downloaded a file." in words(page)
    assert recipient.get(path(each, "?dl=1")).status_code == 302
    assert uses(each) == 2
    del recipient.cookies["file1"]
    assert recipient.get(path(each, "?dl=1")).status_code == 410


def test_simultaneous_downloads_of_a_file_never_exceed_it(each):
    assert sorted(at_once(6, lambda: download(each, 1))) == [302] * 2 + [404] * 4
    assert uses(each) == 2


def test_a_limit_in_all_counts_the_files_too(alice, key, sources):
    share = shares.make(alice, key, sources, most_uses=2)
    for number in (1, 2):
        made(shares.renew(share, number))
    assert [download(share, number) for number in (1, 2, 2)] == [302, 302, 404]
    assert sorted(share.files.values_list("uses", flat=True)) == [1, 1]
    shares.change(share, limits_each=True)
    assert [download(share, number) for number in (1, 2, 2)] == [302, 302, 404]


def test_the_choice_is_offered_for_several_files_and_can_be_changed(web, sources):
    first, second = sources
    at = f"/sources/{first.datasource_id}/share/"
    assert field(web.get(at), "limits_each") is None
    typed = {"ends": "month", "most_uses": "2", "limits_each": "each"}
    web.post(f"{at}?with={second.datasource_id}", typed)
    share = ShareLink.objects.get()
    assert share.limits_each
    page = web.get(f"/shares/{share.pk}/")
    assert "0, limit of 2 for each file" in words(page)
    assert "0 of 2 downloads" in words(page)
    assert "0 (limit 2 each)" in words(web.get("/shares/"))
    form = web.get(f"/shares/{share.pk}/edit/")
    assert field(form, "limits_each").find("./option[@selected]").get("value") == "each"
    web.post(f"/shares/{share.pk}/edit/", as_shown(form) | {"limits_each": ""})
    share.refresh_from_db()
    assert not share.limits_each


def test_subscribers_hear_of_it_when_all_files_are_used_up(each, alice):
    for number in (1, 1, 2):
        download(each, number)
    assert shares.warn() == 0
    download(each, 2)
    assert shares.warn() == 1
