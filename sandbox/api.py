"""The operations of docs/claro-api.md: data sources, rows, deleting, signing, uploading. Webhooks: webhooks.py."""

import hmac
import re
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from sandbox import demo
from sandbox.answers import Answer, ApiFault, Request, as_json, invalid, not_found
from sandbox.filters import where
from sandbox.store import Source, Store
from sandbox.uploads import received
from sandbox.webhooks import Webhooks

LIST_LIMIT, LIST_LIMIT_MAX = 20, 100
ROWS_LIMIT, ROWS_LIMIT_MAX = 50, 1000
EXPIRES_IN_S, EXPIRES_IN_MAX_S = 3600, 86_400
# The three shapes a page of rows may have (docs/claro-api.md, data sources).
SHAPES = ("objects", "arrays", "typed")
CHUNK_BYTES = 65_536
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)


class Api:
    def __init__(self, store: Store, shape: str = "typed"):
        self.store = store
        self.shape = shape
        self._webhooks = Webhooks(store)

    def handle(self, request: Request, account: str, base_url: str) -> Answer:
        """Finds the operation. Raises ApiFault."""
        match [request.method, *request.path.strip("/").split("/")]:
            case ["GET", "datasources"]:
                return self._list(request, account)
            case ["POST", "datasources", "upload"]:
                return self._upload(request, account)
            case ["GET", "datasources", source_id]:
                return as_json(self._source(account, source_id).to_api())
            case ["DELETE", "datasources", source_id]:
                self.store.delete(self._source(account, source_id))
                return Answer(204)
            case ["GET", "datasources", source_id, "data"]:
                return self._rows(request, self._finished(account, source_id))
            case ["POST", "datasources", source_id, "download"]:
                return self._sign(request, self._finished(account, source_id, failed_too=True), base_url)
            case [_, "webhooks", *_]:
                return self._webhooks.handle(request, account)
        raise ApiFault(404, "NOT_FOUND", "There is no such operation.")

    def file(self, request: Request) -> Answer:
        """The original file behind a signed URL, which needs no key."""
        source = self.store.sources.get(request.path.removeprefix("/files/"))
        expires = request.query.get("expires", "")
        given = request.query.get("signature", "").encode()
        if source is None or not hmac.compare_digest(self._signature(source.id, expires).encode(), given):
            return _in_words(403, "This link is not valid.")
        if int(expires) < time.time():
            return _in_words(403, "This link has expired.")
        path = demo.make_file(self.store, source) if source.made_by else self.store.path(source)
        if not path.exists():
            return _in_words(404, "There is no file behind this link.")
        headers = {
            "Content-Type": source.content_type,
            "Content-Length": str(path.stat().st_size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(source.file_name, errors='replace', safe='')}",
        }
        return Answer(200, iter_file(path), headers)

    def _list(self, request: Request, account: str) -> Answer:
        page, limit = _page(request, LIST_LIMIT, LIST_LIMIT_MAX)
        wanted, kind = request.query.get("status"), request.query.get("contentType")
        if wanted and wanted not in ("processing", "completed", "failed"):
            raise invalid("status must be processing, completed or failed.", status=wanted)
        found = [
            source
            for source in self.store.sources_of(account)
            if wanted in (None, "", source.status) and kind in (None, "", source.content_type)
        ]
        shown = found[(page - 1) * limit : page * limit]
        return as_json(
            {
                "dataSources": [source.to_api() for source in shown],
                "pagination": _pagination(page, limit, len(found)),
            }
        )

    def _rows(self, request: Request, source: Source) -> Answer:
        page, limit = _page(request, ROWS_LIMIT, ROWS_LIMIT_MAX)
        order = _order(request, source)
        condition = where(request.query["filter"], source.columns) if request.query.get("filter") else None
        total, rows = source.row_count, []
        if total:
            if source.made_by:
                demo.make_table(self.store, source)
            if condition:
                total = self.store.tables.count(source.id, condition)
            window = {"start": (page - 1) * limit, "limit": limit}
            rows = self.store.tables.page(source.id, source.columns, where=condition, order=order, **window)
        names = [column.name for column in source.columns]
        answer: dict[str, Any] = {"pagination": _pagination(page, limit, total)}
        if self.shape == "objects":
            answer = {"data": [dict(zip(names, row, strict=True)) for row in rows]} | answer
        elif self.shape == "arrays":
            answer = {"columns": names, "data": rows} | answer
        else:
            columns = [{"name": column.name, "type": column.kind} for column in source.columns]
            answer = {"columns": columns, "rows": rows} | answer
        return as_json(answer)

    def _sign(self, request: Request, source: Source, base_url: str) -> Answer:
        data = request.json()
        seconds = data.get("expiresIn", EXPIRES_IN_S) if isinstance(data, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= EXPIRES_IN_MAX_S:
            raise invalid(f"expiresIn must be a whole number from 1 to {EXPIRES_IN_MAX_S}.")
        expires = str(int(time.time()) + seconds)
        query = urlencode({"expires": expires, "signature": self._signature(source.id, expires)})
        ends = datetime.fromtimestamp(int(expires), UTC).isoformat().replace("+00:00", "Z")
        return as_json({"downloadUrl": f"{base_url}/files/{source.id}?{query}", "expiresAt": ends})

    def _upload(self, request: Request, account: str) -> Answer:
        with received(request) as file:
            return as_json(self.store.upload(account, file.name, file).to_api(), 201)

    def _signature(self, source_id: str, expires: str) -> str:
        return hmac.digest(self.store.signing_key, f"{source_id}:{expires}".encode(), "sha256").hex()

    def _source(self, account: str, source_id: str) -> Source:
        try:
            found = self.store.source(account, str(uuid.UUID(source_id)))
        except ValueError:
            raise invalid("The id is not a UUID.") from None
        if found is None:
            raise not_found()
        return found

    def _finished(self, account: str, source_id: str, *, failed_too: bool = False) -> Source:
        source = self._source(account, source_id)
        if source.status == "processing":
            raise ApiFault(409, "PROCESSING_IN_PROGRESS", "This data source is still being processed.")
        if source.status == "failed" and not failed_too:
            raise invalid("This data source failed to process and has no rows.")
        return source


def _in_words(status: int, text: str) -> Answer:
    return Answer(status, f"{text}\n".encode(), {"Content-Type": "text/plain"})


def iter_file(path):
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _page(request: Request, default: int, most: int) -> tuple[int, int]:
    return _number(request, "page", 1, 10**9), _number(request, "limit", default, most)


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise invalid(f"{name} must be a whole number from 1 to {most}.", **{name: text[:100]})
    return int(text)


def _pagination(page: int, limit: int, total: int) -> dict[str, Any]:
    pages = -(-total // limit)
    return {"page": page, "limit": limit, "total": total, "totalPages": pages, "hasNext": page < pages}


def _order(request: Request, source: Source) -> str:
    """The ORDER BY of `sort` and `order`, nulls last; empty for the file's own order."""
    if not (sort := request.query.get("sort")):
        return ""
    order = request.query.get("order") or "asc"
    if order not in ("asc", "desc"):
        raise invalid("order must be asc or desc.", order=order[:100])
    for column in source.columns:
        if column.name == sort:
            return f"{column.sort_key} {order} NULLS LAST"
    raise invalid(f"There is no column {sort[:80]}.", sort=sort[:200])
