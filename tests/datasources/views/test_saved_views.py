import pytest

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources.models import AuditEvent, KeyShare, SavedView
from tests.support.html import dom, field, link, words


@pytest.fixture
def team(alice, bob, key):
    """Alice's, working through her key; Bob is a member."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    return team


def beside(page) -> list[str]:
    """The saved views beside the page."""
    return [words(one) for one in dom(page).iterfind(".//nav[@aria-label='Saved views']/a")][1:]


def without_view(address: str) -> str:
    """An address without the view that it names, which is one that there is."""
    state, _, view = address.replace("?view", "&view").partition("&view=")
    assert SavedView.objects.filter(pk=view).exists()
    return state.replace("&", "?", 1) if "?" not in state else state


def test_a_list_is_saved_as_it_is_and_found_beside_every_page(web, table):
    page = web.get("/sources/?q=thing&sort=name&order=asc&page=1")
    form = web.get(link(page, "Save this view"))
    assert "Save this view" in words(form)
    response = web.post(link(page, "Save this view"), {"name": "Things"})
    assert without_view(response.headers["Location"]) == "/sources/?q=thing&sort=name&order=asc"
    page = web.get(response.headers["Location"])
    assert beside(page) == ["Things"]
    assert without_view(link(page, "Things")) == "/sources/?q=thing&sort=name&order=asc"
    current = [words(one) for one in dom(page).iter("a") if one.get("aria-current") == "page"]
    assert current == ["Sources", "Things"]
    assert beside(web.get("/keys/")) == ["Things"]


def test_rows_are_saved_with_their_filter_and_columns(web, table, path):
    page = web.get(f"{path}?filter=price+%3E+90&sort=price&order=desc&limit=25&page=2&column=id&column=price")
    response = web.post(link(page, "Save this view"), {"name": "Dear ones"})
    address = f"{path}?limit=25&sort=price&order=desc&filter=price+%3E+90&column=id&column=price"
    assert without_view(response.headers["Location"]) == address
    assert "of 60 that match" in words(web.get(response.headers["Location"]))


@pytest.mark.parametrize("address", ["/sources/", "/sources/?page=1", "/downloads/", "/activity/?q="])
def test_a_page_without_anything_set_up_offers_nothing_to_save(web, table, address):
    assert "Save this view" not in words(web.get(address))


@pytest.mark.parametrize("address", ["/downloads/?team={}", "/activity/?what=keys", "/sources/?team=own"])
def test_others_offer_it(web, team, table, address):
    address = address.format(team.pk)
    page = web.get(address)
    response = web.post(link(page, "Save this view"), {"name": "x"})
    assert without_view(response.headers["Location"]) == address


def test_a_view_for_the_team_is_its_members(web, client_of, alice, bob, team, table):
    response = web.post("/views/add/?path=/sources/&query=status%3Dfailed", {"name": "Failed", "team": team.pk})
    assert without_view(response.headers["Location"]) == f"/sources/?team={team.pk}&status=failed"
    assert beside(client_of(bob).get(f"/sources/?team={team.pk}")) == ["Failed"]
    assert beside(client_of(bob).get("/sources/?team=own")) == []
    assert AuditEvent.objects.get(what="view_saved").about == "Failed"
    teams.remove(team.memberships.get(user=bob))
    assert beside(client_of(bob).get("/sources/")) == []


def test_who_may_not_save_for_a_team_saves_for_themselves(client_of, bob, team, table):
    teams.set_role(team.memberships.get(user=bob), Role.VIEWER)
    web, path = client_of(bob), f"/views/add/?path=/sources/&query=team%3D{team.pk}%26q%3Dx"
    assert field(web.get(path), "team") is None
    web.post(path, {"name": "Mine", "team": team.pk})
    view = SavedView.objects.get()
    assert (view.owner, view.team) == (bob, team)


def test_another_team_can_t_be_chosen(client_of, alice, bob, team):
    other = teams.create("Other", alice)
    response = client_of(bob).post("/views/add/?path=/sources/", {"name": "x", "team": other.pk})
    assert response.status_code == 422
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\0b"])
def test_a_view_has_a_name(web, name):
    response = web.post("/views/add/?path=/sources/", {"name": name})
    assert response.status_code == 422
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?path=/keys/",
        "?path=//evil.example/sources/",
        "?path=https://evil.example/",
        "?path=/sources/00000000-0000-0000-0000-000000000007/rows/",
        "?path=/sources/&query=team%3D00000000-0000-0000-0000-000000000007",
        "?path=/sources/&query=team%3Dnonsense",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_else_can_be_saved(web, query, method):
    response = getattr(web, method)(f"/views/add/{query}", {"name": "x"} if method == "post" else None)
    assert response.status_code == 404
    assert not SavedView.objects.exists()


def test_views_are_renamed_and_deleted(web, client_of, alice, bob, team):
    SavedView.objects.create(name="Mine", owner=alice, page="sources:list", query="q=x")
    ours = SavedView.objects.create(name="<b>Ours</b>", team=team, page="downloads:list")
    page = web.get("/views/")
    assert without_view(link(page, "<b>Ours</b>")) == f"/downloads/?team={team.pk}"
    assert "Sources, only for you" in words(page)
    assert "Downloads in Catalogue, for the team" in words(page)
    client_of(bob).post(f"/views/{ours.pk}/rename/", {"name": "All of ours"})
    assert beside(web.get("/sources/")) == ["All of ours", "Mine"]
    assert web.post(f"/views/{ours.pk}/rename/", {"name": ""}).status_code == 422
    client_of(bob).post(f"/views/{ours.pk}/delete/")
    assert beside(web.get("/sources/")) == ["Mine"]
    assert AuditEvent.objects.get(what="view_deleted").about == "All of ours"


def test_a_viewer_sees_the_team_s_and_changes_none(client_of, bob, team):
    teams.set_role(team.memberships.get(user=bob), Role.VIEWER)
    SavedView.objects.create(name="Ours", team=team, page="sources:list")
    page = client_of(bob).get("/views/")
    assert "Ours" in words(page)
    assert "Rename" not in words(page)


def test_the_page_says_how_to_begin(web):
    assert "No saved views yet" in words(web.get("/views/"))


def test_any_number_of_views_costs_a_page_one_query(web, alice, table, django_assert_max_num_queries):
    web.get("/sources/")  # notes, once in five minutes, that she is here
    with django_assert_max_num_queries(20) as none:
        web.get("/sources/")
    for number in range(20):
        SavedView.objects.create(name=f"view {number}", owner=alice, page="sources:list", query=f"q={number}")
    with django_assert_max_num_queries(len(none)):
        assert len(beside(web.get("/sources/"))) == 20
