"""The findings of a comparison, as its row keeps them (Comparison.summary)."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from datasources.copies.histograms import share
from datasources.copies.profile import ColumnProfile


@dataclass(frozen=True)
class Compared:
    """A column of both tables: rows in which its cells differ, and how the column is before and now."""

    name: str
    changed: int
    is_key: bool
    # Kind.value
    kinds: tuple[str, str]
    # Drift of the column: measures with their values before and now, in words.
    drift: tuple[tuple[str, str, str], ...] = ()

    @property
    def has_other_kind(self) -> bool:
        return self.kinds[0] != self.kinds[1]


@dataclass(frozen=True)
class Summary:
    """`rows` and `duplicates` before and now; `added`, `removed`, `changed` and `unchanged` count rows."""

    rows: tuple[int, int]
    added: int
    removed: int
    changed: int
    unchanged: int
    # Rows beyond the first of each key.
    duplicates: tuple[int, int]
    columns: tuple[Compared, ...]
    # The names of columns that only one of the tables has.
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    # The rows of the table of differences, which is cut at match.ROWS_MAX.
    shown: int

    @property
    def differences(self) -> int:
        return self.added + self.removed + self.changed

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        columns = tuple(
            Compared(
                one["name"],
                one["changed"],
                one["is_key"],
                tuple(one["kinds"]),
                tuple(tuple(line) for line in one["drift"]),
            )
            for one in found["columns"]
        )
        texts = {name: tuple(found[name]) for name in ("rows", "duplicates", "columns_added", "columns_removed")}
        return cls(**{**found, **texts, "columns": columns})


def drift(before: ColumnProfile, now: ColumnProfile) -> list[tuple[str, str, str]]:
    """The measures of a column that changed: empty cells, different values, mean, smallest and largest."""
    found = []
    for title, measure in _MEASURES:
        values = measure(before), measure(now)
        if values[0] != values[1]:
            found.append((title, *values))
    return found


def _empty(one: ColumnProfile) -> str:
    return share(one.empty, one.facts.rows)


def _distinct(one: ColumnProfile) -> str:
    return f"{'' if one.facts.is_exact else 'about '}{one.facts.distinct:,}"


def _mean(one: ColumnProfile) -> str:
    return "–" if one.facts.mean is None else f"{one.facts.mean:,.4g}"


def _bounds(one: ColumnProfile) -> str:
    facts = one.facts
    return f"{facts.least[:40]} to {facts.most[:40]}" if (facts.least or facts.most) else "–"


_MEASURES = (("empty", _empty), ("different values", _distinct), ("mean", _mean), ("from and to", _bounds))
