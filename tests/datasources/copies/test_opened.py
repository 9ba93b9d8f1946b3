import threading
import time
from concurrent.futures import Future
from types import SimpleNamespace

import duckdb
import pytest
from django.utils import timezone

from datasources.claro import ClaroError
from datasources.copies import opened, store, upkeep
from datasources.copies.opened import Busy, TooSlow, reader
from datasources.copies.store import CopyLost, NoRoom
from datasources.models import TableCopy
from tests.support.copies import built, copied
from tests.support.processes import wait_for

ROWS = [[number, f"thing {number}"] for number in range(1, 121)]
# Long enough for any machine; interrupted.
ENDLESS = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, ["id", "name"], ROWS)


@pytest.fixture
def open_copy(copy) -> TableCopy:
    """A reader of it finds the file: nothing of its time goes into opening it."""
    with reader(copy):
        return copy


def test_a_reader_answers_sql_about_one_copy(copy):
    with reader(copy) as asked:
        assert asked.copy == copy
        assert [column.name for column in asked.columns] == ["id", "name"]
        assert asked.rows == 120
        assert asked.run("SELECT c1 FROM rows WHERE c0 = ?", [7]) == [("thing 7",)]
        assert asked.meta("format") == "1"
        assert asked.meta("nothing") is None


def test_rows_can_be_streamed(copy):
    with reader(copy) as asked:
        pieces = list(asked.stream("SELECT c0 FROM rows ORDER BY n", size=50))
    assert [len(piece) for piece in pieces] == [50, 50, 20]


def test_two_copies_are_asked_at_once(copy, account, key):
    other = copied(copy.source, ["id"], [[1]])
    with reader(copy) as one, reader(other) as two:
        assert (one.rows, two.rows) == (120, 1)
        assert one.run("SELECT count(*) FROM rows") == [(120,)]
        assert two.run("SELECT count(*) FROM rows") == [(1,)]


def test_it_cannot_write_and_reach_nothing_else(copy, tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    refused = [
        "DELETE FROM rows",
        "CREATE TABLE more(a INTEGER)",
        f"FROM read_csv('{tmp_path}/secret.csv')",
        f"ATTACH '{tmp_path}/new.db'",
        "SET enable_external_access=true",
        "SET memory_limit='10GB'",
        "INSTALL httpfs",
        "SELECT * FROM copy",
    ]
    with reader(copy) as asked:
        for sql in refused:
            with pytest.raises(Exception, match=r"(?i)read-only|permission|locked|disabled|does not exist"):
                asked.run(sql)


def test_a_query_is_stopped_after_its_time_and_the_next_reader_is_not(open_copy):
    with reader(open_copy, seconds=0.5) as slow, pytest.raises(TooSlow, match=r"(?i)interrupt"):
        slow.run(ENDLESS)
    with reader(open_copy) as quick:
        assert quick.run("SELECT 1") == [(1,)]


def test_the_time_is_for_all_queries_of_a_reader(open_copy):
    with reader(open_copy, seconds=0.2) as slow:
        with pytest.raises(TooSlow):
            slow.run(ENDLESS)
        with pytest.raises(TooSlow):
            slow.run("SELECT 1")


@pytest.mark.slow
def test_a_query_that_needs_too_much_memory_is_stopped(copy):
    with reader(copy, seconds=60) as greedy, pytest.raises(TooSlow, match="Memory"):
        greedy.run("SELECT string_agg(repeat('x', 100000000), '') FROM range(100)")


def test_further_readers_of_a_user_wait_for_their_turn(copy, alice, bob):
    taken = [reader(copy, alice.pk) for _ in range(opened.AT_ONCE)]
    for one in taken:
        one.__enter__()
    with pytest.raises(Busy), reader(copy, alice.pk, seconds=0.05):
        pass
    with reader(copy, bob.pk, seconds=0.5), reader(copy, seconds=0.5):
        pass  # other users, and work that no user waits for
    threading.Timer(0.05, taken.pop().__exit__, (None, None, None)).start()
    with reader(copy, alice.pk):
        pass
    for one in taken:
        one.__exit__(None, None, None)


def test_reading_is_noted_once_a_minute(copy, django_assert_num_queries):
    with reader(copy):
        pass
    noted = TableCopy.objects.get(pk=copy.pk).last_read_at
    assert timezone.now() - noted < opened.READ_NOTED_EVERY
    with django_assert_num_queries(0), reader(copy):
        pass
    assert TableCopy.objects.get(pk=copy.pk).last_read_at == noted


def test_a_copy_that_is_dropped_while_it_is_read_is_read_to_its_end(copy):
    with reader(copy) as asked:
        pieces = asked.stream("SELECT n FROM rows ORDER BY n", size=10)
        next(pieces)
        assert store.purge(TableCopy.objects.filter(pk=copy.pk)) == 1
        opened.detach_removed()
        assert sum(map(len, pieces)) == 110
        assert asked.run("SELECT count(*) FROM rows") == [(120,)]
    assert list(store.folder().glob(f"{copy.pk}*")) == []
    opened.detach_removed()
    with pytest.raises(CopyLost), reader(copy):
        pass


def test_a_dropped_copy_is_gone_also_while_the_thread_that_opened_it_is_held_up(copy, monkeypatch):
    let_go = threading.Event()

    class Late(Future):
        def set_result(self, result: object) -> None:
            super().set_result(result)
            let_go.wait(20)

    monkeypatch.setattr(opened, "Future", Late)
    with reader(copy):
        store.purge(TableCopy.objects.all())
    try:
        with pytest.raises(CopyLost), reader(copy):
            pass
    finally:
        let_go.set()


def test_the_emptied_folder_is_filled_again(copy):
    with reader(copy) as asked:
        for path in store.folder().iterdir():
            path.unlink()
        assert asked.run("SELECT count(*) FROM rows") == [(120,)]
        with reader(copy) as again:
            assert again.run("SELECT count(*) FROM rows") == [(120,)]
            assert again.path != asked.path


@pytest.mark.parametrize("content", [b"", b"x" * 20_000, None])
def test_a_file_that_duckdb_cannot_open_is_copied_again(table, tmp_path, content):
    """As after an upgrade of DuckDB: the stored file is what was stored, but this DuckDB does not read it."""
    copy = copied(table, ["id"], [[1]])
    path = built(tmp_path, ["id"], [[1]])
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    store.keep(copy, path)
    with pytest.raises(CopyLost, match="copied again"), reader(copy):
        pass
    copy.refresh_from_db()
    assert (copy.state, copy.data_key, copy.file_name) == (TableCopy.State.FAILED, "", "")
    assert isinstance(copy.trouble, ClaroError)
    assert not list(store.folder().glob(f"{copy.pk}*"))


def test_a_file_of_another_format_is_copied_again(table, monkeypatch):
    copy = copied(table, ["id"], [[1]])
    monkeypatch.setattr("datasources.copies.schema.FORMAT", 2)
    with pytest.raises(CopyLost), reader(copy):
        pass
    assert TableCopy.objects.get(pk=copy.pk).state == TableCopy.State.FAILED


def test_no_more_files_are_attached_than_allowed(table, monkeypatch):
    monkeypatch.setattr(opened, "ATTACHED_AT_MOST", 2)
    copies = [copied(table, ["id"], [[number]]) for number in range(4)]
    for copy in copies * 2:
        with reader(copy) as asked:
            [(attached,)] = asked.run("SELECT count(*) FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL")
            assert attached <= 2


def test_a_plain_file_is_read_without_a_copy(tmp_path):
    path = built(tmp_path, ["id", "name"], ROWS)
    with opened.open_file(path) as asked:
        assert asked.copy is None
        assert asked.run("SELECT c1 FROM rows WHERE n = 3") == [("thing 3",)]
    path.write_bytes(b"x" * 9000)
    with pytest.raises(CopyLost), opened.open_file(path):
        pass


def test_threads_ask_the_same_copy_at_once(copy):
    wrong = []

    def ask(number: int) -> None:
        for _ in range(20):
            with reader(copy) as asked:
                if asked.run("SELECT c1 FROM rows WHERE c0 = ?", [number]) != [(f"thing {number}",)]:
                    wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_watch_interrupts_until_a_cursor_is_given_back_and_rests_when_nothing_is_asked():
    interrupted: list[float] = []
    cursor = SimpleNamespace(interrupt=lambda: interrupted.append(time.monotonic()))
    ends_at = time.monotonic() + 0.1
    with opened._watch.interrupts(cursor, ends_at):
        wait_for(lambda: len(interrupted) > 2)
    count = len(interrupted)
    wait_for(lambda: opened._watch._wakes_at > time.monotonic() + 60)
    assert (len(interrupted), interrupted[0] >= ends_at) == (count, True)


def test_a_file_that_the_system_does_not_open_is_no_loss(copy, monkeypatch):
    def refuse(*_):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as busy:
        busy.setattr(opened, "_attached", refuse)
        with pytest.raises(NoRoom), reader(copy):
            pass
    with reader(copy) as asked:
        assert asked.run("SELECT count(*) FROM rows") == [(120,)]


def test_a_process_without_a_free_thread_opens_the_copy_later(copy, monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    upkeep.empty()
    with monkeypatch.context() as busy:
        busy.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Busy), reader(copy):
            pass
    with reader(copy) as asked:
        assert asked.run("SELECT count(*) FROM rows") == [(120,)]


def test_an_instance_that_breaks_off_is_no_loss_of_the_copy(copy, monkeypatch):
    with pytest.raises(Busy), reader(copy) as opened_copy:
        breaks(opened_copy, monkeypatch)
    copy.refresh_from_db()
    assert copy.is_ready
    with reader(copy) as opened_copy:
        assert opened_copy.run("SELECT count(*) FROM rows") == [(120,)]


def test_a_file_at_which_instances_break_off_again_is_copied_again(copy, monkeypatch):
    with pytest.raises(Busy), reader(copy) as opened_copy:
        breaks(opened_copy, monkeypatch)
    with pytest.raises(CopyLost), reader(copy) as opened_copy:
        breaks(opened_copy, monkeypatch)
    copy.refresh_from_db()
    assert copy.state == TableCopy.State.FAILED


def breaks(opened_copy, monkeypatch) -> None:
    """A query at which DuckDB says that its instance can't go on; no input is known that makes it say so."""

    class Broken:
        def execute(self, *_):
            raise duckdb.InternalException("INTERNAL Error: broken")

    monkeypatch.setattr(opened_copy, "_cursor", Broken())
    opened_copy.run("SELECT 1")
