import os
import signal
import subprocess
import sys

import duckdb
import pytest

from datasources.copies import typed
from datasources.copies.staging import InUse, Staging
from tests.support.copies import contents

# Adds blocks of ten rows until it is killed; prints a line after each.
WRITER = """
import sys
from pathlib import Path
from datasources.copies.staging import Staging
with Staging.open(Path(sys.argv[1])) as file:
    while True:
        number = file.rows // 10
        file.append(["number", f"later {number // 50}"], [[file.rows + i, "x" * 500] for i in range(10)], number)
        print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "staging"


def finished(path):
    target = path.with_name("copy")
    typed.write(path, target)
    columns, rows = contents(target)
    return [column.name for column in columns], rows


def test_blocks_follow_each_other_across_openings(path):
    with Staging.open(path) as file:
        file.append(["a", "b"], [[1, "x"], [2, None]], block=0)
        assert file.rows == 2
    with Staging.open(path) as file:
        assert (file.rows, file.columns) == (2, ["a", "b"])
        file.append(["a", "b"], [[3, "z"]], block=1)
    assert finished(path) == (["a", "b"], [[1, "x"], [2, None], [3, "z"]])


def test_columns_that_appear_later_are_null_before_and_after(path):
    with Staging.open(path) as file:
        file.append(["a"], [[1]], block=0)
        file.append(["b", "a"], [[True, 2]], block=1)
        file.append([], [[]], block=2)
        file.append(["c"], [["x"]], block=3)
    rows = [[1, None, None], [2, True, None], [None, None, None], [None, None, "x"]]
    assert finished(path) == (["a", "b", "c"], rows)


def test_columns_of_one_name_stay_apart(path):
    """As a page does whose blocks name different columns (rows/pages.py)."""
    with Staging.open(path) as file:
        file.append(["a", "b", "a"], [[1, 2, 3]], block=0)
        file.append(["a", "a", "a"], [[4, 5, 6]], block=1)
    assert finished(path) == (["a", "b", "a", "a"], [[1, 2, 3, None], [4, None, 5, 6]])


def test_a_block_that_fails_leaves_nothing(path):
    with Staging.open(path) as file:
        file.append(["a"], [[1]], block=0)
        with pytest.raises(duckdb.Error):
            file.append(["a", "b"], [[2, "fine"], [3, "\ud800"]], block=1)  # no text that can be stored
        with pytest.raises(duckdb.ConstraintException):
            file.append(["a"], [[2]], block=0)
        assert (file.rows, file.columns) == (1, ["a"])
        file.append(["a"], [["x"]], block=1)
    assert finished(path) == (["a"], [[1], ["x"]])


def test_a_file_has_one_writer(path):
    with Staging.open(path):
        with pytest.raises(InUse):
            Staging.open(path)
        other = subprocess.run([sys.executable, "-c", WRITER, path], capture_output=True, text=True)
        assert "InUse" in other.stderr
    Staging.open(path).close()


def test_a_spoilt_file_is_an_error_of_duckdb(path):
    path.write_bytes(b"x" * 5000)
    with pytest.raises(duckdb.Error):
        Staging.open(path)


def test_a_killed_writer_loses_at_most_the_block_under_way(path):
    done = -1
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                assert int(line) == done + 1
                done += 1
                if done % 60 == 59:
                    break
            os.kill(process.pid, signal.SIGKILL)
            done += len(process.stdout.read().splitlines())
        with Staging.open(path) as file:
            assert file.rows // 10 - 1 - done in (0, 1)  # committed, perhaps not printed
            done = file.rows // 10 - 1
    _, rows = finished(path)
    assert [row[0] for row in rows] == list(range((done + 1) * 10))
    assert done > 150
