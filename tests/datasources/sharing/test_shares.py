"""Share links: whether they work, and who is told of them."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from core import redis, vault
from datasources import access, mirror, notices
from datasources.models import ApiKey, KeyShare, SharedFile, ShareLink
from datasources.models.notices import Topic
from datasources.security import master_key
from datasources.sharing import shares
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.leaks import database_content, redis_content


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
        assert share.why_not == "expired"


def test_it_stops_while_it_is_paused_and_for_good_when_it_is_ended(share):
    shares.pause(share, on=True)
    assert (opens(share), share.why_not) == (False, "paused")
    shares.pause(share, on=False)
    assert (opens(share), share.why_not) == (True, "")
    shares.end(share)
    assert (opens(share), share.why_not) == (False, "revoked")


def test_it_stops_while_claro_refuses_the_key(share):
    ApiKey.objects.filter(pk=share.key_id).update(state=ApiKey.State.INVALID)
    share.key.refresh_from_db()
    assert share not in access.shares_that_work()
    assert (opens(share), share.why_not) == (True, "Claro refuses the key")  # the page says: for the moment


def test_it_goes_with_its_key(share):
    token = share.unseal()
    share.key.delete()
    assert access.open_share(token) is None


def test_its_file_is_gone_when_the_source_is(share, table):
    mirror.mark_gone(table)
    assert shares.target(share, 1) is None
    assert shares.renew(share, 1) is None
    assert share.why_not == "deleted at Claro"


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
    assert "can no longer share this key" in seen.why_not


def test_who_sees_the_key_sees_its_links_and_nobody_else(alice, bob, team, share):
    assert [(one, one.role, one.maker_may) for one in access.shares_for(bob)] == [(share, Role.MEMBER, True)]
    assert list(access.shares_for(bob, access.Space(access.Space.OWN))) == []
    assert list(access.shares_for(bob, access.space(bob, str(team.pk)))) == [share]
    team.memberships.get(user=bob).delete()
    assert list(access.shares_for(bob)) == []


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
