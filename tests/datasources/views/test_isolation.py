"""Random people, teams, keys and deeds: nobody ever sees or may do what the table of roles forbids, on any way in."""

import uuid
from itertools import product

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import teams
from accounts.models import Membership, Team, User
from accounts.roles import Action, Role, may
from core import redis
from datasources import access, keys
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ApiKey, DownloadLink, Export, KeyShare, SavedView, Source
from datasources.sources import lookups
from tests.conftest import htmx
from tests.support.copy_rows import ready

PEOPLE, TEAMS, KEYS = range(3), range(2), range(3)
people, some_team, some_key = st.sampled_from(PEOPLE), st.sampled_from(TEAMS), st.sampled_from(KEYS)
joining = st.tuples(st.just("join"), people, some_team, st.sampled_from(Role))
sharing = st.tuples(st.just("share"), some_key, some_team)
deeds = st.one_of(
    joining,
    st.tuples(st.just("leave"), people, some_team),
    sharing,
    st.tuples(st.just("unshare"), some_key, some_team),
    st.tuples(st.just("delete key"), some_key),
    st.tuples(st.just("delete team"), some_team),
)
# Most of what can go wrong needs people in teams and keys shared with them: it begins with many of both.
beginnings = st.lists(joining | sharing, min_size=10, max_size=20)


class World:
    """The real thing, and beside it what should be true of it: a role for each person in each team, shares."""

    def __init__(self) -> None:
        self.people = [User.objects.create_user(f"{uuid.uuid4().hex}@example.com") for _ in PEOPLE]
        self.teams: list[Team | None] = [teams.create(f"team {number}", self.people[0]) for number in TEAMS]
        self.keys: list[ApiKey | None] = [self._key(number) for number in KEYS]
        self.have_claro_deny_the_others()
        self.roles = {(0, team): Role.OWNER for team in TEAMS}
        self.shares: set[tuple[int, int]] = set()

    def _key(self, number: int) -> ApiKey:
        key = keys.add(self.people[number], f"key {number}", uuid.uuid4().hex, ApiKey.State.VALID)
        now = timezone.now()
        times = {"first_seen_at": now, "last_seen_at": now, "uploaded_at": now}
        datasource_id = uuid.uuid4()
        source = Source.objects.create(
            key=key, datasource_id=datasource_id, file_name=f"file-of-{number}.csv", status="completed", **times
        )
        DownloadLink.objects.create(source=source, expires_in_s=300, state="failed")
        ready(source)
        Export.objects.create(source=source, user=self.people[number], format="csv")
        log.record(What.KEY_ADDED, None, key=key, who=f"birth-of-{number}")
        return key

    def have_claro_deny_the_others(self) -> None:
        """As after a lookup (lookups.py) of each source with each key that does not see it."""
        for key, other in product(self.keys, self.keys):
            if key != other:
                name = f"claro:lookup:{key.fingerprint}:{other.sources.get().datasource_id}"
                redis.connection().set(name, lookups.NO)

    def leave_traces(self) -> None:
        """Something happens with each key, and each team saves a view of each source's rows."""
        for number, key in enumerate(self.keys):
            if key:
                log.record(What.KEY_REFUSED, None, key=key, who=f"trace-of-{number}")
                rows = {"page": SavedView.Page.ROWS, "datasource_id": key.sources.get().datasource_id}
                for place, team in enumerate(self.teams):
                    if team:
                        SavedView.objects.create(name=f"view-{place}-of-{number}", team=team, **rows)

    def do(self, deed: tuple) -> None:
        getattr(self, deed[0].replace(" ", "_"))(*deed[1:])

    def join(self, person: int, team: int, role: Role) -> None:
        if self.teams[team] and (person, team) not in self.roles:
            Membership.objects.create(team=self.teams[team], user=self.people[person], role=role)
            self.roles[person, team] = role

    def leave(self, person: int, team: int) -> None:
        if (person, team) not in self.roles:
            return
        owners = [one for (one, where), role in self.roles.items() if where == team and role == Role.OWNER]
        membership = Membership.objects.get(team=self.teams[team], user=self.people[person])
        if owners == [person]:
            with pytest.raises(teams.LastOwner):
                teams.remove(membership)
            return
        teams.remove(membership)
        del self.roles[person, team]
        self.shares.discard((person, team))  # key n is person n's

    def share(self, key: int, team: int) -> None:
        if self.keys[key] and may(self.roles.get((key, team)), Action.KEYS):
            KeyShare.objects.get_or_create(key=self.keys[key], team=self.teams[team])
            self.shares.add((key, team))

    def unshare(self, key: int, team: int) -> None:
        if (key, team) in self.shares:
            KeyShare.objects.get(key=self.keys[key], team=self.teams[team]).delete()
            self.shares.remove((key, team))

    def delete_key(self, key: int) -> None:
        if self.keys[key]:
            keys.delete(self.keys[key])
            self.keys[key] = None
            self.shares = {share for share in self.shares if share[0] != key}

    def delete_team(self, team: int) -> None:
        if self.teams[team]:
            self.teams[team].delete()
            self.teams[team] = None
            self.roles = {place: role for place, role in self.roles.items() if place[1] != team}
            self.shares = {share for share in self.shares if share[1] != team}

    def role(self, person: int, key: int) -> int | None:
        """What a person should be allowed with a key."""
        through = [self.roles.get((person, team)) for one, team in self.shares if one == key]
        return Role.OWNER if person == key else max((role for role in through if role), default=None)


# Each example is rolled back.
@pytest.mark.slow
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(beginnings, st.lists(deeds, max_size=5))
def test_nobody_sees_or_does_what_the_table_forbids(transactional_db, beginning, then):
    with transaction.atomic():
        world = World()
        for deed in (*beginning, *then):
            world.do(deed)
        world.leave_traces()
        for person in PEOPLE:
            check(world, person)
        transaction.set_rollback(True)


def check(world: World, person: int) -> None:
    web, user = Client(), world.people[person]
    web.force_login(user)
    lists = [
        web.get(path, headers=headers).content.decode()
        for path, headers in product(("/sources/", "/downloads/"), ({}, htmx()))
    ]
    logs = [web.get("/activity/").content.decode(), web.get("/activity/export/").getvalue().decode()]
    for number, key in enumerate(world.keys):
        role = world.role(person, number) if key else None
        assert [f"trace-of-{number}" in log for log in logs] == [may(role, Action.LOG)] * 2
        assert [f"birth-of-{number}" in log for log in logs] == [person == number] * 2
        for place in TEAMS:
            is_seen = role is not None and (person, place) in world.roles
            assert (f"view-{place}-of-{number}" in lists[0]) == is_seen
        assert [f"file-of-{number}.csv" in shown for shown in lists] == [role is not None] * len(lists)
        if key:
            check_key(web, world, person, key, role)
    for number, team in enumerate(world.teams):
        if team:
            shown = web.get(f"/sources/?team={team.pk}")
            is_in = (person, number) in world.roles
            assert shown.status_code == (200 if is_in else 404)
            seen = {key for key in KEYS if f"file-of-{key}.csv" in shown.content.decode()}
            assert seen == ({key for key, where in world.shares if where == number} if is_in else set())


def check_key(web: Client, world: World, person: int, key: ApiKey, role: int | None) -> None:
    user = world.people[person]
    assert {one.pk: one.role for one in access.keys_for(user)}.get(key.pk) == role
    assert (user.pk in access.people_for(key)) == (role is not None)
    source, link = key.sources.get(), DownloadLink.objects.get(source__key=key)
    expected = {
        f"/sources/{source.datasource_id}/copy/": Action.BROWSE,
        f"/sources/{source.datasource_id}/copy/?key={key.pk}&part=state": Action.BROWSE,
        f"/sources/{source.datasource_id}/delete/": Action.DELETE,
        f"/downloads/{link.pk}/": Action.BROWSE,
    }
    for path, action in expected.items():
        status = 404 if role is None else 200 if may(role, action) else 403
        assert web.get(path).status_code == status, path
    for page in ("edit", "copies"):
        assert (web.get(f"/keys/{key.pk}/{page}/").status_code == 200) == (key.owner_id == user.pk)
    with transaction.atomic():
        source.copies.all().delete()  # it has no file
        for query in ("", f"?key={key.pk}"):
            details = web.get(f"/sources/{source.datasource_id}/{query}")
            assert details.status_code == (404 if role is None else 200)
        check_exports(web, user, source, key, role)
        transaction.set_rollback(True)
    dropped = web.post(f"/sources/{source.datasource_id}/copy/", {"action": "drop"}, headers=htmx())
    assert dropped.status_code == (404 if role is None else 200 if may(role, Action.COPY) else 403)


def check_exports(web: Client, user: User, source: Source, key: ApiKey, role: int | None) -> None:
    for query in ("", f"?key={key.pk}"):
        form = web.get(f"/sources/{source.datasource_id}/rows/export/{query}")
        assert form.status_code == (404 if role is None else 200 if may(role, Action.EXPORT) else 403)
    script = web.get(f"/sources/{source.datasource_id}/rows/?format=csv")
    assert script.status_code == (404 if role is None else 409)  # without a copy
    export = Export.objects.get(source=source)
    is_theirs = export.user_id == user.pk
    assert web.get(f"/exports/{export.pk}/").status_code == (200 if is_theirs else 404)
    assert (f"/exports/{export.pk}/" in web.get("/exports/").content.decode()) == is_theirs
