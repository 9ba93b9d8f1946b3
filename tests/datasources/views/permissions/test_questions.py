"""What is final for somebody is asked first: a page by GET, without scripts, that changes nothing."""

import pytest

from datasources.models import SavedView, ShareLink
from tests.conftest import htmx
from tests.support.html import dom, link, told, words

# Each path with the button that acts, and where Cancel leads.
QUESTIONS = {
    "/shares/{share_id}/end/": ("Revoke link", "/shares/{share_id}/"),
    "/shares/{share_id}/rotate/": ("Replace link", "/shares/{share_id}/"),
    "/teams/{team_id}/people/{membership_id}/remove/": ("Remove", "/teams/{team_id}/"),
    "/teams/{team_id}/invitations/{invitation_id}/revoke/": ("Cancel invitation", "/teams/{team_id}/"),
    "/teams/{team_id}/leave/": ("Leave the team", "/teams/{team_id}/"),
    "/views/{view_id}/delete/": ("Delete view", "/views/"),
    "/tags/{tag_id}/delete/": ("Delete tag", "/tags/"),
    "/bin/{deletion_id}/now/": ("Delete permanently", "/bin/"),
    "/keys/{key_id}/copies/": ("Switch off", "/keys/"),
}


@pytest.fixture
def web(client_of, alice):
    return client_of(alice)


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_final_action_is_asked_first_and_changes_nothing(web, ids, path):
    act, back = QUESTIONS[path]
    where_it_is_offered = back.format(**ids)
    before = web.get(where_it_is_offered).content.decode().count(path.format(**ids))
    assert before >= 1
    page = web.get(path.format(**ids))
    assert page.status_code == 200
    [form] = [one for one in dom(page).iter("form") if act in words(one)]
    assert (form.get("method"), form.get("action")) == ("post", None)
    assert link(page, "Cancel") == where_it_is_offered
    assert web.get(where_it_is_offered).content.decode().count(path.format(**ids)) == before


@pytest.mark.parametrize("path", QUESTIONS)
def test_no_form_acts_without_the_question(web, ids, path):
    page = dom(web.get(QUESTIONS[path][1].format(**ids)))
    assert path.format(**ids) in {one.get("href") for one in page.iter("a")}
    assert path.format(**ids) not in {one.get("action") for one in page.iter("form")}


@pytest.mark.parametrize("path", QUESTIONS)
def test_the_button_acts_at_the_same_address(web, ids, path):
    assert web.post(path.format(**ids)).status_code == 302


def test_the_question_is_also_a_fragment(web, ids):
    answer = web.get(f"/shares/{ids['share_id']}/end/", headers=htmx())
    assert "Revoke this share link? things.csv." in words(answer)
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize("part", ["end", "rotate"])
def test_a_link_that_has_ended_is_not_asked_about(web, ids, part):
    web.post(f"/shares/{ids['share_id']}/end/")
    page = web.get(f"/shares/{ids['share_id']}/{part}/", follow=True)
    assert page.redirect_chain == [(f"/shares/{ids['share_id']}/", 302)]
    assert "This link is already revoked or expired." in told(page)


def test_the_list_of_share_links_asks_too(web, ids):
    page = dom(web.get("/shares/"))
    assert f"/shares/{ids['share_id']}/end/" in {one.get("href") for one in page.iter("a")}
    assert ShareLink.objects.get(pk=ids["share_id"]).ended_at is None


def test_an_outlet_is_removed_after_a_question(web, ids):
    path = f"/notices/outlets/{ids['outlet_id']}/remove/"
    page = web.get(path)
    assert "Remove Webhook?" in words(page)
    assert link(page, "Cancel") == "/notices/choices/"
    assert path in web.get("/notices/choices/").content.decode()
    web.post(path)
    assert path not in web.get("/notices/choices/").content.decode()


def test_a_question_shows_marks_in_names_and_runs_nothing(web, ids):
    SavedView.objects.filter(pk=ids["view_id"]).update(name="<script>x</script>\u202efdp")
    page = web.get(f"/views/{ids['view_id']}/delete/").content.decode()
    assert "<script>x" not in page
    assert "\u202e" not in page
