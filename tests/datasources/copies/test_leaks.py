"""Cells that users do not want elsewhere: where do they lie while a copy is used, and after it is purged?"""

import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings as ours
from django.core.files.storage import storages

from core.redis import connection
from datasources.copies import store
from datasources.copies.opened import reader
from datasources.models import Source, TableCopy
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.leaks import database_content, redis_content, unpacked
from tests.support.processes import wait_for
from tests.support.redis import RedisServer
from tests.support.rows import PLAIN, read

# Cells that nothing else holds. Names of columns are details of the source, which the database holds.
TEXT, NUMBER = "Quetzalcoatlus", 8_675_309_424_242
PLANTED = [TEXT.encode(), str(NUMBER).encode(), NUMBER.to_bytes(8, "little")]


@pytest.fixture
def planted(account, key) -> Source:
    rows = "\n".join(f"{NUMBER + number},{TEXT} {number}" for number in range(200))
    account.upload("planted.csv", f"id,animal\n{rows}\n")
    return synced(key)[0]


def content_of(folder: Path, *without: Path) -> bytes:
    """All files of a folder, compressed ones also unpacked. Read by another process: see `leaks.database_content`."""
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    kept = [path for path in found if not any(path.is_relative_to(other) for other in without)]
    parts = [subprocess.run(["cat", path], capture_output=True, check=True).stdout for path in kept]
    return b"\n".join([*parts, *map(unpacked, parts)])


def everywhere(*without: Path) -> dict[str, bytes]:
    return {
        "files": content_of(ours.VAR_DIR, *without),
        "storage": content_of(Path(storages["copies"].location)),
        "database": database_content(),
        "Redis": redis_content(),
    }


def found_in(contents: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return [(place, value) for place, content in contents.items() for value in PLANTED if value in content]


@pytest.mark.slow
def test_cells_lie_in_clear_only_in_the_private_folder_and_nowhere_after_the_purge(planted):
    read(planted)
    rows = [[NUMBER + number, f"{TEXT} {number}"] for number in range(200)]
    copy = copied(planted, ["id", "animal"], rows)
    with reader(copy, "user") as asked:
        assert asked.run("SELECT c1 FROM rows WHERE n = 1") == [(f"{TEXT} 0",)]
        # The search finds what is there: DuckDB's blocks hold the cells as they are.
        assert {value for _, value in found_in({"folder": content_of(store.folder())})} >= {TEXT.encode()}
        assert found_in(everywhere(store.folder())) == []
    store.purge(TableCopy.objects.all())
    assert found_in(everywhere()) == []
    assert list(store.folder().glob(f"{copy.pk}*")) == []


def has_written() -> bool:
    """Whether Redis has ended the file that it begins when it is told to write one."""
    state = connection().info("persistence")
    return not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])


def test_redis_writes_no_cells_to_its_files(planted, redis_server: RedisServer):
    folder = Path(connection().config_get("dir")["dir"])
    connection().config_set("appendonly", "yes")
    try:
        read(planted, 1, 200, PLAIN)
        wait_for(has_written)
        connection().save()
        files = content_of(folder)
        assert b"claro:rows:" in files  # it wrote the block
        assert found_in({"files of Redis": files}) == []
    finally:
        connection().config_set("appendonly", "no")
        for path in folder.glob("*.rdb"):
            path.unlink()
        for path in [*folder.glob("appendonly*")]:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
