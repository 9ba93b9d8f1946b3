"""Changes of a choice of columns, as the buttons of the rows page ask for them."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from datasources.rows import choices
from datasources.rows.choices import Choice
from datasources.rows.tables import Column, columns

# The longest width that a button asks for has four digits, the number of columns seven.
_DO = re.compile(r"([a-z]+)((?: [0-9]{1,7})*)")
# Columns that the chooser lists at once.
LISTED_MAX = 300


class UnknownChange(Exception):
    """No button of ours asks for that."""


@dataclass(frozen=True)
class Ticked:
    """Columns by their places: those that were ticked, and those whose tick was removed."""

    on: Sequence[int] = ()
    off: Sequence[int] = ()


def changed(choice: Choice, names: Sequence[str], do: str, ticked: Ticked = Ticked()) -> Choice:
    """The choice after the change that `do` names, such as `hide 3` or `move 3 1`. Places count from 1.

    Boxes count first: this request may have replaced that of a box ticked just before. Raises UnknownChange, also for a
    place that is not in the table.
    """
    found = _DO.fullmatch(do)
    if not found or not (change := _CHANGES.get(found[1])):
        raise UnknownChange
    try:
        return change(_with_ticks(choice, names, ticked), names, ticked, *map(int, found[2].split()))
    except (TypeError, IndexError):
        raise UnknownChange from None


def digest(names: Sequence[str]) -> str:
    """A digest of the names; with it, places still mean the same columns."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def listed(names: Sequence[str], choice: Choice, find: str = "") -> list[Column]:
    """The columns that the chooser lists, one of each name: in the order of the table, as far as that is theirs.

    Else the shown ones come first. With `find`, those whose name has this text in it, in whichever case.
    """
    by_name: dict[str, Column] = {}
    for column in columns(names):
        by_name.setdefault(column.name, column)
    wanted = find.strip().casefold()
    shown = [] if choice.columns == () else choice.shown(names)
    is_in_order = shown == [name for name in by_name if name in set(shown)]
    order = by_name if is_in_order else dict.fromkeys([*shown, *by_name])
    found = [by_name[name] for name in order if not wanted or wanted in name.casefold()]
    return found[:LISTED_MAX]


def _name(names: Sequence[str], place: int) -> str:
    if place < 1:
        raise IndexError
    return names[place - 1]


def _everything(choice: Choice, names: Sequence[str], _: Ticked) -> Choice:
    return choice.with_shown(names, names)


def _nothing(choice: Choice, names: Sequence[str], _: Ticked) -> Choice:
    return choice.with_shown((), names)


def _only(choice: Choice, names: Sequence[str], ticked: Ticked, *place: int) -> Choice:
    """This column alone; without a place those that are ticked, in this order."""
    [*places] = place or ticked.on
    if len(place) > 1 or not places:
        raise IndexError
    return choice.with_shown([_name(names, one) for one in places], names)


def _with_ticks(choice: Choice, names: Sequence[str], ticked: Ticked) -> Choice:
    """The same choice if the boxes say nothing else: it keeps its form in addresses."""
    shown = set() if choice.columns == () else set(choice.shown(names))
    on, off = ({_name(names, place) for place in places} for places in (ticked.on, ticked.off))
    return choice if on <= shown and shown.isdisjoint(off) else _tick(choice, names, ticked)


def _tick(choice: Choice, names: Sequence[str], ticked: Ticked) -> Choice:
    """New columns come to where they are in the table, if the others are in that order too; else to the end."""
    off = {_name(names, place) for place in ticked.off}
    before = [] if choice.columns == () else choice.shown(names)
    on = [_name(names, place) for place in sorted(set(ticked.on))]
    kept = {*before, *on} - off
    order = list(dict.fromkeys(names))
    if before == [name for name in order if name in set(before)]:
        return choice.with_shown([name for name in order if name in kept], names)
    return choice.with_shown([name for name in dict.fromkeys([*before, *on]) if name in kept], names)


def _show(choice: Choice, names: Sequence[str], _: Ticked, place: int) -> Choice:
    return _tick(choice, names, Ticked(on=[place]))


def _hide(choice: Choice, names: Sequence[str], _: Ticked, place: int) -> Choice:
    return _tick(choice, names, Ticked(off=[place]))


def _move(choice: Choice, names: Sequence[str], _: Ticked, place: int, to: int) -> Choice:
    """To this place among the shown columns, from 1. A pinned column moves among the pinned ones."""
    name, shown = _name(names, place), choice.shown(names)
    if name not in shown:
        raise IndexError
    order = choices.moved(shown, name, to - 1)
    pins = tuple(one for one in order if one in choice.pins)
    return replace(choice, pins=pins).with_shown(order, names)


def _by(step: int) -> Callable[..., Choice]:
    def change(choice: Choice, names: Sequence[str], ticked: Ticked, place: int) -> Choice:
        shown = choice.shown(names)
        name = _name(names, place)
        if name not in shown:
            raise IndexError
        return _move(choice, names, ticked, place, shown.index(name) + 1 + step)

    return change


def _pin(choice: Choice, names: Sequence[str], _: Ticked, place: int) -> Choice:
    return choice.with_pin(_name(names, place), is_pinned=True)


def _unpin(choice: Choice, names: Sequence[str], _: Ticked, place: int) -> Choice:
    return choice.with_pin(_name(names, place), is_pinned=False)


def _width(choice: Choice, names: Sequence[str], _: Ticked, place: int, width: int) -> Choice:
    return choice.with_width(_name(names, place), width)


def _fit(choice: Choice, names: Sequence[str], _: Ticked, place: int) -> Choice:
    return choice.with_width(_name(names, place), 0)


def _group(choice: Choice, names: Sequence[str], _: Ticked) -> Choice:
    return replace(choice, is_grouped=not choice.is_grouped)


_CHANGES: dict[str, Callable[..., Choice]] = {
    "all": _everything,
    "none": _nothing,
    "only": _only,
    "tick": _tick,
    "show": _show,
    "hide": _hide,
    "move": _move,
    "left": _by(-1),
    "right": _by(1),
    "pin": _pin,
    "unpin": _unpin,
    "width": _width,
    "fit": _fit,
    "group": _group,
}
