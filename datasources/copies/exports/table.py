"""The rows and columns of an export: each row as a text that DuckDB makes, and facts of its columns.

A text for each row is made in SQL: that takes a sixth of the time of Python's csv module. Queries are short and read
some rows by their numbers, so nothing is open while the reader of the file is slow.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from datasources.copies import orders
from datasources.copies.conditions import Condition
from datasources.copies.opened import Reader
from datasources.copies.query import Query, where
from datasources.copies.schema import Column

# DuckDB compares all expressions of a query with each other: 2,000 cells in one take 100 times as long as in 20.
CELLS_A_QUERY = 100
# Rows of one query. Scattered rows are found by a scan of all row numbers, so more are read at once.
_FIRST, _MOST, _MOST_SCATTERED = 64, 8192, 65_536
_TEXT_BYTES, _SCATTERED_TEXT_BYTES = 2 * 2**20, 16 * 2**20


class Incomplete(Exception):
    """Fewer or more rows were read than planned."""


@dataclass(frozen=True)
class Cell:
    """The text of one cell as SQL, null where there is none, with the texts before and after it as parameters."""

    sql: str
    before: str = ""
    # What stands there instead where `sql` is null; None for nothing, not even `before`.
    missing: str | None = None


class Table:
    """The rows that a query finds, in its order, with the columns at these places in this order.

    Raises FilterError, NotFolded, UnknownCheck and CannotSort at the first question.
    """

    def __init__(self, reader: Reader, query: Query, places: Sequence[int]):
        self._reader, self._query = reader, query
        self.columns: tuple[Column, ...] = tuple(reader.columns[place] for place in places)

    @property
    def condition(self) -> Condition:
        return where(self._reader, self._query)

    def count(self) -> int:
        orders.by(self._reader.columns, self._query.sorts)  # says what can't be sorted
        if self._query.is_everything:
            return self._reader.rows
        [found] = self.facts(["count(*)"])
        return found

    def facts(self, aggregates: Sequence[str]) -> tuple:
        """The values of these aggregates over all rows."""
        condition = self.condition
        values: tuple = ()
        for start in range(0, len(aggregates), CELLS_A_QUERY):
            some = ", ".join(aggregates[start : start + CELLS_A_QUERY])
            [found] = self._reader.run(
                f"SELECT {some} FROM rows WHERE {condition.sql}",  # noqa: S608 - places and parameters only
                condition.parameters,
            )
            values += found
        return values

    @cached_property
    def numbers(self) -> Sequence[int]:
        """The `n` of all rows in order; 4 bytes each."""
        if self._query.is_everything and not self._query.sorts:
            return range(1, self._reader.rows + 1)
        condition, numbers = self.condition, array("I")
        terms = orders.by(self._reader.columns, self._query.sorts)
        sql = f"SELECT n FROM rows WHERE {condition.sql} ORDER BY {terms}"  # noqa: S608 - places and parameters only
        for some in self._reader.stream(sql, condition.parameters, size=20_000):
            numbers.extend([n for (n,) in some])
        return numbers

    def texts(self, cells: Sequence[Cell], between: str = "") -> Iterator[list[str]]:
        """The text of each row, some rows at a time: its cells one after the other, with `between` between them."""
        groups = [cells[start : start + CELLS_A_QUERY] for start in range(0, len(cells), CELLS_A_QUERY)]
        numbers = self.numbers
        is_scattered = bool(self._query.sorts)
        most, room = (_MOST_SCATTERED, _SCATTERED_TEXT_BYTES) if is_scattered else (_MOST, _TEXT_BYTES)
        start, size = 0, _FIRST
        while start < len(numbers):
            some = numbers[start : start + size]
            parts = [self._group(some, group, between) for group in groups]
            texts = parts[0] if len(parts) == 1 else [between.join(row) for row in zip(*parts, strict=True)]
            if len(texts) != len(some):
                raise Incomplete(f"{len(texts)} rows in place of {len(some)}")
            yield texts
            start += size
            length = sum(map(len, texts)) // len(texts) + 1
            size = max(1, min(most, room // length, size * 16))

    def _group(self, numbers: Sequence[int], cells: Sequence[Cell], between: str) -> list[str]:
        parts, parameters = [], []
        for place, cell in enumerate(cells):
            before = (between if place else "") + cell.before
            if cell.missing is None:
                parts += ["?", cell.sql] if before else [cell.sql]
                parameters += [before] if before else []
            else:
                parts += ["?", f"coalesce({cell.sql}, ?)"]
                parameters += [before, cell.missing]
        text = f"concat({', '.join(parts)})"
        if isinstance(numbers, range):
            sql = f"SELECT {text} FROM rows WHERE n BETWEEN ? AND ? ORDER BY n"  # noqa: S608 - places only
            return [row for (row,) in self._reader.run(sql, [*parameters, numbers[0], numbers[-1]])]
        # A join reads scattered rows six times as fast as IN (…).
        sql = f"SELECT n, {text} FROM (SELECT unnest(?::INTEGER[]) AS wanted) JOIN rows ON n = wanted"  # noqa: S608
        found = dict(self._reader.run(sql, [*parameters, numbers.tolist()]))  # type: ignore[attr-defined]
        return [found[n] for n in numbers]
