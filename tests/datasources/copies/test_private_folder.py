import os
import stat
from pathlib import Path

import pytest

from datasources.copies import private_folder
from datasources.copies.private_folder import Unsafe


@pytest.fixture(autouse=True)
def base(settings, tmp_path) -> Path:
    settings.COPIES_OPEN_DIR = str(tmp_path / "open")
    return tmp_path / "open"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_user_can_read_it(base):
    folder = private_folder.path()
    assert folder.parent == base
    assert (mode(folder), mode(base)) == (0o700, 0o700)
    assert private_folder.path() == folder


def test_a_mode_that_others_could_use_is_repaired():
    private_folder.path().chmod(0o755)
    assert mode(private_folder.path()) == 0o700


@pytest.mark.parametrize("other", [{"SECRET_KEY": "another"}, {"VAR_DIR": Path("/elsewhere")}])
def test_installations_on_a_machine_do_not_meet(settings, other):
    ours = private_folder.path()
    for name, value in other.items():
        setattr(settings, name, value)
    assert private_folder.path() != ours


def test_a_link_in_its_place_is_refused(tmp_path):
    folder = private_folder.path()
    folder.rmdir()
    (tmp_path / "trap").mkdir()
    folder.symlink_to(tmp_path / "trap")
    with pytest.raises(Unsafe, match="not a folder of this user"):
        private_folder.path()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused():
    os.chown(private_folder.path(), 12345, 12345)
    with pytest.raises(Unsafe, match="not a folder of this user"):
        private_folder.path()


def test_a_parent_in_which_others_can_replace_it_is_refused(base):
    private_folder.path()
    base.chmod(0o777)
    with pytest.raises(Unsafe, match="can replace"):
        private_folder.path()
    base.chmod(0o1777)  # as /dev/shm and /tmp are
    private_folder.path()


def test_the_default_is_in_memory_where_the_machine_has_such_a_folder(settings, monkeypatch, tmp_path):
    settings.COPIES_OPEN_DIR = ""
    monkeypatch.setattr(private_folder, "MEMORY", tmp_path)
    assert private_folder.path().parent == tmp_path
    assert private_folder.is_in_memory()
    monkeypatch.setattr(private_folder, "MEMORY", tmp_path / "missing")
    settings.VAR_DIR = tmp_path / "var"
    assert private_folder.path().parent == tmp_path / "var" / "open"
    assert not private_folder.is_in_memory()
