"""Exporting rows: the form, the file for browsers and scripts, and the receipt."""

import csv
import hashlib
import io
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources.copies.exports import receipts, streaming
from datasources.models import ApiKey, AuditEvent, Export, KeyShare
from tests.conftest import htmx
from tests.datasources.views.conftest import asked
from tests.support.copies import COLUMNS, copied
from tests.support.exports import read, sentence
from tests.support.html import dom, field, link, words

QUERY = "?filter=id > 100&sort=id&order=desc&column=name&column=id"


@pytest.fixture
def form(table) -> str:
    """The address of the form."""
    return f"/sources/{table.datasource_id}/rows/export/"


# --- From the form to the receipt ---
def test_a_receipt_has_its_filter_in_words_and_as_it_was_typed(web, form, copy):
    filter = "id >= 3 AND (name = 'thing 7' OR name IS NULL)"
    web.post(f"{form}?{urlencode({'filter': filter})}", {"format": "csv", "rows": "shown"})
    shown = words(web.get(f"/exports/{Export.objects.get().pk}/"))
    assert f"Filter: id ≥ 3 and (name is exactly thing 7 or name is null), {filter}" in shown


def test_exactly_what_is_shown_is_exported_and_the_receipt_says_so(web, table, form, copy, alice, account):
    page = web.get(form + QUERY)
    assert "20 rows, 2 columns." in words(page)
    assert "Filter id > 100 Sorted by id ↓descending 2 columns: name, id" in words(page)
    page = web.post(form + QUERY, {"format": "csv", "rows": "shown"}, follow=True)
    export = Export.objects.get()
    assert page.redirect_chain == [(f"/exports/{export.pk}/", 302)]
    path = link(page, "Download the file")
    assert path == f"/exports/{export.pk}/file/"
    response = web.get(path)
    content = response.getvalue()
    assert list(csv.reader(io.StringIO(content.decode()))) == [
        ["name", "id"],
        *([f"thing {n}", str(n)] for n in range(120, 100, -1)),
    ]
    response.close()
    page = web.get(f"/exports/{export.pk}/")
    digest = hashlib.sha256(content).hexdigest()
    for fact in (
        "Complete. 20 rows",
        "Exported by alice@example.com",
        "Source things.csv, key Main",
        "Format CSV",
        "Filter id > 100",
        "Columns 2: name, id",
        "Rows expected 20",
        "Rows written 20",
        f"Bytes written {len(content)}",
        f"SHA-256 {digest}",
    ):
        assert fact in words(page)
    assert asked(account) == []


def test_columns_that_are_left_out_are_named(web, form, copy):
    assert "All columns except name, note" in words(web.get(f"{form}?hide=name&hide=note"))
    web.post(f"{form}?hide=name&hide=note", {"format": "csv", "rows": "shown"})
    assert "All columns except name, note" in words(web.get(f"/exports/{Export.objects.get().pk}/"))


def test_the_whole_table_can_be_exported_instead(web, form, copy):
    page = web.post(form + QUERY, {"format": "csv", "rows": "all"}, follow=True)
    assert "All rows" in words(page)
    rows = read(web.get(link(page, "Download the file")))
    assert rows[:2] == [COLUMNS, ["1", "thing 1", "1.5", "note 1"]]
    assert len(rows) == 121


def test_the_page_of_rows_leads_to_the_form_with_its_address(web, path, copy):
    page = web.get(path + QUERY)
    assert link(page, "Export").endswith("/rows/export/?filter=id+%3E+100&sort=id&order=desc&column=name&column=id")


def test_a_whole_table_needs_no_choice_of_rows(web, form, copy):
    page = web.get(form)
    assert field(page, "rows") is None
    assert "120 rows, 4 columns." in words(page)


def test_the_preview_changes_with_the_format(web, form, copy):
    page = web.get(form + "?format=xlsx", headers=htmx())
    assert "<html" not in page.content.decode()
    assert "120 rows, 4 columns." in words(page)


def test_the_separator_is_that_of_the_language(web, form, copy):
    german = web.get(form, headers={"Accept-Language": "de-DE,de;q=0.9"})
    english = web.get(form, headers={"Accept-Language": "en-US"})
    chosen = [
        [one.get("value") for one in field(page, name).iter("option") if one.get("selected") is not None]
        for page in (german, english)
        for name in ("separator", "decimal")
    ]
    assert chosen == [[";"], [","], [","], ["."]]


def test_an_unknown_format_is_refused(web, form, copy):
    page = web.post(form, {"format": "exe"})
    assert page.status_code == 422
    assert not Export.objects.exists()


def test_a_column_that_is_not_there_is_said_in_the_address(web, form, copy):
    page = web.post(form + "?sort=nope", {"format": "csv", "rows": "shown"})
    assert page.status_code == 422
    assert not Export.objects.exists()


def test_a_malformed_address_exports_nothing(web, form, copy):
    page = web.post(form + "?order=sideways&sort=id", {"format": "csv"})
    assert page.status_code == 400
    assert not Export.objects.exists()


def test_a_filter_that_only_claro_reads_offers_the_whole_table(web, form, copy):
    query = "?filter=regexp(name, 'x')"
    page = web.get(form + query)
    assert page.status_code == 422
    assert "Only Claro may be able to read this filter. Export the whole table instead." in words(page)
    assert web.post(form + query, {"format": "csv", "rows": "shown"}).status_code == 422
    assert web.post(form + query, {"format": "csv", "rows": "all"}).status_code == 302
    assert Export.objects.get().query == {}


def test_names_and_filters_are_shown_as_text(web, table, form):
    copied(table, ["<img src=x>", "ev\u202eil"], [["<b>", 1]])
    page = web.post(
        form + "?column=<img src=x>&column=ev\u202eil&filter=\"<img src=x>\" = '<b>'", {"format": "csv"}, follow=True
    )
    text = page.content.decode()
    assert page.status_code == 200
    assert "<img src=x" not in text
    assert "\u202e" not in text
    read(web.get(link(page, "Download the file")))
    page = web.get(f"/exports/{Export.objects.get().pk}/").content.decode()
    assert "<img src=x" not in page
    assert "\u202e" not in page


# --- The file ---
def test_a_receipt_has_one_file(web, form, copy):
    path = link(web.post(form, {"format": "csv"}, follow=True), "Download the file")
    read(web.get(path))
    assert web.get(path).status_code == 409
    assert Export.objects.get().state == "finished"


def test_a_head_request_starts_nothing(web, form, copy):
    path = link(web.post(form, {"format": "csv"}, follow=True), "Download the file")
    head = web.head(path)
    assert head["Content-Disposition"] == 'attachment; filename="things.csv"'
    assert Export.objects.get().state == "waiting"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("things.csv", "things.xlsx"),
        ("archive.tar.gz", "archive.tar.xlsx"),
        ("no suffix", "no suffix.xlsx"),
        ("../../etc/passwd", "_.._etc_passwd.xlsx"),
        ('a"b\r\nSet-Cookie: x=1.csv', "a_b__Set-Cookie_ x=1.xlsx"),
        ("ev\u202egpj.csv", "ev�gpj.xlsx"),
        (".csv", "csv.xlsx"),
        ("...", "rows.xlsx"),
        ("x" * 300, "x" * 80 + ".xlsx"),
        ("Bücher.csv", "Bücher.xlsx"),
    ],
)
def test_the_file_has_a_safe_name(table, name, expected):
    table.file_name = name
    assert receipts.file_name(Export(source=table, format="xlsx")) == expected


def test_the_headers_of_a_file(web, path, copy):
    response = web.get(f"{path}?format=csv", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="things.csv"'
    assert (response["Content-Encoding"], response["Cache-Control"]) == ("identity", "no-store, private")
    read(response)


# --- Limits ---
@pytest.fixture
def open_files():
    """Answers whose file has begun; they are closed after the test."""
    found = []
    yield found
    for response in found:
        response.close()


def begin(web, path: str, open_files: list):
    response = web.get(path)
    open_files.append(response)
    return response


def test_a_user_exports_two_files_at_once(web, client_of, bob, path, form, table, copy, open_files):
    for _ in range(2):
        assert begin(web, f"{path}?format=csv", open_files).status_code == 200
    third = begin(web, f"{path}?format=csv", open_files)
    assert (third.status_code, third["Retry-After"]) == (429, "5")
    assert sentence(third) == "2 of your exports are being written. Try again when one of them is finished."
    page = web.post(form, {"format": "csv"}, follow=True)
    assert "Other exports are being written. The file starts automatically" in words(page)
    waiting = Export.objects.get(state="waiting")
    assert web.get(f"/exports/{waiting.pk}/file/").status_code == 429
    assert Export.objects.get(pk=waiting.pk).state == "waiting"
    read(open_files[0])
    assert "Download the file" in words(web.get(f"/exports/{waiting.pk}/"))
    assert begin(web, f"/exports/{waiting.pk}/file/", open_files).status_code == 200


def test_a_process_writes_four_files_at_once(web, path, copy, open_files, monkeypatch):
    monkeypatch.setattr(receipts, "AT_ONCE", 10)
    for _ in range(4):
        assert begin(web, f"{path}?format=csv", open_files).status_code == 200
    assert sentence(begin(web, f"{path}?format=csv", open_files)).startswith("4 exports are being written.")
    assert not streaming.has_room()
    open_files[0].close()
    assert begin(web, f"{path}?format=csv", open_files).status_code == 200


def test_what_is_refused_takes_no_place(web, path, copy, open_files, monkeypatch):
    monkeypatch.setattr(streaming, "AT_ONCE", 1)
    for _ in range(3):
        assert web.get(f"{path}?format=csv&filter=nope = 1").status_code == 422
    assert begin(web, f"{path}?format=csv", open_files).status_code == 200


def test_a_killed_process_takes_no_place_for_long(web, path, table, alice, copy):
    lost = [
        Export.objects.create(
            source=table, user=alice, format="csv", state="writing", heard_at=timezone.now() - timedelta(minutes=3)
        )
        for _ in range(2)
    ]
    read(web.get(f"{path}?format=csv"))
    page = web.get(f"/exports/{lost[0].pk}/")
    assert "Broken off" in words(page)
    assert "The server stopped while the file was being written." in words(page)
    assert {one.state for one in Export.objects.filter(pk__in=[one.pk for one in lost])} == {"broken"}
    assert AuditEvent.objects.filter(what="export_broken_off").count() == 2


# --- Who may ---
def test_the_owner_of_a_key_forbids_exports(web, path, form, copy):
    waiting = Export.objects.get(pk=web.post(form, {"format": "csv"}, follow=True).redirect_chain[0][0].split("/")[2])
    ApiKey.objects.update(allows_export=False)
    told = "The owner of this key has switched row exports off."
    page = web.get(form)
    assert (page.status_code, told in words(page)) == (403, True)
    assert web.post(form, {"format": "csv"}).status_code == 403
    assert web.get(f"/exports/{waiting.pk}/file/").status_code == 403
    response = web.get(f"{path}?format=csv")
    assert (response.status_code, sentence(response)) == (403, told)
    assert "Export" not in {words(one) for one in dom(web.get(path)).iter("a")}
    assert Export.objects.get() == waiting


def test_a_viewer_exports_and_the_owner_of_the_key_reads_who_did(client_of, bob, alice, key, table, path, copy):
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    read(client_of(bob).get(f"{path}?format=csv&filter=id > 100"))
    page = words(client_of(alice).get("/activity/"))
    assert "bob@example.com started to export rows of things.csv as CSV" in page
    assert "bob@example.com exported 20 rows of things.csv as CSV" in page


def test_another_users_receipt_does_not_exist(client_of, bob, alice, key, form, web, copy):
    path = link(web.post(form, {"format": "csv"}, follow=True), "Download the file")
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    other = client_of(bob)
    for one in (path, path.removesuffix("file/")):
        assert other.get(one).status_code == 404
    assert "things.csv" not in words(other.get("/exports/"))
    assert "things.csv" in words(web.get("/exports/"))


def test_receipts_of_a_key_that_is_not_shared_any_more_are_gone(client_of, bob, alice, key, path, copy):
    team = teams.create("Catalogue", alice)
    share = KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    web = client_of(bob)
    read(web.get(f"{path}?format=csv"))
    export = Export.objects.get()
    assert web.get(f"/exports/{export.pk}/").status_code == 200
    share.delete()
    assert web.get(f"/exports/{export.pk}/").status_code == 404
    assert web.get("/exports/").status_code == 200
    assert "things.csv" not in words(web.get("/exports/"))


# --- The list ---
def test_the_list_has_the_newest_first(web, form, copy):
    assert "No exports yet" in words(web.get("/exports/"))
    for chosen in ("csv", "tsv"):
        web.post(form, {"format": chosen})
    page = web.get("/exports/")
    names = words(dom(page).find(".//tbody"))
    assert names.index("TSV") < names.index("CSV")
    assert web.get("/exports/?page=7").status_code == 404
    assert link(web.get("/downloads/"), "Exports of rows") == "/exports/"
