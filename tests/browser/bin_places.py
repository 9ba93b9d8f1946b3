"""The pages of deleting: what depends on a source, the bin, several at once."""

from accounts.models import User
from datasources.deleting import bin, viewers
from datasources.models import Deletion
from tests.browser.places import HOSTILE, World, place
from tests.conftest import synced


@place("bin, empty", "The bin is empty")
def _empty_bin(world: World) -> str:
    return "/bin/"


@place("delete, somebody depends on it", "bob@example.com opened it")
def _delete_missed(world: World) -> str:
    source = world.table()
    viewers.note(source, User.objects.create_user("bob@example.com"))
    world.link(source)
    return f"/sources/{source.datasource_id}/delete/"


@place("bin", "Not deleted.")
def _bin(world: World) -> str:
    world.account.add_many([{"fileName": name} for name in (HOSTILE, "b.csv", "c.csv", "d.csv")])
    for source in synced(world.key):
        bin.put([source], world.alice)
    first, second, *_ = Deletion.objects.all()
    Deletion.objects.filter(pk=first.pk).update(state="failed", due_at=None, problem={"kind": "AccessDenied"})
    Deletion.objects.filter(pk=second.pk).update(state="asked", problem={"kind": "Unreachable"})
    return "/bin/"
