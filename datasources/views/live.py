"""`/live/`: the stream of events, as an ASGI application of its own (claro_dashboard/asgi.py hands it over).

In Django's handler each open stream would keep a thread for as long as it lives; here it is a coroutine and a socket.
"""

import asyncio
import contextlib
from http import HTTPStatus

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connections

from core import live
from core.live import hub
from datasources import access
from datasources.mirror import newest, watch

PATH = "/live/"
HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    # Compressing or buffering on the way would hold events back without anybody noticing.
    (b"content-encoding", b"identity"),
    (b"x-accel-buffering", b"no"),
]


async def application(scope, receive, send) -> None:
    """Server-sent events for the signed-in user: names of what changed, never data.

    `since` (or Last-Event-ID) asks for what was missed, `user` states whose page it is, and `once` asks for an answer
    that ends at once: pages that can't share a stream poll.
    """
    request = ASGIRequest(scope, None)
    status, user_id, session_key = await _admitted(request)
    if status != HTTPStatus.OK:
        await send({"type": "http.response.start", "status": status, "headers": [(b"cache-control", b"no-store")]})
        await send({"type": "http.response.body"})
        return
    since = request.headers.get("Last-Event-ID") or request.GET.get("since", "")
    since_ms = int(since) if since.isdecimal() and len(since) < 16 else None
    if "once" in request.GET:
        body = live.opening() + live.events(hub.missed(user_id, since_ms))
        await send({"type": "http.response.start", "status": status, "headers": HEADERS})
        await send({"type": "http.response.body", "body": body.encode()})
        return
    with hub.stream(user_id, session_key, since_ms) as stream:
        await send({"type": "http.response.start", "status": status, "headers": HEADERS})
        leaving = asyncio.create_task(_close_when_gone(receive, stream))
        try:
            async for lines in stream.lines():
                await send({"type": "http.response.body", "body": lines.encode(), "more_body": True})
        finally:
            leaving.cancel()
    with contextlib.suppress(OSError):
        await send({"type": "http.response.body"})


async def _admitted(request: ASGIRequest) -> tuple[HTTPStatus, int, str]:
    """Whether there is a stream for this request, and whose: the person and the session."""
    if request.method != "GET":
        return HTTPStatus.METHOD_NOT_ALLOWED, 0, ""
    try:
        request.GET  # noqa: B018 - it is parsed now: too many fields raise here, and nowhere else
    except SuspiciousOperation:
        return HTTPStatus.BAD_REQUEST, 0, ""
    try:
        user_id, session_key = await sync_to_async(_person, thread_sensitive=False)(request)
    except DatabaseError:
        return HTTPStatus.SERVICE_UNAVAILABLE, 0, ""
    # A page of the user before must not listen for the one who has signed in since.
    if user_id is None or request.GET.get("user", str(user_id)) != str(user_id):
        return HTTPStatus.UNAUTHORIZED, 0, ""
    return HTTPStatus.OK if hub.has_room(user_id) else HTTPStatus.TOO_MANY_REQUESTS, user_id, session_key


def _person(request: ASGIRequest) -> tuple[int | None, str]:
    """Who asks, and their session; their processing sources are looked at sooner now that they look."""
    try:
        SessionMiddleware(lambda request: None).process_request(request)
        user = get_user(request)
        if not user.is_authenticated:
            return None, ""
        if live.note_presence(user.pk):
            keys = access.list_keys(user)
            watch.bring_forward(keys)
            newest.wake(keys)
        return user.pk, request.session.session_key
    finally:
        connections.close_all()


async def _close_when_gone(receive, stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.close()
