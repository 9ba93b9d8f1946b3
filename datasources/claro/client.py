"""ClaroClient: one method for each call of the Claro API v2."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote, urlsplit
from uuid import UUID

import requests
import urllib3
from requests.adapters import HTTPAdapter

from datasources.claro import bodies, numbers, retry, uploads
from datasources.claro.answers import Answer, error_of, is_error
from datasources.claro.errors import (
    ApiError,
    BadAnswer,
    ClaroError,
    DatasourceNotFound,
    RateLimited,
    TooLarge,
    Unreachable,
    Unreadable,
)
from datasources.claro.types import (
    EXPIRES_IN_MAX_S,
    EXPIRES_IN_MIN_S,
    LIST_LIMIT_MAX,
    ROWS_LIMIT_MAX,
    DataSource,
    DataSourcePage,
    RateLimit,
    RowPage,
    SignedUrl,
    answered_at,
)
from datasources.claro.webhooks import SECRET_LENGTH_MIN, Webhook, webhooks_from_api

KEY_LENGTH_MAX = 512
CHUNK_BYTES = 65_536


class Meter(Protocol):
    """Counts calls. The client calls it before and after every attempt, with or without an answer."""

    def before_call(self) -> object:
        """A ticket for one attempt. Raises RateLimited when it should not be made."""

    def after_call(self, ticket: object, rate_limit: RateLimit | None, retry_after_s: float | None) -> None:
        """Records the answer's rate-limit headers; `retry_after_s` only after a refusal (429)."""


class _Unmetered:
    def before_call(self) -> object:
        return None

    def after_call(self, ticket: object, rate_limit: RateLimit | None, retry_after_s: float | None) -> None:
        pass


class _Bearer(requests.auth.AuthBase):
    """Puts the key into one request; keeps it out of reprs, and out of the shared session."""

    def __init__(self, api_key: str) -> None:
        usable = api_key.isprintable() and not any(character.isspace() for character in api_key)
        if not usable or not 0 < len(api_key) <= KEY_LENGTH_MAX:
            raise ValueError(f"An API key is 1 to {KEY_LENGTH_MAX} printable characters without white space.")
        self._header = b"Bearer " + api_key.encode()

    def __repr__(self) -> str:
        return "<Bearer ***>"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header  # type: ignore[assignment] # bytes, for keys beyond Latin-1
        return request


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    params: dict[str, Any] | None = None
    body: Any = field(default=None, repr=False)
    form: uploads.Form | None = field(default=None, repr=False)
    idempotency_key: str | None = None


def pooled_session(connections: int = 32) -> requests.Session:
    """A session that keeps connections and nothing else: no cookies, no proxies or .netrc, no retries of its own."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(_NoCookies())
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=8, pool_maxsize=connections, max_retries=0))
    return session


class ClaroClient:
    """Calls the Claro API with one key. Every method raises ClaroError and its kinds, and nothing of `requests`.

    `deadline_s` bounds a method as a whole, retries and pauses included; a session gets it as the `total` of urllib3's
    Timeout (docs/claro-client.md). A session may be shared between clients and threads: it never holds the key. One
    with limits of its own may be given for uploads.
    Source of all rules: docs/claro-api.md.
    """

    def __init__(
        self,
        api_key: str,
        base_url: str,
        *,
        session: requests.Session | None = None,
        upload_session: requests.Session | None = None,
        meter: Meter | None = None,
        connect_timeout_s: float = 3.05,
        read_timeout_s: float = 10.0,
        deadline_s: float = 15.0,
        upload_path: str = uploads.PATH,
        upload_pace: uploads.Pace = uploads.PACE,
        retries: int = 2,
        max_wait_s: float = 0.0,
        max_answer_bytes: int = 12 * 2**20,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._auth = _Bearer(api_key)
        self._session = session or pooled_session()
        self._upload_session = upload_session or self._session
        self._meter: Meter = meter or _Unmetered()
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._deadline_s = deadline_s
        self._upload_path = upload_path
        self._upload_pace = upload_pace
        self._retries = retries
        self._max_wait_s = max_wait_s
        self._max_answer_bytes = max_answer_bytes
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<ClaroClient {self.base_url}>"

    def list_datasources(
        self,
        page: int = 1,
        limit: int = LIST_LIMIT_MAX,
        status: str | None = None,
        content_type: str | None = None,
    ) -> DataSourcePage:
        """One page of the list, at most 100 sources. One call."""
        params = {"page": page, "limit": limit, "status": status, "contentType": content_type}
        try:
            answer = self._get("/datasources", params)
        except DatasourceNotFound as error:  # by its status: no one source is asked for
            words = "Claro has no list of data sources at this address."
            raise ApiError(error.message, code=error.code, status=error.status, user_message=words) from None
        return DataSourcePage.from_api(answer, page=page, limit=limit)

    def iter_datasources(
        self, limit: int = LIST_LIMIT_MAX, status: str | None = None, content_type: str | None = None
    ) -> Iterator[DataSource]:
        """Every source, each once, with one call for each page that is reached."""
        met: set[UUID] = set()
        page = 1
        while True:
            got = self.list_datasources(page, limit, status, content_type)
            new = [source for source in got.sources if source.datasource_id not in met]
            yield from new
            met.update(source.datasource_id for source in new)
            # A page without anything new means a server that repeats itself.
            if not got.pagination.has_next or not new:
                return
            page += 1

    def get_datasource(self, datasource_id: UUID) -> DataSource:
        """One source. One call. Raises DatasourceNotFound."""
        return DataSource.from_api(self._get(f"/datasources/{datasource_id}"))

    def get_rows(
        self,
        datasource_id: UUID,
        page: int = 1,
        limit: int = ROWS_LIMIT_MAX,
        sort: str | None = None,
        order: str | None = None,
        filter: str | None = None,
    ) -> RowPage:
        """One page of rows, at most 1,000; `filter` goes out as it is. One call.

        Numbers keep the answer's digits: one that int or float would change is a NumberText. Raises
        DatasourceNotFound, ProcessingInProgress, InvalidParameters (with the API's words about the filter), and
        TooLarge, after which fewer rows may fit.
        """
        params = {"page": page, "limit": limit, "sort": sort, "order": order, "filter": filter}
        answer = self._json(self._call("GET", f"/datasources/{datasource_id}/data", params=params))
        return RowPage.from_api(answer, page=page, limit=limit)

    def delete_datasource(self, datasource_id: UUID) -> None:
        """Deletes a source, for good. Raises DatasourceNotFound when it was gone before."""
        self._call("DELETE", f"/datasources/{datasource_id}")

    def sign_download(self, datasource_id: UUID, expires_in_s: int = 3600) -> SignedUrl:
        """A link to the original file that works for `expires_in_s` seconds (1 to 86,400).

        One call, never retried. `expires_at` is aware UTC; if the answer has no expiry, it is now + expires_in_s.
        Raises DatasourceNotFound, ProcessingInProgress. Raises BadAnswer for an unsafe target: not http(s), not https
        while the API is, or with a user name in it.
        """
        if not EXPIRES_IN_MIN_S <= expires_in_s <= EXPIRES_IN_MAX_S:
            raise ValueError(f"expires_in_s is {EXPIRES_IN_MIN_S} to {EXPIRES_IN_MAX_S}.")
        path = f"/datasources/{datasource_id}/download"
        answer = self._call("POST", path, body={"expiresIn": expires_in_s})
        data, now = self._json(answer), _now()
        signed = SignedUrl.from_api(data, expires_in_s=expires_in_s, now=now, behind=now - answer.at)
        if not _may_follow(signed.url, self.base_url):
            raise Unreadable("A signed URL that must not be followed.")
        return signed

    def upload_datasource(
        self, file_name: str, size_bytes: int, pieces: Iterable[bytes], content_type: str = uploads.CONTENT_TYPE
    ) -> DataSource:
        """Sends a file, piece by piece, and returns the new source. One call, never retried.

        `upload_pace` replaces `deadline_s`. An exception of `pieces` ends the call and is raised unchanged. Raises
        FileChanged if they do not add up to `size_bytes`. A ClaroError may leave open whether Claro has the file
        (`uploads.may_have_arrived`). Source: docs/claro-api.md, uploads; the path and the answer are [open].
        """
        form = uploads.Form(file_name, size_bytes, pieces, content_type)
        try:
            answer = self._call("POST", self._upload_path, form=form)
        except DatasourceNotFound as error:  # by its status: no one source is asked for
            words = "Claro does not accept uploads at this address (CLARO_UPLOAD_PATH)."
            raise ApiError(error.message, code=error.code, status=error.status, user_message=words) from None
        return DataSource.from_api(self._json(answer))

    def create_webhook(self, name: str, url: str, events: Sequence[str], secret: str, idempotency_key: str) -> Webhook:
        """Has Claro report `events` to `url` (https, public), signed with `secret`.

        One call, repeated like a GET: by its `idempotency_key` the API makes one webhook of all of them.
        """
        if len(secret) < SECRET_LENGTH_MIN:
            raise ValueError(f"A webhook's secret has at least {SECRET_LENGTH_MIN} characters.")
        body = {"name": name, "url": url, "events": list(events), "secret": secret}
        try:
            answer = self._call("POST", "/webhooks", body=body, idempotency_key=idempotency_key)
        except DatasourceNotFound as error:  # by its status: there is no data source in this call
            words = "Claro offers no webhooks to this key."
            raise ApiError(error.message, code=error.code, status=error.status, user_message=words) from None
        return Webhook.from_api(self._json(answer))

    def list_webhooks(self) -> tuple[Webhook, ...]:
        """The webhooks of the account. One call."""
        return webhooks_from_api(self._get("/webhooks"))

    def delete_webhook(self, webhook_id: str) -> None:
        """Deletes a webhook; one that is gone already counts as deleted. One call."""
        with contextlib.suppress(DatasourceNotFound):  # by its status
            self._call("DELETE", f"/webhooks/{quote(webhook_id, safe='')}")

    def _get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        return self._json(self._call("GET", path, params=params))

    def _call(self, method: str, path: str, **more: Any) -> Answer:
        """The answer of the first attempt that succeeds; else the error of the last one. `more`: see `_Call`."""
        call = _Call(method, path, **more)
        pace = self._upload_pace
        ends_at = time.monotonic() + (pace.total_s(call.form.size_bytes) if call.form else self._deadline_s)
        may_have_worked = False
        attempt = 1
        while True:
            outcome = self._attempt(call, ends_at)
            if isinstance(outcome, Answer):
                return outcome
            if isinstance(outcome, DatasourceNotFound) and method == "DELETE" and may_have_worked:
                # Deleted by the attempt before, whose answer was lost.
                return Answer(204, b"", None, None, _now())
            may_have_worked = may_have_worked or isinstance(outcome, Unreachable)
            limits = (self._retries, self._max_wait_s)
            if not retry.should_retry(method, outcome, attempt, *limits, _now(), call.idempotency_key):
                raise outcome
            pause_s = retry.add_jitter(retry.delay_s(outcome, attempt, _now()))
            if time.monotonic() + pause_s >= ends_at:
                raise outcome
            self._sleep(pause_s)
            attempt += 1

    def _attempt(self, call: _Call, ends_at: float) -> Answer | ClaroError:
        """One exchange. Errors are given back, not raised from within: their context would hold the key."""
        ticket = self._meter.before_call()
        answer: Answer | None = None
        refused_for_s: float | None = None
        try:
            outcome = self._exchange(call, ends_at)
            if isinstance(outcome, Answer):
                answer = outcome
                if is_error(answer):
                    outcome = error_of(answer)
                if isinstance(outcome, RateLimited):
                    refused_for_s = retry.closed_for_s(answer.retry_after_s, answer.rate_limit)
        except ValueError as error:  # requests raises it as it is, for example for a Location in no known encoding
            outcome = BadAnswer(f"An answer whose headers can't be read ({type(error).__name__}).")
        finally:
            self._meter.after_call(ticket, answer.rate_limit if answer else None, refused_for_s)
        if call.form:
            call.form.raise_failure()
        return outcome

    def _exchange(self, call: _Call, ends_at: float) -> Answer | ClaroError:
        left_s = max(ends_at - time.monotonic(), 0.1)
        waits_s = self._connect_timeout_s, self._read_timeout_s
        headers = {"Accept": "application/json", "Idempotency-Key": call.idempotency_key}
        session = self._session
        if call.form:  # urllib3 sends with the time-out for connecting
            session, waits_s = self._upload_session, (self._upload_pace.stall_s, self._upload_pace.stall_s)
            headers["Content-Type"] = call.form.content_type
        try:
            with session.request(
                call.method,
                self.base_url + call.path,
                params=call.params,
                json=call.body,
                data=call.form,
                auth=self._auth,
                headers=headers,
                timeout=urllib3.Timeout(left_s, *waits_s),  # type: ignore[arg-type]
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response, ends_at)
        except requests.exceptions.ContentDecodingError as error:
            return BadAnswer(f"An answer that could not be unpacked ({type(error).__name__}).")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, urllib3.exceptions.DecodeError):
                return BadAnswer("An answer that could not be unpacked (DecodeError).")
            return Unreachable(f"{call.method} {call.path}: no answer ({type(error).__name__}).")

    def _read(self, response: requests.Response, ends_at: float) -> Answer | ClaroError:
        """The body, up to the size limit and the deadline: a server that drips byte by byte is not waited for."""
        body = bytearray()
        while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > self._max_answer_bytes:
                return TooLarge(f"An answer of more than {self._max_answer_bytes} bytes.")
            if time.monotonic() > ends_at:
                return Unreachable("The answer did not end in time.")
        return Answer(
            status=response.status_code,
            body=bytes(body),
            rate_limit=RateLimit.from_headers(response.headers),
            retry_after_s=retry.parse_retry_after(response.headers.get("Retry-After"), _now()),
            at=answered_at(response.headers),
        )

    def _json(self, answer: Answer) -> Any:
        try:
            return bodies.read(answer.body, numbers.loads)
        except ValueError:
            raise BadAnswer(f"An answer ({answer.status}) that is not JSON: {bodies.start(answer.body)}") from None


def _may_follow(url: str, base_url: str) -> bool:
    if not url.isprintable() or any(character.isspace() or character == "\\" for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    schemes = ("https",) if base_url.startswith("https:") else ("http", "https")
    return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[misc,name-defined]
    """Keeps no cookies: the session is shared by all keys."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


def _now() -> datetime:
    return datetime.now(UTC)
