"""Share links: whether they work, what they count, and how their files' links are renewed."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import access, leases, links, master_key, mirror, notices, redis, shares, tasks, vault
from datasources.audit import NOWHERE, Origin, What, origin
from datasources.models import ApiKey, AuditEvent, DownloadLink, KeyShare, SharedFile, ShareLink
from datasources.models.notices import Topic
from tests.conftest import synced
from tests.support.leaks import database_content, redis_content
from tests.support.threads import at_once
from tests.views.conftest import made


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


# --- Tokens ---


def test_a_token_has_a_readable_prefix_and_more_than_128_bits(share):
    token = share.unseal()
    assert token.startswith("cd_")
    assert len(token) >= len("cd_") + 128 / 6
    assert opens(share)


def test_a_token_is_kept_in_clear_nowhere(share, table, alice):
    shares.use(share, 1)
    shares.write_uses()
    token = share.unseal().encode()
    assert token not in database_content()
    assert token not in redis_content()


@pytest.mark.parametrize("token", ["", "cd_", "cd_x", "cd_" + "A" * 32, "é", "\x00"])
def test_another_token_opens_nothing(share, token):
    assert access.open_share(token) is None


def test_a_token_is_looked_up_in_one_query(share, django_assert_num_queries):
    token = share.unseal()
    with django_assert_num_queries(1):
        assert access.open_share(token) == share


def test_a_new_token_takes_the_place_of_the_old_one(share):
    old = share.unseal()
    shares.rotate(share)
    assert access.open_share(old) is None
    assert share.unseal() != old
    assert opens(share)


def test_a_token_survives_a_new_master_key(share, settings):
    old, new, token = settings.CLARO_SECRET_KEYS, vault.new_key(), share.unseal()
    settings.CLARO_SECRET_KEYS = [new, *old]
    assert opens(share)
    assert master_key.rotate().rotated["ShareLink"] == 1
    settings.CLARO_SECRET_KEYS = [new]
    share.refresh_from_db()
    assert (share.unseal(), opens(share)) == (token, True)


def test_a_link_whose_token_can_t_be_read_gets_a_new_one(share, settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    with pytest.raises(vault.SecretUnreadable):
        share.unseal()
    shares.rotate(share)
    assert opens(share)


# --- What makes it stop ---


def test_it_stops_at_its_end(alice, table):
    ends_at = timezone.now() + timedelta(days=30)
    share = shares.make(alice, table.key, [table], ends_at=ends_at)
    assert opens(share)
    with time_machine.travel(ends_at, tick=False):
        assert not opens(share)
        assert share.why_not == "its time is over"


def test_it_stops_while_it_is_paused_and_for_good_when_it_is_ended(share):
    shares.pause(share, on=True)
    assert (opens(share), share.why_not) == (False, "paused")
    shares.pause(share, on=False)
    assert (opens(share), share.why_not) == (True, "")
    shares.end(share)
    assert (opens(share), share.why_not) == (False, "ended")


def test_it_stops_while_claro_refuses_the_key(share):
    ApiKey.objects.filter(pk=share.key_id).update(state=ApiKey.State.INVALID)
    share.key.refresh_from_db()
    assert (opens(share), share.why_not) == (False, "Claro refuses the key")


def test_it_goes_with_its_key(share):
    token = share.unseal()
    share.key.delete()
    assert access.open_share(token) is None


def test_its_file_is_gone_when_the_source_is(share, table):
    mirror.mark_gone(table)
    assert shares.target(share, 1) is None
    assert shares.renew(share, 1) is None
    assert share.why_not == "gone at Claro"


@pytest.mark.parametrize(
    "lose",
    [
        lambda team, bob: team.memberships.get(user=bob).delete(),
        lambda team, bob: team.memberships.filter(user=bob).update(role=Role.VIEWER),
        lambda team, bob: team.key_shares.get().delete(),
        lambda team, bob: team.delete(),
        lambda team, bob: type(bob).objects.filter(pk=bob.pk).update(is_active=False),
        lambda team, bob: type(bob).objects.exclude(pk=bob.pk).update(is_active=False),
    ],
    ids=["left the team", "is a viewer now", "key not shared any more", "no team", "deactivated", "owner deactivated"],
)
def test_it_stops_when_its_maker_may_not_share_through_the_key_any_more(alice, bob, team, table, lose):
    share = shares.make(bob, table.key, [table])
    assert opens(share)
    lose(team, bob)
    assert not opens(share)
    seen = access.get_share(alice, share.pk)
    assert not seen.maker_may
    assert "may not share through this key any more" in seen.why_not


def test_who_sees_the_key_sees_its_links_and_nobody_else(alice, bob, team, share):
    assert [(one, one.role, one.maker_may) for one in access.shares_for(bob)] == [(share, Role.MEMBER, True)]
    assert list(access.shares_for(bob, access.Space(access.Space.OWN))) == []
    assert list(access.shares_for(bob, access.space(bob, str(team.pk)))) == [share]
    team.memberships.get(user=bob).delete()
    assert list(access.shares_for(bob)) == []


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
    assert (share.uses, opens(share), share.why_not) == (3, False, "used up")


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


# --- Several files ---


def test_several_files_keep_their_numbers(alice, account, key, table):
    account.upload("more.csv", "id\n1\n")
    first, second = synced(key)
    share = shares.make(alice, key, [first, second])
    assert [(file.number, file.source) for file in share.files.all()] == [(1, first), (2, second)]
    mirror.mark_gone(first)
    assert shares.renew(share, 1) is None
    assert made(shares.renew(share, 2)).source == second
    assert share.why_not == ""


# --- Changing and forgetting ---


def test_a_password_is_kept_as_a_hash(share):
    shares.change(share, password="open sesame")
    share.refresh_from_db()
    assert "sesame" not in share.password
    assert b"open sesame" not in database_content()
    shares.change(share, password="")
    assert share.password == ""


def test_whoever_made_it_or_is_an_admin_may_change_it(alice, bob, team, table):
    theirs, hers = shares.make(bob, table.key, [table]), shares.make(alice, table.key, [table])
    assert shares.may_change(access.get_share(bob, theirs.pk), bob)
    assert not shares.may_change(access.get_share(bob, hers.pk), bob)
    assert shares.may_change(access.get_share(alice, theirs.pk), alice)
    team.memberships.filter(user=bob).update(role=Role.VIEWER)
    assert not shares.may_change(access.get_share(bob, theirs.pk), bob)


def test_what_ended_long_ago_is_forgotten(share, alice, table):
    forever = shares.make(alice, table.key, [table])
    shares.end(share)
    shares.tidy()
    assert ShareLink.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(days=91), tick=False):
        shares.tidy()
    assert list(ShareLink.objects.all()) == [forever]
    assert SharedFile.objects.count() == 1


def test_open_pages_are_told_of_every_change(share):
    with redis.connection().pubsub() as channel:
        channel.subscribe("claro:live")
        shares.pause(share, on=True)
        shares.use(share, 1)
        shares.write_uses()
        redis.connection().publish("claro:live", "end")
        told = []
        for message in channel.listen():
            if message["data"] == b"end":
                break
            if message["type"] == "message":
                told += json.loads(message["data"])["names"]
    assert told == ["shares-changed", "shares-changed"]


# --- Warnings ---


def told(user) -> list[list[str]]:
    return [notice.names for notice in notices.of(user) if notice.topic == Topic.SHARES]


def test_its_owner_is_told_once_before_it_ends(alice, table):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        shares.make(alice, table.key, [table], ends_at=timezone.now() + timedelta(days=7))
        assert (shares.warn(), told(alice)) == (0, [])
        clock.shift(timedelta(days=6, seconds=1))
        assert [shares.warn(), shares.warn()] == [1, 0]
        assert told(alice) == [["things.csv"]]


def test_one_for_a_day_is_no_news_on_that_day(alice, table):
    shares.make(alice, table.key, [table], ends_at=timezone.now() + timedelta(hours=23))
    assert shares.warn() == 0


def test_its_owner_is_told_when_it_is_used_up_and_again_after_it_was_changed(alice, table):
    share = shares.make(alice, table.key, [table], most_uses=1)
    assert shares.use(share, 1)
    assert [shares.warn(), shares.warn()] == [1, 0]
    shares.change(share, most_uses=2)
    assert shares.warn() == 0
    assert shares.use(share, 1)
    assert shares.warn() == 1


def test_of_one_that_was_ended_nothing_is_told(alice, table):
    share = shares.make(alice, table.key, [table], most_uses=1)
    shares.use(share, 1)
    shares.end(share)
    assert (shares.warn(), told(alice)) == (0, [])
