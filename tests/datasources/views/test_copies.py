"""The page of a whole-table copy, its line on other pages, and who may do what."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import redis
from datasources import keys
from datasources.copies import jobs
from datasources.models import ApiKey, AuditEvent, KeyShare, Source, TableCopy
from datasources.views import copies as view
from tests.conftest import htmx
from tests.support.copy_rows import State, ended, processed_again, ready, under_way
from tests.support.heartbeats import all_alive
from tests.support.html import dom, field, link, told, words


@pytest.fixture(autouse=True)
def limits(settings) -> None:
    settings.COPY_ROWS_AUTO = 5000


@pytest.fixture
def path(table) -> str:
    return f"/sources/{table.datasource_id}/copy/"


@pytest.fixture
def line(table) -> str:
    """The address at which the line on another page updates itself."""
    return f"/sources/{table.datasource_id}/copy/?key={table.key_id}&part=state"


def of_rows(source: Source, rows: int) -> None:
    Source.objects.filter(pk=source.pk).update(extra={"rowCount": rows}, details={})


def member(client_of, bob, key, role: Role):
    """Bob's browser, in a team that works through the key."""
    team = teams.create("Catalogue", key.owner)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=role)
    return client_of(bob)


def buttons(page) -> dict[str, str]:
    """The action of each button of a form that posts to the page."""
    return {words(one): one.get("value") for one in dom(page).iter("button") if one.get("name") == "action"}


# --- What the page says ----------------------------------------------------------------------------------------------
def test_without_a_copy_the_page_offers_one_with_its_cost(web, path, table):
    ApiKey.objects.update(calls_per_minute=100)
    page = web.get(path)
    assert "Live from Claro, 1,000 rows at a time" in words(page)
    assert "1 call, a few seconds; others go first" in words(page)
    assert buttons(page) == {"Copy the whole table": "create"}
    of_rows(table, 1_000_000)
    assert "1,000 calls, about 11 min; others go first" in words(web.get(path))


def test_the_button_starts_one_copy_and_hands_it_to_a_worker(web, path, alice, table):
    page = web.post(path, {"action": "create"}, follow=True)
    assert "The table things.csv is being copied." in told(page)
    copy = TableCopy.objects.get()
    assert (copy.source, copy.asked_by, copy.is_automatic, copy.state) == (table, alice, False, "copying")
    assert redis.connection().llen("background") == 1
    assert web.post(path, {"action": "create"}).status_code == 302
    assert TableCopy.objects.get() == copy
    assert AuditEvent.objects.filter(what="copy_started").count() == 1


def test_a_copy_under_way_shows_how_far_it_is(web, path, table):
    ApiKey.objects.update(calls_per_minute=100)
    under_way(table, rows_read=12_000, rows_total=100_000)
    page = web.get(path)
    assert "Copying: 12,000 of 100,000 rows, about 55 s left" in words(page)
    bar = dom(page).find(".//progress")
    assert (bar.get("value"), bar.get("max"), bar.get("aria-label")) == ("12000", "100000", "Progress of the copy")
    assert dom(page).find(".//noscript/meta").get("http-equiv") == "refresh"
    assert buttons(page) == {"Stop": "stop", "Delete": "drop"}


def test_without_a_total_the_page_shows_the_rows_so_far(web, path, table):
    of_rows(table, None)
    under_way(table, rows_read=12_000)
    page = web.get(path)
    assert "Copying: 12,000 rows" in words(page)
    assert "left" not in words(page)
    assert dom(page).find(".//progress").get("value") is None


def test_the_cost_of_an_unknown_number_of_rows_is_said_too(web, path, table):
    of_rows(table, None)
    assert "One call per 1,000 rows; others go first" in words(web.get(path))


def test_trouble_of_a_copy_under_way_is_shown_but_waiting_for_its_turn_is_none(web, path, table):
    copy = under_way(table, problem={"kind": "Unreachable"}, due_at=timezone.now() + timedelta(seconds=30))
    assert "Claro can't be reached right now. Retries automatically in 30 s" in words(web.get(path))
    copy.problem = {"kind": "RateLimited", "code": "RATE_LIMITED", "retry_at": timezone.now().isoformat()}
    copy.save()
    assert "rate limit" not in words(web.get(path))


def test_a_copy_that_no_worker_takes_is_shown_as_waiting(web, path, table):
    under_way(table, due_at=timezone.now() - timedelta(minutes=1))
    assert "Copying waits: no worker is running" in words(web.get(path))
    all_alive()
    assert "no worker is running" not in words(web.get(path))


def test_a_ready_copy_says_when_it_was_made(web, path, table, alice):
    at = timezone.now().replace(hour=14, minute=2)
    ready(table, finished_at=at, asked_by=alice, is_automatic=True, stored_bytes=5_100_000)
    page = web.get(path)
    assert "Whole table · copied 14:02" in words(page)
    assert "started by alice@example.com when the table was opened" in words(page)
    assert "5.1 MB" in words(page)
    assert buttons(page) == {"Delete": "drop"}
    TableCopy.objects.update(finished_at="2026-01-05T09:30Z")
    assert "copied 5 Jan 2026, 09:30" in words(web.get(path))


def test_a_copy_of_an_old_version_stays_marked_as_old(web, path, table):
    ready(table)
    processed_again(table)
    page = web.get(path)
    assert "before the file was processed again" in words(page)
    assert buttons(page) == {"Copy again": "create", "Delete": "drop"}
    web.post(path, {"action": "create"})
    page = web.get(path)
    assert "before the file was processed again" in words(page)
    assert "Copying" in words(page)


def test_the_previous_version_is_named(web, path, table):
    ready(table, rows=118, version="2026-01-01T00:00Z", finished_at="2026-01-01T00:00Z")
    ready(table)
    assert "118 rows, copied" in words(web.get(path))


def test_a_stopped_copy_is_resumed(web, path, table):
    under_way(table, rows_read=3000, rows_total=9000)
    page = web.post(path, {"action": "stop"}, follow=True)
    assert "Stopped copying things.csv." in told(page)
    assert "Copying stopped at 3,000 of 9,000 rows." in words(page)
    assert "6 calls, a few seconds" in words(page)
    assert buttons(page) == {"Resume": "resume", "Delete": "drop"}
    web.post(path, {"action": "resume"})
    assert TableCopy.objects.get().is_under_way


def test_a_failed_copy_names_the_reason_and_is_tried_again(web, path, table):
    ended(table, State.FAILED, problem={"kind": "DatasourceNotFound"})
    page = web.get(path)
    assert "Copying failed. " in words(page)
    assert "no longer" in words(page)
    assert buttons(page) == {"Try again": "create"}
    web.post(path, {"action": "create"})
    assert TableCopy.objects.get().is_under_way


def test_deleting_takes_the_copies_and_the_page_offers_a_new_one(web, path, table):
    ready(table)
    page = web.post(path, {"action": "drop"}, follow=True)
    assert "Deleted the copies of things.csv." in told(page)
    assert buttons(page) == {"Copy the whole table": "create"}
    assert "stopped" not in words(page)


def test_the_page_says_why_there_can_be_no_copy(web, path, table):
    ApiKey.objects.update(keeps_copies=False)
    page = web.get(path)
    assert "The owner of this key has switched whole-table copies off." in words(page)
    assert buttons(page) == {}
    answer = web.post(path, {"action": "create"})
    assert (answer.status_code, TableCopy.objects.count()) == (409, 0)
    assert "switched whole-table copies off" in words(answer)
    ApiKey.objects.update(keeps_copies=True)
    Source.objects.update(status="failed")
    assert "no rows to copy" in words(web.get(path))


@pytest.mark.parametrize("action", ["", "explode"])
def test_a_form_without_a_known_action_changes_nothing(web, path, action):
    assert web.post(path, {"action": action}).status_code == 422
    assert not TableCopy.objects.exists()


# --- The line on other pages -----------------------------------------------------------------------------------------
def test_the_details_show_the_line_and_where_it_updates_itself(web, table, line):
    page = web.get(f"/sources/{table.datasource_id}/")
    section = dom(page).find(".//section[@id='copy-state']")
    assert "Live from Claro, 1,000 rows at a time" in words(section)
    assert section.get("hx-get") == line
    assert f"copy-{table.pk} from:body" in section.get("hx-trigger")


def test_by_htmx_only_the_line_changes(web, table, line, path):
    part = web.post(path, {"action": "create"}, headers=htmx())
    assert dom(part).find("./section[@id='copy-state']") is not None
    assert "<h1" not in part.content.decode()
    part = web.get(line, headers=htmx())
    assert "Copying" in words(part)
    assert dom(part).find(".//form").get("hx-target") == "#copy-state"
    page = web.get(path, headers=htmx())
    assert dom(page).find(".//h1") is not None
    assert dom(page).find(".//form").get("hx-post") is None


def test_a_line_that_is_what_it_was_is_not_sent_again(web, line):
    headers = htmx(**{"HX-Source": "section#copy-state"})
    tag = web.get(line, headers=headers).headers["HX-PTag"]
    assert web.get(line, headers=headers | {"HX-PTag": tag}).status_code == 304


@pytest.mark.parametrize("query", ["", "?q=acme&sort=price"])
def test_without_scripts_the_form_leads_back_to_the_rows(web, table, path, query):
    rows = f"/sources/{table.datasource_id}/rows/{query}"
    assert web.post(path, {"action": "create", "next": rows}).headers["Location"] == rows


@pytest.mark.parametrize("elsewhere", ["https://evil.example.com/", "//evil.example.com/rows/", "/keys/", "rows/", ""])
def test_the_form_leads_nowhere_else(web, path, elsewhere):
    assert web.post(path, {"action": "create", "next": elsewhere}).headers["Location"] == path


def test_the_line_takes_a_query_for_the_copies_and_none_for_what_is_known(
    web, rf, table, alice, django_assert_num_queries
):
    ready(table)
    request = rf.get("/")
    table.key.role = Role.OWNER
    with django_assert_num_queries(1):
        assert view.context_of(request, table)["copies"].is_up_to_date


# --- Automatically ---------------------------------------------------------------------------------------------------
def test_opening_a_small_table_hands_its_copy_to_a_worker(rf, table, alice):
    request = rf.get("/")
    request.user = alice
    view.open_automatically(request, table, 120)
    assert TableCopy.objects.get().is_automatic
    assert redis.connection().llen("background") == 1
    view.open_automatically(request, table, 120)
    assert redis.connection().llen("background") == 1


# --- Who may ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", Role, ids=lambda role: role.label)
@pytest.mark.parametrize("rows", [5000, 5001])
def test_viewers_start_small_copies_and_members_large_ones(client_of, bob, key, table, path, role, rows):
    of_rows(table, rows)
    web = member(client_of, bob, key, role)
    may_start = rows <= 5000 or role >= Role.MEMBER
    page = web.get(path)
    assert ("create" in buttons(page).values()) is may_start
    assert ("Viewers can copy tables of up to 5,000 rows" in words(page)) is not may_start
    answer = web.post(path, {"action": "create"})
    assert answer.status_code == (302 if may_start else 403)
    assert TableCopy.objects.filter(is_automatic=role < Role.MEMBER).count() == may_start


@pytest.mark.parametrize("role", Role, ids=lambda role: role.label)
@pytest.mark.parametrize("rows_read", [4000, 5000])
def test_a_copy_of_unknown_length_that_stopped_at_the_limit_is_resumed_by_members(
    client_of, bob, key, table, path, role, rows_read
):
    Source.objects.filter(pk=table.pk).update(extra={}, details={})
    ended(table, State.STOPPED, rows_read=rows_read)
    web = member(client_of, bob, key, role)
    may_resume = rows_read < 5000 or role >= Role.MEMBER
    page = web.get(path)
    assert bool({"create", "resume"} & {*buttons(page).values()}) is may_resume
    assert ("Viewers can copy tables of up to 5,000 rows" in words(page)) is not may_resume
    assert web.post(path, {"action": "resume"}).status_code == (302 if may_resume else 403)
    assert TableCopy.objects.under_way().exists() is may_resume


@pytest.mark.parametrize("role", Role, ids=lambda role: role.label)
@pytest.mark.parametrize("action", ["stop", "drop"])
def test_members_stop_and_delete_copies(client_of, bob, key, table, path, role, action):
    under_way(table, rows_read=10)
    web = member(client_of, bob, key, role)
    is_allowed = role >= Role.MEMBER
    assert (action in buttons(web.get(path)).values()) is is_allowed
    answer = web.post(path, {"action": action})
    assert answer.status_code == (302 if is_allowed else 403)
    assert TableCopy.objects.get().is_under_way is not is_allowed
    if not is_allowed:
        assert "Ask an owner, admin or member of Catalogue: alice@example.com." in words(answer)


def test_a_copy_belongs_to_one_key(client_of, bob, account, table, path):
    """Bob reaches the same file with a key of his own: that of Alice's key is none of his."""
    from tests.conftest import synced

    ready(table, rows=777)
    theirs = keys.add(bob, "Bob's", account.another_key(), ApiKey.State.VALID)
    synced(theirs)
    web = client_of(bob)
    page = web.get(path)
    assert "Live from Claro" in words(page)
    assert "777" not in words(page)
    web.post(path, {"action": "drop"})
    assert TableCopy.objects.filter(source=table, state="ready").exists()
    assert web.get(f"{path}?key={table.key_id}").status_code == 404


# --- The owner's switches --------------------------------------------------------------------------------------------
def test_switching_copies_off_is_asked_first_and_deletes_them(web, key, table):
    ready(table)
    page = web.get("/keys/")
    assert "On: tables that users open are kept encrypted" in words(page)
    page = web.get(f"/keys/{key.pk}/copies/")
    assert "Switch off copies of Main?" in words(page)
    assert link(page, "Cancel") == "/keys/"
    assert TableCopy.objects.exists()
    page = web.post(f"/keys/{key.pk}/copies/", follow=True)
    assert "Tables of Main are no longer copied. 1 copy is deleted." in told(page)
    assert "Off: tables are read live from Claro" in words(page)
    assert not TableCopy.objects.exists()
    assert not ApiKey.objects.get().keeps_copies
    assert AuditEvent.objects.latest("at").what == "copies_off"


def test_switching_off_ends_copies_under_way(web, key, table, alice):
    jobs.start(table, alice)
    web.post(f"/keys/{key.pk}/copies/")
    assert not TableCopy.objects.exists()


def test_copies_are_switched_on_again(web, key, table):
    ApiKey.objects.update(keeps_copies=False)
    page = web.post(f"/keys/{key.pk}/copies/", {"on": "1"}, follow=True)
    assert "Tables of Main can be copied." in told(page)
    assert ApiKey.objects.get().keeps_copies


def test_the_owner_forbids_exports_and_permits_them(web, key):
    page = web.post(f"/keys/{key.pk}/export/", {"on": "0"}, follow=True)
    assert "Rows of Main can no longer be exported." in told(page)
    assert "Off: nobody can export rows" in words(page)
    assert not ApiKey.objects.get().allows_export
    web.post(f"/keys/{key.pk}/export/", {"on": "1"})
    assert ApiKey.objects.get().allows_export
    assert list(AuditEvent.objects.order_by("at").values_list("what", flat=True)) == ["export_off", "export_on"]


def test_the_edit_form_leaves_the_switches_alone(web, key):
    ApiKey.objects.update(keeps_copies=False, allows_export=False)
    web.post(f"/keys/{key.pk}/edit/", {"label": "Main", "secret": ""})
    assert ApiKey.objects.filter(keeps_copies=False, allows_export=False).exists()
    assert field(web.get(f"/keys/{key.pk}/edit/"), "keeps_copies") is None


def test_the_team_sees_which_keys_keep_copies(client_of, bob, key):
    web = member(client_of, bob, key, Role.VIEWER)
    page = f"/teams/{key.shares.get().team_id}/"
    assert "Keeps copies of tables" in words(web.get(page))
    ApiKey.objects.update(keeps_copies=False, allows_export=False)
    assert "Keeps no copies, no exports" in words(web.get(page))


def test_deleting_a_key_says_what_goes_with_it(web, key, table):
    assert "copied table" not in words(web.get(f"/keys/{key.pk}/delete/"))
    ready(table)
    assert "1 copied table" in words(web.get(f"/keys/{key.pk}/delete/"))
