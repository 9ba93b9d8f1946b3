"""Tags on files: private ones and those of teams."""

import re
from uuid import uuid4

import pytest

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import live
from datasources import keys, mirror
from datasources.models import ApiKey, KeyShare, Source, Tag, Tagging
from datasources.sources import marks, tags
from tests.conftest import synced
from tests.support.html import all_words, dom, field, link, told, words


@pytest.fixture
def shelf(account, key) -> list[Source]:
    account.add_many([{"fileName": name, "age": age} for age, name in enumerate(("a.csv", "b.csv", "c.json"), 60)])
    return sorted(synced(key), key=str)


@pytest.fixture
def team(alice, bob, key):
    """Alice's, working through her key; Bob is a member."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    return team


def names(page) -> list[str]:
    return all_words(page, ".//tbody//a[@class='name']")


def chips(page) -> list[str]:
    return all_words(page, ".//*[@class='tags']/a[@title]")


def on(source: Source) -> list[str]:
    found = Tagging.objects.filter(datasource_id=source.datasource_id)
    return sorted(found.values_list("tag__name", flat=True))


def test_one_file_gets_a_new_tag_and_the_list_filters_by_it(web, shelf, alice):
    path = f"/sources/{shelf[0].datasource_id}/tags/"
    assert link(web.get(f"/sources/{shelf[0].datasource_id}/"), "Add tags") == path
    assert "No tags yet." in words(web.get(path))
    answer = web.post(path, {"new": "1", "name": "  Q4   2026 "})
    assert answer.headers["Location"] == path
    tag = Tag.objects.get()
    assert (tag.name, tag.owner, on(shelf[0])) == ("Q4 2026", alice, ["Q4 2026"])
    page = web.get("/sources/?sort=name&order=asc")
    assert chips(page) == ["Q4 2026"]
    assert link(page, "Q4 2026") == f"?sort=name&order=asc&tag={tag.pk}"
    page = web.get(f"/sources/?tag={tag.pk}&q=a&since=yesterday")
    assert names(page) == ["a.csv"]
    assert all_words(page, ".//nav[@class='chips']/a") == ["All 1", "Completed 1"]
    [shown] = [one for one in dom(page).iter("option") if one.get("selected") is not None and words(one) == "Q4 2026"]
    assert shown.get("value") == str(tag.pk)
    page = web.get(f"/sources/{shelf[0].datasource_id}/")
    assert (chips(page), link(page, "Q4 2026")) == (["Q4 2026"], f"/sources/?tag={tag.pk}")
    web.post(path, {"remove": tag.pk})
    assert (on(shelf[0]), Tag.objects.count()) == ([], 1)
    web.post(path, {"add": tag.pk})
    web.post(path, {"add": tag.pk})
    assert on(shelf[0]) == ["Q4 2026"]


def test_the_same_name_is_the_same_tag(alice, bob, team):
    first = tags.named("Straße", alice, None)
    assert tags.named("STRASSE", alice, None) == first
    assert tags.named("ｓtraße", alice, None) == first
    assert len({first, tags.named("Straße", bob, None), tags.named("Straße", alice, team)}) == 3
    assert tags.named("straße", bob, team) == tags.named("Straße", alice, team)


def test_many_files_are_tagged_at_once(web, shelf, alice):
    mine = tags.named("Mine", alice, None)
    tags.put(mine, shelf[:1], alice)
    chosen = [str(source.datasource_id) for source in shelf]
    address = web.post("/sources/chosen/tag/?sort=name", {"source": chosen}).url
    page = web.get(address)
    assert "Tags of 3 files" in words(page)
    assert "on 1 of 3 files" in words(page)
    assert link(page, "Done") == "/sources/?sort=name"
    page = web.post(address, {"add": mine.pk}, follow=True)
    assert page.redirect_chain == [(address, 302)]
    assert "on all 3 files" in words(page)
    web.post(address, {"new": "1", "name": "Two"})
    assert [on(source) for source in shelf] == [["Mine", "Two"]] * 3
    web.post(web.post("/sources/chosen/tag/?q=.csv", {"all": "1"}).url, {"remove": mine.pk})
    assert [on(source) for source in shelf] == [["Two"], ["Two"], ["Mine", "Two"]]
    assert web.post("/sources/chosen/tag/", {"add": mine.pk}).status_code == 422


@pytest.mark.parametrize("act", ["add", "remove"])
def test_a_tag_that_was_deleted_meanwhile_costs_no_selection(web, shelf, act):
    several = web.post("/sources/chosen/tag/", {"source": [source.datasource_id for source in shelf[:2]]}).url
    for path in (several, f"/sources/{shelf[0].datasource_id}/tags/"):
        page = web.post(path, {act: str(uuid4())})
        assert page.status_code == 404
        assert "This tag no longer exists." in told(page)
        assert "New tag" in words(page)


def test_a_tag_of_a_team_is_set_by_members_and_seen_by_all(web, client_of, bob, shelf, team, alice):
    path = f"/sources/{shelf[0].datasource_id}/tags/"
    web.post(path, {"new": "1", "name": "Ours", "team": team.pk})
    web.post(path, {"new": "1", "name": "Private"})
    ours = Tag.objects.get(team=team)
    browser = client_of(bob)
    assert chips(browser.get("/sources/")) == ["Ours"]
    assert chips(web.get(f"/sources/?team={team.pk}")) == ["Ours"]
    assert chips(web.get("/sources/?team=own")) == ["Private"]
    # A tag of another space still filters, and says so.
    page = web.get(f"/sources/?team=own&tag={ours.pk}")
    assert field(page, "tag").find("option[@selected]").get("value") == str(ours.pk)
    assert chips(web.get("/sources/")) == ["Private", "Ours"]
    browser.post(path, {"remove": ours.pk})
    assert on(shelf[0]) == ["Private"]
    Membership.objects.filter(user=bob).update(role=Role.VIEWER)
    several = browser.post("/sources/chosen/tag/", {"source": shelf[0].datasource_id}).url
    for body in ({"add": ours.pk}, {"remove": ours.pk}):
        assert browser.post(path, body).status_code == 403
        refused = browser.post(several, body)
        assert (refused.status_code, "member of Catalogue" in words(refused)) == (403, True)
    assert browser.post(path, {"new": "1", "name": "New", "team": team.pk}).headers["Location"] == path
    assert Tag.objects.get(name="New").owner == bob  # there is no team to choose
    assert "Rename" not in words(browser.get("/tags/")).replace("Rename New", "")
    Membership.objects.filter(user=bob).delete()
    assert [tag.name for tag in tags.access.tags_for(bob)] == ["New"]


def test_the_private_tag_of_another_user_is_not_there(web, client_of, bob, shelf, team, alice):
    secret = tags.named("Secret", alice, None)
    tags.put(secret, shelf, alice)
    browser = client_of(bob)
    assert "Secret" not in browser.get("/sources/").content.decode()
    assert "Secret" not in browser.get(f"/sources/{shelf[0].datasource_id}/").content.decode()
    assert names(browser.get(f"/sources/?tag={secret.pk}")) == []
    for body in ({"add": secret.pk}, {"remove": secret.pk}, {"add": "x"}):
        assert browser.post(f"/sources/{shelf[0].datasource_id}/tags/", body).status_code == 404
    assert Tagging.objects.count() == 3


def test_renaming_and_deleting(web, shelf, alice):
    one, other = tags.named("One", alice, None), tags.named("Other", alice, None)
    tags.put(one, shelf, alice)
    answer = web.post(f"/tags/{one.pk}/rename/", {"name": "OTHER"})
    assert (answer.status_code, "There is another tag of this name." in words(answer)) == (422, True)
    assert dom(answer).find(".//input[@name='name']").get("value") == "OTHER"
    assert web.post(f"/tags/{one.pk}/rename/", {"name": "one"}).status_code == 302
    assert chips(web.get("/sources/")) == ["one"] * 3
    web.post(f"/tags/{one.pk}/delete/")
    assert list(Tag.objects.all()) == [other]
    assert not Tagging.objects.exists()
    assert web.get(f"/sources/?tag={one.pk}").status_code == 200


def test_activity_names_who_changed_a_tag_of_a_team(web, client_of, bob, shelf, team, account, alice):
    path, mine = f"/sources/{shelf[0].datasource_id}/tags/", tags.named("Mine", alice, None)
    browser = client_of(bob)
    browser.post(path, {"new": "1", "name": "Ours", "team": team.pk})
    ours = Tag.objects.get(team=team)
    several = browser.post("/sources/chosen/tag/", {"all": "1"}).url
    browser.post(several, {"add": ours.pk})
    browser.post(several, {"add": ours.pk})  # it is there
    browser.post(path, {"remove": ours.pk})
    browser.post(f"/tags/{ours.pk}/rename/", {"name": "Everybody's"})
    browser.post(f"/tags/{ours.pk}/delete/")
    web.post(path, {"add": mine.pk})
    said = words(web.get("/activity/?what=tags"))
    found = re.findall(r"bob@example\.com ((?:added|removed|renamed|deleted) the tag .*?) just now", said)
    assert found == [
        "deleted the tag Everybody's of Catalogue",
        "renamed the tag Ours of Catalogue to Everybody's",
        "removed the tag Ours of Catalogue from a.csv",
        "added the tag Ours of Catalogue to 2 files",
        "added the tag Ours of Catalogue to a.csv",
    ]
    assert "removed the tag Ours" in words(web.get(f"/sources/{shelf[0].datasource_id}/"))


def test_activity_names_no_file_that_the_team_does_not_see(web, client_of, bob, sandbox, team):
    """Bob may put a tag of his team on a file of his own."""
    other = sandbox.account()
    other.add(fileName="private.csv")
    own = keys.add(bob, "Bob's", other.key, ApiKey.State.VALID)
    [file] = synced(own)
    tag = tags.named("Ours", bob, team)
    tags.put(tag, [file], bob)
    page = words(web.get("/activity/?what=tags"))
    assert "added the tag Ours of Catalogue to 1 file" in page
    assert "private.csv" not in page
    assert "Bob's" not in page


@pytest.mark.parametrize("name", ["<script>alert(1)</script>\u202egpj", '"><img src=x onerror=y>', "a" * 50])
def test_hostile_names_are_text(web, shelf, team, name):
    path = f"/sources/{shelf[0].datasource_id}/tags/"
    web.post(path, {"new": "1", "name": name, "team": team.pk})
    team.name = name
    team.save()
    for page in (
        web.get("/sources/"),
        web.get(path),
        web.get("/tags/"),
        web.get(f"/sources/{shelf[0].datasource_id}/"),
    ):
        text = page.content.decode()
        assert not [part for part in ("<script>alert", "<img src=x", "\u202e") if part in text]
        assert name.replace("\u202e", "\ufffd") in words(page)


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "x" * 51, "a\x00b"])
def test_names_that_are_none_get_a_sentence(web, shelf, name):
    path = f"/sources/{shelf[0].datasource_id}/tags/"
    assert web.post(path, {"new": "1", "name": name}).status_code == 422
    assert not Tag.objects.exists()


def test_more_tags_than_fit_a_row_are_counted(web, shelf, alice):
    for name in "abcde":
        tags.put(tags.named(name, alice, None), shelf[:1], alice)
    assert all_words(web.get("/sources/"), ".//*[@class='tags']/*") == ["a", "b", "c", "+2"]
    assert len(chips(web.get(f"/sources/{shelf[0].datasource_id}/"))) == 5


def test_a_user_or_a_team_has_so_many_tags(web, shelf, settings):
    settings.QUOTAS = settings.QUOTAS | {"tags": 1}
    path = f"/sources/{shelf[0].datasource_id}/tags/"
    web.post(path, {"new": "1", "name": "one"})
    answer = web.post(path, {"new": "1", "name": "two"})
    assert (answer.status_code, "Limit reached: 1 tags." in words(answer)) == (422, True)


def test_tags_cost_no_query_for_each_file_or_tag(web, alice, shelf, account, key, django_assert_max_num_queries):
    tags.put(tags.named("one", alice, None), shelf, alice)
    with django_assert_max_num_queries(50) as few:
        web.get("/sources/")
    count = len(few)  # the next request empties it
    account.add_many([{"fileName": f"{n}.csv"} for n in range(20)])
    sources = synced(key)
    for name in "abc":
        tags.put(tags.named(name, alice, None), sources, alice)
    web.get("/sources/")
    with django_assert_max_num_queries(count):
        assert len(chips(web.get("/sources/"))) == 3 * 23


def test_changes_reach_all_who_see_the_tag_and_go_with_the_file(alice, bob, shelf, team, monkeypatch):
    ours, told = tags.named("Ours", alice, team), []
    monkeypatch.setattr(live, "publish", lambda users, *names: told.append((sorted(users), names)))
    tags.put(ours, shelf[:2], alice)
    tags.put(tags.named("Mine", alice, None), shelf[:1], alice)
    assert told == [(sorted([alice.pk, bob.pk]), ("marks-changed",)), ([alice.pk], ("marks-changed",))]
    mirror.mark_gone(shelf[0])
    assert [one.datasource_id for one in Tagging.objects.all()] == [shelf[1].datasource_id]


def test_a_tag_and_favourites_narrow_together(web, shelf, alice):
    both = tags.named("Both", alice, None)
    tags.put(both, shelf[:2], alice)
    for source in shelf[1:]:
        marks.set_favourite(source, alice, is_one=True)
    page = web.get(f"/sources/?tag={both.pk}&favourites=1")
    assert (names(page), all_words(page, ".//nav[@class='chips']/a")) == (["b.csv"], ["All 1", "Completed 1"])
    web.post(web.post(f"/sources/chosen/tag/?tag={both.pk}&favourites=1", {"all": "1"}).url, {"remove": both.pk})
    assert [on(source) for source in shelf] == [["Both"], [], []]
