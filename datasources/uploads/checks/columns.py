"""Warnings about columns: their names, and the kinds of their values."""

import re
from collections import Counter, defaultdict
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
    sorts, examples = _sorts_of_columns(len(header), rows)
    mixed, dates = [], []
    for place, found in sorted(sorts.items()):
        name, cells = _quoted(header[place] or f"column {place + 1}"), found.total()
        if found["text"] and found["number"] >= MIXED_FROM * cells:
            mixed.append(name)
        elif found["other date"] and found["other date"] >= DATES_FROM * cells:
            dates.append(f"{name} (such as {examples[place]})")
    if mixed:
        yield f"Numbers and text are mixed in {_listed(mixed)}."
    if dates:
        yield f"Dates are not ISO 8601 (2026-11-27) in {_listed(dates)}."


def _sorts_of_columns(width: int, rows: Sequence[Sequence[str]]) -> tuple[dict[int, Counter[str]], dict[int, str]]:
    """How many cells of each sort the columns have, and a date that is not ISO 8601, by place.

    It takes time by the cells that there are. A file can have a hundred thousand columns, or as many rows.
    """
    sorts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    examples: dict[int, str] = {}
    for row in rows:
        for place, cell in enumerate(row[:width]):
            if sort := sort_of(cell):
                sorts[place][sort] += 1
                if sort == "other date":
                    examples.setdefault(place, cell.strip())
    return sorts, examples


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
