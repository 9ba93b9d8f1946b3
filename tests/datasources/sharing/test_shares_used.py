"""Share links that are used: the quick way, what is counted, and how the links behind them are renewed."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import leases, redis, vault
from datasources import access, mirror, tasks
from datasources.activity.log import NOWHERE, Origin, origin
from datasources.activity.words import What
from datasources.downloads import links
from datasources.models import ApiKey, AuditEvent, DownloadLink, KeyShare, ShareLink
from datasources.sharing import shares
from tests.datasources.views.conftest import made
from tests.support.threads import at_once


@pytest.fixture
def share(alice, table) -> ShareLink:
    return shares.make(alice, table.key, [table])


@pytest.fixture
def team(alice, bob, key):
    """Alice's, in which Bob is a member, working through her key."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(key=key, team=team)
    Membership.objects.create(team=team, user=bob, role=Role.MEMBER)
    return team


def opens(share: ShareLink) -> bool:
    return access.open_share(share.unseal()) == share


def signed(account) -> int:
    return len(account.calls("/download", "POST"))


# --- The quick way ---


def test_the_quick_way_finds_what_the_other_does_in_one_query(alice, table, django_assert_num_queries):
    share = shares.make(alice, table.key, [table], most_uses=3, password="open sesame")
    assert shares.quick(share.unseal(), 1) is None
    made(shares.renew(share, 1))
    token = share.unseal()
    with django_assert_num_queries(1):
        found, url = shares.quick(token, 1)
    assert url == shares.target(share, 1)
    assert (found, found.most_uses, found.password) == (share, 3, share.password)
    assert shares.quick(token, 2) is None
    assert shares.quick("cd_other", 1) is None


def test_the_quick_way_takes_the_link_that_can_be_read_and_lives_longest(share, settings):
    made(shares.renew(share, 1))
    table = share.sources.get()
    longest = made(links.ask(table, share.made_by, 300, renew=True))
    DownloadLink.objects.filter(pk=longest.pk).update(expires_at=timezone.now() + timedelta(days=2))
    assert shares.quick(share.unseal(), 1)[1] == longest.unseal()
    DownloadLink.objects.filter(pk=longest.pk).update(url="v1.gone")
    assert shares.quick(share.unseal(), 1)[1] == shares.target(share, 1)
    settings.CLARO_SECRET_KEYS = [vault.new_key(), *settings.CLARO_SECRET_KEYS]
    assert shares.quick(share.unseal(), 1)


@pytest.mark.parametrize(
    "stop",
    [
        shares.end,
        lambda share: shares.pause(share, on=True),
        lambda share: shares.change(share, ends_at=timezone.now()),
        lambda share: shares.change(share, most_uses=1, uses=1),
        lambda share: ApiKey.objects.update(state=ApiKey.State.INVALID),
        lambda share: type(share.made_by).objects.update(is_active=False),
        lambda share: mirror.mark_gone(share.sources.get()),
        lambda share: DownloadLink.objects.update(expires_at=timezone.now() + timedelta(seconds=59)),
        lambda share: ShareLink.objects.update(fingerprint="other"),
    ],
)
def test_the_quick_way_is_closed_when_the_other_is(share, stop):
    made(shares.renew(share, 1))
    token = share.unseal()
    assert shares.quick(token, 1)
    stop(share)
    assert shares.quick(token, 1) is None


# --- Uses ---


@pytest.mark.parametrize("most_uses", [None, 5])
def test_a_download_is_counted_once(alice, table, most_uses):
    share = shares.make(alice, table.key, [table], most_uses=most_uses)
    assert shares.use(share, 1)
    share.refresh_from_db()
    assert share.uses == (1 if most_uses else 0)
    shares.write_uses()
    share.refresh_from_db()
    assert share.uses == 1
    assert share.last_used_at


def test_no_more_than_n_are_counted_however_many_come_at_once(alice, table):
    share = shares.make(alice, table.key, [table], most_uses=3)
    got = at_once(8, lambda: shares.use(share, 1))
    assert sorted(got) == [False] * 5 + [True] * 3
    share.refresh_from_db()
    assert (share.uses, opens(share), share.why_not) == (3, False, "limit reached")


def test_uses_are_written_into_the_log_with_where_they_came_from(share, table):
    before = origin.set(Origin("203.0.113.7", "curl/8"))
    with time_machine.travel("2026-11-24T12:00Z", tick=False):
        shares.use(share, 1)
    origin.reset(before)
    assert not AuditEvent.objects.exists()
    assert tasks.write_share_uses() == 1
    event = AuditEvent.objects.get()
    assert (event.what, event.actor, event.who) == (What.SHARE_USED, None, "Share link of alice@example.com")
    assert (event.address, event.agent, event.about) == ("203.0.113.7", "curl/8", "things.csv")
    assert (event.details, event.datasource_id) == ({"share": str(share.pk)}, table.datasource_id)
    assert f"{event.at:%H:%M}" == "12:00"
    assert origin.get() == NOWHERE
    assert tasks.write_share_uses() == 0


def test_a_use_of_a_link_that_is_gone_by_now_stops_nothing(share):
    shares.use(share, 1)
    share.delete()
    assert shares.write_uses() == 1
    assert not AuditEvent.objects.exists()


def test_without_redis_a_use_is_written_at_once(share, redis_server):
    redis_server.stop()
    try:
        assert shares.use(share, 1)
    finally:
        redis_server.start()
    assert AuditEvent.objects.get().what == What.SHARE_USED


# --- The links behind it ---


def test_many_who_click_at_once_cost_one_call(share, account):
    def click() -> str:
        link = shares.renew(share, 1)
        if lease := leases.claim(DownloadLink, link.pk):
            links.make(str(link.pk), lease)
        return str(link.pk)

    assert len(set(at_once(8, click))) == 1
    assert signed(account) == 1
    assert shares.target(share, 1).startswith("http")


def test_a_file_that_is_there_costs_one_query_and_no_call(share, account, django_assert_num_queries):
    made(shares.renew(share, 1))
    with django_assert_num_queries(1):
        assert shares.target(share, 1)
    assert signed(account) == 1


def test_a_link_is_asked_for_as_long_a_life_as_there_is(share):
    assert made(shares.renew(share, 1)).expires_in_s == 86_400


def test_there_is_no_file_beside_those_shared(share):
    assert shares.target(share, 2) is None
    assert shares.renew(share, 2) is None


def test_after_a_failure_nobody_s_click_asks_again_for_a_minute(share, account):
    account.refuse("ACCESS_DENIED", 403, path="/download")
    failed = made(shares.renew(share, 1))
    assert failed.state == DownloadLink.State.FAILED
    assert shares.renew(share, 1) == failed
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert shares.renew(share, 1).is_pending


@pytest.fixture
def in_use(share):
    """A share link that was used just now."""
    made(shares.renew(share, 1))
    shares.use(share, 1)
    shares.write_uses()
    return share


def ending(share: ShareLink, hours: float) -> None:
    DownloadLink.objects.filter(source__share_links=share).update(expires_at=timezone.now() + timedelta(hours=hours))


@pytest.mark.parametrize(("hours", "due"), [(3.9, True), (4.1, False), (-1, True)])
def test_a_file_in_use_is_renewed_before_its_link_ends(in_use, hours, due):
    ending(in_use, hours)
    asked = shares.renew_ahead()
    assert bool(asked) is due
    assert all(link.is_ahead and link.is_pending for link in asked)


def test_a_file_that_nobody_has_downloaded_lately_is_not_renewed(in_use):
    ending(in_use, 1)
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1), tick=False):
        assert shares.renew_ahead() == []


@pytest.mark.parametrize("stop", [shares.end, lambda share: shares.pause(share, on=True)])
def test_a_share_that_does_not_work_is_not_renewed(in_use, stop):
    ending(in_use, 1)
    stop(in_use)
    assert shares.renew_ahead() == []


def test_renewing_ahead_takes_a_call_that_nobody_else_wants(in_use, account):
    ending(in_use, 1)
    assert tasks.renew_shared() == 1
    made(DownloadLink.objects.get(is_ahead=True))
    assert signed(account) == 2
    history = redis.connection().keys("claro:budget:*:minute:*")
    lanes = {name for minute in history for name in redis.connection().hkeys(minute)}
    assert b"copy" in lanes
    assert shares.renew_ahead() == []


def test_who_needs_a_link_that_is_made_ahead_puts_it_forward(in_use):
    ending(in_use, 1)
    [ahead] = shares.renew_ahead()
    DownloadLink.objects.filter(pk=ahead.pk).update(due_at=timezone.now() + timedelta(minutes=5))
    ending(in_use, -1)
    asked = shares.renew(in_use, 1)
    asked.refresh_from_db()
    assert (asked, asked.is_ahead) == (ahead, False)
    assert asked.due_at <= timezone.now()


@pytest.mark.slow
def test_a_click_each_hour_of_a_month_costs_one_call_a_day_and_a_bit(in_use, account):
    """Time is moved by moving the ends of links: the sandbox has its own clock."""
    most = 0
    for hour in range(1, 24 * 30):
        for link in DownloadLink.objects.filter(state=DownloadLink.State.READY):
            DownloadLink.objects.filter(pk=link.pk).update(expires_at=link.expires_at - timedelta(hours=1))
        for ahead in shares.renew_ahead():
            made(ahead)
            most += 1
        assert shares.target(in_use, 1), hour
        DownloadLink.objects.filter(expires_at__lt=timezone.now()).delete()
    assert most <= 24 * 30 / 20
    assert signed(account) == most + 1
