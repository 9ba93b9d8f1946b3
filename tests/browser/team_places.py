"""Pages about people: what a removal ends, a refused invitation, and repeats in the log."""

from accounts import teams
from accounts.models import Membership
from accounts.roles import Role
from datasources import keys
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ApiKey, KeyShare
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


@place("activity, repeats", "downloaded 3 files")
def _repeats(world: World) -> str:
    for name in ("a.csv", HOSTILE, f"{'long-' * 40}.csv"):
        log.record(What.DOWNLOADED, world.alice, source=world.source(fileName=name))
    return "/activity/?who=alice&what=downloads&since=2020-01-01"
