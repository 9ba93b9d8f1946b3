"""Several files downloaded together: the cost, and a list with a file in each state."""

from datetime import timedelta

from django.utils import timezone

from datasources.claro import AccessDenied, RateLimited
from datasources.downloads import batches
from datasources.models import BatchFile, DownloadBatch, DownloadLink, Source
from tests.browser.places import HOSTILE, World, place
from tests.conftest import synced

State = DownloadLink.State
STATES = ("ready", "started", "waiting", "failed", "expired", "processing", "gone", HOSTILE)


def _batch(world: World) -> DownloadBatch:
    world.account.add_many([{"fileName": name, "age": place} for place, name in enumerate(STATES)])
    return batches.create(world.alice, synced(world.key))


@place("batch, cost", "Each costs one call to Claro")
def _cost(world: World) -> str:
    return f"/downloads/batches/{_batch(world).pk}/"


@place("shared page, all files", "Preparing", signed_in=False)
def _shared(world: World) -> str:
    world.account.add_many([{"fileName": name} for name in STATES])
    return f"/d/{world.share(*synced(world.key)).unseal()}/?all"


@place("batch, in every state", "Can no longer be opened")
def _states(world: World) -> str:
    batch = _batch(world)
    batches.begin(batch)
    now = timezone.now()
    soon = now + timedelta(minutes=1)
    links, sources = (
        {name: model.objects.filter(**{field: name}) for name in STATES}
        for model, field in ((DownloadLink, "source__file_name"), (Source, "file_name"))
    )
    links["waiting"].update(due_at=soon, problem=RateLimited(retry_at=soon).to_dict())
    links["failed"].update(state=State.FAILED, due_at=None, problem=AccessDenied().to_dict())
    for name in ("ready", "started", "gone", HOSTILE):
        links[name].update(state=State.READY, due_at=None, expires_at=now + timedelta(hours=1))
    links["expired"].update(state=State.READY, due_at=None, expires_at=now)
    links["processing"].delete()
    sources["processing"].update(status="processing")
    sources["gone"].update(gone_at=now)
    BatchFile.objects.filter(name__in=("started", "expired")).update(started_at=now)
    return f"/downloads/batches/{batch.pk}/"
