"""A compiled query answers as the ORM does, and is written once."""

import gc
import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import django
import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import BigAutoField, F, Model, Value
from django.db.models.query import ModelIterable
from django.utils import timezone

from accounts import teams
from accounts.models import Membership, User
from accounts.roles import Role
from core.queries import Prepared, Slot
from datasources import access, keys, notices
from datasources.access import EVERYTHING, Space
from datasources.deleting import bin
from datasources.models import ApiKey, ColumnChoice, Newest, SavedView, ShareLink, Source
from datasources.models.notices import Topic
from datasources.sharing import shares
from datasources.sources import marks, tags
from tests.conftest import synced
from tests.datasources.views.conftest import made
from tests.support.copy_rows import ready
from tests.support.workers import ROOT

# Of these the parts of the ORM that a prepared query takes out of it were read and compared.
KNOWN_DJANGO = [(5, 2)]


@pytest.fixture
def mine(alice, account, bob):
    """Alice's own key, and one of Bob's that is shared with a team of theirs."""
    own = keys.add(alice, "Mine", account.key, ApiKey.State.VALID)
    shared = keys.add(bob, "Shared", account.another_key(), ApiKey.State.VALID)
    team = teams.create("Both", by=bob)
    Membership.objects.create(team=team, user=alice, role=Role.VIEWER)
    keys.share(shared, [team])
    return own, shared, team


def prepared_by(count: list):
    def query():
        count.append(1)
        return access.keys_for(Slot("reader", BigAutoField())).annotate(label_again=F("label"))

    return Prepared(query)


def test_its_objects_are_those_of_the_orm_with_all_that_hangs_on_them(alice, mine, django_assert_num_queries):
    with django_assert_num_queries(1):
        ours = prepared_by([]).objects(reader=alice.pk)
        assert [(one.owner.email, one.label_again) for one in ours]
    theirs = list(access.keys_for(alice).annotate(label_again=F("label")))
    assert ours == theirs
    assert [vars(one).keys() - {"_state"} for one in ours] == [vars(one).keys() - {"_state"} for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert all(getattr(one, name) == value for name, value in vars(other).items() if name != "_state")


def test_its_rows_hold_what_the_orm_makes_of_them(alice, mine):
    rows = Prepared(lambda: access.keys_for(access.READER).values_list("pk", "created_at", "role", "problem"))
    assert rows.rows(reader=alice.pk) == list(access.keys_for(alice).values_list("pk", "created_at", "role", "problem"))


def test_each_asks_for_themselves_and_the_query_is_written_once(alice, bob, mine):
    count: list = []
    query = prepared_by(count)
    assert {key.label for key in query.objects(reader=alice.pk)} == {key.label for key in access.keys_for(alice)}
    assert [key.label for key in query.objects(reader=bob.pk)] == ["Shared"]
    assert query.objects(reader=0) == []
    assert count == [1]


def test_the_keys_of_each_space_are_those_that_one_may_use(alice, mine, django_assert_num_queries):
    *_, team = mine
    for space in (EVERYTHING, Space(Space.OWN), access.space(alice, str(team.pk))):
        with django_assert_num_queries(1):
            listed = access.list_keys(alice, space)
            assert all(key.sync.key_id == key.watch.key_id == key.pk for key in listed)
        assert listed == list(access.keys_for(alice, space))
        assert listed


def test_many_at_once_who_are_the_first_to_ask(alice, mine):
    query = prepared_by([])

    def ask(_) -> int:
        try:
            return len(query.objects(reader=alice.pk))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(32))) == {2}


# --- Every query of the product, beside the ORM's own answer ---


def is_django_known() -> None:
    if django.VERSION[:2] in KNOWN_DJANGO:
        return
    pytest.fail(
        f"Django {django.get_version()} is new here. Prepared queries take SQL, columns, converters and related "
        "objects out of the ORM by names that Django does not document: SQLCompiler.select, klass_info, "
        "annotation_col_map, get_converters, get_related_populators, and Subquery.as_sql; objects are made as by "
        "Model.from_db. Read ModelIterable in django/db/models/query.py and from_db in django/db/models/base.py of "
        "this version for changes, add the version to KNOWN_DJANGO, and run this file on SQLite and on PostgreSQL."
    )


def test_a_django_that_nobody_has_looked_at_fails_in_words(monkeypatch):
    monkeypatch.setattr("django.VERSION", (6, 1, 0, "final", 0))
    with pytest.raises(pytest.fail.Exception, match="add the version to KNOWN_DJANGO"):
        is_django_known()


def every_query() -> list[Prepared]:
    """Those of the product that are there by now."""
    found = [one for one in gc.get_objects() if type(one) is Prepared]
    return [one for one in found if not one._query.__module__.startswith("tests.")]


def slots_of(query: Prepared) -> list[str]:
    query._write()
    return sorted({slot.name for slot in query._slots})


def all_of(one: Model, seen: frozenset[int] = frozenset()) -> dict[str, object]:
    """Fields, annotations and related objects that were read along."""
    seen |= {id(one)}
    related = {
        f"{name}.": other and all_of(other, seen)
        for name, other in one._state.fields_cache.items()
        if id(other) not in seen
    }
    return {name: value for name, value in vars(one).items() if name != "_state"} | related


@pytest.fixture
def world(client_of, alice, bob, account, mine) -> dict[str, list]:
    """Something that each query finds, and what to put into the slots, by their names."""
    key, shared, team = mine
    for name in ("things.csv", "old.csv"):
        account.add(fileName=name)
    table, old = synced(key)
    ready(table, asked_by=alice)
    share = shares.make(alice, key, [table], most_uses=3)
    made(shares.renew(share, 1))
    bin.put([old], alice)
    notices.tell_always([alice.pk], key, Topic.FAILED, {table.datasource_id: "things.csv"})
    ColumnChoice.objects.create(user=alice, datasource_id=table.datasource_id, query="hide=id")
    SavedView.objects.create(owner=alice, name="Mine", page=SavedView.Page.SOURCES)
    marks.set_favourite(table, alice, is_one=True)
    tag = tags.named("Season", alice, None)
    tags.put(tag, [table], alice)
    narrow = f"?favourites=1&tag={tag.pk}&since=yesterday&group=day&sort=name"
    for query in (
        "",
        narrow,
        "?group=key",
        "?group=status",
        "?q=ab12",
        "?q=.CSV&status=completed&type=text/csv&sort=key&order=asc&limit=1",
    ):
        client_of(alice).get("/sources/" + query)
    client_of(alice).get("/d/" + share.unseal() + "/?dl=1")
    return {
        "reader": [0, *User.objects.order_by("pk").values_list("pk", flat=True)],
        "team": [team.pk],
        "source": [table.pk],
        "key": [shared.pk, key.pk],
        "datasource": list(Source.objects.values_list("datasource_id", flat=True)),
        "fingerprint0": list(ShareLink.objects.values_list("fingerprint", flat=True)),
        "session": ["", *Session.objects.values_list("pk", flat=True)],
        "number": [1, 2],
        "now": [timezone.now()],
        "soon": [timezone.now()],
        **{f"list{place}": list(Newest.objects.values_list("fingerprint", flat=True)) for place in range(200)},
        # Of the list: its keys, of which there are any number, the filters, and a part of what is found.
        **{f"key{place}": [shared.pk if place else key.pk] for place in range(200)},
        **{f"word{place}": ["csv", "%"][: 1 if place else 2] for place in range(100)},
        "id_first": [UUID(int=0)],
        "id_last": [UUID(int=2**128 - 1)],
        "since": [timezone.now() - timedelta(days=3)],
        "tag": [tag.pk],
        "status": ["failed", table.status],
        "type": ["", table.content_type],
        "limit": [1, 50],
        "first": [0, 1],
        "until": [2],
    }


def test_every_query_answers_as_the_orm_does(world, monkeypatch):
    is_django_known()
    filled: dict[str, object] = {}
    monkeypatch.setattr(
        Slot,
        "as_sql",
        lambda self, compiler, connection: (
            Value(filled[self.name], self.output_field).as_sql(compiler, connection) if filled else ("%s", [self])
        ),
    )
    for query in every_query():
        answers = 0
        for values in combinations(query, world):
            filled.update(values or {"": None})
            asked = query._query()
            theirs = list(asked)
            filled.clear()
            are_objects = asked._iterable_class is ModelIterable
            ours = (query.objects if are_objects else query.rows)(**values)
            assert ours == theirs
            if are_objects:
                assert [all_of(one) for one in ours] == [all_of(one) for one in theirs]
            answers += len(ours)
        assert answers, (
            f"The query of {query._query.__qualname__} finds nothing here: add to `world` what it looks for."
        )


def combinations(query: Prepared, world: dict[str, list]) -> Iterator[dict[str, object]]:
    names = slots_of(query)
    for values in itertools.product(*(world[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def test_no_query_is_left_out(world):
    """Each place in the code that makes a prepared query has made one by the time they are compared."""
    packages = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    paths = [path for package in packages for path in package.rglob("*.py")]
    written = Counter({path: path.read_text().count("Prepared(") for path in paths})
    there = {query._query.__code__ for query in every_query()}
    assert Counter(Path(code.co_filename) for code in there) == +written
