"""The form of an upload, and the queue with a file in each state."""

from datetime import timedelta

from django.utils import timezone

from datasources import keys
from datasources.claro import ApiError
from datasources.models import ApiKey, Correction, SavedView, Source, Upload
from datasources.rows import pages
from datasources.uploads import queue
from tests.browser.places import HOSTILE, World, place
from tests.conftest import synced
from tests.support.uploads import ROWS, received

State = Upload.State


@place("upload, form", "A file can have 100 MB")
def _form(world: World) -> str:
    keys.add(world.alice, HOSTILE[:100], world.account.another_key(), ApiKey.State.VALID)
    return "/sources/upload/"


@place("upload, corrected file", "Claro could not process")
def _corrected(world: World) -> str:
    source = world.source(fileName=f"{HOSTILE[:100]}.csv", status="failed", error=HOSTILE)
    return f"/sources/{source.datasource_id}/correct/"


def _corrected_by(world: World, new: Source) -> Source:
    world.account.add(fileName=HOSTILE, status="failed", error=HOSTILE)
    old = next(source for source in synced(world.key) if source != new)
    Correction.objects.create(old=old, new=new)
    return old


@place("a file that corrects another, with all that can move", "The new file lacks")
def _move(world: World) -> str:
    new = world.table()
    old = _corrected_by(world, new)
    query = "sort=a+column+that+is+gone"
    SavedView.objects.create(
        name=HOSTILE[:100], owner=world.alice, page="sources:rows", datasource_id=old.datasource_id, query=query
    )
    world.share(old, note=HOSTILE)
    pages.page(new, 1, 50, pages.Query(), world.alice.pk)  # its columns are known
    return f"/sources/{new.datasource_id}/move/"


@place("a file that was corrected", "Corrected by")
def _was_corrected(world: World) -> str:
    new = world.table()
    old = _corrected_by(world, new)
    return f"/sources/{old.datasource_id}/"


@place("reasons of failed files", "Reasons of 1 failed file")
def _reasons(world: World) -> str:
    world.source(fileName=HOSTILE, status="failed", error=HOSTILE)
    return "/sources/reasons/"


@place("upload, no key", "No key accepts uploads")
def _no_key(world: World) -> str:
    world.key.delete()
    return "/sources/upload/"


@place("uploads, none", "No uploads yet")
def _none(world: World) -> str:
    return "/uploads/"


@place("uploads, in every state", "Needs your answer.")
def _states(world: World) -> str:
    hostile = f"{HOSTILE[:100]}.csv"
    mixed = b"id,id,day\n" + b"".join(b"%d,x,27.11.2026\n" % number for number in range(12))
    names = ["asks.csv", "waits.csv", "sending.csv", "searched.csv", "failed.csv", hostile]
    uploads = [
        queue.add(world.alice, world.key, received(mixed + b"1,2,3\n" * n, name)) for n, name in enumerate(names)
    ]
    asks, waits, sending, searched, failed, _ = ((Upload.objects.filter(pk=upload.pk)) for upload in uploads)
    later = timezone.now() + timedelta(minutes=1)
    asks.update(state=State.ASKS, due_at=None, questions=["The first row looks like data."])
    waits.update(problem={"kind": "Unreachable", "user_message": "Claro can't be reached right now."}, due_at=later)
    sending.update(state=State.SENDING, may_be_at_claro=True, bytes_sent=100)
    searched.update(state=State.SENDING, may_be_at_claro=True, problem={"kind": "Unreachable"}, due_at=later)
    refused = ApiError(status=413, user_message=f"Claro answered: {HOSTILE}")
    failed.update(state=State.FAILED, problem=refused.to_dict(), due_at=None)
    done = queue.add(world.alice, world.key, received(ROWS, "done.csv"))
    Upload.objects.filter(pk=done.pk).update(state=State.DONE, due_at=None, finished_at=timezone.now())
    return "/uploads/"
