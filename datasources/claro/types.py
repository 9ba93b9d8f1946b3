"""What the API answers, as frozen dataclasses.

All tolerance for what the contract leaves open lives in the `from_api` functions; what they can't read is Unreadable.
Source: docs/claro-api.md, data sources.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self, TypeVar
from uuid import UUID

from datasources.claro.errors import TooLarge, Unreadable
from datasources.claro.numbers import NumberText, shown, stored

PROCESSING, COMPLETED, FAILED = "processing", "completed", "failed"
LIST_LIMIT_MAX = 100
ROWS_LIMIT_MAX = 1000
EXPIRES_IN_MIN_S = 1
EXPIRES_IN_MAX_S = 86_400
# X-RateLimit-Reset below this is a duration, from it on a date (docs/claro-api.md, basics).
_EPOCH_FROM = 1_000_000_000
# Dates have whole seconds, and answers are under way for a while.
_CLOCKS_DIFFER = timedelta(seconds=20)
# X-RateLimit-Reset and Retry-After are not believed beyond this: a wrong header must not stop a key for years.
RESET_MAX_S = 3600.0
# Larger numbers of calls or items are not believed, and fit no column of the database.
COUNT_MAX = 2**31 - 1
# In every time zone, dates in these years are dates that Python can handle.
_FIRST_DATE, _LAST_DATE = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
# Limits of what is kept of a listed source, in characters (docs/claro-client.md); more is cut.
NAME_MAX, FIELD_NAME_MAX, FIELD_MAX, FIELDS_MAX = 1000, 200, 10_000, 200
URL_MAX = 16_000
# A page of rows is a table: one row with many keys widens all of them.
COLUMNS_MAX, CELLS_MAX = 50_000, 4_000_000
Item = TypeVar("Item")
_KNOWN = ("datasourceId", "fileName", "contentType", "fileSize", "status", "uploadedAt", "processedAt")


@dataclass(frozen=True, slots=True)
class DataSource:
    """One uploaded file and what became of it.

    `extra` holds every field that isn't documented, under its own name, as a database keeps it (numbers.stored).
    """

    datasource_id: UUID
    file_name: str
    content_type: str
    size_bytes: int | None
    status: str
    uploaded_at: datetime | None
    processed_at: datetime | None
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_api(cls, answer: Any) -> Self:
        """From an object, bare or under `dataSource` or `data`. Raises Unreadable without a readable id."""
        data = _mapping(answer)
        for wrapper in ("dataSource", "data"):
            if "datasourceId" not in data and isinstance(data.get(wrapper), Mapping):
                data = data[wrapper]
        datasource_id = parse_uuid(data.get("datasourceId"))
        if datasource_id is None:
            raise Unreadable("A data source without a readable datasourceId.")
        extra = {name: value for name, value in data.items() if name not in _KNOWN}
        uploaded_at, processed_at = parse_time(data.get("uploadedAt")), parse_time(data.get("processedAt"))
        for name, parsed in (("uploadedAt", uploaded_at), ("processedAt", processed_at)):
            if data.get(name) is not None and parsed is None:
                extra[name] = data[name]
        return cls(
            datasource_id=datasource_id,
            file_name=_cut(_text(data.get("fileName")), NAME_MAX),
            content_type=_text(data.get("contentType"))[:255],
            size_bytes=_whole(data.get("fileSize")),
            status=_text(data.get("status"))[:50] or "unknown",
            uploaded_at=uploaded_at,
            processed_at=processed_at,
            extra=kept(extra),
        )


@dataclass(frozen=True, slots=True)
class Pagination:
    """Where a page stands: `page` from 1, `total` and `total_pages` None where the API doesn't tell."""

    page: int
    limit: int
    total: int | None
    total_pages: int | None
    has_next: bool

    @classmethod
    def from_api(cls, answer: Any, *, page: int, limit: int, count: int) -> Self:
        """From the answer's `pagination`, for `count` items got on `page` of `limit`; what is missing is derived."""
        data = answer if isinstance(answer, Mapping) else {}
        said_limit = min(_whole(data.get("limit")) or limit, limit)
        total = _first_count(data, "total", "totalItems", "totalCount")
        total_pages = _first_count(data, "totalPages", "pages")
        if total_pages is None and total is not None:
            total_pages = math.ceil(total / said_limit)
        least = ((total, (page - 1) * said_limit + count), (total_pages, page))
        if count and any(said is not None and said < there for said, there in least):
            total = total_pages = None  # wrong: more was seen already
        if count == 0:
            has_next = False
        elif isinstance(data.get("hasNext"), bool):
            has_next = data["hasNext"]
        elif total_pages is not None:
            has_next = page < total_pages
        else:
            has_next = count >= said_limit
        return cls(page=page, limit=said_limit, total=total, total_pages=total_pages, has_next=has_next)


@dataclass(frozen=True, slots=True)
class DataSourcePage:
    """One page of the list; `unreadable` is the number of items that were left out."""

    sources: tuple[DataSource, ...]
    pagination: Pagination
    unreadable: int = 0

    @classmethod
    def from_api(cls, answer: Any, *, page: int, limit: int) -> Self:
        """Raises Unreadable when there is no list of sources, or more of them than any page holds."""
        data = _mapping(answer)
        items = data.get("dataSources")
        if not isinstance(items, list):
            raise Unreadable("A list of data sources without `dataSources`.")
        # A server that has a smallest page may answer with more than was asked for; the largest page is documented.
        _refuse_more(items, max(limit, LIST_LIMIT_MAX))
        pagination = Pagination.from_api(data.get("pagination"), page=page, limit=limit, count=len(items))
        sources = tuple(readable(DataSource.from_api, items))
        return cls(sources, pagination, len(items) - len(sources))


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str | None = None


@dataclass(frozen=True, slots=True)
class RowPage:
    """One page of rows, each with a value for every column; values are whatever JSON holds, and NumberText."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    pagination: Pagination

    @classmethod
    def from_api(cls, answer: Any, *, page: int, limit: int) -> Self:
        """From any of the contract's shapes: rows as objects or arrays, with columns or without.

        A row of another shape than most, or of more than COLUMNS_MAX cells, has the start of its text, marked as
        unreadable, in its first cell. Raises Unreadable when that is true of all, or for more rows than `limit`;
        TooLarge when all are too wide, or for more cells than CELLS_MAX.
        """
        data = _mapping(answer)
        items = data.get("rows") if isinstance(data.get("rows"), list) else data.get("data")
        if not isinstance(items, list):
            raise Unreadable("A page of rows without `data` or `rows`.")
        _refuse_more(items, limit)
        named = data["columns"] if isinstance(data.get("columns"), list) else []
        _refuse_wide(len(named), len(items))
        columns = [_column(item) for item in named]
        objects, arrays = (sum(_is_row(item, kind) for item in items) for kind in (Mapping, list))
        if items and not objects and not arrays:
            if any(map(_is_too_wide, items)):
                raise TooLarge(f"Rows of more than {COLUMNS_MAX} columns.")
            raise Unreadable("Rows that are neither objects nor arrays.")
        made = _from_objects(columns, items) if objects >= arrays else _from_arrays(columns, items)
        pagination = Pagination.from_api(data.get("pagination"), page=page, limit=limit, count=len(items))
        return cls(tuple(made[0]), tuple(made[1]), pagination)


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A link to an original file. The URL is as good as a password for it, so the repr hides it."""

    url: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def from_api(cls, answer: Any, *, expires_in_s: int, now: datetime, behind: timedelta = timedelta(0)) -> Self:
        """`expires_at` from `expiresAt` or `expiresIn`, else now and what was asked for. Raises Unreadable.

        It is by our clock; the API's is so much `behind`. A lifetime over the API's maximum is cut to that; one that
        has ended already cannot be true, so the one that was asked for counts.
        """
        data = _mapping(answer)
        for wrapper in ("data", "download"):
            if isinstance(data.get(wrapper), Mapping):
                data = {**data, **data[wrapper]}
        url = data.get("downloadUrl") or data.get("url")
        if not isinstance(url, str) or len(url) > URL_MAX:
            raise Unreadable("A signed URL without `downloadUrl` or `url`, or one that is too long.")
        ends = parse_time(data.get("expiresAt"))
        if ends and abs(behind) > _CLOCKS_DIFFER:
            with contextlib.suppress(OverflowError):
                ends += behind
        lives_s = (ends - now).total_seconds() if ends else _whole(data.get("expiresIn")) or 0
        if lives_s <= 0:
            lives_s = expires_in_s
        return cls(url=url, expires_at=now + timedelta(seconds=min(lives_s, EXPIRES_IN_MAX_S)))


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the headers say of a key's calls; None where they don't. `reset_in_s` counts from the answer."""

    limit: int | None
    remaining: int | None
    reset_in_s: float | None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self | None:
        """None without such a header. A date is counted from the answer's own `Date`, so clocks need not agree."""
        limit = _number(headers.get("X-RateLimit-Limit"))
        remaining = _number(headers.get("X-RateLimit-Remaining"))
        reset = _number(headers.get("X-RateLimit-Reset"))
        if limit is None and remaining is None and reset is None:
            return None
        if reset is not None and reset >= _EPOCH_FROM:
            reset -= answered_at(headers).timestamp()
        return cls(
            limit=int(limit) if limit is not None and 1 <= limit <= COUNT_MAX else None,
            remaining=None if remaining is None else int(min(max(remaining, 0), COUNT_MAX)),
            reset_in_s=None if reset is None else min(max(reset, 0.0), RESET_MAX_S),
        )


def kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of an answer as the database keeps them: no more, no longer and no larger than the limits say.

    Numbers keep their digits (numbers.restored).
    """
    cut = {}
    for name, value in itertools.islice(fields.items(), FIELDS_MAX):
        text = _text(value)
        cut[_cut(name, FIELD_NAME_MAX)] = stored(value) if len(text) <= FIELD_MAX else _cut(text, FIELD_MAX)
    if len(fields) > FIELDS_MAX:
        cut["…"] = f"{len(fields) - FIELDS_MAX} more fields are not kept."
    return cut


def kept_details(details: Any) -> dict[str, Any]:
    """The details of an error as the database keeps them: an object that is short, or their text."""
    if not details:
        return {}
    return kept(details if isinstance(details, dict) and len(_text(details)) <= FIELD_MAX else {"details": details})


def readable(read: Callable[[Any], Item], items: list[Any]) -> Iterator[Item]:
    """Those items of a list that can be read; one that cannot costs no other."""
    for item in items:
        with contextlib.suppress(Unreadable):
            yield read(item)


def answered_at(headers: Mapping[str, str]) -> datetime:
    """When an answer was made by the API's own clock; now where it doesn't say."""
    return http_date(headers.get("Date")) or datetime.now(UTC)


def http_date(text: str | None) -> datetime | None:
    """The date of a header (RFC 9110, 5.6.7), aware; None where it can't be read."""
    try:
        date = parsedate_to_datetime(text or "")
        return date.replace(tzinfo=date.tzinfo or UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # a zone of +99999999999999 overflows
        return None


def parse_time(value: Any) -> datetime | None:
    """An ISO 8601 text as aware UTC; None for anything else. A time without a zone is UTC (docs/claro-api.md).

    Dates so early or late that they don't exist in some time zones count as unreadable.
    """
    if not isinstance(value, str):
        return None
    try:
        time_ = datetime.fromisoformat(value.strip().upper())  # RFC 3339 allows a small z
        time_ = time_.replace(tzinfo=UTC) if time_.tzinfo is None else time_.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time_ if _FIRST_DATE <= time_ <= _LAST_DATE else None


def parse_uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _from_objects(columns: list[Column], items: list[Any]) -> tuple[list[Column], list[tuple[Any, ...]]]:
    names = dict.fromkeys(column.name for column in columns)
    for item in items:
        names.update(dict.fromkeys(item) if _is_row(item, Mapping) else {})
        _refuse_wide(len(names), len(items))
    types = {column.name: column.type for column in columns}
    return [Column(name, types.get(name)) for name in names], [
        tuple(map(item.get, names)) if _is_row(item, Mapping) else _unreadable_row(item, len(names)) for item in items
    ]


def _from_arrays(columns: list[Column], items: list[Any]) -> tuple[list[Column], list[tuple[Any, ...]]]:
    width = max([len(columns), *(len(item) for item in items if _is_row(item, list))])
    _refuse_wide(width, len(items))
    columns = [*columns, *(Column(f"column {number}") for number in range(len(columns) + 1, width + 1))]
    return columns, [
        (*item, *([None] * (width - len(item)))) if _is_row(item, list) else _unreadable_row(item, width)
        for item in items
    ]


def _is_row(item: Any, kind: type) -> bool:
    return isinstance(item, kind) and not _is_too_wide(item)


def _is_too_wide(item: Any) -> bool:
    return isinstance(item, Mapping | list) and len(item) > COLUMNS_MAX


def _unreadable_row(item: Any, width: int) -> tuple[Any, ...]:
    return (f"[unreadable row: {_cut(_text(item), 100)}]", *([None] * (width - 1)))[:width]


def _refuse_more(items: list[Any], limit: int) -> None:
    if len(items) > limit:
        # Not TooLarge: asking for fewer would not help.
        raise Unreadable(f"{len(items)} items, where {limit} were asked for.")


def _refuse_wide(columns: int, rows: int) -> None:
    if columns > COLUMNS_MAX or columns * rows > CELLS_MAX:
        raise TooLarge(f"{rows} rows of {columns} columns or more.")


def _column(item: Any) -> Column:
    if isinstance(item, Mapping):
        kind = item.get("type")
        return Column(_text(item.get("name")), kind if isinstance(kind, str) else None)
    return Column(_text(item))


def _mapping(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise Unreadable(f"An answer that is not an object but {type(answer).__name__}.")
    return answer


def _text(value: Any) -> str:
    """A value as text: JSON, where it is not text itself."""
    if value is None:
        return ""
    return value if isinstance(value, str) else shown(value)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _whole(value: Any) -> int | None:
    """A number from 0 that fits 64 bits, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | NumberText):
        return None
    if not isinstance(value, int):
        number = _number(str(value))
        value = -1 if number is None else int(number)
    return value if 0 <= value < 2**63 else None


def _first_count(data: Mapping[str, Any], *names: str) -> int | None:
    """The first of these that is a number of items or pages; an impossibly large one says nothing."""
    found = next((number for name in names if (number := _whole(data.get(name))) is not None), None)
    return found if found is None or found <= COUNT_MAX else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
