"""Quiet hours and digests: a clock that the test sets, ticks of beat, and mails."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import time_machine
from django.core import mail

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import notices
from datasources.models import KeyShare, Notice, Outlet, Timing
from datasources.models.notices import Topic
from datasources.notices import channels, timing
from tests.conftest import synced, taken
from tests.support.html import field, words

SLOTS = {"rhythm": "at once", "hour": "8", "quiet_from": "", "quiet_until": "", "zone": "Europe/Berlin"}


@pytest.fixture
def clock():
    with time_machine.travel(datetime(2026, 11, 27, 12, tzinfo=UTC), tick=False) as clock:
        yield clock


@pytest.fixture
def by_mail(clock, alice, settings) -> Outlet:
    settings.EMAIL_URL = "smtp://mail"
    return channels.save(alice, Outlet.Kind.MAIL)


@pytest.fixture
def at(clock, by_mail) -> Callable[[str], list[str]]:
    """Moves the clock to a time in UTC, sends what is due, and gives the bodies of the new mails."""

    def move(when: str) -> list[str]:
        clock.move_to(datetime.fromisoformat(f"{when}+00:00"))
        mail.outbox.clear()
        if lease := channels.leases.claim(Outlet, by_mail.pk):
            channels.send(str(by_mail.pk), lease)
        return [message.body for message in mail.outbox]

    return move


def fail(key, *names: str) -> None:
    notices.tell(key, Topic.FAILED, {uuid.uuid4(): name for name in names})


def save(web, **changes: str):
    return web.post("/notices/timing/", SLOTS | changes)


@pytest.mark.parametrize(
    ("quiet", "before", "within", "last_quiet", "after"),
    [
        (("22:00", "07:00"), "2026-12-01 20:50", "2026-12-01 21:30", "2026-12-02 05:59", "2026-12-02 06:00"),
        (("12:00", "13:00"), "2026-12-01 10:50", "2026-12-01 11:01", "2026-12-01 11:59", "2026-12-01 12:00"),
        # The night in which clocks go forward, and the one in which they go back.
        (("22:00", "07:00"), "2027-03-27 20:50", "2027-03-28 00:30", "2027-03-28 04:59", "2027-03-28 05:00"),
        (("22:00", "07:00"), "2026-10-24 19:50", "2026-10-25 00:30", "2026-10-25 05:59", "2026-10-25 06:00"),
    ],
)
def test_messages_of_quiet_hours_arrive_together_afterwards(
    web, alice, key, clock, at, quiet, before, within, last_quiet, after
):
    clock.move_to(datetime.fromisoformat(f"{before}+00:00"))
    Outlet.objects.update(sent_until=datetime.fromisoformat(f"{before}+00:00"))
    web.force_login(alice)
    assert save(web, quiet_from=quiet[0], quiet_until=quiet[1])["Location"] == "/notices/choices/"
    fail(key, "evening.csv")
    [body] = at(before[:-2] + "51")
    assert "evening.csv" in body
    assert at(within) == []
    fail(key, "first.csv")
    clock.shift(600)
    notices.read(alice)
    fail(key, "second.csv")
    assert at(last_quiet) == []
    assert [notice.names for notice in notices.of(alice)] == [["second.csv"], ["first.csv"], ["evening.csv"]]
    [body] = at(after)
    assert "Failed (Main): second.csv, first.csv" in body
    assert "evening.csv" not in body
    assert Outlet.objects.get().due_at is None


def test_a_message_that_waits_leaves_soon_once_the_quiet_hours_are_removed(web, key, at):
    save(web, quiet_from="12:00", quiet_until="18:00")
    fail(key, "a.csv")
    assert at("2026-11-27 12:05:00") == []
    save(web)
    assert len(at("2026-11-27 12:06:00")) == 1


def test_a_mail_that_was_cut_is_sent_again_as_the_same_mail(alice, key, by_mail, at, clock, monkeypatch):
    """The worker dies between sending and noting it. A mail server knows the second one by its Message-ID."""
    fail(key, "a.csv")
    clock.shift(60)
    lease = taken(by_mail)
    with monkeypatch.context() as patch:
        patch.setattr(channels, "_end", lambda *args: "dies")
        channels.send(str(by_mail.pk), lease)
    [first] = mail.outbox
    clock.shift(1)
    fail(key, "b.csv")
    [body] = at("2026-11-27 12:02:00")
    [again] = mail.outbox
    assert (body, again.extra_headers) == (first.body, first.extra_headers)
    assert "a.csv" in body
    [body] = at("2026-11-27 12:03:00")
    assert "a.csv" not in body
    assert "b.csv" in body
    assert mail.outbox[0].extra_headers["Message-ID"] != first.extra_headers["Message-ID"]
    assert at("2026-11-27 12:10:00") == []
    assert Notice.objects.count() == 2


def test_a_notice_written_while_a_message_is_sent_is_in_the_next(key, at, monkeypatch):
    real = channels.deliver
    fail(key, "a.csv")
    with monkeypatch.context() as patch:
        patch.setattr(channels, "deliver", lambda *args: [real(*args), fail(key, "b.csv")])
        [body] = at("2026-11-27 12:01:00")
    assert "b.csv" not in body
    [body] = at("2026-11-27 12:02:00")
    assert "Failed (Main): b.csv" in body


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("zone", {"zone": "Europe/Atlantis"}, "Enter a time zone such as Europe/Berlin or UTC."),
        ("zone", {"zone": "../etc/passwd"}, "Enter a time zone such as Europe/Berlin or UTC."),
        ("quiet_from", {"quiet_from": "25:99", "quiet_until": "07:00"}, "Enter a time such as 22:00."),
        ("quiet_until", {"quiet_from": "22:00"}, "Enter both times, or neither."),
        ("quiet_until", {"quiet_from": "22:00", "quiet_until": "22:00"}, "Enter a time that differs"),
    ],
)
def test_a_wrong_time_is_explained_and_stays(web, name, changes, sentence):
    page = save(web, **changes)
    assert page.status_code == 422
    assert sentence in words(page)
    assert field(page, name).get("value", "") == (SLOTS | changes)[name]
    assert not Timing.objects.exists()


def test_the_time_zone_of_the_browser_is_offered_and_the_chosen_one_stays(web):
    web.cookies["timezone"] = "Asia/Tokyo"
    assert field(web.get("/notices/choices/"), "zone").get("value") == "Asia/Tokyo"
    save(web, quiet_from="22:00", quiet_until="07:30")
    page = web.get("/notices/choices/")
    assert [field(page, name).get("value") for name in ("quiet_from", "quiet_until", "zone")] == [
        "22:00",
        "07:30",
        "Europe/Berlin",
    ]
    assert "Notices in the dashboard are not delayed" in words(page)


# --- Digests ---


@pytest.mark.parametrize(
    ("rhythm", "hour", "early", "due"),
    [
        ("daily", "8", "2026-11-28 06:59", "2026-11-28 07:00"),
        ("weekly", "8", "2026-11-30 06:59", "2026-11-30 07:00"),
    ],
)
def test_a_digest_is_one_mail_with_groups_counts_and_links(web, key, account, at, clock, rhythm, hour, early, due):
    account.add(fileName="things.csv", status="completed")
    [source] = synced(key)
    save(web, rhythm=rhythm, hour=hour)
    notices.choose(key.owner, key, [Topic.FAILED, Topic.PROCESSED])
    fail(key, "a.csv", "b.csv", "c.csv")
    notices.tell_of(key, Topic.PROCESSED, [source])
    clock.shift(3600)
    notices.read(key.owner)
    fail(key, "d.csv")
    assert at(early) == []
    [body] = at(due)
    assert mail.outbox[0].subject == f"Claro Dashboard: {rhythm} digest, 5 events"
    site = "http://testserver/sources/"
    assert f"Failed (Main), 4 in all: d.csv, a.csv, b.csv and 1 more\n  {site}?key={key.pk}&status=failed" in body
    assert f"Processed (Main): things.csv\n  {site}{source.datasource_id}/?key={key.pk}" in body
    assert at("2026-12-09 23:59") == []  # nothing new
    assert [web.get(line.strip()).status_code for line in body.splitlines() if line.startswith("  ")] == [200, 200]


@pytest.mark.parametrize(
    ("since", "due"),
    [
        ("2027-03-27 12:00", "2027-03-28 01:00"),  # no 2 o'clock: clocks show 3
        ("2027-03-28 12:00", "2027-03-29 00:00"),
        ("2026-10-24 12:00", "2026-10-25 00:00"),  # the first of two
        ("2026-10-25 00:30", "2026-10-26 01:00"),  # the second sends none
    ],
)
def test_the_hour_of_a_digest_follows_the_clock_on_the_wall(alice, by_mail, since, due):
    Timing.objects.create(user=alice, zone="Europe/Berlin", rhythm="daily", hour=2)
    since, due = (datetime.fromisoformat(f"{one}+00:00") for one in (since, due))
    assert timing.due_at(Outlet.objects.get(), since, since) == due


def test_a_digest_that_no_mail_server_takes_is_sent_the_next_day(web, key, at, monkeypatch):
    save(web, rhythm="daily")
    fail(key, "a.csv")
    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMessage, "send", lambda message: (_ for _ in ()).throw(OSError))
        for _ in range(channels.ATTEMPTS):
            assert at(f"{Outlet.objects.get().due_at:%F %T}") == []
    outlet = Outlet.objects.get()
    assert (outlet.due_at, outlet.problem) == (
        datetime(2026, 11, 29, 7, tzinfo=UTC),
        "The mail server refused the mail.",
    )
    [body] = at("2026-11-29 07:00")
    assert "a.csv" in body


def test_a_digest_in_quiet_hours_leaves_when_they_end(web, key, at):
    save(web, rhythm="daily", hour="8", quiet_from="22:00", quiet_until="09:30")
    fail(key, "a.csv")
    assert at("2026-11-28 08:29") == []
    assert len(at("2026-11-28 08:30")) == 1


def test_a_digest_leaves_out_keys_that_the_user_may_no_longer_see(client_of, alice, bob, key, by_mail, at):
    team = teams.create("Catalogue", alice)
    share = KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.VIEWER)
    Outlet.objects.update(user=bob)
    save(client_of(bob), rhythm="daily")
    notices.choose(bob, key, [Topic.FAILED])
    fail(key, "a.csv")
    share.delete()
    assert at("2026-11-28 07:00") == []
    assert Outlet.objects.get().due_at is None
    assert mail.outbox == []
