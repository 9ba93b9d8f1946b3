"""The profile of a copy's columns on a page of rows: the row of heads, and the panel of a column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.safestring import SafeString

from core.forms import query_string
from datasources.copies import checks, histograms, opened, profile
from datasources.copies.conditions import Condition
from datasources.copies.histograms import Bar
from datasources.copies.opened import Reader
from datasources.copies.profile import ColumnProfile, Part
from datasources.copies.query import Query, where
from datasources.models import TableCopy
from datasources.rows import heads
from datasources.rows.facets import Facet, Links
from datasources.rows.tables import Column

# Rows of a copy up to which the part of filtered rows is computed with the page; of others it follows the page.
AT_ONCE_ROWS = 100_000
# Columns of which a page shows heads.
HEADS_MAX = 150
# Parameters that only the addresses of this module have.
OWN = ("shown", "place")


@dataclass(frozen=True)
class Heads:
    """The cells of the row. They show the whole table alone if `late`, the query of a request for the part, is set."""

    cells: SafeString
    late: str = ""


@dataclass(frozen=True)
class Line:
    """A bar as a line of the panel's list: a link where `href` is not empty."""

    label: str
    count: int
    share: str
    # Of a hundred: the length of the line's bar, and of its part.
    whole: int
    part: int | None
    among: int | None
    href: str
    is_on: bool


@dataclass(frozen=True)
class Finding:
    title: str
    note: str
    count: int | None = None
    href: str = ""


@dataclass(frozen=True)
class Panel:
    profile: ColumnProfile
    kind: str
    numbers: list[tuple[str, str]]
    empties: list[Line]
    bars: list[Line]
    tops: list[Line]
    findings: list[Finding]
    # Rows that the address finds; None for all.
    rows: int | None


def row_of_heads(
    copy: TableCopy,
    person: object,
    query: Query,
    columns: Callable[[Sequence[str]], Sequence[Column]],
    parameters: dict[str, Any],
    path: str,
    *,
    is_late: bool = False,
) -> Heads | None:
    """The heads of the columns that a table shows, which `columns` chooses by the names of all; None without a profile.

    `path` is that of the panel. The part of the filtered rows of a large copy is left to a later request, unless this
    is it (`is_late`). Raises CopyLost, Busy, TooSlow, FilterError, UnknownCheck and NotFolded.
    """
    # The links lead to the first page of other rows, whatever page this is.
    parameters = {name: value for name, value in parameters.items() if name not in (*OWN, "page")}
    with opened.reader(copy, person) as reader:
        shown = columns([column.name for column in reader.columns])
        places = tuple(column.place - 1 for column in shown[:HEADS_MAX])
        is_later = not (query.is_everything or is_late) and reader.rows > AT_ONCE_ROWS
        condition = None if query.is_everything or is_later else where(reader, query)
        address = urlencode(parameters, doseq=True)
        cells = reader.lately(
            ("heads", path, address, places, condition), lambda: _cells(reader, condition, places, parameters, path)
        )
    if not cells:
        return None
    late = f"?{urlencode({**parameters, 'shown': len(shown)}, doseq=True)}" if is_later else ""
    return Heads(SafeString(cells + "<td></td>" * (len(shown) - len(places))), late)


def _cells(
    reader: Reader, condition: Condition | None, places: Sequence[int], parameters: dict[str, Any], path: str
) -> str:
    """The heads of the columns at these places (from 0), with the part of the rows that meet a condition."""
    found = {one.column.place: one for one in profile.of(reader, places)}
    if not found:
        return ""
    profiles = [found[place] for place in places]
    parts = profile.part(reader, condition, profiles) if condition else None
    panels = [path + query_string(parameters, place=place + 1) for place in places]
    return heads.heads(profiles, parts, Links(parameters), panels)


def panel(
    copy: TableCopy, person: object, query: Query, place: int, parameters: dict[str, Any], path: str
) -> Panel | None:
    """The panel of the column at a place (from 1); None where there is none. Raises what `row_of_heads` does."""
    parameters = {name: value for name, value in parameters.items() if name not in OWN}
    links = Links(parameters, path)
    with opened.reader(copy, person) as reader:
        found = profile.of(reader, [place - 1]) if place <= len(reader.columns) else []
        if not found:
            return None
        [one] = found
        part = None if query.is_everything else profile.part(reader, where(reader, query), found, tops=True)[0]
        findings = _findings(reader, one, links)
    is_histogram = bool(one.facts.bounds)
    tops = [count for _, count in one.facts.tops]
    return Panel(
        one,
        heads.kind(one),
        _numbers(one),
        _empties(one, part, links),
        _lines(one, one.bars, one.counts, part and part.bars, links) if is_histogram else [],
        _lines(one, one.tops, tops, part and part.tops, links),
        findings,
        part.rows if part else None,
    )


def _lines(
    one: ColumnProfile, bars: Sequence[Bar], counts: Sequence[int], among: Sequence[int] | None, links: Links
) -> list[Line]:
    facet = links.facet([bar.filter for bar in bars]) if one.has_filters else None
    highest = max([*counts, 1])
    return [
        _line(one, bar.label, bar.filter, count, among[at] if among else None, highest, links, facet)
        for at, (bar, count) in enumerate(zip(bars, counts, strict=True))
    ]


def _line(
    one: ColumnProfile,
    label: str,
    found_by: str,
    count: int,
    among: int | None,
    highest: int,
    links: Links,
    facet: Facet | None,
) -> Line:
    href = links.to(facet.filter_of(found_by)) if facet and found_by else ""
    part = None if among is None else round(100 * among / highest)
    share = histograms.share(count, one.facts.rows)
    is_on = bool(facet and found_by and facet.active == found_by)
    return Line(heads.short(label, 200), count, share, round(100 * count / highest), part, among, href, is_on)


def _empties(one: ColumnProfile, part: Part | None, links: Links) -> list[Line]:
    """Null and empty text apart."""
    both = [
        ("null", one.nulls_filter, one.facts.nulls, part and part.nulls),
        ("empty text", one.blanks_filter, one.facts.blanks, part and part.blanks),
    ]
    facet = links.facet([found_by for _, found_by, _, _ in both]) if one.has_filters else None
    rows = max(one.facts.rows, 1)
    return [
        _line(one, label, found_by if count else "", count, among, rows, links, facet)
        for label, found_by, count, among in both
    ]


def _numbers(one: ColumnProfile) -> list[tuple[str, str]]:
    facts = one.facts
    about = "" if facts.is_exact else "about "
    found = [("Rows", f"{facts.rows:,}"), ("Different values", f"{about}{facts.distinct:,}")]
    is_number = one.column.is_number
    if facts.least or facts.most:
        shown = heads.number if is_number else (lambda text: heads.short(text, 80))
        texts = ("Earliest", "Latest") if facts.are_dates else ("First", "Last")
        words = ("Smallest", "Largest") if is_number else texts
        found += [(words[0], shown(facts.least)), (words[1], shown(facts.most))]
    if facts.mean is not None:
        found.append(("Mean", plain_number(facts.mean)))
    if facts.quartiles:
        names = ("Lower quartile", "Median", "Upper quartile")
        found += zip(names, map(plain_number, facts.quartiles), strict=True)
    if facts.lengths and not facts.are_dates:
        least, most, mean = facts.lengths
        found.append(("Length", f"{least:,} to {most:,} characters, {plain_number(mean)} on average"))
    return found


def plain_number(value: float) -> str:
    """A number computed here, with up to four decimals."""
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    text = f"{value:,.4f}"
    return text.rstrip("0").rstrip(".")


def _findings(reader: Reader, one: ColumnProfile, links: Links) -> list[Finding]:
    found = []
    if one.is_key:
        found.append(Finding("Likely key", "Every row has a value of its own."))
    if one.is_constant:
        where_ = "every row" if not one.empty else "every cell that is not empty"
        found.append(Finding("Constant", f"The same value in {where_}."))
    for name, count in one.facts.findings.items():
        check = checks.CHECKS.get(name)
        if check:
            href = links.to_check(f"{name}.{one.column.place + 1}")
            found.append(Finding(check.title, check.note, count, href))
    return found
