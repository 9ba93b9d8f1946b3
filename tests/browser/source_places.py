"""The list, a source, its rows and its downloads, in every state."""

from datetime import timedelta

from django.db.models import F

from accounts import teams
from datasources.downloads import links
from datasources.models import DownloadLink, Source
from datasources.sources import marks, tags
from tests.browser.places import HOSTILE, World, place
from tests.conftest import asked_again, synced


@place("sources", "Übersicht.pdf")
def _sources(world: World) -> str:
    kinds = ("csv", "tsv", "json", "jsonl", "pdf", "txt", "bin")
    statuses = ("completed", "failed", "processing", "queued")
    world.account.add_many(
        [{"fileName": f"file-{n}.{kinds[n % 7]}", "status": statuses[n % 4], "age": n * 5000} for n in range(30)]
    )
    world.account.add(fileName=f"{'long-' * 40}.csv")
    world.source(fileName="Übersicht.pdf")
    shown = Source.objects.get(file_name="Übersicht.pdf")
    marks.set_favourite(shown, world.alice, is_one=True)
    for name in ("Season", "long" * 12, "<b>"):
        tags.put(tags.named(name, world.alice, None), [shown], world.alice)
    return "/sources/?limit=25"


def _paced(world: World) -> dict[str, Source]:
    """Sources that process as usual, slower, without a past, and unchecked, by name."""
    world.account.add_many([{"fileName": f"done-{n}.csv", "age": 400} for n in range(5)])
    ages = {"usual-one.csv": 120, "slow-one.csv": 900, "new-one.pdf": 30, "forgotten-one.csv": 9000}
    world.account.add_many([{"fileName": name, "age": age, "status": "processing"} for name, age in ages.items()])
    synced(world.key)
    forgotten = Source.objects.filter(file_name="forgotten-one.csv")
    forgotten.update(last_seen_at=F("last_seen_at") - timedelta(hours=2))
    return {source.name: source for source in world.key.sources.all()}


@place("sources, at every pace", "slower than usual (about 3 min)")
def _sources_at_every_pace(world: World) -> str:
    _paced(world)
    return "/sources/"


@place("tags of a file", "New tag")
def _tags_of_a_file(world: World) -> str:
    source = world.source(fileName="a.csv")
    tags.put(tags.named("Season", world.alice, teams.create("Catalogue", world.alice)), [source], world.alice)
    return f"/sources/{source.datasource_id}/tags/"


@place("tags", "Season")
def _tags(world: World) -> str:
    tags.named("Season", world.alice, None)
    return "/tags/"


@place("sources, none", "No data sources yet")
def _no_sources(world: World) -> str:
    synced(world.key)
    return "/sources/"


@place("sources, no key", "Add your Claro API key to begin")
def _sources_without_key(world: World) -> str:
    world.key.delete()
    return "/sources/"


@place("sources, first sync", "Reading your data sources for the first time")
def _first_sync(world: World) -> str:
    return "/sources/"


@place("sources, nothing matches", "Nothing matches")
def _no_match(world: World) -> str:
    world.source()
    return "/sources/?q=nowhere&status=failed"


@place("sources, past the end", "There is no page 7", 404)
def _past_the_end(world: World) -> str:
    world.source()
    return "/sources/?page=7"


@place("sources, odd address", "The default is used instead", 400)
def _odd_address(world: World) -> str:
    world.source()
    return "/sources/?page=abc&limit=9999"


@place("sources, key refused", "Claro refuses the key Main")
def _key_refused(world: World) -> str:
    world.source()
    world.account.revoke()
    for _ in range(2):
        synced(world.key)
        asked_again(world.key)
    return "/sources/"


@place("sources, API down", "The dashboard retries automatically")
def _api_down(world: World) -> str:
    world.source()
    world.fail()
    synced(world.key)
    return "/sources/"


@place("details, completed", "Timeline")
def _completed(world: World) -> str:
    extra = {"rowCount": 12, "owner": {"name": "Ada", "teams": [1, 2]}, "note": None, "tags": []}
    return f"/sources/{world.source(extra=extra).datasource_id}/"


@place("details, processing", "This page updates automatically")
def _processing(world: World) -> str:
    return f"/sources/{world.source(status='processing').datasource_id}/"


@place("details, slower than usual", "Slower than usual")
def _slow(world: World) -> str:
    return f"/sources/{_paced(world)['slow-one.csv'].datasource_id}/"


@place("details, not checked", "Not checked for 2 h")
def _forgotten(world: World) -> str:
    return f"/sources/{_paced(world)['forgotten-one.csv'].datasource_id}/"


@place("details, failed", "The file has no header row")
def _failed(world: World) -> str:
    return f"/sources/{world.source(status='failed', error='The file has no header row.').datasource_id}/"


@place("details, unknown status", "paused")
def _unknown_status(world: World) -> str:
    return f"/sources/{world.source(status='paused').datasource_id}/"


@place("rows", "Rows 1 to 50 of 120")
def _rows(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/rows/"


@place("rows, sorted and filtered", "Rows 1 to 25 of 60 that match")
def _rows_filtered(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/rows/?filter=price+%3E+90&sort=price&order=desc&limit=25"


@place("chooser of columns", "Columns of things.csv")
def _chooser(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/rows/chooser/?hide=name"


@place("rows, some columns", "2 of 3 columns")
def _rows_columns(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/rows/?column=id&column=price"


@place("rows, hostile", "Rows 1 to")
def _hostile_rows(world: World) -> str:
    from sandbox.demo_files import hostile_csv

    return f"/sources/{world.table(hostile_csv().decode(), HOSTILE).datasource_id}/rows/"


@place("rows, processing", "Claro is processing this file")
def _rows_processing(world: World) -> str:
    return f"/sources/{world.source(status='processing').datasource_id}/rows/"


@place("rows, failed", "Processing failed: No header.")
def _rows_failed(world: World) -> str:
    return f"/sources/{world.source(status='failed', error='No header.').datasource_id}/rows/"


@place("rows, empty", "The table is empty")
def _rows_empty(world: World) -> str:
    return f"/sources/{world.table('id,name').datasource_id}/rows/"


@place("rows, none match", "No matching rows")
def _rows_none_match(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/rows/?filter=price+%3C+0"


@place("rows, bad filter", "This filter doesn't work", 422)
def _rows_bad_filter(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/rows/?filter=price+%3E%3E"


@place("rows, on their way", "Claro is fetching these rows", 202)
def _rows_loading(world: World) -> str:
    source = world.table()
    world.account.fault("slow", seconds=12)
    return f"/sources/{source.datasource_id}/rows/"


@place("rows, rate limit", "Continues automatically in", 429)
def _rows_rate_limit(world: World) -> str:
    source = world.table()
    world.account.fault("answer", status=429, headers={"Retry-After": "50"}, times=9)
    return f"/sources/{source.datasource_id}/rows/"


@place("rows, API down", "The rows can't be read right now", 503)
def _rows_api_down(world: World) -> str:
    source = world.table()
    world.fail()
    return f"/sources/{source.datasource_id}/rows/"


@place("downloads", "Expires in")
def _downloads(world: World) -> str:
    source = world.table()
    world.link(source, expires_at="2026-01-01T00:00Z")
    world.link(source, state=DownloadLink.State.FAILED, problem={"kind": "Unreachable"})
    world.link(source)
    links.ask(source, world.alice, 3600, renew=True)
    return "/downloads/"


@place("download, ready", "Download the file")
def _download(world: World) -> str:
    return f"/downloads/{world.link(world.table()).pk}/"


@place("download, being made", "Preparing")
def _pending_download(world: World) -> str:
    return f"/downloads/{links.ask(world.table(), world.alice, 3600).pk}/"


@place("download, ended", "This link has expired.")
def _ended_download(world: World) -> str:
    return f"/downloads/{world.link(world.table(), expires_at='2026-01-01T00:00Z').pk}/"
