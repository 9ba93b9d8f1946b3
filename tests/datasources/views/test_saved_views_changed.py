"""Saved views that are updated, moved, ordered and used for other files."""

import pytest
from redis.connection import Connection

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources.models import AuditEvent, KeyShare, SavedView, TableCopy
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.html import all_words, dom, field, link, words


@pytest.fixture
def team(alice, bob, key):
    """Alice's, working through her key; Bob is a member."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    return team


@pytest.fixture
def mine(alice, table) -> SavedView:
    return SavedView.objects.create(name="Mine", owner=alice, page="sources:list", query="q=thing")


@pytest.fixture
def ours(team, table) -> SavedView:
    return SavedView.objects.create(name="<b>Ours</b>", team=team, page="sources:list", query="q=thing")


def panel(page) -> str:
    """The panel of the open view; "" where none is open."""
    found = dom(page).find(".//*[@id='view-panel']")
    return "" if found is None else " ".join("".join(found.itertext()).split())


def update_of(page) -> tuple[str, dict[str, str]]:
    """The address and the fields of the form that updates the open view."""
    [form] = dom(page).iterfind(".//*[@id='view-panel']//form")
    return form.get("action"), {one.get("name"): one.get("value") for one in form.iter("input")}


def beside(page) -> list[str]:
    return [words(one) for one in dom(page).iterfind(".//nav[@aria-label='Saved views']/a")][1:]


@pytest.mark.parametrize("path", ["/sources/", "/activity/"])
def test_a_search_inside_a_view_stays_in_it(web, mine, path):
    page = web.get(f"{path}?q=thing&view={mine.pk}")
    assert field(page, "q").get("value") == "thing"
    assert field(page, "view").get("value") == str(mine.pk)


def test_a_changed_view_is_updated_from_its_page(web, mine):
    page = web.get(mine.href)
    assert "changed" not in all_words(page, ".//*[@id='save-view']")[0]
    assert "Update" not in panel(page)
    page = web.get(f"{mine.href}&sort=name&page=1")
    assert all_words(page, ".//*[@id='save-view']") == ["Mine changed"]
    assert "Update Save as new Discard changes" in panel(page)
    assert link(page, "Discard changes") == mine.href
    address, fields = update_of(page)
    response = web.post(address, fields)
    mine.refresh_from_db()
    assert (mine.query, mine.revision, mine.name) == ("q=thing&sort=name", 2, "Mine")
    assert response.headers["Location"] == mine.href
    assert all_words(web.get(mine.href), ".//*[@id='save-view']") == ["Mine"]
    assert AuditEvent.objects.get(what="view_updated").details["whose"] == "their own"


def test_a_view_stays_open_on_all_links_of_the_page(web, alice, table, path):
    view = SavedView.objects.create(
        name="x", owner=alice, page="sources:rows", datasource_id=table.datasource_id, query="limit=25"
    )
    page = web.get(view.href)
    assert f"view={view.pk}" in link(page, "price")
    assert all_words(web.get(path + link(page, "price")), ".//*[@id='save-view']") == ["x changed"]


def test_a_changed_view_is_saved_as_a_new_one(web, mine):
    page = web.get(f"{mine.href}&sort=name")
    web.post(link(page, "Save as new"), {"name": "Sorted"})
    assert dict(SavedView.objects.values_list("name", "query")) == {"Mine": "q=thing", "Sorted": "q=thing&sort=name"}


def test_two_who_update_a_view_at_once_notice_each_other(web, client_of, bob, ours):
    page, bobs = web.get(f"{ours.href}&sort=name"), client_of(bob).get(f"{ours.href}&sort=size")
    client_of(bob).post(*update_of(bobs))
    response = web.post(*update_of(page))
    assert response.status_code == 409
    assert "Another user updated this view in the meantime." in words(response)
    ours.refresh_from_db()
    assert (ours.query, ours.revision) == ("q=thing&sort=size", 2)
    [fields] = [
        {one.get("name"): one.get("value") for one in form.iter("input")}
        for form in dom(response).iter("form")
        if "Replace" in words(form)
    ]
    web.post(update_of(page)[0], {"revision": fields["revision"]})
    ours.refresh_from_db()
    assert (ours.query, ours.revision) == ("q=thing&sort=name", 3)
    assert [event.who for event in AuditEvent.objects.filter(what="view_updated").order_by("at")] == [
        "bob@example.com",
        "alice@example.com",
    ]


def test_a_view_of_a_team_stays_with_it_wherever_it_is_updated(web, ours, team):
    web.post(f"/views/{ours.pk}/update/?path=/sources/&query=q%3Dx%26team%3Down", {"revision": 1})
    ours.refresh_from_db()
    assert (ours.team, ours.owner, ours.query) == (team, None, "q=x")
    assert AuditEvent.objects.get(what="view_updated").details["whose"] == "Catalogue"


@pytest.mark.parametrize("path", ["/downloads/", "/keys/", "", "/sources/00000000-0000-0000-0000-000000000007/rows/"])
def test_a_view_is_updated_only_by_its_own_page(web, mine, path):
    assert web.post(f"/views/{mine.pk}/update/?path={path}", {"revision": 1}).status_code == 404
    mine.refresh_from_db()
    assert mine.revision == 1


@pytest.mark.parametrize("revision", ["", "x", "-1", "99999999999999999999"])
def test_an_update_without_a_revision_changes_nothing(web, mine, revision):
    response = web.post(f"/views/{mine.pk}/update/?path=/sources/&query=q%3Dx", {"revision": revision})
    assert response.status_code == 422
    mine.refresh_from_db()
    assert mine.query == "q=thing"


def test_renaming_writes_the_name_alone_and_keeps_an_update_made_meanwhile(web, mine, django_assert_max_num_queries):
    with django_assert_max_num_queries(99) as queries:
        web.post(f"/views/{mine.pk}/rename/", {"name": "Other"})
    [update] = [one["sql"] for one in queries if 'UPDATE "datasources_savedview"' in one["sql"]]
    assert [name in update for name in ('"name" =', '"query" =', '"revision" =')] == [True, False, False]


def test_a_viewer_sees_a_change_and_can_only_save_it_as_new(client_of, bob, team, ours):
    teams.set_role(team.memberships.get(user=bob), Role.VIEWER)
    shown = panel(client_of(bob).get(f"{ours.href}&sort=name"))
    assert "Save as new" in shown
    assert "Update" not in shown


def test_a_view_is_moved_to_a_team_and_stays_there_when_its_author_leaves(client_of, alice, bob, team, table):
    view = SavedView.objects.create(name="Bob's", owner=bob, page="sources:list", query="team=own&q=x")
    web = client_of(bob)
    assert "Only me" in words(web.get(f"/views/{view.pk}/move/"))
    web.post(f"/views/{view.pk}/move/", {"team": team.pk})
    view.refresh_from_db()
    assert (view.owner, view.team, view.query) == (None, team, "q=x")
    event = AuditEvent.objects.get(what="view_moved")
    assert (event.about, event.details["team"], [*event.teams.all()]) == ("Bob's", "Catalogue", [team])
    teams.remove(team.memberships.get(user=bob))
    assert beside(web.get("/sources/")) == []
    assert web.post(f"/views/{view.pk}/move/", {"team": ""}).status_code == 404
    assert beside(client_of(alice).get("/sources/")) == ["Bob's"]


def test_a_view_is_taken_out_of_a_team(web, client_of, alice, bob, ours, team):
    web.post(f"/views/{ours.pk}/move/", {"team": ""})
    ours.refresh_from_db()
    assert (ours.owner, ours.team) == (alice, None)
    assert beside(client_of(bob).get("/sources/")) == []
    assert AuditEvent.objects.get(what="view_taken_out").details["team"] == "Catalogue"


def test_a_view_is_moved_only_to_teams_that_let_one_save_views(client_of, alice, bob, team):
    other = teams.create("Other", alice)
    teams.set_role(team.memberships.get(user=bob), Role.VIEWER)
    Membership.objects.create(team=other, user=bob, role=Role.MEMBER)
    third = teams.create("Third", alice)
    view = SavedView.objects.create(name="Bob's", owner=bob, page="sources:list")
    for refused in (team.pk, third.pk, "nonsense"):
        assert client_of(bob).post(f"/views/{view.pk}/move/", {"team": refused}).status_code == 422
    assert client_of(bob).post(f"/views/{view.pk}/move/", {"team": other.pk}).status_code == 302


def test_a_team_has_room_for_so_many_views(web, mine, ours, team, settings):
    settings.QUOTAS = settings.QUOTAS | {"saved_views": 1}
    response = web.post(f"/views/{mine.pk}/move/", {"team": team.pk})
    assert response.status_code == 422
    assert "Limit reached: 1 saved views." in words(response)


def test_views_are_in_each_user_s_own_order(web, client_of, alice, bob, ours, team):
    for name in "AC":
        SavedView.objects.create(name=name, owner=alice, page="sources:list", query=f"q={name}")
    assert beside(web.get("/sources/")) == ["<b>Ours</b>", "A", "C"]
    assert web.post(f"/views/{ours.pk}/place/", {"to": "down"}).headers["Location"] == f"/views/#view-{ours.pk}"
    assert beside(web.get("/sources/")) == ["A", "<b>Ours</b>", "C"]
    for to in ("down", "down", "nonsense", ""):
        web.post(f"/views/{ours.pk}/place/", {"to": to})
    assert beside(web.get("/sources/")) == ["A", "C", "<b>Ours</b>"]
    SavedView.objects.create(name="0 is new", owner=alice, page="sources:list")
    web.post(f"/views/{ours.pk}/place/", {"to": "up"})
    assert beside(web.get("/sources/")) == ["A", "<b>Ours</b>", "C", "0 is new"]
    SavedView.objects.create(name="Z", team=team, page="sources:list")
    assert beside(client_of(bob).get("/sources/")) == ["<b>Ours</b>", "Z"]


def test_a_view_moves_past_its_neighbour_in_the_space_where_it_is_moved(web, alice, team, ours):
    other = SavedView.objects.create(name="Z", team=team, page="sources:list")
    SavedView.objects.create(name="M", owner=alice, page="sources:list")
    web.post(f"/views/{other.pk}/place/?team={team.pk}", {"to": "up"})
    assert beside(web.get(f"/sources/?team={team.pk}")) == ["Z", "<b>Ours</b>"]
    assert beside(web.get("/sources/")) == ["Z", "<b>Ours</b>", "M"]


def test_each_view_has_its_address_to_copy(web, mine, ours):
    buttons = [one.get("data-copy") for one in dom(web.get("/views/")).iter("button") if one.get("data-copy")]
    assert buttons == [ours.href, mine.href]


def test_a_view_names_its_columns_that_are_gone(web, alice, table):
    view = SavedView.objects.create(
        name="x",
        owner=alice,
        page="sources:rows",
        datasource_id=table.datasource_id,
        query="column=id&column=%3Cb%3Egone%3C%2Fb%3E&column=price",
    )
    page = web.get(view.href)
    assert "No longer in this table: <b>gone</b>" in panel(page)
    assert all_words(page, ".//*[@id='save-view']") == ["x 1 column is missing"]
    TableCopy.objects.all().delete()
    copied(table, ["id", "<b>gone</b>", "price"], [[1, 2, 3]])
    assert "No longer" not in panel(web.get(view.href))


@pytest.fixture
def columns_of(account, key):
    """Adds a file with columns of these names."""

    def add(name: str, columns: list[str]):
        described = [{"name": column, "type": "text"} for column in columns]
        source_id = account.add(fileName=name, extra={"columns": described})
        synced(key)
        return source_id

    return add


def test_a_view_is_used_for_another_file_that_has_its_columns(web, alice, table, columns_of):
    query = "sort=price&filter=name+%3D+%27x%27&column=name&column=price"
    view = SavedView.objects.create(
        name="x", owner=alice, page="sources:rows", datasource_id=table.datasource_id, query=query
    )
    columns_of("some.csv", ["name", "<i>"])
    whole = columns_of("whole.csv", ["price", "name", "more"])
    columns_of("unknown.csv", [])
    assert link(web.get("/views/"), "Use for another file: x") == f"/views/{view.pk}/use/"
    page = web.get(f"/views/{view.pk}/use/")
    assert [" ".join(line.split(" Uploaded 1 min ago · ")) for line in all_words(page, ".//ul[@class='lines']/li")] == [
        "whole.csv Has all columns of the view",
        "some.csv Missing: price",
        "unknown.csv Columns unknown until the table is opened",
    ]
    assert link(page, "whole.csv") == f"/sources/{whole}/rows/?{query}"
    page = web.get(f"/views/{view.pk}/use/?q=SOME")
    assert len(all_words(page, ".//ul[@class='lines']/li")) == 1
    assert "No other files" in words(web.get(f"/views/{view.pk}/use/?q=nothing"))
    assert web.get(f"/views/{view.pk}/use/?q={'x' * 201}").status_code == 400


def test_columns_of_many_files_are_read_at_once(web, alice, account, key, table, monkeypatch):
    sent = []
    send = Connection.send_packed_command
    monkeypatch.setattr(
        Connection, "send_packed_command", lambda self, *args, **more: (sent.append(1), send(self, *args, **more))
    )

    def messages() -> int:
        sent.clear()
        assert web.get(f"/views/{view.pk}/use/").status_code == 200
        return len(sent)

    query = "column=name&column=price"
    rows = {"page": "sources:rows", "datasource_id": table.datasource_id}
    view = SavedView.objects.create(name="x", owner=alice, query=query, **rows)
    account.upload("opened.csv", "price,name\n1,a\n")
    few = [source for source in synced(key) if source.name == "opened.csv"]
    web.get(f"/sources/{few[0].datasource_id}/rows/")
    page = web.get(f"/views/{view.pk}/use/")
    assert "Has all columns of the view" in words(page)
    counted = []
    for names in ("ab", "cdefghijkl"):
        account.add_many([{"fileName": f"{name}.csv"} for name in names])
        synced(key)
        counted.append(messages())
    assert counted[0] == counted[1]


def test_only_files_that_the_user_may_open_are_offered(client_of, bob, alice, team, table, columns_of, key):
    columns_of("hidden.csv", ["name"])
    view = SavedView.objects.create(
        name="x", team=team, page="sources:rows", datasource_id=table.datasource_id, query="column=name"
    )
    assert "hidden.csv" in words(client_of(bob).get(f"/views/{view.pk}/use/"))
    KeyShare.objects.all().delete()
    assert client_of(bob).get(f"/views/{view.pk}/use/").status_code == 404


def test_a_view_of_a_list_is_for_no_other_file(web, mine):
    assert web.get(f"/views/{mine.pk}/use/").status_code == 400
