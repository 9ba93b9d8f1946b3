"""Uploading by a plain form, and the page of the queue."""

import errno
import io
from datetime import timedelta

import pytest
import time_machine
from django.core.files.storage import storages
from django.test import Client
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import keys
from datasources.models import ApiKey, KeyShare, Upload
from datasources.uploads import queue, sending
from tests.conftest import htmx, taken
from tests.support.heartbeats import all_alive
from tests.support.html import told, words
from tests.support.uploads import ROWS, received

State = Upload.State
FORM, LIST = "/sources/upload/", "/uploads/"


def files(*contents: bytes, name: str = "things.csv") -> list[io.BytesIO]:
    found = []
    for number, content in enumerate(contents):
        file = io.BytesIO(content)
        file.name = name if number == 0 else f"{number}-{name}"
        found.append(file)
    return found


def test_a_file_of_the_form_is_queued_and_sent(web, key, account):
    form = words(web.get(FORM))
    assert "100 MB" in form
    assert "1,000,000 rows, or 10,000 on the free tier" in form
    response = web.post(FORM, {"file": files(ROWS)})
    assert (response.status_code, response["Location"]) == (302, LIST)
    upload = Upload.objects.get()
    assert (upload.name, upload.state, upload.size_bytes) == ("things.csv", State.QUEUED, len(ROWS))
    assert upload.leased_until is not None  # a worker has it at once
    page = words(web.get(LIST))
    assert "things.csv" in page
    assert "Waiting" in page
    assert "CSV, UTF-8, comma" in page
    assert sending.send(str(upload.pk), taken(upload)) == "done"
    assert "Uploaded" in words(web.get(LIST))
    assert "things.csv" in words(web.get("/sources/"))


def test_of_many_files_those_that_break_a_rule_stay_out(web, key):
    web.post(FORM, {"file": files(ROWS, b"id\n1\n", ROWS * 2)})
    assert sorted(Upload.objects.values_list("name", flat=True)) == ["2-things.csv", "things.csv"]
    assert "1-things.csv: The file has 1 row below the header. Claro needs at least 10." in told(web.get(LIST))


def test_a_form_without_a_file_says_so(web, key):
    response = web.post(FORM, {})
    assert response.status_code == 422
    assert "Choose a file." in words(response)


def test_the_key_is_chosen_where_there_are_several(web, alice, key, account):
    other = keys.add(alice, "Other", account.another_key(), ApiKey.State.VALID)
    assert web.post(FORM, {"file": files(ROWS)}).status_code == 422
    assert web.post(FORM, {"file": files(ROWS), "key": "x"}).status_code == 422
    web.post(FORM, {"file": files(ROWS), "key": other.pk})
    assert Upload.objects.get().key == other


def test_questions_are_answered_in_the_queue(web, key):
    for _ in range(2):
        web.post(FORM, {"file": files(ROWS)})
    asks = Upload.objects.get(state=State.ASKS)
    assert "already in the queue as “things.csv”" in words(web.get(LIST))
    web.post(f"{LIST}{asks.pk}/confirm/")
    asks.refresh_from_db()
    assert asks.state == State.QUEUED


def test_a_failed_upload_shows_why_and_is_retried_or_cancelled(web, alice, key, account):
    upload = queue.add(alice, key, received())
    account.fault("answer", status=413, body="no", path="/upload")
    sending.send(str(upload.pk), taken(upload))
    assert "Not uploaded. Claro answered with an error (413)." in words(web.get(LIST))
    web.post(f"{LIST}{upload.pk}/retry/")
    upload.refresh_from_db()
    assert upload.state == State.QUEUED
    web.post(f"{LIST}{upload.pk}/remove/")
    assert not Upload.objects.exists()


def test_what_claro_may_have_is_not_cancelled(web, alice, key, account):
    upload = queue.add(alice, key, received())
    account.fault("lost", path="/upload")
    sending.send(str(upload.pk), taken(upload))
    page = web.get(LIST)
    assert "searches Claro's list" in words(page)
    assert f"{upload.pk}/remove/" not in page.content.decode()
    web.post(f"{LIST}{upload.pk}/remove/")
    assert Upload.objects.exists()
    assert "Too late to cancel" in told(web.get(LIST))


@pytest.mark.parametrize(
    ("seconds", "sent", "pace"),
    [
        (0, 0, ""),
        (60, 0, ""),
        (60, 6_000_000, " · 100 kB/s · about 15 min left"),
        (100, 90_000_000, "900 kB/s · a few"),
    ],
)
def test_the_queue_shows_pace_and_time_left_of_a_file_that_is_being_sent(web, alice, key, seconds, sent, pace):
    now = timezone.now()
    Upload.objects.create(
        user=alice,
        key=key,
        name="large.csv",
        size_bytes=96_000_000,
        bytes_sent=sent,
        state=State.SENDING,
        called_at=now - timedelta(seconds=seconds),
        leased_until=now + timedelta(minutes=5),
    )
    with time_machine.travel(now, tick=False):
        shown = words(web.get(LIST))
    assert ("/s" in shown) is bool(pace)
    assert pace in shown


def test_warnings_stay_in_the_queue_after_a_file_was_sent(web, alice, key):
    upload = queue.add(alice, key, received(b"id,id\n" + b"1,2\n" * 12))
    for state in (State.QUEUED, State.DONE):
        assert "Column names are repeated: “id”." in words(web.get(LIST))
        assert (state == State.DONE) or sending.send(str(upload.pk), taken(upload)) == "done"


def test_an_upload_is_its_user_s_alone(client_of, alice, bob, key):
    team = teams.create("Team", alice)
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    KeyShare.objects.create(key=key, team=team)
    upload = queue.add(alice, key, received())
    web = client_of(bob)
    assert "things.csv" not in words(web.get(LIST))
    for act in ("confirm", "retry", "remove"):
        assert web.post(f"{LIST}{upload.pk}/{act}/").status_code == 404


def test_a_viewer_may_not_upload_and_reads_whom_to_ask(client_of, alice, bob, key):
    team = teams.create("Team", alice)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    KeyShare.objects.create(key=key, team=team)
    web = client_of(bob)
    for response in (web.get(FORM), web.post(FORM, {"file": files(ROWS)})):
        assert response.status_code == 403
        assert "Ask an owner" in words(response)
    assert not Upload.objects.exists()


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_without_a_session_or_a_token_nothing_is_kept(alice, key, is_signed_in):
    web = Client(enforce_csrf_checks=True)
    if is_signed_in:
        web.force_login(alice)
    response = web.post(FORM, {"file": files(ROWS)})
    assert response.status_code == (403 if is_signed_in else 302)
    assert not Upload.objects.exists()


def test_the_plain_text_of_a_file_is_never_on_the_disk(web, key, monkeypatch, tmp_path):
    written = []

    class Spy(type(io.BytesIO())):
        def write(self, data: bytes) -> int:
            written.append(bytes(data))
            return super().write(data)

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **options: Spy())
    monkeypatch.setattr("tempfile.NamedTemporaryFile", None)
    web.post(FORM, {"file": files(b"secret text, " * 400_000, name="a.txt")})
    assert Upload.objects.get().size_bytes == 13 * 400_000
    assert written
    assert not any(b"secret text" in data for data in written)


def test_a_form_that_cannot_be_decoded_leaves_no_open_file(web, key, monkeypatch):
    opened: list[io.BytesIO] = []
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **options: opened.append(io.BytesIO()) or opened[-1])
    part = 'Content-Disposition: form-data; name="file"; filename="b"\r\nContent-Transfer-Encoding: base64'
    body = f"--x\r\n{part}\r\n\r\n!\r\n--x--\r\n"
    assert web.generic("POST", FORM, body, "multipart/form-data; boundary=x").status_code == 400
    assert [file.closed for file in opened] == [True]


def test_scripts_get_a_line_for_each_file(web, key):
    answers = [words(web.post(FORM, {"file": files(content)}, headers=htmx())) for content in (ROWS, ROWS, b"id\n1\n")]
    assert "Stored. The dashboard sends it to Claro." in answers[0]
    assert "needs your answer" in answers[1]
    assert "Not uploaded. The file has 1 row below the header." in answers[2]
    assert Upload.objects.count() == 2


def test_the_list_offers_an_upload_to_members(client_of, alice, bob, key):
    team = teams.create("Team", alice)
    member = Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    KeyShare.objects.create(key=key, team=team)
    assert FORM in client_of(bob).get("/sources/").content.decode()
    Membership.objects.filter(pk=member.pk).update(role=Role.VIEWER)
    assert FORM not in client_of(bob).get("/sources/").content.decode()


def test_the_start_of_a_large_file_is_checked_before_the_rest_is_sent(web, key):
    good = web.post(f"{FORM}check/", {"file": files(b"id,id\n" + b"1,2\n" * 50_000), "size": 9_000_000})
    assert "Column names are repeated: “id”." in words(good)
    assert "CSV, UTF-8, comma" in words(good)
    bad = web.post(f"{FORM}check/", {"file": files(b"PK\x03\x04 xl/"), "size": 9_000_000})
    assert "This is a spreadsheet." in words(bad)
    assert web.post(f"{FORM}check/", {"size": "x"}).status_code == 422
    assert not Upload.objects.exists()


def test_without_a_worker_the_queue_shows_that_it_stands_still(web, alice, key):
    queue.add(alice, key, received())
    Upload.objects.update(due_at="2026-01-01T00:00Z")
    assert "no worker is running" in words(web.get(LIST))
    all_alive()
    assert "no worker is running" not in words(web.get(LIST))


@pytest.mark.parametrize("what", ["disk", "storage"])
def test_a_file_that_cannot_be_stored_is_not_called_safe_and_the_page_works(web, key, monkeypatch, what):
    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if what == "disk":
        monkeypatch.setattr("tempfile.TemporaryFile", lambda **options: open("/dev/full", "w+b"))  # noqa: SIM115
    else:
        monkeypatch.setattr(storages["copies"], "save", full)
    web.post(FORM, {"file": files(ROWS * 20_000, name="a.txt")})
    assert "a.txt: The dashboard can't store the file now. Try again later." in told(web.get(LIST))
    assert not Upload.objects.exists()
