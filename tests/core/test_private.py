import os
import stat
import subprocess
import sys

from core import private


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_a_process_and_its_children_make_is_readable_by_their_owner_alone(tmp_path):
    code = "import subprocess, sys; from core import private; private.by_default(); "
    code += f"open({str(tmp_path / 'a')!r}, 'w'); subprocess.run(['touch', {str(tmp_path / 'b')!r}])"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o600, 0o600)


def test_files_that_others_could_read_are_repaired_and_no_others(tmp_path):
    folder = tmp_path / "var"
    (folder / "redis" / "appendonlydir").mkdir(parents=True, mode=0o755)
    (folder / "static").mkdir(mode=0o755)
    files = ["db.sqlite3", "db.sqlite3-wal", "redis/appendonly.aof", "redis/appendonlydir/a", "static/a.css", "others"]
    for name in files:
        (folder / name).touch(mode=0o666)
        (folder / name).chmod(0o644)
    os.symlink(folder / "others", folder / "redis" / "link")
    folder.chmod(0o755)
    private.repair(folder, ("db.sqlite3*", "redis", "not-there*"))
    assert [oct(mode(folder / name)) for name in files] == [*["0o600"] * 4, "0o644", "0o644"]
    assert (mode(folder), mode(folder / "redis"), mode(folder / "redis" / "appendonlydir")) == (0o700, 0o700, 0o700)


def test_a_folder_that_many_share_stays_as_it_is(tmp_path):
    tmp_path.chmod(0o1777)
    private.repair(tmp_path, ())
    assert mode(tmp_path) == 0o1777


def test_a_folder_that_is_not_there_needs_no_repair(tmp_path):
    private.repair(tmp_path / "nothing", ("a",))
