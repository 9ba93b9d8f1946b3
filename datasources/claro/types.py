"""What the API answers, as frozen dataclasses.

All tolerance for what the contract leaves open lives in the `from_api` functions; what they can't read is a BadAnswer.
Source: claro-api.md, data sources.
"""

import contextlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from uuid import UUID

from datasources.claro.errors import BadAnswer
from datasources.claro.numbers import NumberText

PROCESSING, COMPLETED, FAILED = "processing", "completed", "failed"
LIST_LIMIT_MAX = 100
ROWS_LIMIT_MAX = 1000
EXPIRES_IN_MIN_S = 1
EXPIRES_IN_MAX_S = 86_400
# X-RateLimit-Reset below this is a duration, from it on a date (claro-api.md, basics).
_EPOCH_FROM = 1_000_000_000
# Dates have whole seconds, and answers are under way for a while.
_CLOCKS_DIFFER = timedelta(seconds=20)
# What JSON can say and databases or UTF-8 can't hold: NUL, half a surrogate pair, numbers without end.
# It begins with one set of bytes, by which it is searched three times as fast: 1 ms for a page of 1,000 rows.
UNSTORABLE = re.compile(rb"[\\eENI](?:(?<=\\)u(?:0000|[dD][89a-fA-F])|(?<=\d[eE])\+?\d{3}|(?<=N)aN|(?<=I)nfinity)")
_KNOWN = ("datasourceId", "fileName", "contentType", "fileSize", "status", "uploadedAt", "processedAt")


@dataclass(frozen=True, slots=True)
class DataSource:
    """One uploaded file and what became of it. `extra` holds every field that isn't documented, under its own name."""

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
        """From an object, bare or under `dataSource` or `data`. Raises BadAnswer without a readable id."""
        data = _mapping(answer)
        for wrapper in ("dataSource", "data"):
            if "datasourceId" not in data and isinstance(data.get(wrapper), Mapping):
                data = data[wrapper]
        try:
            datasource_id = UUID(str(data["datasourceId"]))
        except (KeyError, ValueError):
            raise BadAnswer("A data source without a readable datasourceId.") from None
        extra = {str(name): value for name, value in data.items() if name not in _KNOWN}
        uploaded_at, processed_at = parse_time(data.get("uploadedAt")), parse_time(data.get("processedAt"))
        for name, parsed in (("uploadedAt", uploaded_at), ("processedAt", processed_at)):
            if data.get(name) is not None and parsed is None:
                extra[name] = data[name]
        return cls(
            datasource_id=datasource_id,
            file_name=_text(data.get("fileName")),
            content_type=_text(data.get("contentType"))[:255],
            size_bytes=_whole(data.get("fileSize")),
            status=_text(data.get("status"))[:50] or "unknown",
            uploaded_at=uploaded_at,
            processed_at=processed_at,
            extra=extra,
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
        said_limit = _whole(data.get("limit")) or limit
        total = _first_whole(data, "total", "totalItems", "totalCount")
        total_pages = _first_whole(data, "totalPages", "pages")
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
    """One page of the list."""

    sources: tuple[DataSource, ...]
    pagination: Pagination

    @classmethod
    def from_api(cls, answer: Any, *, page: int, limit: int) -> Self:
        """Raises BadAnswer when there is no list of sources."""
        data = _mapping(answer)
        items = data.get("dataSources")
        if not isinstance(items, list):
            raise BadAnswer("A list of data sources without `dataSources`.")
        pagination = Pagination.from_api(data.get("pagination"), page=page, limit=limit, count=len(items))
        return cls(tuple(DataSource.from_api(item) for item in items), pagination)


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
        """From any of the contract's shapes: rows as objects or arrays, with columns or without. Raises BadAnswer."""
        data = _mapping(answer)
        items = data.get("rows") if isinstance(data.get("rows"), list) else data.get("data")
        if not isinstance(items, list):
            raise BadAnswer("A page of rows without `data` or `rows`.")
        columns = [_column(item) for item in data["columns"]] if isinstance(data.get("columns"), list) else []
        if all(isinstance(item, Mapping) for item in items):
            columns, rows = _from_objects(columns, items)
        elif all(isinstance(item, Sequence) and not isinstance(item, str) for item in items):
            columns, rows = _from_arrays(columns, items)
        else:
            raise BadAnswer("Rows that are neither all objects nor all arrays.")
        pagination = Pagination.from_api(data.get("pagination"), page=page, limit=limit, count=len(items))
        return cls(tuple(columns), tuple(rows), pagination)


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A link to an original file. The URL is as good as a password for it, so the repr hides it."""

    url: str = field(repr=False)
    expires_at: datetime

    @classmethod
    def from_api(cls, answer: Any, *, expires_in_s: int, now: datetime, behind: timedelta = timedelta(0)) -> Self:
        """`expires_at` from `expiresAt` or `expiresIn`, else now and what was asked for. Raises BadAnswer.

        It is by our clock; the API's is so much `behind`.
        """
        data = _mapping(answer)
        for wrapper in ("data", "download"):
            if isinstance(data.get(wrapper), Mapping):
                data = {**data, **data[wrapper]}
        url = data.get("downloadUrl") or data.get("url")
        if not isinstance(url, str):
            raise BadAnswer("A signed URL without `downloadUrl` or `url`.")
        lives_s = _whole(data.get("expiresIn"))
        ends = parse_time(data.get("expiresAt"))
        if ends and abs(behind) > _CLOCKS_DIFFER:
            with contextlib.suppress(OverflowError):
                ends += behind
        return cls(url=url, expires_at=ends or now + timedelta(seconds=expires_in_s if lives_s is None else lives_s))


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
            limit=None if limit is None else int(limit),
            remaining=None if remaining is None else int(remaining),
            reset_in_s=None if reset is None else max(reset, 0.0),
        )


def storable(value: Any) -> Any:
    """The JSON value with what UNSTORABLE looks for replaced."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return value


def answered_at(headers: Mapping[str, str]) -> datetime:
    """When an answer was made by the API's own clock; now where it doesn't say."""
    try:
        date = parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError, TypeError):
        return datetime.now(UTC)
    return date.replace(tzinfo=date.tzinfo or UTC)


def parse_time(value: Any) -> datetime | None:
    """An ISO 8601 text as aware UTC; None for anything else. A time without a zone is UTC (claro-api.md)."""
    if not isinstance(value, str):
        return None
    try:
        time_ = datetime.fromisoformat(value)
        return time_.replace(tzinfo=UTC) if time_.tzinfo is None else time_.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_objects(columns: list[Column], items: list[Any]) -> tuple[list[Column], list[tuple[Any, ...]]]:
    names = dict.fromkeys(column.name for column in columns)
    for item in items:
        names.update(dict.fromkeys(map(str, item)))
    types = {column.name: column.type for column in columns}
    return [Column(name, types.get(name)) for name in names], [
        tuple(item.get(name) for name in names) for item in items
    ]


def _from_arrays(columns: list[Column], items: list[Any]) -> tuple[list[Column], list[tuple[Any, ...]]]:
    width = max([len(columns), *map(len, items)])
    columns = [*columns, *(Column(f"column {number}") for number in range(len(columns) + 1, width + 1))]
    return columns, [(*item, *([None] * (width - len(item)))) for item in items]


def _column(item: Any) -> Column:
    if isinstance(item, Mapping):
        kind = item.get("type")
        return Column(_text(item.get("name")), kind if isinstance(kind, str) else None)
    return Column(_text(item))


def _mapping(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise BadAnswer(f"An answer that is not an object but {type(answer).__name__}.")
    return answer


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | NumberText):
        return None
    number = _number(str(value))
    return int(number) if number is not None and 0 <= number < 2**63 else None


def _first_whole(data: Mapping[str, Any], *names: str) -> int | None:
    return next((number for name in names if (number := _whole(data.get(name))) is not None), None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
