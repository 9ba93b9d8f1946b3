"""The command palette holds what its reader may open, and nothing of others."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import keys
from datasources.models import ApiKey, SavedView
from tests.conftest import htmx, synced
from tests.support.html import dom, words

HOSTILE = "<script>alert(1)</script>\"'\u202efdp.csv"


def shown(answer) -> dict[str, str]:
    """Names and addresses of the options."""
    assert answer.status_code == 200
    return {words(one).rsplit(" ", 1)[0]: one.get("href") for one in dom(answer).iter("a")}


def palette(web, text: str = "") -> dict[str, str]:
    return shown(web.get("/palette/", {"q": text}, headers=htmx()))


def test_it_leads_to_files_views_teams_pages_and_actions(web, alice, table):
    team = teams.create("Catalogue", alice)
    view = SavedView.objects.create(name="Failed ones", owner=alice, page="sources:list", query="status=failed")
    rows = SavedView.objects.create(
        name="Dear", team=team, page="sources:rows", datasource_id=table.datasource_id, query="sort=price"
    )
    assert palette(web, "HING") == {"things.csv": f"/sources/{table.datasource_id}/"}
    assert palette(web, "cat")["Catalogue"] == f"/teams/{team.pk}/"
    assert palette(web, "fail")["Failed ones"] == view.url == "/sources/?status=failed"
    assert palette(web, "dear")["Dear"] == rows.url
    assert palette(web, "activi")["Activity"] == "/activity/"
    assert palette(web, "key add") == {"Add a key": "/keys/add/"}
    assert len(palette(web)) == 20


def test_another_user_finds_none_of_these_names(client_of, alice, bob, key, table):
    team = teams.create("Catalogue", alice)
    SavedView.objects.create(name="Secret view", owner=alice, page="sources:list")
    SavedView.objects.create(name="Secret team view", team=team, page="sources:list")
    stranger = client_of(bob)
    for text in ("", "things", "catalogue", "secret", "main", str(table.datasource_id)):
        found = palette(stranger, text)
        assert not {"things.csv", "Catalogue", "Secret view", "Secret team view"} & {*found}
        assert all("/sources/" not in url or url == "/sources/" for url in found.values())
    # In the team, but the team works through no key yet.
    membership = Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    assert palette(stranger, "e").keys() & {"Catalogue", "Secret team view", "Secret view"} == {
        "Catalogue",
        "Secret team view",
    }
    assert palette(stranger, "things") == {}
    keys.share(key, [team])
    assert "things.csv" in palette(stranger, "things")
    stranger.get(f"/sources/{table.datasource_id}/")  # a recent one
    membership.delete()
    assert not {"things.csv", "Catalogue", "Secret team view"} & {*palette(stranger)}


def test_the_operations_page_is_for_administrators(web, alice):
    assert "Operations" not in palette(web, "operations")
    alice.is_staff = True
    alice.save()
    assert "Operations" in palette(web, "operations")


def test_a_stranger_signs_in_first(client):
    assert client.get("/palette/").headers["Location"].startswith("/accounts/login/")


def test_recently_opened_ones_come_first(web, alice, account, key):
    account.add_many([{"fileName": f"things {n}.csv", "age": n} for n in range(30)])
    oldest = synced(key)[-1]
    view = SavedView.objects.create(name="Failed", owner=alice, page="sources:list", query="status=failed")
    assert oldest.name not in palette(web)
    web.get(f"/sources/{oldest.datasource_id}/")
    web.get(view.url)
    assert [*palette(web)][:2] == ["Failed", oldest.name]
    assert next(iter(palette(web, "things"))) == oldest.name


def test_the_last_one_opened_is_first_also_when_it_was_open_a_moment_ago(web, alice, account, key):
    account.add_many([{"fileName": f"things {n}.csv"} for n in range(2)])
    one, other = synced(key)
    team = teams.create("Catalogue", alice)
    paths = [f"/sources/{one.datasource_id}/", f"/sources/{other.datasource_id}/", f"/teams/{team.pk}/"]
    for path in (*paths, paths[0]):
        web.get(path)
    assert [*palette(web)][:3] == [one.name, team.name, other.name]
    page = web.get("/palette/", headers=htmx())
    marks = [one.find(".//*[@aria-label='Opened recently']") is not None for one in dom(page).iter("a")]
    assert marks[:3] == [True] * 3
    assert not any(marks[3:])


@pytest.mark.parametrize("count", [1, 300])
def test_one_query_finds_them_however_many_there_are(web, account, key, count):
    account.add_many([{"fileName": f"things {n}.csv"} for n in range(count)])
    synced(key)
    palette(web)  # compiles the query
    with CaptureQueriesContext(
        connection,
    ) as queries:
        palette(web, "things")
    asked = [one["sql"] for one in queries if "session" not in one["sql"] and 'FROM "accounts_user"' not in one["sql"]]
    assert len(asked) == 1


def test_hostile_names_are_shown_and_run_nothing(web, alice, account, key):
    account.add(fileName=HOSTILE)
    synced(key)
    SavedView.objects.create(name=HOSTILE, owner=alice, page="sources:list")
    for headers, times in (({}, 4), (htmx(), 2)):  # the page has the sidebar and the search too
        page = web.get("/palette/", {"q": "alert"}, headers=headers).content.decode()
        assert "<script>alert" not in page
        assert "\u202e" not in page
        assert page.count("&lt;script&gt;alert(1)") == times


@pytest.mark.parametrize(
    "text", ["\0", "x" * 201, "%", "'; DROP TABLE x --", "\ud800".encode("utf-8", "surrogatepass")]
)
def test_odd_searches_are_answered(web, table, text):
    assert web.get("/palette/", {"q": text}).status_code in (200, 400)


def test_without_scripts_it_is_a_page_with_a_form(web, table):
    page = web.get("/palette/?q=thin")
    assert "things.csv file" in words(page)
    [form] = [
        one for one in dom(page).iter("form") if one.get("action") == "/palette/" and one.get("class") == "filters"
    ]
    assert form.get("method") == "get"
    link = next(one for one in dom(page).iter("a") if one.get("href") == "/palette/")
    assert "Search" in words(link)


def test_two_keys_that_see_one_file_show_it_once(web, alice, account, key, table):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    synced(other)
    assert len(palette(web, "things")) == 1
