"""Checks of a file before it is sent to Claro: pure functions of its name and a bounded sample; no Django.

A file that breaks a rule of the reference is refused, with the way out. Everything else is a warning. The file itself
is never changed. Source of the rules: docs/claro-api.md, uploads.
"""

from dataclasses import asdict, dataclass
from typing import Any

from datasources.uploads.checks import columns, kinds, tables
from datasources.uploads.checks.kinds import Kind, Refused
from datasources.uploads.checks.sample import HEAD_BYTES, Sample, Sampler, sample_of, sample_of_head

__all__ = [
    "FILE_BYTES_MAX",
    "HEAD_BYTES",
    "ROWS_MIN",
    "Kind",
    "Report",
    "Sample",
    "Sampler",
    "check",
    "sample_of",
    "sample_of_head",
]

FILE_BYTES_MAX = 100 * 2**20
ROWS_MIN, ROWS_MAX, ROWS_MAX_FREE = 10, 1_000_000, 10_000
ROWS_SHOWN, COLUMNS_SHOWN, CELL_SHOWN = 5, 50, 100
TOO_LARGE = "The file has more than 100 MB, the most that Claro accepts. Split it into several files."
HEADER_IN_DOUBT = "The first row looks like data. Claro uses it as the names of the columns."


@dataclass(frozen=True)
class Report:
    """How a file will be read. It is refused if `problem` is set, a sentence for people.

    `is_header_in_doubt`: it is sent after a user has confirmed that the first row is the header. Columns and rows are
    the first ones, with shortened cells; `rows_seen` of the start of the file, or of all of it.
    """

    kind: str = ""
    encoding: str = ""
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    column_count: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    rows_seen: int = 0
    is_whole: bool = False
    problem: str = ""
    is_header_in_doubt: bool = False
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return asdict(self)


def check(name: str, sample: Sample) -> Report:
    """The report on a file of that name."""
    try:
        if sample.size_bytes > FILE_BYTES_MAX:
            raise Refused(TOO_LARGE)
        return _checked(name, sample)
    except Refused as refusal:
        return Report(problem=str(refusal))


def _checked(name: str, sample: Sample) -> Report:
    """Raises Refused."""
    kind = kinds.kind_of(name, sample)
    if kind is Kind.PDF:
        return Report(kind)
    text, encoding = kinds.text_of(sample)
    warnings = []
    if kinds.is_fallback(encoding):
        warnings.append("The text is not Unicode, so some letters may be read wrongly. “CSV UTF-8” is safe.")
    if kind is None:
        warnings.append("The ending of the name is unknown. Claro may read the file as raw text.")
    if kind in (None, Kind.TEXT):
        lines = tuple((line[:CELL_SHOWN],) for line in text.splitlines()[:ROWS_SHOWN])
        return Report(Kind.TEXT, encoding, rows=lines, is_whole=sample.is_whole, warnings=tuple(warnings))
    if sample.lines > ROWS_MAX:
        warnings.append(f"The file has {sample.lines:,} lines. Claro reads up to {ROWS_MAX:,} rows.")
    kinds.refuse_markup(text)
    table = _table(kind, text, sample)
    return _report(kind, encoding, table, warnings)


def _table(kind: Kind, text: str, sample: Sample) -> tables.Table:
    if kind is Kind.JSON:
        return tables.json_table(text, sample.is_whole)
    if kind is Kind.JSONL:
        return tables.lines_table(text, sample.is_whole)
    return tables.delimited(text, kind, sample.is_whole)


def _report(kind: Kind, encoding: str, table: tables.Table, warnings: list[str]) -> Report:
    """Raises Refused."""
    has_header = kind in (Kind.CSV, Kind.TSV)
    if table.is_whole and table.row_count < ROWS_MIN:
        few = f"The file has {table.row_count} {'row' if table.row_count == 1 else 'rows'}"
        if kind is not Kind.JSON:
            below = " below the header" if has_header else ""
            raise Refused(f"{few}{below}. Claro needs at least {ROWS_MIN}.")
        warnings.append(f"{few} at its top level. Claro needs at least {ROWS_MIN}, unless its table is nested.")
    if table.are_quotes_odd:
        warnings.append('Quotation marks are not closed, or text follows a closing one. Write a mark in a cell as "".')
    warnings += columns.warnings_of(table.header, table.rows)
    return Report(
        kind,
        encoding,
        table.delimiter,
        columns=_shortened(table.header),
        column_count=len(table.header),
        rows=tuple(_shortened(row) for row in table.rows[:ROWS_SHOWN]),
        rows_seen=table.row_count,
        is_whole=table.is_whole,
        is_header_in_doubt=has_header and columns.looks_like_data(table.header, table.rows),
        warnings=tuple(warnings),
    )


def _shortened(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell[:CELL_SHOWN] for cell in cells[:COLUMNS_SHOWN])
