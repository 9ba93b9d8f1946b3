"""Warnings about columns: their names, and the kinds of their values."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

# A column is mixed from this share of numbers on: names such as “1984” are rarer.
MIXED_FROM = 0.2
DATES_FROM = 0.5
# Longer cells are neither numbers nor dates.
_CELL_MAX = 40
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:[ ,.'][0-9]{3})+|[0-9]+)(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]{1,3})?%?")
_TIME = r"(?:[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?: ?[AaPp][Mm])?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_ISO_DATE = re.compile(rf"[0-9]{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]){_TIME}")
_OTHER_DATE = re.compile(
    rf"(?:[0-9]{{1,2}}([./-])[0-9]{{1,2}}\1(?:[0-9]{{4}}|[0-9]{{2}})|[0-9]{{4}}[/.][0-9]{{1,2}}[/.][0-9]{{1,2}}"
    rf"|[0-9]{{1,2}}[ -][A-Za-z]{{3,9}}\.?[ -][0-9]{{2,4}}|[A-Za-z]{{3,9}}\.? [0-9]{{1,2}}, [0-9]{{4}}){_TIME}"
)


def sort_of(cell: str) -> str:
    """`number`, `date`, `other date`, `text`, or nothing for an empty cell."""
    cell = cell.strip()
    if not cell or len(cell) > _CELL_MAX:
        return "text" if cell else ""
    if _NUMBER.fullmatch(cell):
        return "number"
    if _ISO_DATE.fullmatch(cell):
        return "date"
    return "other date" if _OTHER_DATE.fullmatch(cell) else "text"


def looks_like_data(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row may be a row of the table: it has values, or fewer cells than the rows below."""
    names = [cell for cell in header if cell.strip()]
    if any(sort_of(name) in ("number", "date", "other date") for name in names):
        return True
    return len(names) == 1 and bool(rows) and min(len(row) for row in rows) > 1


def warnings_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from _about_names(header)
    longer = sum(any(cell.strip() for cell in row[len(header) :]) for row in rows)
    if longer:
        yield f"{longer:,} of the first {len(rows):,} rows have more cells than the header."
    mixed, dates = [], []
    for place, name in enumerate(header):
        cells = [row[place] for row in rows if place < len(row) and row[place].strip()]
        sorts = Counter(map(sort_of, cells))
        if sorts["text"] and sorts["number"] >= MIXED_FROM * len(cells):
            mixed.append(_quoted(name or f"column {place + 1}"))
        elif sorts["other date"] and sorts["other date"] >= DATES_FROM * len(cells):
            example = next(cell for cell in cells if sort_of(cell) == "other date")
            dates.append(f"{_quoted(name or f'column {place + 1}')} (such as {example.strip()})")
    if mixed:
        yield f"Numbers and text are mixed in {_listed(mixed)}."
    if dates:
        yield f"Dates are not ISO 8601 (2026-11-27) in {_listed(dates)}."


def _about_names(header: Sequence[str]) -> Iterator[str]:
    counts = Counter(name.strip().casefold() for name in header)
    shown = {name.strip().casefold(): name.strip() for name in reversed(header)}
    if unnamed := counts.pop("", 0):
        yield f"{unnamed:,} {'column has' if unnamed == 1 else 'columns have'} no name."
    if repeated := [shown[name] for name, count in counts.items() if count > 1]:
        yield f"Column names are repeated: {_listed([_quoted(name) for name in repeated])}."


def _quoted(name: str) -> str:
    return f"“{name[:60]}”"


def _listed(names: Sequence[str]) -> str:
    """The first five, and how many more."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
