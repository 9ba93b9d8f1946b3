"""Pages about people: what a removal ends, offers, a refused invitation, and repeats in the log."""

from accounts import teams
from accounts.models import Membership, User
from accounts.roles import Role
from datasources import keys, transfers
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ApiKey, KeyShare, Transfer
from tests.browser.places import HOSTILE, World, place


@place("team, own key", "Share one of your keys")
def _own_key(world: World) -> str:
    keys.add(world.alice, HOSTILE[:100], world.account.another_key(), ApiKey.State.VALID)
    return f"/teams/{world.team().pk}/"


@place("team, remove", "Ends immediately")
def _remove(world: World) -> str:
    team = world.team()
    world.share()
    KeyShare.objects.update_or_create(
        team=team, key=keys.add(world.alice, HOSTILE[:100], world.account.another_key(), ApiKey.State.VALID)
    )
    return f"/teams/{team.pk}/people/{team.memberships.exclude(user=world.alice).get().pk}/remove/"


@place("team, removed", "removed you on", 404)
def _removed(world: World) -> str:
    team = world.team()
    other = team.memberships.exclude(user=world.alice).get()
    Membership.objects.filter(pk=other.pk).update(role=Role.OWNER)
    teams.remove(team.memberships.get(user=world.alice), other.user)
    return f"/teams/{team.pk}/"


@place("key, transfer", "Ends for you")
def _transfer_key(world: World) -> str:
    world.share()
    world.team()
    return f"/keys/{world.key.pk}/transfer/"


@place("key, offered", "Withdraw the offer")
def _offered_key(world: World) -> str:
    transfers.offer_key(world.key, world.alice, f"{'long.' * 10}name@example.com")
    return f"/keys/{world.key.pk}/transfer/"


@place("keys, offered", "Accept or decline")
def _keys_offered(world: World) -> str:
    transfers.offer_key(world.key, world.alice, "bob@example.com")
    _offer(world)
    return "/keys/"


@place("team, transfer", "Offer the team")
def _transfer_team(world: World) -> str:
    return f"/teams/{world.team().pk}/transfer/"


@place("offer of a key", "You should know")
def _answer_key(world: World) -> str:
    return f"/transfers/{_offer(world).pk}/"


@place("offer of a team", "becomes an admin")
def _answer_team(world: World) -> str:
    team = world.team()
    other = team.memberships.exclude(user=world.alice).get()
    Membership.objects.filter(pk=other.pk).update(role=Role.OWNER)
    teams.set_role(team.memberships.get(user=world.alice), Role.VIEWER)
    return f"/transfers/{transfers.offer_team(team, other.user, world.alice).pk}/"


@place("offer, withdrawn", "Offer no longer valid", 410)
def _withdrawn(world: World) -> str:
    offer = _offer(world)
    transfers.withdraw(offer, offer.offered_by)
    return f"/transfers/{offer.pk}/"


def _offer(world: World) -> Transfer:
    """Of another person to Alice."""
    carol = User.objects.create_user("carol@example.com")
    key = keys.add(carol, HOSTILE[:100], world.account.another_key(), ApiKey.State.VALID)
    return transfers.offer_key(key, carol, world.alice.email)


@place("activity, repeats", "downloaded 3 files")
def _repeats(world: World) -> str:
    for name in ("a.csv", HOSTILE, f"{'long-' * 40}.csv"):
        log.record(What.DOWNLOADED, world.alice, source=world.source(fileName=name))
    return "/activity/?who=alice&what=downloads&since=2020-01-01"
