"""The stored counts of sources equal a full count, whatever changed the sources."""

from collections import Counter
from itertools import count
from uuid import UUID

import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from datasources import access, keys, mirror
from datasources.claro import DataSource
from datasources.deleting import bin
from datasources.models import ApiKey, Deletion, Source, SourceCount, counts
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import listing
from tests.support.threads import at_once

STATES, KINDS = ("processing", "completed", "failed", "odd"), ("text/csv", "")
ANSWERS = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(STATES), st.sampled_from(KINDS)),
    max_size=6,
    unique_by=lambda one: one[0],
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("list", "list", "details", "gone", "bin", "undo", "emptied", "delete key")),
        st.integers(0, 1),
        ANSWERS,
    ),
    max_size=8,
)


def answer(number: int, status: str, kind: str) -> DataSource:
    extra = {"rowCount": 10 + len(status)} if number % 3 else {}
    return DataSource(UUID(int=number), f"{number}.csv", kind, 1, status, timezone.now(), None, extra)


def full_count(sources) -> Counter:
    return Counter((one.status, one.content_type) for one in sources)


def are_right(user) -> None:
    """Compares each key's counts with its present sources, and the list's with those that are not in the bin."""
    for key in ApiKey.objects.all():
        stored = {(one.status, one.content_type): one for one in SourceCount.objects.filter(key=key)}
        present = key.sources.present()
        assert {kind: one.n for kind, one in stored.items() if one.n} == full_count(present)
        known = present.filter(row_count__isnull=False)
        assert {kind: one.known for kind, one in stored.items() if one.known} == full_count(known)
        assert sum(one.rows for one in stored.values()) == sum(known.values_list("row_count", flat=True))
    for key_id in ("", *access.keys_for(user).values_list("pk", flat=True)):
        found = listing(access.keys_for(user), SourceListForm({"key": str(key_id)}).state(), user)
        shown = bin.outside(access.sources_for(user)).filter(**({"key": key_id} if key_id else {}))
        kinds = full_count(shown)
        assert (found.total, found.matching) == (kinds.total(), kinds.total())
        assert Counter(dict(found.statuses)) == Counter(one.status for one in shown)
        assert Counter(dict(found.types)) == Counter(one.content_type for one in shown)


def change(what: str, key: ApiKey, answers: list[tuple], user) -> None:
    touched = list(key.sources.filter(datasource_id__in=[UUID(int=number) for number, *_ in answers]))
    if what in ("list", "details"):  # what a sync, a poll, an upload and a webhook write
        mirror.record(key, [answer(*one) for one in answers], timezone.now(), are_details=what == "details")
    elif what == "gone":
        for source in touched:
            mirror.mark_gone(source)
    elif what == "bin":
        bin.put([source for source in touched if not source.gone_at], user)
    elif what == "undo":
        bin.keep(Deletion.objects.all(), user)
    elif what == "emptied":  # what a worker does after Claro's answer
        for deletion in Deletion.objects.select_related("source"):
            for source in Source.objects.filter(datasource_id=deletion.datasource_id):
                mirror.mark_gone(source)
            deletion.delete()
    else:
        keys.delete(key)


@pytest.mark.slow
@hypothesis_settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_they_are_right_after_any_changes(alice, bob, steps):
    ApiKey.objects.all().delete()
    names = count()
    both = [keys.add(alice, f"Key {next(names)}", f"claro_live_{next(names)}", ApiKey.State.VALID) for _ in range(2)]
    others = keys.add(bob, "Bob's", "claro_live_bobs", ApiKey.State.VALID)
    mirror.record(others, [answer(0, "completed", "text/csv")], timezone.now())
    for what, which, answers in steps:
        key = ApiKey.objects.filter(pk=both[which].pk).first()
        if key:
            change(what, key, answers, alice)
        are_right(alice)
    are_right(bob)


@pytest.mark.slow
def test_they_are_right_after_writers_that_meet(alice, key):
    other = keys.add(alice, "Other", "claro_live_other", ApiKey.State.VALID)
    turns = count()

    def write() -> None:
        turn = next(turns)
        for step in range(12):
            mine = (key, other)[(turn + step) % 2]
            states = [STATES[(turn + step + number) % 3] for number in range(6)]
            mirror.record(
                mine, [answer(turn % 2 + n, state, KINDS[n % 2]) for n, state in enumerate(states)], timezone.now()
            )
            for source in mine.sources.present()[:2]:
                mirror.mark_gone(source)

    assert at_once(3, write) == [None] * 3
    are_right(alice)


def test_a_writer_and_the_deletion_of_its_key_meet(alice, key):
    other = keys.add(alice, "Other", "claro_live_other", ApiKey.State.VALID)
    mirror.record(other, [answer(n, "completed", "") for n in range(20)], timezone.now())
    turns = count()

    def write() -> None:
        if next(turns):
            keys.delete(other)
            return
        for step in range(4):
            mirror.record(other, [answer(n, STATES[step % 3], "") for n in range(30)], timezone.now())

    assert all(outcome is None or isinstance(outcome, ApiKey.DoesNotExist) for outcome in at_once(2, write))
    assert not SourceCount.objects.filter(key_id=other.pk).exists()
    are_right(alice)


def test_after_a_migration_they_are_right_and_kept_again(alice, key):
    mirror.record(key, [answer(n, "completed", "") for n in range(3)], timezone.now())
    try:
        counts.stop("default")
        Source.objects.filter(datasource_id=UUID(int=0)).update(status="failed")
    finally:
        emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    are_right(alice)
    Source.objects.filter(datasource_id=UUID(int=1)).update(status="failed")
    Source.objects.filter(datasource_id=UUID(int=2)).delete()
    are_right(alice)
