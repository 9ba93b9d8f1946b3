"""The page of a whole-table copy in every state, and the switches of its key's owner."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from datasources.models import ApiKey, Source
from tests.browser.places import World, place
from tests.support.copy_rows import State, ended, processed_again, ready, under_way


def page_of(source: Source) -> str:
    return f"/sources/{source.datasource_id}/copy/"


@place("copy, none", "Live from Claro, 1,000 rows at a time")
def _no_copy(world: World) -> str:
    return page_of(world.table())


@place("copy, under way", "Copying: 12,000 of 100,000 rows")
def _under_way(world: World) -> str:
    source = world.table()
    under_way(source, rows_read=12_000, rows_total=100_000, problem={"kind": "Unreachable"})
    return page_of(source)


@place("copy, nobody makes it", "no worker is running")
def _stranded(world: World) -> str:
    source = world.table()
    under_way(source, due_at=timezone.now() - timedelta(hours=1))
    return page_of(source)


@place("copy, ready", "Whole table · copied")
def _ready(world: World) -> str:
    source = world.table()
    ready(source, version="2026-01-01T00:00Z", finished_at="2026-01-01T00:00Z")
    ready(source, asked_by=world.alice, is_automatic=True)
    return page_of(source)


@place("copy, old and stopped", "Copying stopped at 3,000 of 9,000 rows")
def _old(world: World) -> str:
    source = world.table()
    ready(source)
    processed_again(source)
    ended(source, rows_read=3000, rows_total=9000)
    return page_of(source)


@place("copy, failed", "Copying failed")
def _failed(world: World) -> str:
    source = world.table()
    ended(source, State.FAILED, problem={"kind": "DatasourceNotFound"})
    return page_of(source)


@place("copy, switched off", "has switched whole-table copies off")
def _switched_off(world: World) -> str:
    source = world.table()
    ApiKey.objects.update(keeps_copies=False, allows_export=False)
    return page_of(source)


@place("copy, too large for a viewer", "Viewers can copy tables of up to 50,000 rows")
def _too_large(world: World) -> str:
    source = world.table()
    Source.objects.update(extra={"rowCount": 1_000_000}, details={})
    team = world.team()
    team.memberships.filter(user=world.alice).update(role=Role.VIEWER)
    ApiKey.objects.update(owner=User.objects.exclude(pk=world.alice.pk).get())
    return page_of(source)


@place("details, copying", "Copying: 12,000 of 100,000 rows")
def _details_copying(world: World) -> str:
    source = world.table()
    under_way(source, rows_read=12_000, rows_total=100_000)
    return f"/sources/{source.datasource_id}/"


@place("keys, copies and exports off", "Off: nobody can export rows")
def _keys_off(world: World) -> str:
    ApiKey.objects.update(keeps_copies=False, allows_export=False)
    return "/keys/"


@place("key, switch off copies", "Switch off copies of Main?")
def _switch_off(world: World) -> str:
    return f"/keys/{world.key.pk}/copies/"
