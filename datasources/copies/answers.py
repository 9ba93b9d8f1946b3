"""Answers about copies that this process keeps in memory: the last pages of rows and their heads.

A file never changes, and another version of a table has a file of another name. An answer that follows from a file and
a question alone is therefore right as long as it is kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# An answer takes some 50 kB, 400 kB at most.
MOST = 100
# By file and question, the last one used at the end.
_answers: OrderedDict[tuple[Path, Hashable], Any] = OrderedDict()


def kept(path: Path, asked: Hashable, find: Callable[[], T], is_small: Callable[[T], bool]) -> T:
    """The value of `find`, or what it was when this was asked of the file lately. Only a small one is kept."""
    name = (path, asked)
    with suppress(KeyError):
        found = _answers[name]
        _answers.move_to_end(name)
        return found
    found = find()
    if is_small(found):
        _answers[name] = found
    with suppress(KeyError):  # another thread makes room too
        while len(_answers) > MOST:
            _answers.popitem(last=False)
    return found


def forget_removed() -> None:
    """Forgets the answers about files that were removed."""
    names = list(_answers)
    removed = {path for path in {path for path, _ in names} if not path.exists()}
    for name in names:
        if name[0] in removed:
            _answers.pop(name, None)
