"""All files of a share link at once, for a visitor."""

import pytest

from datasources.models import DownloadLink, ShareLink
from datasources.sharing import shares
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.html import dom, link, words
from tests.support.shares import path


@pytest.fixture
def share(alice, account, key, table) -> ShareLink:
    account.upload("more.csv", "id\n1\n")
    return shares.make(alice, key, sorted(synced(key), key=str))


def numbers(page) -> list[str]:
    """The files that can be started."""
    return [one.get("data-file") for one in dom(page).iter("a") if one.get("data-file")]


def test_links_are_created_once_for_all_and_the_list_shows_which_are_ready(outside, share, account, settings):
    settings.QUOTAS = settings.QUOTAS | {"download_links": 0}  # visitors don't meet that of its maker
    assert link(outside.get(path(share)), "Download all") == "?all"
    assert not DownloadLink.objects.exists()
    page = outside.get(path(share, "?all"))
    assert (numbers(page), words(page).count("Preparing")) == ([], 2)
    outside.get(path(share, "?all"))
    first, second = DownloadLink.objects.order_by("source__file_name")
    made(first)
    page = outside.get(path(share, "?all"))
    assert (numbers(page), link(page, "Download more.csv")) == (["1"], "?dl=1")
    assert "frame-src 'self' https:" in page["Content-Security-Policy"]
    assert "signature" not in page.content.decode()
    account.refuse("ACCESS_DENIED", 403, path="/download")
    made(second)
    assert "The file can't be fetched right now." in words(outside.get(path(share, "?all")))
    assert DownloadLink.objects.count() == 2


def test_all_that_are_renewed_ahead_are_needed_now(outside, share, alice):
    for one in share.sources.all():
        shares.links.ask(one, alice, 3600, ahead=True)
    outside.get(path(share, "?all"))
    assert not DownloadLink.objects.filter(is_ahead=True).exists()


@pytest.mark.parametrize(("limit", "is_offered"), [(2, True), (1, False)])
@pytest.mark.parametrize("limits_each", [False, True])
def test_it_is_offered_while_there_are_downloads_for_all(outside, share, limit, is_offered, limits_each):
    """Of a limit for each file, one was used of the second."""
    shares.change(share, most_uses=limit, limits_each=limits_each)
    share.files.filter(number=2).update(uses=int(limits_each))
    assert ("Download all" in words(outside.get(path(share)))) == is_offered
    assert (outside.get(path(share, "?all")).status_code == 200) == is_offered
    assert DownloadLink.objects.exists() == is_offered


def test_a_page_of_one_file_a_locked_one_and_a_preview_start_nothing(outside, share, alice, table, key):
    one = shares.make(alice, key, [table])
    assert "Download all" not in words(outside.get(path(one)))
    assert outside.get(path(one, "?all")).status_code == 302
    shares.change(share, password="open sesame")
    assert "Enter the password" in words(outside.get(path(share, "?all")))
    shares.change(share, password="")
    preview = outside.get(path(share, "?all"), headers={"User-Agent": "Slackbot"})
    assert "2 files" in words(preview)
    assert not DownloadLink.objects.filter(source__file_name="more.csv").exists()
