"""The second row of a table's head: kind, empty cells and small bars of each column, as safe HTML with SVG.

The bars are links for the mouse. For keyboards and screen readers the panel of the column lists the same links.
"""

from collections.abc import Sequence
from html import escape

from core.text import visible
from datasources.copies.histograms import Range, share, shown_number
from datasources.copies.profile import ColumnProfile, Part
from datasources.copies.schema import Kind
from datasources.rows.facets import Links

# Bytes of all heads of a page; those beyond have no links, then no bars.
HEADS_BYTES = 350_000
HEIGHT, STEP = 22, 10
# The shortest bar that can be seen.
LEAST = 1.5
# Kinds as a narrow column has room for them; the others are short words.
SHORT = {"text": "abc", "whole number": "123", "number": "1.5", "true or false": "t/f", "nested": "{}"}
SHORT |= {"number as text": "“1”"}
KINDS = {
    Kind.TEXT: "text",
    Kind.INT: "whole number",
    Kind.FLOAT: "number",
    Kind.NUMBER: "number",
    Kind.DECIMAL: "number",
    Kind.BOOLEAN: "true or false",
    Kind.NESTED: "nested",
    Kind.EMPTY: "empty",
    Kind.MIXED: "mixed",
}


def kind(profile: ColumnProfile) -> str:
    """The kind of a column in words."""
    if profile.facts.are_dates:
        return "date"
    return "number as text" if profile.facts.are_numbers else KINDS[profile.column.kind]


def heads(profiles: Sequence[ColumnProfile], parts: Sequence[Part] | None, links: Links, panels: Sequence[str]) -> str:
    """The cells of the row: a column each, within HEADS_BYTES. `panels` are the addresses of the columns' panels."""
    left, cells = HEADS_BYTES, []
    for place, (profile, panel) in enumerate(zip(profiles, panels, strict=True)):
        part = parts[place] if parts else None
        cell = head(profile, part, links if left > HEADS_BYTES // 3 else None, panel, has_chart=left > 0)
        left -= len(cell)
        cells.append(cell)
    return "".join(cells)


def head(profile: ColumnProfile, part: Part | None, links: Links | None, panel: str, *, has_chart: bool = True) -> str:
    name, words = escape(short(profile.column.name, 60)), kind(profile)
    facts = ", ".join(filter(None, [words, _ends(profile), empty_share(profile, part)]))
    look = f'class="head-kind" data-panel="{name}" title="{facts}" aria-label="{facts}, profile of {name}"'
    opens = f'<a {look} data-kind="{SHORT.get(words, words)}" href="{escape(panel)}"></a>'
    bars = chart(profile, part, links) if has_chart else ""
    return f'<td><div class="head-line">{opens}{bars}</div></td>'


def empty_share(profile: ColumnProfile, part: Part | None = None) -> str:
    """The share of empty cells in words, among the rows of a part where there is one; "" for none."""
    rows = part.rows if part else profile.facts.rows
    empty = part.nulls + part.blanks if part else profile.empty
    return f"{share(empty, rows)} empty" if empty else ""


def chart(profile: ColumnProfile, part: Part | None = None, links: Links | None = None) -> str:
    """The bars of a column as SVG, with a part of each filled; "" for a column without bars."""
    bars, counts = profile.bars, profile.counts
    if not bars:
        return ""
    links = links if profile.has_filters else None
    filters = [bar.filter for bar in bars] if links else []
    facet = links.facet(filters) if links else None
    highest = max(max(counts), 1)
    drawn = []
    for place, (bar, count) in enumerate(zip(bars, counts, strict=True)):
        among = part.bars[place] if part else None
        inner = _bar(place * STEP, count / highest, None if among is None else among / highest)
        title = f"<title>{_title(bar.label, count, among, profile.facts.rows)}</title>"
        href = links.to(facet.filter_of(filters[place])) if links and facet and filters[place] else ""
        if href:
            look = ' class="is-on"' if facet and filters[place] == facet.active else ""
            drawn.append(f'<a href="{escape(href)}" tabindex="-1"{look}>{title}{inner}</a>')
        else:
            drawn.append(f"<g>{title}{inner}</g>")
    look = "head-chart has-part" if part else "head-chart"
    return (
        f'<svg class="{look}" aria-hidden="true" focusable="false"{_ranges(profile) if links else ""} '
        f'viewBox="0 0 {max(len(bars), 6) * STEP} {HEIGHT}" preserveAspectRatio="none">{"".join(drawn)}</svg>'
    )


def _ranges(profile: ColumnProfile) -> str:
    """The bounds of a number's bars, for a filter by a drag over some of them (static/js/histogram.js)."""
    ranges = [bar for bar in profile.bars if isinstance(bar, Range)]
    if not profile.column.is_number or len(ranges) < 2 or not ranges[-1].high:
        return ""
    bounds = " ".join([*(one.low for one in ranges), ranges[-1].high])
    return f' data-bounds="{bounds}" data-column="{escape(profile.column.name)}"'


def _bar(x: int, whole: float, part: float | None) -> str:
    hit = f'<rect class="hit" x="{x}" y="0" width="{STEP}" height="{HEIGHT}"/>'
    rects = hit + _rect("whole", x, whole)
    return rects if part is None else rects + _rect("part", x, part)


def _rect(look: str, x: int, share: float) -> str:
    if not share:
        return ""
    height = max(round(share * HEIGHT, 1), LEAST)
    return f'<rect class="{look}" x="{x}" y="{round(HEIGHT - height, 1):g}" width="{STEP - 1}" height="{height:g}"/>'


def _title(label: str, count: int, among: int | None, rows: int) -> str:
    found = f"{count:,} {'row' if count == 1 else 'rows'}, {share(count, rows)}"
    return escape(
        f"{short(label, 80) or 'empty'}: " + (found if among is None else f"{among:,} of {found}"), quote=False
    )


def _ends(profile: ColumnProfile) -> str:
    """The smallest and largest value in words, or the number of values."""
    facts = profile.facts
    if facts.bounds and not facts.are_dates:
        return " to ".join(escape(short(number(end), 12)) for end in (facts.least, facts.most))
    if facts.bounds:
        return f"{escape(facts.least[:10])} to {escape(facts.most[:10])}"
    return distinct(profile) if facts.distinct else ""


def distinct(profile: ColumnProfile) -> str:
    """How many different values there are, in words."""
    facts = profile.facts
    if profile.is_key:
        return "all different"
    about = "" if facts.is_exact else "about "
    return f"{about}{facts.distinct:,} {'value' if facts.distinct == 1 else 'values'}"


def number(text: str) -> str:
    """A number for people, without needless zeros: `5.0` is 5."""
    return shown_number(text.removesuffix(".0"))


def short(text: str, at: int) -> str:
    """The text cut and without what reorders or breaks its surroundings."""
    text = "".join(sign if sign.isprintable() else "\ufffd" for sign in visible(text[: at + 1]))
    return text if len(text) <= at else text[: at - 1] + "…"
