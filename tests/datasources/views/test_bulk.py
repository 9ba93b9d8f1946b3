"""What is done with several sources at once."""

import pytest

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import keys
from datasources.deleting import bin
from datasources.downloads import links
from datasources.models import ApiKey, Deletion, DownloadBatch, DownloadLink, KeyShare, ShareLink, Source
from datasources.sharing import shares
from datasources.sources import selection
from tests.conftest import emptied, htmx, synced
from tests.datasources.views.conftest import made
from tests.support.html import dom, field, label, words

DOWNLOAD, SHARE, DELETE, TAG = (f"/sources/chosen/{what}/" for what in ("download", "share", "delete", "tag"))
PAGES = [DELETE, TAG, "/sources/chosen/reasons/"]


@pytest.fixture
def sources(account, key) -> list[Source]:
    kinds = [("csv", "completed"), ("csv", "failed"), ("json", "completed"), ("txt", "processing")]
    account.add_many(
        [
            {"fileName": f"{place}.{ending}", "status": status, "age": place}
            for place, (ending, status) in enumerate(kinds)
        ]
    )
    return synced(key)


def ids(sources: list[Source]) -> list[str]:
    return [str(source.datasource_id) for source in sources]


def page_about(web, path: str, sources: list[Source]) -> str:
    """The address of the page about them, to which the list's button leads."""
    return web.post(path, {"source": ids(sources)}).url


def test_each_row_can_be_chosen_and_the_bar_says_for_what(web, sources):
    page = dom(web.get("/sources/?status=completed"))
    boxes = [one for one in page.iter("input") if one.get("name") == "source"]
    assert [box.get("value") for box in boxes] == [ids(sources)[0], ids(sources)[2]]
    assert {box.get("form") for box in boxes} == {"chosen"}
    assert [label(page, box) for box in boxes] == ["Select 0.csv", "Select 2.json"]
    bar = page.find(".//form[@id='chosen']")
    assert bar.get("action") == f"{DOWNLOAD}?status=completed"
    actions = [one.get("formaction") for one in bar.iter("button")]
    assert actions == [None, *(f"{path}?status=completed" for path in (TAG, SHARE, DELETE)), None]
    assert page.find(".//input[@name='all']") is None
    page = web.get("/sources/?limit=2&q=.")
    assert "All 4 that match" in words(page)
    assert field(page, "all").get("value") == "1"


def test_who_may_not_delete_is_not_offered_it(client_of, alice, bob, sources, key):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    web = client_of(bob)
    assert DELETE not in web.get("/sources/").content.decode()
    answer = web.post(DELETE, {"source": ids(sources)})
    assert answer.status_code == 403
    assert "You don't have permission for the selected files." in words(answer)
    assert web.post(DOWNLOAD, {"source": ids(sources)}).status_code == 302


def test_several_are_shared_as_one_page(web, sources):
    form = web.post(SHARE, {"source": ids(sources)[:3]}, follow=True)
    assert (form.status_code, form.redirect_chain[0][1]) == (200, 302)
    web.post(form.redirect_chain[0][0], {"ends": "month"})
    share = ShareLink.objects.get()
    assert {one.datasource_id for one in share.sources.all()} == {source.datasource_id for source in sources[:3]}


def test_what_lies_behind_several_keys_is_no_one_page(web, alice, sources, sandbox):
    other = sandbox.account()
    other.add(fileName="other.csv")
    [theirs] = synced(keys.add(alice, "Other", other.key, ApiKey.State.VALID))
    answer = web.post(SHARE, {"source": [*ids(sources), str(theirs.datasource_id)]})
    assert answer.status_code == 422
    assert "belong to several keys" in words(answer)


def test_a_page_holds_so_many(web, sources, monkeypatch):
    monkeypatch.setattr(shares, "FILES_AT_MOST", 3)
    answer = web.post(SHARE, {"source": ids(sources)})
    assert (answer.status_code, "A share link holds up to 3" in words(answer)) == (422, True)


def test_a_download_of_several_leads_to_its_own_page_and_costs_nothing_yet(web, sources, account):
    page = web.post(f"{DOWNLOAD}?status=completed&limit=1&page=2", {"all": "1"}, follow=True)
    [(address, status)] = page.redirect_chain
    batch = DownloadBatch.objects.get()
    assert (address, status) == (f"/downloads/batches/{batch.pk}/", 302)
    assert [file.name for file in batch.files.all()] == ["0.csv", "2.json"]
    assert (DownloadLink.objects.count(), account.calls("/download")) == (0, [])


def test_deleting_says_what_depends_and_asks_for_their_number(web, client_of, alice, bob, sources, key):
    made(links.ask(sources[0], alice, 3600))
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    for source in sources[:2]:
        client_of(bob).get(f"/sources/{source.datasource_id}/")
    page = web.post(DELETE, {"source": ids(sources[:3])}, follow=True)
    assert page.status_code == 200
    for said in ("Delete 3 files?", "0.csv", "2.json", "bob@example.com opened one of them just now"):
        assert said in words(page)
    assert words(page).count("bob@example.com") == 1
    assert "1 active download link created here" in words(page)
    assert not Deletion.objects.exists()


@pytest.mark.parametrize("typed", ["", "2", "33", "three", "-3"])
def test_another_number_deletes_nothing(web, sources, typed):
    page = web.post(page_about(web, DELETE, sources[:3]), {"confirm": typed})
    assert page.status_code == 422
    assert "Delete 3 files?" in words(page)
    assert not Deletion.objects.exists()


def test_a_number_that_has_changed_meanwhile_is_explained(web, alice, sources):
    address = page_about(web, DELETE, sources[:3])
    bin.put(sources[:1], alice)
    page = web.post(address, {"confirm": "3"})
    assert page.status_code == 422
    assert "1 of the files is no longer in the list. The number doesn't match. Nothing was deleted." in words(page)
    web.post(address, {"confirm": "2"})
    assert Deletion.objects.count() == 3


def test_they_go_into_the_bin_together_and_one_undo_brings_all_back(web, sources, account):
    page = web.post(page_about(web, DELETE, sources[:3]), {"confirm": "3"}, follow=True)
    assert page.redirect_chain == [("/sources/", 302)]
    assert "3 files will be deleted in 1" in words(page)
    web.post(f"/bin/{Deletion.objects.first().batch}/undo/")
    assert not Deletion.objects.exists()
    web.post(page_about(web, DELETE, sources[:2]), {"confirm": " 2 ", "when": "now"})
    assert emptied() == ["done", "done"]
    assert len(account.calls(method="DELETE")) == 2


def test_what_comes_while_one_types_is_not_deleted(web, sources, account, key):
    address = web.post(f"{DELETE}?q=.csv", {"all": "1"}).url
    account.add(fileName="new.csv")
    synced(key)
    web.post(address, {"confirm": "2"})
    assert {one.source for one in Deletion.objects.select_related("source")} == set(sources[:2])


@pytest.mark.parametrize("path", [DOWNLOAD, DELETE])
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "Select files in the list first."),
        ({"source": "not-an-id"}, "The selection contains an invalid file."),
        ({"source": ""}, "The selection contains an invalid file."),
        ({"source": "00000000-0000-0000-0000-000000000001"}, "The selected files were deleted or are in the bin."),
    ],
)
@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_what_cannot_be_meant_gets_a_sentence(web, sources, path, data, sentence, headers):
    answer = web.post(path, data, headers=headers)
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert not Deletion.objects.exists()
    assert not DownloadBatch.objects.exists()


def test_too_many_are_refused_before_anything_is_done(web, sources, monkeypatch):
    monkeypatch.setattr(selection, "MOST", 3)
    answer = web.post(DOWNLOAD, {"all": "1"})
    assert (answer.status_code, DownloadBatch.objects.count()) == (422, 0)
    assert "You selected 4 files" in words(answer)
    assert field(web.get("/sources/?limit=2"), "all") is None


def test_a_stranger_gets_nothing_of_another_s(client_of, bob, sources):
    for path in (DOWNLOAD, DELETE):
        answer = client_of(bob).post(path, {"source": ids(sources)})
        assert answer.status_code == 422
        assert "0.csv" not in words(answer)
    assert not DownloadBatch.objects.exists()


def test_what_is_in_the_bin_can_not_be_chosen_again(web, alice, sources):
    bin.put(sources, alice)
    assert web.post(DELETE, {"source": ids(sources)}).status_code == 422
    assert "0.csv" not in words(dom(web.get("/sources/")).find(".//section"))


def test_choosing_only_reads_by_post(web, sources):
    assert web.get(DELETE).status_code == 405


@pytest.mark.parametrize("path", [DOWNLOAD, DELETE, "/sources/chosen/tag/"])
def test_who_signs_in_again_gets_back_to_the_list(client, sources, path):
    answer = client.post(f"{path}?q=0&sort=name", {"source": ids(sources)})
    assert answer.headers["Location"] == "/accounts/login/?next=/sources/%3Fq%3D0%26sort%3Dname"


@pytest.mark.parametrize("path", [DOWNLOAD, DELETE])
def test_it_takes_as_many_queries_for_many_as_for_few(web, account, key, path, django_assert_max_num_queries):
    account.add_many([{"fileName": f"{number}.csv"} for number in range(40)])
    sources = ids(synced(key))
    with django_assert_max_num_queries(60) as few:
        web.post(web.post(path, {"source": sources[:2]}).url, {"confirm": "2"})
    with django_assert_max_num_queries(len(few) + 1):  # bulk_create in more than one part
        web.post(web.post(path, {"source": sources[2:]}).url, {"confirm": "38"})


@pytest.mark.parametrize("path", PAGES)
def test_a_page_about_chosen_files_can_be_loaded_again(web, client_of, alice, bob, sources, path):
    address = page_about(web, path, sources[:2])
    pages = [web.get(address) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert words(pages[0]) == words(pages[1])
    bin.put(sources[:2], alice)
    assert web.get(address).status_code == 422
    assert web.get(path).status_code == 405
    # Another session does not know it, whoever signs in.
    assert client_of(alice).get(address).status_code == 410
    assert client_of(bob).get(address).status_code == 410


@pytest.mark.parametrize("path", PAGES)
def test_of_many_selections_the_last_ones_are_known(web, sources, path):
    addresses = [page_about(web, path, [source]) for source in sources]
    assert [web.get(address).status_code for address in addresses] == [410, 200, 200, 200]
    forgotten = web.post(addresses[0], {"confirm": "1"})
    assert "Select the files in the list again." in words(forgotten)
    assert not Deletion.objects.exists()


def test_whose_permission_went_away_meanwhile_gets_a_sentence(client_of, alice, bob, sources, key):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    member = Membership.objects.create(team=team, user=bob, role=Role.ADMIN)
    web = client_of(bob)
    address = page_about(web, DELETE, sources[:2])
    assert web.get(address).status_code == 200
    member.role = Role.MEMBER
    member.save()
    for answer in (web.get(address), web.post(address, {"confirm": "2"})):
        assert (answer.status_code, "You don't have permission" in words(answer)) == (403, True)
    assert not Deletion.objects.exists()


def test_who_signs_in_again_on_a_page_about_them_gets_back_to_the_list(client, sources):
    answer = client.get(f"{DELETE}?q=0&chosen=abc")
    assert answer.headers["Location"] == "/accounts/login/?next=/sources/%3Fq%3D0%26chosen%3Dabc"
