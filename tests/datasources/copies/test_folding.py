import pytest

from datasources.copies import folding, opened, read, search, store, upkeep
from datasources.copies.query import Query
from datasources.copies.search import NotFolded
from datasources.models import TableCopy
from tests.support.copies import copied

ROWS = [[number, f"thing {number}"] for number in range(1, 121)]


@pytest.fixture
def copy(table, monkeypatch) -> TableCopy:
    """Of a table that is too large to be folded when it is copied."""
    monkeypatch.setattr(search, "CELLS_MAX", 0)
    return copied(table, ["id", "name"], ROWS)


def found(copy: TableCopy) -> list[int]:
    copy.refresh_from_db()
    with opened.reader(copy, seconds=20) as reader:
        return [row[0] for row in read.page(reader, Query(words="THING 12"), 0, 50).rows]


def test_a_worker_adds_the_search_text(copy):
    with pytest.raises(NotFolded):
        found(copy)
    assert folding.fold(str(copy.pk)) == "folded"
    assert found(copy) == [12, 112, 120]
    assert folding.fold(str(copy.pk)) == "was there"
    assert not list(store.folder().glob("*.tmp"))


def test_the_file_that_is_being_written_is_not_swept_away(copy, monkeypatch):
    fold = search.fold

    def fold_while_others_sweep(path):
        path.with_name(f"{path.name}.wal").touch()
        upkeep.sweep()
        assert path.with_name(f"{path.name}.wal").exists()
        path.with_name(f"{path.name}.wal").unlink()
        fold(path)

    monkeypatch.setattr(search, "fold", fold_while_others_sweep)
    assert folding.fold(str(copy.pk)) == "folded"
    assert found(copy) == [12, 112, 120]


def test_one_worker_is_asked_for_it(copy):
    assert [folding.claim(copy), folding.claim(copy)] == [True, False]


def test_a_copy_that_is_deleted_meanwhile_is_not_stored_again(copy, monkeypatch):
    fold = search.fold

    def fold_and_lose(path):
        fold(path)
        store.purge(TableCopy.objects.all())

    monkeypatch.setattr(search, "fold", fold_and_lose)
    assert folding.fold(str(copy.pk)) != "folded"
    assert folding.fold(str(copy.pk)) == "gone"
    assert not list(store.folder().glob(f"{copy.pk}*"))


def test_what_cannot_be_done_leaves_the_copy_as_it_was(copy, monkeypatch):
    def full(path):
        raise OSError("No space left on device")

    monkeypatch.setattr(search, "fold", full)
    assert folding.failure(copy) is None
    assert folding.fold(str(copy.pk)) == "failed: OSError"
    assert str(folding.failure(copy)) == "There is no room for its text."
    assert not list(store.folder().glob("*.tmp"))
    copy.refresh_from_db()
    assert copy.is_ready
