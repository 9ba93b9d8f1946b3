"""Copies that are read from the sandbox over HTTP. Each block costs one call, whatever happens between the blocks."""

import json
import resource
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from core.leases import LeaseLost
from datasources import gateway
from datasources.copies import build, jobs, store
from datasources.copies.staging import Staging
from datasources.gateway import retry
from datasources.gateway.budget import Budget, Lane
from datasources.models import ApiKey, Source, TableCopy
from datasources.rows import block_sizes, for_copies
from tests.conftest import synced, taken
from tests.support.copies import contents
from tests.support.copying import advanced, advanced_by, files, rows_of
from tests.support.rows import asked, of_length, read

State = TableCopy.State


@pytest.fixture(autouse=True)
def small_blocks(settings):
    settings.CLARO_ROWS_BLOCK = 100


@pytest.fixture
def source(account, key) -> Source:
    """Of 450 rows: five blocks."""
    return of_length(account, key, 450)


@pytest.fixture
def copy(source, alice) -> TableCopy:
    return jobs.start(source, alice)


def test_a_copy_has_all_rows_in_claros_order_for_a_call_a_block(copy, account):
    assert advanced(copy) == "done"
    assert [(call["page"], call["limit"]) for call in asked(account)] == [(str(n), "100") for n in range(1, 6)]
    assert (copy.state, copy.rows, copy.rows_read, copy.rows_total) == (State.READY, 450, 450, 450)
    assert (copy.due_at, copy.leased_until, copy.problem) == (None, None, None)
    columns, rows = contents(store.fetch(copy))
    assert [column.name for column in columns] == ["id", "name"]
    assert rows == [[number, f"thing {number}"] for number in range(1, 451)]
    assert files(copy) == []


def test_cells_come_back_as_the_page_shows_them(account, key, alice):
    table = [{"a": 1, "b": "0012"}, {"a": 1.5, "c": {"x": [1, 1.0]}}, {"a": None, "b": ""}]
    account.upload("odd.json", json.dumps(table))
    [source] = synced(key)
    copy = jobs.start(source, alice)
    advanced(copy)
    page = read(source, 1, 50)
    columns, rows = contents(store.fetch(copy))
    assert tuple(column.name for column in columns) == page.columns
    assert repr(rows) == repr(page.rows)


def test_cached_blocks_of_the_version_cost_no_call(source, alice, account):
    for number in (1, 3):
        read(source, number, 100)
    cached = len(asked(account))  # one more may have been fetched ahead
    assert cached >= 2
    copy = jobs.start(source, alice)
    assert advanced(copy) == "done"
    assert len(asked(account)) == 5
    assert rows_of(copy) == [[number, f"thing {number}"] for number in range(1, 451)]


def test_a_run_ends_after_some_seconds_and_the_next_one_continues(copy, account, monkeypatch):
    monkeypatch.setattr(build, "RUN_S", -1)
    assert advanced(copy) == "goes on"
    assert copy.due_at <= timezone.now()
    monkeypatch.undo()
    advanced_by(copy, 2, monkeypatch)
    assert advanced(copy) == "done"
    assert len(asked(account)) == 5


def test_the_rate_limit_puts_the_copy_off_until_calls_are_let_go(still, source, alice, account):
    budget = Budget(source.key.fingerprint)
    budget.after_call(budget.before_call(), None, 30)
    copy = jobs.start(source, alice)
    assert advanced(copy) == "waits"
    assert timezone.now() + timedelta(seconds=25) < copy.due_at < timezone.now() + timedelta(seconds=32)
    assert (copy.state, copy.attempts, copy.problem, asked(account)) == (State.COPYING, 0, None, [])


def test_a_run_waits_for_its_first_call_where_that_is_allowed_soon(source, alice, account):
    budget = Budget(source.key.fingerprint)
    budget.after_call(budget.before_call(), None, 0.5)
    assert advanced(jobs.start(source, alice)) == "done"
    assert len(asked(account)) == 5


@pytest.mark.parametrize(("is_automatic", "lane"), [(False, Lane.TABLE), (True, Lane.SPARE)])
def test_copies_have_lanes_of_their_own(source, alice, is_automatic, lane):
    advanced(jobs.start(source, alice, is_automatic=is_automatic))
    calls = gateway.history(source.key)
    assert sum(minute.calls[lane] for minute in calls) == 5


def test_a_block_that_was_read_but_not_committed_is_read_once_more(copy, account, monkeypatch):
    advanced_by(copy, 2, monkeypatch)

    def killed(*_) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Staging, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            advanced(copy)
    assert advanced(copy) == "done"
    assert len(asked(account)) == 6


def test_a_block_that_was_committed_but_not_noted_is_not_read_again(copy, account, monkeypatch):
    advanced_by(copy, 2, monkeypatch)
    TableCopy.objects.update(rows_read=100)
    assert advanced(copy) == "done"
    assert len(asked(account)) == 5


@pytest.mark.parametrize("step", ["write", "keep"])
def test_a_worker_killed_while_publishing_costs_no_call(copy, account, monkeypatch, step):
    def killed(*_) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(build.typed if step == "write" else build.store, step, killed)
        with pytest.raises(KeyboardInterrupt):
            advanced(copy)
    copy.refresh_from_db()
    assert copy.state == State.COPYING
    assert advanced(copy) == "done"
    assert len(asked(account)) == 5
    assert len(rows_of(copy)) == 450


def test_two_workers_add_each_block_once(copy, account, monkeypatch):
    advanced_by(copy, 1, monkeypatch)
    with Staging.open(store.folder() / f"{copy.pk}.part"):  # by a worker whose lease ran out
        assert advanced(copy) == "in use"
    assert copy.due_at > timezone.now()
    assert advanced(copy) == "done"
    assert len(asked(account)) == 5


def test_a_worker_without_its_lease_publishes_nothing(copy, monkeypatch):
    def taken_over(*_) -> None:
        TableCopy.objects.update(leased_until=timezone.now() + timedelta(minutes=1))

    monkeypatch.setattr(build.typed, "write", taken_over)
    monkeypatch.setattr(build.store, "keep", lambda *_: None)
    with pytest.raises(LeaseLost):
        advanced(copy)
    copy.refresh_from_db()
    assert copy.state == State.COPYING


@pytest.mark.parametrize("left", [None, b"x" * 5000], ids=["missing", "spoilt"])
def test_a_lost_staging_file_starts_the_copy_again_and_says_so(copy, account, monkeypatch, left):
    advanced_by(copy, 3, monkeypatch)
    path = store.folder() / f"{copy.pk}.part"
    path.unlink()
    if left:
        path.write_bytes(left)
    advanced_by(copy, 1, monkeypatch)
    assert "started again" in copy.trouble.user_message
    assert advanced(copy) == "done"
    assert (len(asked(account)), len(rows_of(copy)), copy.problem) == (8, 450, None)


def test_another_machine_leaves_the_copy_to_the_first_until_that_is_silent(copy, account, monkeypatch, tmp_path):
    advanced_by(copy, 3, monkeypatch)
    monkeypatch.setattr(build.platform, "node", lambda: "another")
    lease = taken(copy)
    TableCopy.objects.update(due_at=timezone.now())
    assert build.run(str(copy.pk), lease, for_copies) == "elsewhere"
    copy.refresh_from_db()
    assert (copy.rows_read, copy.leased_until) == (300, None)
    TableCopy.objects.update(progressed_at=timezone.now() - timedelta(minutes=2))
    monkeypatch.setattr(store, "folder", lambda: tmp_path)
    advanced_by(copy, 1, monkeypatch)
    assert "another machine" in copy.trouble.user_message
    assert len(asked(account)) == 4


def test_a_source_that_is_processed_again_starts_the_copy_again(copy, source, account, monkeypatch):
    advanced_by(copy, 3, monkeypatch)
    again = timezone.now()
    Source.objects.update(processed_at=again)
    assert advanced(copy) == "starts anew"
    assert (copy.version, copy.rows_read) == (again, 0)
    assert "processed again" in copy.trouble.user_message
    assert advanced(copy) == "done"
    assert (len(asked(account)), copy.version, copy.rows) == (8, again, 450)


def test_a_copy_waits_while_its_source_is_processed(copy, account):
    Source.objects.update(status="processing")
    assert advanced(copy) == "waits"
    Source.objects.update(status="completed")
    account.refuse("PROCESSING_IN_PROGRESS", 409)
    assert advanced(copy) == "waits"
    assert (copy.state, copy.attempts) == (State.COPYING, 0)


@pytest.mark.parametrize("is_known", [True, False])
def test_a_source_that_vanishes_ends_the_copy_with_a_message(copy, account, monkeypatch, is_known):
    advanced_by(copy, 2, monkeypatch)
    if is_known:
        Source.objects.update(gone_at=timezone.now())
    else:
        account.refuse("DATASOURCE_NOT_FOUND", 404)
    assert advanced(copy) == "failed"
    assert (copy.state, copy.due_at, files(copy)) == (State.FAILED, None, [])
    assert "no longer exists" in copy.trouble.user_message


def page_of(numbers, **pagination) -> str:
    return json.dumps({"data": [{"id": n} for n in numbers], "pagination": pagination})


def answers(account, *bodies: str) -> None:
    for body in bodies:
        account.fault("answer", status=200, body=body, path="/data", headers={"Content-Type": "application/json"})


def test_a_short_copy_is_marked_and_not_used(copy, account):
    answers(account, page_of(range(100), total=250, hasNext=True), page_of(range(100, 140), total=250, hasNext=False))
    assert advanced(copy) == "failed"
    assert copy.state == State.FAILED
    assert "140 of 250 rows" in copy.trouble.user_message
    assert (copy.file_name, files(copy)) == ("", [])


def test_a_table_whose_total_changes_is_copied_again_once(copy, account):
    changing = page_of(range(100), total=250), page_of(range(100), total=260)
    answers(account, *changing)
    assert advanced(copy) == "starts anew"
    assert "changed while it was copied" in copy.trouble.user_message
    answers(account, *changing)
    assert advanced(copy) == "failed"
    assert len(asked(account)) == 4


def test_without_a_total_the_copy_ends_at_the_first_short_page(copy, account):
    answers(account, page_of(range(100)), page_of(range(100, 200)), page_of(range(200, 230)))
    assert advanced(copy) == "done"
    assert (copy.rows, len(asked(account))) == (230, 3)
    assert rows_of(copy) == [[n] for n in range(230)]


def test_an_automatic_copy_of_unknown_length_stops_and_can_be_resumed(source, alice, account, settings):
    settings.COPY_ROWS_AUTO = 200
    copy = jobs.start(source, alice, is_automatic=True)
    answers(account, page_of(range(100)), page_of(range(100, 200)))
    assert advanced(copy) == "stopped"
    assert (copy.state, copy.rows_read, copy.rows_total, copy.due_at) == (State.STOPPED, 200, None, None)
    copy = jobs.start(source, alice)
    answers(account, page_of(range(200, 230)))
    assert advanced(copy) == "done"
    assert (copy.rows, len(asked(account))) == (230, 3)


def test_an_automatic_copy_of_just_so_many_rows_is_finished(source, alice, settings):
    settings.COPY_ROWS_AUTO = 450
    copy = jobs.start(source, alice, is_automatic=True)
    assert advanced(copy) == "done"
    assert copy.rows == 450


def test_an_automatic_copy_of_a_larger_table_stops_after_a_call(source, alice, account, settings):
    settings.COPY_ROWS_AUTO = 200
    copy = jobs.start(source, alice, is_automatic=True)
    assert advanced(copy) == "stopped"
    assert (copy.rows_read, copy.rows_total, len(asked(account))) == (100, 450, 1)


def test_a_stopped_copy_makes_no_call_and_keeps_its_rows(copy, source, alice, account, monkeypatch):
    advanced_by(copy, 2, monkeypatch)
    assert jobs.stop(copy, alice)
    assert advanced(copy) == "stopped"
    assert (copy.rows_read, copy.due_at, len(asked(account))) == (200, None, 2)
    copy = jobs.start(source, alice)
    assert advanced(copy) == "done"
    assert len(asked(account)) == 5


def test_a_key_that_keeps_no_copies_ends_them_between_two_blocks(copy, account, monkeypatch):
    advanced_by(copy, 1, monkeypatch)
    ApiKey.objects.update(keeps_copies=False)
    advanced(copy)
    assert (copy.state, len(asked(account)), files(copy)) == (State.FAILED, 1, [])


def test_a_dropped_copy_leaves_no_file(copy, monkeypatch):
    advanced_by(copy, 1, monkeypatch)
    opened = Staging.open

    def dropped(path: Path) -> Staging:
        TableCopy.objects.all().delete()
        return opened(path)

    monkeypatch.setattr(Staging, "open", dropped)
    with pytest.raises(LeaseLost):
        advanced(copy)
    assert files(copy) == []


def test_too_large_answers_are_asked_for_in_smaller_blocks(account, key, alice, monkeypatch):
    monkeypatch.setattr(gateway, "MAX_ANSWER_BYTES", 100_000)
    monkeypatch.setattr(block_sizes, "WANTED_BYTES", 50_000)
    rows = [{"id": n, "text": "x" * (2000 if n < 100 else 10)} for n in range(250)]
    account.upload("large.json", json.dumps(rows))
    [source] = synced(key)
    copy = jobs.start(source, alice)
    assert advanced(copy) == "done"
    assert rows_of(copy) == [[row["id"], row["text"]] for row in rows]
    limits = [int(call["limit"]) for call in asked(account)]
    assert limits[0] == 100
    assert max(limits[1:20]) < 100
    assert limits[-1] > limits[1]  # they grow again


def test_errors_of_claro_count_attempts_and_stop_the_copy_for_a_person(copy, source, alice, account, monkeypatch):
    advanced_by(copy, 2, monkeypatch)
    account.refuse("ACCESS_DENIED", 403, times=build.TRIES)
    for _ in range(build.TRIES - 1):
        assert advanced(copy) == "put back"
    assert advanced(copy) == "stopped"
    assert (copy.state, copy.rows_read) == (State.STOPPED, 200)
    assert "permission" in copy.trouble.user_message
    copy = jobs.start(source, alice)
    assert advanced(copy) == "done"


def test_unexpected_errors_end_the_copy_with_a_message(copy, monkeypatch):
    monkeypatch.setattr(build._Run, "_block", lambda *_: 1 / 0)
    for _ in range(retry.ATTEMPTS_AT_MOST):
        with pytest.raises(ZeroDivisionError):
            advanced(copy)
    copy.refresh_from_db()
    assert (copy.state, copy.due_at) == (State.FAILED, None)
    assert copy.trouble.user_message == retry.Broken.words


def test_a_full_disk_ends_in_a_message(copy, account, monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    write = build.typed.write

    def on_a_full_disk(*arguments):
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            return write(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    with monkeypatch.context() as patched:
        patched.setattr(build.typed, "write", on_a_full_disk)
        for _ in range(build.TRIES):
            advanced(copy)
    assert (copy.state, copy.rows_read) == (State.STOPPED, 450)
    assert "can't be written" in copy.trouble.user_message
    TableCopy.objects.update(state=State.COPYING)  # resumed
    assert advanced(copy) == "done"
    assert len(asked(account)) == 5


def test_pages_hear_of_it(copy, monkeypatch):
    heard = []
    monkeypatch.setattr(build.access, "publish", lambda key, *names: heard.extend(names))
    advanced(copy)
    assert jobs.event_name(copy.source) in heard


@pytest.mark.parametrize("facts", [{"total": 0}, {}], ids=["total", "no total"])
def test_a_table_without_rows_is_copied_with_a_call(copy, account, facts):
    answers(account, page_of(range(0), **facts))
    assert advanced(copy) == "done"
    assert (copy.state, copy.rows, len(asked(account))) == (State.READY, 0, 1)
    assert rows_of(copy) == []
