"""Whether it runs: `/healthz` for the process alone, `/readyz` for all that a page needs."""

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from datasources import heartbeats


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """503 with what is missing, for a load balancer or a person."""
    parts = {"database": _database(), **_redis_and_workers()}
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_and_workers() -> dict[str, bool]:
    try:
        workers = heartbeats.heard(*heartbeats.QUEUES)
    except redis.RedisError:
        return {"redis": False, "workers": False}
    return {"redis": True, "workers": all(any(one.is_alive for one in queue) for queue in workers.values())}
