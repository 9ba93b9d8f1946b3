"""Filters after a change to one of their chips. A place is "2" for the third condition, "2.0" for one of its group."""

from collections.abc import Sequence
from dataclasses import replace

from datasources.copies.chips.model import Chip, Group, Kind, Operator
from datasources.copies.chips.parsing import is_in_brackets, parse
from datasources.copies.chips.writing import text


def read(filter: str, names: Sequence[str] | None = None) -> Group:
    """The chips of a filter; one with the whole text where it has none."""
    group = parse(filter, names)
    if group is not None:
        return group
    whole = filter.strip()
    return Group(Kind.ALL, (Chip("", Operator.TEXT, (whole if is_in_brackets(whole) else f"({whole})",)),))


def listed(group: Group) -> list[tuple[str, Chip]]:
    """All chips with their places."""
    found = []
    for at, item in enumerate(group.items):
        if isinstance(item, Group):
            found += [(f"{at}.{inner}", chip) for inner, chip in enumerate(item.chips)]
        else:
            found.append((str(at), item))
    return found


def chip_at(group: Group, at: str) -> Chip | None:
    return dict(listed(group)).get(at)


def beside(group: Group, at: str) -> Group:
    """The group that has the chip at a place, with the chips beside it."""
    first, _, inner = at.partition(".")
    item = group.items[int(first)]
    return item if inner and isinstance(item, Group) else group


def with_added(group: Group, chip: Chip, at: str = "", *, is_any: bool = False) -> Group:
    """With another chip; with `at`, in a group with the chip there. Raises ValueError where groups are too deep."""
    if chip in group.items and not at:
        return group
    if at:
        return _replaced(group, at.partition(".")[0], lambda item: _either(item, chip))
    wanted = Kind.ANY if is_any else Kind.ALL
    if len(group.items) < 2 or group.kind is wanted:
        return Group(wanted, (*group.items, chip))
    if any(isinstance(item, Group) for item in group.items):
        # Groups are one level deep: what there is becomes one condition, as text.
        return Group(wanted, (Chip("", Operator.TEXT, (f"({text(group)})",)), chip))
    return Group(wanted, (group, chip))


def with_removed(group: Group, at: str) -> Group:
    return _changed(group, at, None)


def with_replaced(group: Group, at: str, chip: Chip) -> Group:
    return _changed(group, at, chip)


def with_kind(group: Group, kind: Kind, at: str = "") -> Group:
    """With the other way of combining: of all conditions, or of the group at a place."""
    if not at:
        return Group(kind, group.items)
    return _replaced(group, at, lambda item: replace(item, kind=kind) if isinstance(item, Group) else item)


def loosened(chip: Chip) -> Chip | None:
    """The condition that finds more rows and is nearest to this one; None for no condition."""
    match chip.operator:
        case Operator.IS | Operator.STARTS | Operator.CONTAINS if chip.is_exact and not chip.is_number:
            return replace(chip, is_exact=False)
        case Operator.IS | Operator.STARTS if not chip.is_number:
            return replace(chip, operator=Operator.CONTAINS)
        case Operator.GT:
            return replace(chip, operator=Operator.GTE)
        case Operator.LT:
            return replace(chip, operator=Operator.LTE)
    return None


def _either(item: Chip | Group, chip: Chip) -> Group:
    if isinstance(item, Chip):
        return Group(Kind.ANY, (item, chip))
    if item.kind is not Kind.ANY:
        raise ValueError("Conditions can be grouped one level deep.")
    return Group(Kind.ANY, (*item.items, chip))


def _changed(group: Group, at: str, chip: Chip | None) -> Group:
    first, _, inner = at.partition(".")
    if not inner:
        return _replaced(group, first, lambda _: chip)
    return _replaced(group, first, lambda item: _replaced(item, inner, lambda _: chip))


def _replaced(group: Chip | Group, at: str, change) -> Group:
    """The group with the item at a place changed. Raises LookupError where there is none."""
    if not isinstance(group, Group) or not (at.isdecimal() and len(at) < 6 and int(at) < len(group.items)):
        raise LookupError(at)
    items = list(group.items)
    items[int(at)] = change(items[int(at)])
    return Group(group.kind, tuple(item for item in items if item is not None))
