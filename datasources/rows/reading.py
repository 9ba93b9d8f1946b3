"""Rows for a page: from the whole-table copy where there is one, else live from Claro.

Without a copy, a search, several sort columns and a check make no call.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from datasources.copies import checks, days, opened, read, search
from datasources.copies.checks import UnknownCheck
from datasources.copies.filters import FilterError
from datasources.copies.opened import Busy, Reader, TooSlow
from datasources.copies.orders import CannotSort
from datasources.copies.query import Query
from datasources.copies.search import NotFolded
from datasources.copies.store import CopyLost, Unavailable
from datasources.models import Source, TableCopy
from datasources.rows import cells, pages, tables
from datasources.rows.forms import RowsForm
from datasources.rows.pages import Rows

# Cells of a copy are read up to so many characters, enough to see that they are cut: whatever they hold, the process
# keeps its memory.
SHOWN_AT = cells.CUT_AT + cells.BUTTON_BYTES
# With a search more of them, to find what is searched for.
MARKED_AT = 2000


class NeedsCopy(Exception):
    """There is no copy, and the address asks for what only a copy can answer."""


class Unopened(Exception):
    """There is a copy, but the dashboard can't open it now; the message is a sentence for people."""


class ForClaro(Exception):
    """Only Claro may understand the filter, and Claro can't do the rest of what the address asks for."""


# Why a copy gives no rows.
UNANSWERED = (FilterError, ForClaro, Unopened, CannotSort, UnknownCheck, NotFolded, Busy, TooSlow)


@dataclass(frozen=True)
class Reading:
    rows: Rows
    # None: live from Claro.
    copy: TableCopy | None = None
    # Why Claro was asked although there is a copy.
    unread: FilterError | None = None
    # Why these rows are live although there is a copy: it can't be opened now.
    unopened: str = ""
    # What is searched for, to mark it in the cells; and a finding in words.
    terms: tuple[str, ...] = ()
    check_words: str = ""


def needs(state: dict[str, Any]) -> str:
    """The part of a state of RowsForm that Claro's API can't do, as the subject of a sentence; "" for nothing."""
    if state["q"]:
        return "Search"
    if days.are_in(state["filter"]):
        return "A filter relative to today"
    return "A check" if state["check"] else "Sorting by several columns" if len(state["sorts"]) > 1 else ""


def query(state: dict[str, Any]) -> Query:
    """The question to a copy that a state of RowsForm asks."""
    return Query(filter=state["filter"], words=state["q"], check=state["check"], sorts=state["sorts"])


def read_page(
    source: Source, copy: TableCopy | None, state: dict[str, Any], person: object, at: Sequence[tuple[int, int]] = ()
) -> Reading:
    """The page of rows that a state of RowsForm asks for, from this copy of the source.

    With `at`, these cells of the page (row and column, both from 1) are whole; other cells may be missing. Raises
    NeedsCopy, StillLoading and ClaroError where rows are live, else the errors of UNANSWERED.
    """
    return _read(source, copy, state, person, partial(_from_copy, at=at))


def read_row(source: Source, copy: TableCopy | None, state: dict[str, Any], person: object) -> Reading:
    """The row that `state["row"]` numbers under its filter and sort order, whole; none past the last."""
    return _read(source, copy, {**state, "page": state["row"], "limit": 1}, person, _row_of_copy)


def _read(
    source: Source,
    copy: TableCopy | None,
    state: dict[str, Any],
    person: object,
    from_copy: Callable[[TableCopy, dict[str, Any], object], Reading],
) -> Reading:
    unread, unopened = None, ""
    if copy:
        try:
            return from_copy(copy, state, person)
        except Unavailable as error:
            if needs(state):
                raise Unopened(str(error)) from error
            unopened = str(error)
        except CopyLost:
            pass
        except FilterError as error:
            if not error.claro_may_read:
                raise
            if needs(state):
                raise ForClaro(error.message) from None
            unread = error
    if needs(state):
        raise NeedsCopy
    live = pages.page(source, state["page"], state["limit"], RowsForm.query(state), person)
    return Reading(live, unread=unread, unopened=unopened)


def column_names(source: Source, copy: TableCopy | None, state: dict[str, Any], person: object) -> list[str]:
    """The names of all columns of the table that a state of RowsForm shows; errors as of `read_page`."""
    if copy:
        try:
            with opened.reader(copy, person) as reader:
                return [column.name for column in reader.columns]
        except CopyLost:
            pass
    return list(pages.page(source, state["page"], state["limit"], RowsForm.query(state), person).columns)


def _row_of_copy(copy: TableCopy, state: dict[str, Any], person: object) -> Reading:
    with opened.reader(copy, person) as reader:
        page = read.page(reader, query(state), state["row"] - 1, 1)
    has_next = bool(page.rows) and state["row"] < page.total
    return Reading(Rows(page.columns, page.rows, page.first, page.total, has_next), copy)


def _from_copy(copy: TableCopy, state: dict[str, Any], person: object, at: Sequence[tuple[int, int]]) -> Reading:
    first, limit, terms = (state["page"] - 1) * state["limit"], state["limit"], search.terms(state["q"])
    asked = query(state)
    cut_at = MARKED_AT if terms else SHOWN_AT
    if at:
        rows = [row for row, _ in at if first < row <= first + limit] or [first + 1]
        first, limit, cut_at = min(rows) - 1, max(rows) - min(rows) + 1, None
    with opened.reader(copy, person) as reader:
        names = [column.name for column in reader.columns]

        def places(rows: int) -> set[int]:
            return {place - 1 for _, place in at} if at else tables.shown_places(names, state, rows)

        page = read.page(reader, asked, first, limit, places, cut_at)
        found = _check_words(state["check"], reader)
    has_next = 0 < len(page.rows) < page.total - first
    rows = Rows(page.columns, page.rows, first, page.total, has_next)
    return Reading(rows, copy, terms=terms, check_words=found)


def _check_words(check: str, reader: Reader) -> str:
    """A finding and its column, such as "Stray spaces: brand"."""
    if not check:
        return ""
    return f"{checks.words(check, reader.columns)}: {reader.columns[int(check.rpartition('.')[2]) - 1].name}"
