"""A key gets another owner who accepts it: what follows, what stays, and what refuses it."""

import json
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.http import Http404
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Role
from core import live, redis
from datasources import access, keys, notices, transfers
from datasources.activity.words import What
from datasources.copies import store
from datasources.deleting import bin
from datasources.keys import health
from datasources.mirror import webhooks
from datasources.models import ApiKey, AuditEvent, Export, KeyShare, Notice, SavedView, ShareLink, Transfer, Upload
from datasources.models.notices import Topic
from datasources.security import master_key
from datasources.sharing import shares, undo
from datasources.transfers import keys as of_keys
from datasources.uploads import queue, sending
from tests.conftest import asked_again, emptied, synced, taken
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.uploads import received

SECRET = "claro_live_abcd1234"
State = Transfer.State


def offer(key: ApiKey, to: str = "bob@example.com") -> Transfer:
    return transfers.offer_key(key, key.owner, to)


def accept(found: Transfer, by: User) -> ApiKey:
    return of_keys.accept(found, by, transfers.edition(found))


def recorded(user: User) -> list[tuple[str, str]]:
    """The events about offers that a user may read, the oldest first."""
    found = access.events_for(user).filter(what__contains="_off") | access.events_for(user).filter(
        what="key_taken_over"
    )
    return [(event.what, event.about) for event in found.distinct().order_by("pk")]


@pytest.fixture
def team(alice, key) -> Team:
    """Alice's, with her key. Bob is not in it."""
    team = teams.create("Catalogue", alice)
    KeyShare.objects.create(team=team, key=key)
    return team


def test_the_receiver_owns_the_key_and_its_secret_is_sealed_for_them(alice, bob):
    key = keys.add(alice, "Main", SECRET, ApiKey.State.VALID)
    before = key.secret
    found = offer(key)
    assert access.keys_for(alice).get().owner == alice
    accept(found, bob)
    key = ApiKey.objects.get()
    assert (key.owner, key.unseal(), key.label, key.state) == (bob, SECRET, "Main", "valid")
    assert key.secret != before
    assert not access.keys_for(alice).exists()
    assert access.get_own_key(bob, key.pk).role == Role.OWNER
    found.refresh_from_db()
    assert found.state == State.ACCEPTED
    # The master key is replaced as before.
    master_key.rotate()
    assert ApiKey.objects.get().unseal() == SECRET


def test_activity_and_notices_record_both_steps_for_both(alice, bob, key):
    accept(offer(key), bob)
    steps = [("key_offered", "bob@example.com"), ("key_taken_over", "alice@example.com")]
    assert recorded(alice) == steps
    assert recorded(bob) == steps[1:]
    assert [(one.user, one.topic, one.names) for one in Notice.objects.order_by("pk")] == [
        (bob, Topic.OFFERED, ["Main", "alice@example.com", "key"]),
        (alice, Topic.ACCEPTED, ["Main", "bob@example.com", "key"]),
    ]
    assert notices.unread(bob) == notices.unread(alice) == 1


def test_teams_and_their_rights_stay(alice, bob, key, table, team):
    carol = User.objects.create_user("carol@example.com")
    Membership.objects.create(team=team, user=carol, role=Role.MEMBER)
    accept(offer(key), bob)
    for user in (alice, bob, carol):
        assert access.sources_for(user).get() == table
    assert set(access.people_for(ApiKey.objects.get())) == {alice.pk, bob.pk, carol.pk}
    # Alice keeps what the team gives her, and the key stays when she leaves.
    assert access.keys_for(alice).get().role == Role.OWNER
    with pytest.raises(Http404):
        access.get_own_key(alice, key.pk)
    Membership.objects.create(team=team, user=bob, role=Role.OWNER)
    teams.remove(Membership.objects.get(team=team, user=alice))
    assert not access.keys_for(alice).exists()
    assert access.keys_for(carol).get() == key
    # A team loses the keys of those who leave it: this one is Bob's now.
    teams.set_role(Membership.objects.get(team=team, user=carol), Role.OWNER)
    teams.remove(Membership.objects.get(team=team, user=bob))
    assert not access.keys_for(carol).exists()


def test_share_links_stay_and_become_the_new_owner_s(alice, bob, key, table):
    share = shares.make(alice, key, [table], names_sender=True, note="For the press")
    undo.rotate(share, alice)
    token = share.unseal()
    accept(offer(key), bob)
    works = access.open_share(token)
    assert (works.made_by, works.note, shares.sender(works)) == (bob, "For the press", "")
    assert not undo.undo(works, alice)
    assert access.shares_for(bob).get().maker_may
    assert not access.shares_for(alice).exists()


def test_waiting_uploads_become_the_new_owner_s_and_are_sent(alice, bob, key, account):
    waiting = queue.add(alice, key, received())
    failed = queue.add(alice, key, received(b"id,name\n" + b"1,x\n" * 20, "failed.csv"))
    Upload.objects.filter(pk=failed.pk).update(state="failed", due_at=None)
    accept(offer(key), bob)
    assert {one.pk for one in access.uploads_for(bob)} == {waiting.pk, failed.pk}
    assert not access.uploads_for(alice).exists()
    assert sending.send(str(waiting.pk), taken(waiting)) == "done"
    assert [source.file_name for source in synced(ApiKey.objects.get())] == ["things.csv"]


def test_uploads_stay_with_a_former_owner_who_may_upload_through_a_team(alice, bob, key, team):
    waiting = queue.add(alice, key, received())
    accept(offer(key), bob)
    assert access.uploads_for(alice).get() == waiting
    assert sending.send(str(waiting.pk), taken(waiting)) == "done"


def test_the_bin_copies_the_webhook_and_views_follow_or_stay(alice, bob, key, table, account, settings):
    settings.PUBLIC_URL = "https://claro.example.com"
    copy = copied(table, COLUMNS, ROWS)
    SavedView.objects.create(name="Mine", owner=alice, page="sources:rows", datasource_id=table.datasource_id)
    receipt = Export.objects.create(source=table, user=alice, format="csv")
    hook = webhooks.switch_on(key)
    bin.put([table], alice)
    assert of_keys.gives(key).in_the_bin == 1
    key = accept(offer(key), bob)
    assert access.deletions_for(bob).get().role == Role.OWNER
    assert not access.deletions_for(alice).exists()
    assert not access.views_for(alice).exists()
    assert not access.exports_for(alice).filter(pk=receipt.pk).exists()
    assert SavedView.objects.get().owner == alice
    copy.refresh_from_db()
    assert copy.unseal()
    assert store.fetch(copy).exists()
    hook.refresh_from_db()
    assert hook.unseal()
    assert webhooks.find(hook.derived("token")) == hook
    assert emptied() == ["done"]
    assert account.calls()[-1]["method"] == "DELETE"


def test_open_pages_of_both_are_told(alice, bob, key):
    found = offer(key)
    with redis.connection().pubsub() as channel:
        channel.subscribe(live.CHANNEL)
        accept(found, bob)
        messages = iter(lambda: channel.get_message(timeout=0.3), None)
        events = [json.loads(one["data"]) for one in messages if one["type"] == "message"]
    for name in transfers.LISTS:
        assert {user for one in events if name in one["names"] for user in one["users"]} >= {alice.pk, bob.pk}, name


def test_notices_about_the_key_go_to_the_new_owner(alice, bob, key, account):
    accept(offer(key), bob)
    Notice.objects.all().delete()
    key = ApiKey.objects.get()
    account.refuse("UNAUTHORIZED", 401, times=9)
    health.note_refusal(key)
    assert asked_again(key) == "refused"
    assert [(one.user, one.topic) for one in Notice.objects.all()] == [(bob, Topic.REFUSED)]


def test_a_change_that_the_former_owner_began_before_is_refused(alice, bob, key, team):
    stale = access.get_own_key(alice, key.pk)
    accept(offer(key), bob)
    for change in (
        lambda: keys.replace_secret(stale, "claro_live_another", ApiKey.State.VALID),
        lambda: keys.change(stale, label="Mine"),
        lambda: keys.switch_copies(stale, False),
        lambda: keys.switch_export(stale, False),
        lambda: keys.share(stale, [], [team]),
        lambda: keys.delete(stale),
    ):
        with pytest.raises(Http404):
            change()
    key.refresh_from_db()
    assert (key.owner, key.label, key.keeps_copies, key.allows_export) == (bob, "Main", True, True)
    assert key.unseal()
    assert key.shares.exists()


def test_an_address_without_an_account_gets_the_same_offer_which_nobody_can_accept(alice, bob, key):
    found = offer(key, "nobody@example.com")
    assert (found.state, found.receiver) == (State.OPEN, None)
    # Signing up with the address later does not help: it may be another person.
    late = User.objects.create_user("nobody@example.com")
    assert not access.offers_to(late).exists()
    with pytest.raises(transfers.OfferEnded):
        accept(found, late)
    with pytest.raises(transfers.OfferEnded):
        accept(found, bob)
    assert not Notice.objects.exists()


def test_one_offer_at_a_time_and_a_withdrawn_one_is_over(alice, bob, key):
    first = offer(key)
    with pytest.raises(transfers.NotOffered, match="open offer already"):
        offer(key, "carol@example.com")
    assert transfers.withdraw(first, alice)
    assert not transfers.withdraw(first, alice)
    with pytest.raises(transfers.OfferEnded):
        accept(first, bob)
    assert not transfers.decline(first, bob)
    assert offer(key).is_open
    assert recorded(alice) == [
        ("key_offered", "bob@example.com"),
        ("key_offer_withdrawn", "bob@example.com"),
        ("key_offered", "bob@example.com"),
    ]


def test_a_declined_offer_leaves_the_key_where_it_is(alice, bob, key):
    found = offer(key)
    assert transfers.decline(found, bob)
    assert recorded(alice)[-1] == ("key_offer_declined", "alice@example.com")
    assert Notice.objects.get(user=alice).topic == Topic.DECLINED
    with pytest.raises(transfers.OfferEnded):
        accept(found, bob)
    assert ApiKey.objects.get().owner == alice


def test_an_offer_expires_after_seven_days_and_is_forgotten_later(alice, bob, key, still):
    found = offer(key)
    still.shift(timedelta(days=7))
    with pytest.raises(transfers.OfferEnded):
        accept(found, bob)
    # It does not wait to be tidied up.
    assert offer(key).is_open
    found.refresh_from_db()
    assert found.state == State.EXPIRED
    [event] = AuditEvent.objects.filter(what=What.KEY_OFFER_EXPIRED)
    assert (event.who, event.owner) == ("Claro Dashboard", alice)
    still.shift(timedelta(days=31))
    transfers.tidy()
    assert [one.state for one in Transfer.objects.all()] == [State.EXPIRED]
    assert not Transfer.objects.filter(pk=found.pk).exists()


@pytest.mark.parametrize("who", ["owner", "receiver"])
def test_an_account_that_is_deactivated_or_deleted_ends_the_offer(alice, bob, key, who):
    found = offer(key)
    if who == "owner":
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert not found.is_open
        alice.delete()
        assert not Transfer.objects.exists()
    else:
        bob.delete()
        assert Transfer.objects.get().receiver is None
        assert transfers.withdraw(found, alice)


def test_what_is_accepted_is_what_the_page_showed(alice, bob, key):
    found = offer(key)
    seen = transfers.edition(found)
    keys.replace_secret(key, "claro_live_another", ApiKey.State.VALID)
    with pytest.raises(transfers.CannotAccept, match="changed since"):
        of_keys.accept(found, bob, seen)
    found.key.refresh_from_db()
    assert accept(found, bob).unseal() == "claro_live_another"


def test_a_receiver_who_has_the_key_already_keeps_their_own(alice, bob, settings):
    key = keys.add(alice, "Main", SECRET, ApiKey.State.VALID)
    same = keys.add(bob, "Bob's", SECRET, ApiKey.State.VALID)
    found = offer(key)
    with pytest.raises(transfers.CannotAccept, match="as Bob's"):
        accept(found, bob)
    assert found.is_open
    keys.delete(same)
    # A name may come twice.
    keys.add(bob, "Main", "claro_live_another", ApiKey.State.VALID)
    accept(found, bob)
    assert bob.api_keys.filter(label="Main").count() == 2


@pytest.mark.parametrize("quota", ["keys", "share_links", "uploads"])
def test_a_full_receiver_accepts_nothing_and_nothing_moves(alice, bob, key, table, settings, quota):
    share = shares.make(alice, key, [table])
    queue.add(alice, key, received())
    found = offer(key)
    settings.QUOTAS = {**settings.QUOTAS, quota: 0}
    with pytest.raises(transfers.CannotAccept, match="Limit reached"):
        accept(found, bob)
    assert ApiKey.objects.get().owner == ShareLink.objects.get(pk=share.pk).made_by == alice
    assert found.is_open


def test_a_key_that_cannot_be_read_stays(alice, bob, key):
    found = offer(key)
    ApiKey.objects.update(secret="v1.00000000.AAAA")
    with pytest.raises(transfers.CannotAccept, match="can't be read"):
        accept(found, bob)
    assert found.is_open


def test_offers_are_limited_for_known_and_unknown_addresses_alike(alice, bob, key):
    for address in ("bob@example.com", "nobody@example.com"):
        for _ in range(transfers.OFFERS_A_DAY):
            transfers.withdraw(offer(key, address), alice)
        with pytest.raises(transfers.NotOffered, match="Try again tomorrow"):
            offer(key, address)


def test_accepting_and_withdrawing_at_once_has_one_winner(alice, bob, key):
    found, barrier, results = offer(key), Barrier(2), {}

    def run(name, act) -> None:
        barrier.wait()
        try:
            results[name] = bool(act())
        except transfers.OfferEnded:
            results[name] = False
        finally:
            connection.close()

    acts = {"accept": lambda: accept(found, bob), "withdraw": lambda: transfers.withdraw(found, alice)}
    threads = [Thread(target=run, args=pair) for pair in acts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results.values()) == [False, True]
    assert ApiKey.objects.get().owner == (bob if results["accept"] else alice)
    assert timezone.now() >= Transfer.objects.get().ended_at
