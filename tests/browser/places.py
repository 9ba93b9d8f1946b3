"""Every page in every state that it has, for the tests that hold for all of them.

A place is a function that arranges the state and gives the address. `shows` are words that stand there, so that no
test looks at another page than it means; `status` is that of the answer.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Role
from datasources import notices
from datasources.activity import log
from datasources.activity.words import What
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, KeyShare, Outlet, SavedView, ShareLink, Source, Sync
from datasources.models.notices import Topic
from datasources.notices import channels
from datasources.sharing import shares
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.sandbox import HTML_502, Account

IN_A_WEEK = timezone.now() + timedelta(days=7)
HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>\u202efdp.csv"


@contextlib.contextmanager
def at_home() -> Iterator[None]:
    """As if asked for from a browser with an address."""
    token = log.origin.set(log.Origin("2001:db8::7", "Mozilla/5.0 (iPhone) Safari/600"))
    yield
    log.origin.reset(token)


@dataclass
class World:
    """Alice, her account at Claro, the key to it, and the browser that looks."""

    alice: User
    account: Account
    key: ApiKey
    browser: BrowserContext

    def source(self, **what) -> Source:
        """The only source of the account, as the list knows it."""
        self.account.add(**what)
        return synced(self.key)[0]

    def table(self, content: str = "", name: str = "things.csv") -> Source:
        lines = "\n".join(f"{number},thing {number},{number * 1.5}" for number in range(1, 121))
        self.account.upload(name, content or f"id,name,price\n{lines}\n")
        return synced(self.key)[0]

    def link(self, source: Source, **changes) -> DownloadLink:
        link = made(links.ask(source, self.alice, 3600, renew=True))
        DownloadLink.objects.filter(pk=link.pk).update(**changes or {"attempts": 0})
        return link

    def team(self) -> Team:
        """Alice's, with her key and somebody else in it."""
        team = teams.create("Catalogue & prices", self.alice)
        KeyShare.objects.create(key=self.key, team=team)
        somebody = User.objects.create_user("bob.with.a.long.name@catalogue.example.com", name=HOSTILE[:100])
        Membership.objects.create(team=team, user=somebody, role=Role.VIEWER)
        return team

    def share(self, *sources: Source, **settings) -> ShareLink:
        files = sources or (self.table(),)
        return shares.make(self.alice, self.key, files, **settings)

    def fail(self) -> None:
        """From now on there is a gateway's error page for every call."""
        self.account.fault("answer", times=1000, status=502, body=HTML_502)


@dataclass(frozen=True)
class Place:
    name: str
    shows: str
    arrange: Callable[[World], str]
    status: int
    signed_in: bool

    def open(self, world: World) -> Page:
        page = world.browser.new_page()
        page.context.witness.expects(*([self.status] if self.status >= 400 else []))
        response = page.goto(self.arrange(world))
        assert response.status == self.status
        return page


PLACES: list[Place] = []


def place(name: str, shows: str, status: int = 200, *, signed_in: bool = True):
    def remember(arrange: Callable[[World], str]) -> Callable[[World], str]:
        PLACES.append(Place(name, shows, arrange, status, signed_in))
        return arrange

    return remember


# Large pages, and those that wait for an API that does not answer.
SLOW = ("sources", "activity", "rows, on their way", "rows, API down", "sources, API down")


def each(*, where: Callable[[Place], bool] = lambda place: True) -> pytest.MarkDecorator:
    """A test for every place."""
    places = [
        pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.name in SLOW else [])
        for one in PLACES
        if where(one)
    ]
    return pytest.mark.parametrize("place", places)


for _name, _path, _shows, _signed_in in [
    ("sign in", "/accounts/login/", "Sign in", False),
    ("sign up", "/accounts/signup/", "Sign up", False),
    ("reset the password", "/accounts/password/reset/", "Reset your password", False),
    ("change the password", "/accounts/password/change/", "Change password", True),
    ("e-mail", "/accounts/email/", "alice@example.com", True),
    ("shortcuts", "/shortcuts/", "Copy the link", True),
    ("palette, none", "/palette/?q=zzz", "No matches", True),
    ("key, add", "/keys/add/", "Check and add", True),
    ("downloads, none", "/downloads/", "No download links yet", True),
    ("shared, none", "/shares/", "No share links yet", True),
]:
    place(_name, _shows, signed_in=_signed_in)(lambda world, path=_path: path)


@place("keys", "Valid")
def _keys(world: World) -> str:
    world.source()
    return "/keys/"


@place("keys, none", "No API key yet")
def _no_keys(world: World) -> str:
    world.key.delete()
    return "/keys/"


@place("keys, refused and unreadable", "can't be read")
def _broken_keys(world: World) -> str:
    ApiKey.objects.filter(pk=world.key.pk).update(secret="1.not-to-be-opened", state=ApiKey.State.INVALID)
    return "/keys/"


@place("key, edit", "Leave empty to keep")
def _edit_key(world: World) -> str:
    return f"/keys/{world.key.pk}/edit/"


@place("key, delete", "Nothing is deleted at Claro")
def _delete_key(world: World) -> str:
    return f"/keys/{world.key.pk}/delete/"


@place("activity, none", "No activity yet")
def _no_activity(world: World) -> str:
    return "/activity/"


# A page of Activity shows 50.
EVENTS = 40


def _record(world: World, kinds: Sequence[What]) -> None:
    with at_home():
        for what in kinds:
            log.record(
                what, world.alice, key=world.key, about="things.csv", team="T", before="b", role="r", outcome="o"
            )


@place("activity", "failed to sign in")
def _activity(world: World) -> str:
    _record(world, list(What)[:EVENTS])
    log.record(What.DOWNLOADED, world.alice, source=world.source(fileName=HOSTILE))
    log.record(What.DOWNLOADED, world.alice, source=world.source(fileName=f"{'long-' * 40}.csv"))
    return "/activity/"


@place("activity, other events", "things.csv")
def _activity_of_others(world: World) -> str:
    _record(world, list(What)[EVENTS:])
    return "/activity/"


@place("activity, narrowed", "No matching activity")
def _activity_narrowed(world: World) -> str:
    return f"/activity/?q=nowhere&what=teams&who=bob&since=2026-01-01&until=2026-02-01&key={world.key.pk}"


@place("activity, odd address", "The default is used instead", 400)
def _odd_activity(world: World) -> str:
    return "/activity/?what=nonsense&since=tomorrow"


def saved(world: World) -> Team:
    """A team with a view of its own, beside one of Alice's."""
    team = teams.create("Catalogue", world.alice)
    KeyShare.objects.create(key=world.key, team=team)
    SavedView.objects.create(name="What has failed", owner=world.alice, page="sources:list", query="status=failed")
    SavedView.objects.create(name=f"{HOSTILE} {'long-' * 10}", team=team, page="sources:list", query="q=x")
    return team


@place("views", "only for you")
def _views(world: World) -> str:
    saved(world)
    return "/views/"


@place("views, none", "No saved views yet")
def _no_views(world: World) -> str:
    return "/views/"


@place("view, save", "Saved views appear in the sidebar")
def _save_view(world: World) -> str:
    saved(world)
    return f"/views/add/?path=/sources/{world.table().datasource_id}/rows/&query=sort%3Dprice"


@place("view, rename", "Rename")
def _rename_view(world: World) -> str:
    saved(world)
    return f"/views/{SavedView.objects.get(team=None).pk}/rename/"


@place("view, update", "the page that you opened")
def _update_view(world: World) -> str:
    saved(world)
    return f"/views/{SavedView.objects.get(team=None).pk}/update/?path=/sources/&query=sort%3Dname"


@place("view, move", "Visible to")
def _move_view(world: World) -> str:
    saved(world)
    return f"/views/{SavedView.objects.get(team=None).pk}/move/"


@place("view, use for another file", "Missing: price")
def _use_view(world: World) -> str:
    rows = {"page": "sources:rows", "datasource_id": world.table().datasource_id}
    view = SavedView.objects.create(name=HOSTILE[:100], owner=world.alice, query="column=name&column=price", **rows)
    world.source(fileName=HOSTILE, extra={"columns": [{"name": "name", "type": "text"}]})
    return f"/views/{view.pk}/use/"


@place("view, shown", "What has failed")
def _view_shown(world: World) -> str:
    saved(world)
    world.source(status="failed")
    return "/sources/?status=failed"


@place("palette", "What has failed")
def _palette(world: World) -> str:
    saved(world)
    world.table(name=HOSTILE)
    return "/palette/"


@place("download, nobody makes it", "no worker is running")
def _stranded_download(world: World) -> str:
    link = links.ask(world.table(), world.alice, 3600)
    DownloadLink.objects.update(due_at="2026-01-01T00:00Z")
    return f"/downloads/{link.pk}/"


@place("sources, nobody checks", "Status checks are paused")
def _nobody_checks(world: World) -> str:
    world.source()
    Sync.objects.update(due_at="2026-01-01T00:00Z")
    return "/sources/"


@place("operations", "No worker is running")
def _operations(world: World) -> str:
    User.objects.update(is_staff=True)
    return "/operations/"


@place("delete", "Type the file name to confirm")
def _delete(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/delete/"


@place("teams, none", "New team")
def _no_teams(world: World) -> str:
    return "/teams/"


@place("team", "carol@example.com")
def _team(world: World) -> str:
    team = world.team()
    teams.invite(team, world.alice, Role.MEMBER, timezone.now() + timedelta(days=7), "carol@example.com")
    teams.invite(team, world.alice, Role.VIEWER, timezone.now() + timedelta(days=1), is_single_use=False)
    return f"/teams/{team.pk}/"


@place("team, delete", "access to")
def _delete_team(world: World) -> str:
    return f"/teams/{world.team().pk}/delete/"


@place("team, its sources", "things.csv")
def _team_sources(world: World) -> str:
    world.table()
    return f"/sources/?team={world.team().pk}"


@place("team, no key", "No key is shared with")
def _team_without_key(world: World) -> str:
    team = world.team()
    team.key_shares.all().delete()
    return f"/sources/?team={team.pk}"


@place("key, share", "Shared with teams")
def _share_key(world: World) -> str:
    world.team()
    return f"/keys/{world.key.pk}/share/"


@place("invitation", "Create an account", signed_in=False)
def _invitation(world: World) -> str:
    invitation = teams.invite(world.team(), world.alice, Role.MEMBER, timezone.now() + timedelta(days=7))
    return f"/invitations/{teams.token(invitation)}/"


@place("notices", "and 9 more")
def _notices(world: World) -> str:
    source = world.source(status="failed")
    notices.tell_of(world.key, Topic.FAILED, [source])
    notices.tell(world.key, Topic.REFUSED, {world.key.pk: "Main"})
    notices.tell(world.key, Topic.SHARES, {uuid.uuid4(): f"{number}.csv" for number in range(12)})
    return "/notices/"


@place("notices, none", "You're all caught up")
def _no_notices(world: World) -> str:
    return "/notices/"


@place("notices, choices", "Notification settings")
def _notice_choices(world: World) -> str:
    channels.save(world.alice, Outlet.Kind.SLACK, "https://hooks.example.com/services/x")
    Outlet.objects.update(problem="hooks.example.com answered 404.")
    return "/notices/choices/"


@place("nothing there", "Page not found", 404)
def _not_found(world: World) -> str:
    return f"/sources/{uuid.uuid4()}/"


from tests.browser import (  # noqa: E402, F401 - each adds its own
    account_places,
    batch_places,
    bin_places,
    compare_places,
    copy_places,
    export_places,
    plot_places,
    rows_of_copies_places,
    share_places,
    source_places,
    team_places,
    upload_places,
)
