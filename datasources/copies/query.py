"""Questions to a copy: filter, search, finding, order."""

from dataclasses import dataclass, field
from datetime import date

from django.utils import timezone

from datasources.copies import checks, filters, search
from datasources.copies.filters import Condition
from datasources.copies.opened import Reader


@dataclass(frozen=True)
class Query:
    """Which rows, and in which order; empty where nothing is asked."""

    # An expression (filters.py), words that rows must hold (search.py), a finding and its column (checks.py).
    filter: str = ""
    words: str = ""
    check: str = ""
    # Names of columns with "asc" or "desc", the first counts most.
    sorts: tuple[tuple[str, str], ...] = ()
    # The day that TODAY() means: that of the user's time zone when the query is made, also while a file is written.
    today: date = field(default_factory=timezone.localdate)

    @property
    def is_everything(self) -> bool:
        return not (self.filter.strip() or self.words.strip() or self.check)


def where(reader: Reader, query: Query) -> Condition:
    """The condition that the rows of a query meet. Raises FilterError, NotFolded and UnknownCheck."""
    parts = []
    if query.filter.strip():
        parts.append(filters.condition(query.filter, reader.columns, query.today))
    if query.check:
        parts.append(checks.condition(query.check, reader.columns))
    # The dearest one last.
    if query.words.strip():
        parts.append(search.condition(reader, query.words))
    sql = " AND ".join(f"({part.sql})" for part in parts) or "TRUE"
    return Condition(sql, tuple(value for part in parts for value in part.parameters))
