"""The form of an export, its receipt in every state, and the list of receipts."""

from datetime import timedelta

from django.utils import timezone

from datasources.models import ApiKey, Export, Source
from tests.browser.places import HOSTILE, World, place
from tests.support.copies import copied

COLUMNS = ["id", "name", "price"]
ROWS = [[n, f"thing {n}", n * 1.5] for n in range(1, 121)]
QUERY = {"filter": "id > 100", "q": "thing", "sorts": [["id", "desc"], ["name", "asc"]], "column": ["name", "id"]}
ADDRESS = "?filter=id > 100&q=thing&sort=id&order=desc&column=name&column=id"


def form_of(source: Source, query: str = "") -> str:
    return f"/sources/{source.datasource_id}/rows/export/{query}"


def receipt(world: World, source: Source, **fields) -> str:
    values = {"format": "excel-csv", "options": {"separator": ";", "decimal": ","}, "query": QUERY}
    export = Export.objects.create(source=source, user=world.alice, **(values | fields))
    return f"/exports/{export.pk}/"


def written(**fields) -> dict[str, object]:
    now = timezone.now()
    values = {"version": now, "heard_at": now, "columns": ["name", "id"], "as_text": ["id"], "rows_expected": 20}
    return values | {"bytes_written": 12_345} | fields


@place("export, form", "120 rows, 3 columns")
def _form(world: World) -> str:
    source = world.table()
    copied(source, COLUMNS, ROWS)
    return form_of(source)


@place("export, form for what is shown", "20 rows, 2 columns")
def _form_shown(world: World) -> str:
    source = world.table()
    copied(source, COLUMNS, ROWS)
    return form_of(source, ADDRESS)


@place("export, form without a copy", "The whole table is copied first")
def _form_without_copy(world: World) -> str:
    return form_of(world.table(), ADDRESS)


@place("export, form of a filter for Claro", "Export the whole table instead.", 422)
def _form_for_claro(world: World) -> str:
    source = world.table()
    copied(source, COLUMNS, ROWS)
    return form_of(source, "?filter=regexp(name, 'x')")


@place("export, switched off", "The owner of this key has switched row exports off.", 403)
def _switched_off(world: World) -> str:
    source = world.table()
    ApiKey.objects.update(allows_export=False)
    return form_of(source)


@place("export, waits for the copy", "The file needs a whole-table copy.")
def _waits(world: World) -> str:
    return receipt(world, world.table())


@place("export, being written", "Being written")
def _writing(world: World) -> str:
    return receipt(world, world.table(), state="writing", **written())


@place("export, finished", "Complete.")
def _finished(world: World) -> str:
    end = {"finished_at": timezone.now(), "rows_written": 20, "sha256": "0123456789abcdef" * 4}
    return receipt(world, world.table(), state="finished", **written(**end))


@place("export, broken off", "The file is incomplete. Delete it.")
def _broken(world: World) -> str:
    reason = "You no longer have access to this file."
    return receipt(world, world.table(), state="broken", reason=reason, **written(finished_at=timezone.now()))


@place("export, refused", "Not exported")
def _refused(world: World) -> str:
    reason = "Excel holds 1,048,575 rows, and these are 2,000,000."
    return receipt(world, world.table(), state="refused", format="xlsx", reason=reason)


@place("exports, none", "No exports yet")
def _no_exports(world: World) -> str:
    return "/exports/"


@place("exports", "Broken off")
def _exports(world: World) -> str:
    source = world.table(name=HOSTILE)
    for number, state in enumerate(("waiting", "writing", "finished", "broken", "refused")):
        receipt(
            world, source, state=state, created_at=timezone.now() - timedelta(hours=number), heard_at=timezone.now()
        )
    return "/exports/"
