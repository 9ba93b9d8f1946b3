"""Exports of a table that has no copy yet, and of a copy whose search is not prepared."""

import pytest

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import redis
from datasources.copies import folding, search
from datasources.models import ApiKey, Export, KeyShare, TableCopy
from tests.datasources.views.conftest import asked
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.exports import read
from tests.support.html import dom, link, words

QUERY = "?filter=id > 100&sort=id&order=desc&column=name&column=id"


@pytest.fixture
def form(table) -> str:
    """The address of the form."""
    return f"/sources/{table.datasource_id}/rows/export/"


def test_without_a_copy_the_form_states_the_cost_and_the_receipt_waits(web, table, form, account):
    ApiKey.objects.update(calls_per_minute=100)
    page = web.get(form + QUERY)
    assert "The whole table is copied first: 1 call, a few seconds; others go first." in words(page)
    assert not TableCopy.objects.exists()
    page = web.post(form + QUERY, {"format": "csv", "rows": "shown"}, follow=True)
    assert "The file starts automatically when the whole table is copied." in words(page)
    assert TableCopy.objects.get().is_under_way
    assert redis.connection().llen("background") == 1
    assert "Download the file" not in words(page)
    assert asked(account) == []
    export = Export.objects.get()
    assert web.get(f"/exports/{export.pk}/file/").status_code == 409
    TableCopy.objects.all().delete()
    copied(table, COLUMNS, ROWS)
    page = web.get(f"/exports/{export.pk}/")
    assert len(read(web.get(link(page, "Download the file")))) == 21


def test_the_receipt_updates_itself_by_events_of_the_copy_and_the_export(web, table, form):
    page = web.post(form, {"format": "csv"}, follow=True)
    export = Export.objects.get()
    trigger = dom(page).find(".//section[@id='export']").get("hx-trigger")
    assert f"export-{export.pk} from:body" in trigger
    assert f"copy-{table.pk} from:body" in trigger


def test_what_the_copy_cannot_answer_ends_the_receipt(web, table, form):
    web.post(form + "?filter=nope = 1&sort=id&sort=name&order=desc&column=name", {"format": "csv", "rows": "shown"})
    export = Export.objects.get()
    TableCopy.objects.all().delete()
    copied(table, COLUMNS, ROWS)
    assert web.get(f"/exports/{export.pk}/file/").status_code == 422
    page = web.get(f"/exports/{export.pk}/")
    assert "Not exported" in words(page)
    assert "nope" in words(page)
    again = link(page, "Export again")
    assert again.startswith(f"{form}?filter=nope+%3D+1&column=name&sort=id&sort=name&order=desc&order=asc&key=")
    assert "Sorted by id ↓descending, then by name ↑ascending 1 column: name" in words(web.get(again))


def test_a_search_that_cannot_be_prepared_ends_the_receipt(web, table, form, monkeypatch):
    def full(path):
        raise OSError("No space left on device")

    monkeypatch.setattr(search, "CELLS_MAX", 0)
    monkeypatch.setattr(search, "fold", full)
    web.post(form + "?q=thing", {"format": "csv", "rows": "shown"})
    receipt = f"/exports/{Export.objects.get().pk}/"
    TableCopy.objects.all().delete()
    copy = copied(table, COLUMNS, ROWS)
    assert "search" in words(web.get(receipt))
    assert Export.objects.get().is_waiting
    folding.fold(str(copy.pk))
    page = web.get(receipt)
    assert Export.objects.get().state == Export.State.REFUSED
    assert "The search can't be prepared. There is no room for its text." in words(page)
    assert "Download the file" not in words(page)


def test_a_large_table_is_copied_for_members_only(client_of, bob, alice, key, table, form, settings):
    settings.COPY_ROWS_AUTO = 50
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    membership = Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    web = client_of(bob)
    type(table).objects.update(extra={"rowCount": 120})
    page = web.get(form)
    assert "Ask a member of the team to copy this one." in words(page)
    assert "Copy and export" not in words(page)
    assert web.post(form, {"format": "csv"}).status_code == 403
    assert not TableCopy.objects.exists()
    Membership.objects.filter(pk=membership.pk).update(role=Role.MEMBER)
    assert web.post(form, {"format": "csv"}).status_code == 302
    assert TableCopy.objects.get().is_under_way


def test_a_key_without_copies_has_no_exports(web, form):
    ApiKey.objects.update(keeps_copies=False)
    page = web.get(form)
    assert "The owner of this key has switched whole-table copies off." in words(page)
    assert web.post(form, {"format": "csv"}).status_code == 409
    assert not Export.objects.exists()
