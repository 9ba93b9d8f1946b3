"""Share links, from inside and from outside."""

from django.test import Client

from datasources.models import ShareLink
from datasources.sharing import shares
from tests.browser.places import HOSTILE, IN_A_WEEK, World, place
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.shares import SCRIPT, path


@place("share", "Create link")
def _share(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/share/"


@place("share link", "Copy link")
def _share_link(world: World) -> str:
    share = world.share(note=HOSTILE, most_uses=3, password="open sesame", ends_at=IN_A_WEEK)
    return f"/shares/{share.pk}/"


@place("share link, edit", "Remove the password")
def _edit_share(world: World) -> str:
    return f"/shares/{world.share(password='open sesame', ends_at=IN_A_WEEK).pk}/edit/"


@place("share link, end", "Revoke this share link?")
def _end_share(world: World) -> str:
    return f"/shares/{world.share(world.table(name=HOSTILE)).pk}/end/"


@place("shared", "Limit reached")
def _shares(world: World) -> str:
    source = world.table()
    used_up = world.share(source, most_uses=3, note="For the supplier")
    ShareLink.objects.filter(pk=used_up.pk).update(uses=3, last_used_at=used_up.created_at)
    shares.end(world.share(source))
    shares.pause(world.share(source, password="open sesame"), on=True)
    world.share(source, ends_at=IN_A_WEEK)
    return "/shares/"


@place("shared page", "Download", signed_in=False)
def _shared_page(world: World) -> str:
    return path(world.share(note="The price list of this month.", ends_at=IN_A_WEEK, names_sender=True))


@place("shared page, several files", "2 files", signed_in=False)
def _shared_files(world: World) -> str:
    source = world.table(name=HOSTILE)
    world.account.add(fileName=f"{'long-' * 30}.pdf")
    share = world.share(source, next(one for one in synced(world.key) if one != source), most_uses=2, limits_each=True)
    share.files.filter(number=1).update(uses=2)
    return path(share)


@place("shared page, password", "Enter the password", signed_in=False)
def _shared_locked(world: World) -> str:
    return path(world.share(password="open sesame"))


@place("shared page, being made", "Preparing the file", 202, signed_in=False)
def _shared_waiting(world: World) -> str:
    return path(world.share(), "?dl=1")


@place("shared page, nothing", "This link does not work", 404, signed_in=False)
def _shared_nothing(world: World) -> str:
    return "/d/cd_not-a-token/"


@place("shared page, limited", "1 download left", signed_in=False)
def _shared_limited(world: World) -> str:
    return path(world.share(most_uses=1, ends_at=IN_A_WEEK))


def _used(world: World, **settings) -> ShareLink:
    """A link from which this browser has downloaded before."""
    share = world.share(**settings)
    made(shares.renew(share, 1))
    response = Client(headers=SCRIPT).get(path(share, "?dl=1"))
    cookie = {"name": "used", "value": response.cookies["used"].value}
    world.browser.add_cookies([cookie | {"url": f"http://{world.browser.witness.host}{path(share)}"}])
    return share


@place("shared page, limit reached", "Ask alice@example.com for a new link", 410, signed_in=False)
def _shared_used_up(world: World) -> str:
    return path(_used(world, most_uses=1, names_sender=True))


@place("shared page, stopped", "This link no longer works", 404, signed_in=False)
def _shared_stopped(world: World) -> str:
    share = _used(world)
    shares.end(share)
    return path(share)
