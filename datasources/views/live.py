from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from datasources.live import hub


@require_GET
async def stream(request: HttpRequest) -> HttpResponse:
    """Server-sent events for the signed-in person: names of what changed, never data."""
    user = await request.auser()
    # The stream lives for long and needs no database; closing must happen in the thread that opened it.
    await sync_to_async(lambda: connections.close_all())()
    if not user.is_authenticated:
        return HttpResponse(status=401)
    if not hub.has_room(user.pk):
        return HttpResponse("Too many open pages.", status=429, content_type="text/plain")
    return StreamingHttpResponse(
        _lines(user.pk, request.session.session_key),
        content_type="text/event-stream",
        # Compressing or buffering on the way would hold events back without anybody noticing.
        headers={"Cache-Control": "no-store", "Content-Encoding": "identity", "X-Accel-Buffering": "no"},
    )


async def _lines(user_id: int, session_key: str) -> AsyncIterator[str]:
    with hub.stream(user_id, session_key) as stream:
        async for line in stream.lines():
            yield line
