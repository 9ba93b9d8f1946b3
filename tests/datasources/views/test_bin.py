from collections.abc import Iterator

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import keys
from datasources.deleting import bin
from datasources.models import ApiKey, Deletion, KeyShare, Source
from tests.conftest import emptied, htmx, synced
from tests.support.html import dom, told, words


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """Stands still, so that 15 minutes are said to be 15 minutes."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def sources(account, key) -> list[Source]:
    account.add_many([{"fileName": f"{number}.csv", "age": number} for number in range(3)])
    return synced(key)


@pytest.fixture
def team(alice, bob, key):
    """Bob is a viewer where Alice's key is shared."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    return team


def forms(page) -> list[str]:
    return [form.get("action") for form in dom(page).iter("form") if "/bin/" in form.get("action", "")]


def test_an_empty_bin_says_what_it_is_for(web):
    page = web.get("/bin/")
    assert "The bin is empty Deleted files stay here for 15 min." in words(page)
    assert dom(web.get("/bin/bar/")).find("./div") is not None


def test_it_lists_what_waits_with_who_when_and_the_way_back(web, alice, sources):
    bin.put(sources[:1], alice)
    page = web.get("/bin/")
    [line] = dom(page).iterfind(".//ul[@class='lines m-0']/li")
    assert words(line) == "0.csv Deletes in 15 min By alice@example.com, just now Undo Delete now"
    deletion = Deletion.objects.get()
    assert forms(page) == [f"/bin/{deletion.batch}/undo/", f"/bin/{deletion.pk}/undo/"]
    assert f"/bin/{deletion.pk}/now/" in page.content.decode()


def test_every_page_of_whoever_sees_it_says_what_is_deleted_when(client_of, alice, bob, team, sources):
    bin.put(sources[:2], alice)
    for person, may_undo in ((alice, True), (bob, False)):
        for path in ("/sources/", "/keys/", "/downloads/", "/teams/", "/bin/bar/", "/above/"):
            page = client_of(person).get(path)
            assert "2 files will be deleted in 15 min" in words(page)
            assert bool(forms(page)) is may_undo


def test_undo_brings_one_back_or_all_that_were_deleted_together(web, alice, sources):
    bin.put(sources, alice)
    one = Deletion.objects.get(source=sources[0])
    page = web.post(f"/bin/{one.pk}/undo/", follow=True)
    assert page.redirect_chain == [("/bin/", 302)]
    assert "0.csv is restored." in told(page)
    page = web.post(f"/bin/{one.batch}/undo/", follow=True)
    assert "2 files are restored." in told(page)
    assert not Deletion.objects.exists()
    assert len(list(dom(web.get("/sources/")).iterfind(".//tbody/tr"))) == 3
    assert web.post(f"/bin/{one.batch}/undo/").status_code == 404


@pytest.mark.parametrize("act", ["undo", "now"])
def test_what_is_no_longer_in_the_bin_is_told_as_such(web, client_of, alice, bob, sources, act):
    bin.put(sources[:1], alice)
    path = f"/bin/{Deletion.objects.get().pk}/{act}/"
    assert "Not in the bin" in words(client_of(bob).post(path))
    bin.keep(list(Deletion.objects.all()), alice)
    answers = [web.post(path), web.post(path, headers=htmx())] + ([web.get(path)] if act == "now" else [])
    for answer in answers:
        assert (answer.status_code, "The file was restored or deleted" in words(answer)) == (404, True)


def test_undo_by_htmx_answers_the_bar_and_what_is_said(web, alice, sources):
    bin.put(sources[:1], alice)
    page = web.post(f"/bin/{Deletion.objects.get().pk}/undo/", headers=htmx())
    assert "0.csv is restored." in words(page)
    assert not forms(page)


def test_undo_when_it_is_too_late_says_so(web, alice, sources):
    bin.put(sources[:1], alice)
    Deletion.objects.update(state="asked", leased_until="2126-01-01T00:00Z")
    page = web.post(f"/bin/{Deletion.objects.get().pk}/undo/", follow=True)
    assert "Too late to restore 0.csv." in told(page)
    assert Deletion.objects.exists()


def test_undo_after_claro_gave_no_answer_says_that_it_may_be_gone(web, alice, sources):
    bin.put(sources[:1], alice)
    Deletion.objects.update(state="asked")
    page = web.post(f"/bin/{Deletion.objects.get().pk}/undo/", follow=True)
    assert "0.csv is restored." in told(page)
    assert "Claro may already have deleted it." in told(page)


def test_it_need_not_wait_its_time(web, alice, sources, account):
    bin.put(sources[:1], alice)
    page = web.post(f"/bin/{Deletion.objects.get().pk}/now/", follow=True)
    assert "0.csv is being deleted." in told(page)
    assert emptied() == ["done"]
    assert len(account.calls(method="DELETE")) == 1


def test_what_claro_refused_can_be_tried_again_or_kept(web, alice, sources, account):
    account.refuse("ACCESS_DENIED", 403, "No.")
    bin.put(sources[:1], alice)
    emptied()
    page = web.get("/bin/")
    assert "Keep" in words(page)
    assert "Try again" in words(page)
    web.post(f"/bin/{Deletion.objects.get().pk}/now/")
    assert emptied() == ["done"]
    assert "The bin is empty" in words(web.get("/bin/"))


def test_whoever_sees_it_through_another_key_does_not_learn_who_deletes_it(client_of, alice, bob, account, sources):
    synced(keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID))
    bin.put(sources[:1], alice)
    page = client_of(bob).get("/bin/")
    assert "a user with another key" in words(page)
    assert "alice@example.com" not in page.content.decode()
    assert client_of(bob).post(f"/bin/{Deletion.objects.get().pk}/undo/").status_code == 302
    assert not Deletion.objects.exists()


def test_a_space_has_its_own_part_of_the_bin(client_of, alice, bob, team, sources):
    bin.put(sources[:1], alice)
    assert "0.csv" in words(dom(client_of(bob).get(f"/bin/?team={team.pk}")).find(".//section"))
    assert "The bin is empty" in words(client_of(bob).get("/bin/?team=own"))


def test_hostile_names_are_text(web, alice, account, key):
    account.add(fileName="<script>alert(1)</script>\u202egpj.csv")
    bin.put(synced(key), alice)
    page = web.get("/bin/")
    assert "alert(1)" not in "".join(one.text or "" for one in dom(page).iter("script"))
    assert "<script>alert(1)</script>�gpj.csv" in words(page)


@pytest.mark.parametrize("path", ["/bin/", "/sources/"])
def test_a_page_takes_as_many_queries_for_many_as_for_one(
    web, alice, account, key, path, django_assert_max_num_queries
):
    account.add_many([{"fileName": f"{number}.csv"} for number in range(31)])
    sources = synced(key)
    bin.put(sources[:1], alice)
    with django_assert_max_num_queries(40) as few:
        web.get(path)
    bin.put(sources[1:], alice)
    with django_assert_max_num_queries(len(few)):
        web.get(path)


@pytest.mark.parametrize("path", ["/bin/", "/shares/", "/downloads/", "/notices/"])
@pytest.mark.parametrize(("page", "status", "sentence"), [("99", 404, "There is no page 99."), ("abc", 400, "“page”")])
def test_every_short_list_says_that_there_is_no_such_page(web, path, page, status, sentence):
    answer = web.get(f"{path}?page={page}")
    assert answer.status_code == status
    assert sentence in words(answer)
