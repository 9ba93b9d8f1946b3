"""Whether it runs: `/healthz` for the process alone, `/readyz` for all that a page needs."""

import logging

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from datasources.redis import connection as redis_connection

QUEUES = ("interactive", "background")
# Workers say every two seconds that they are there (celery.py).
WORKER_GONE_AFTER_S = 15

logger = logging.getLogger(__name__)


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


def worker_is_there(queue: str) -> None:
    """Called by a worker of this queue while it lives."""
    try:
        redis_connection().set(_name(queue), 1, ex=WORKER_GONE_AFTER_S)
    except redis.RedisError as error:
        logger.warning("The worker can't say that it lives: %s", error)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_and_workers() -> dict[str, bool]:
    try:
        there = redis_connection().mget([_name(queue) for queue in QUEUES])
    except redis.RedisError:
        return {"redis": False, "workers": False}
    return {"redis": True, "workers": all(there)}


def _name(queue: str) -> str:
    return f"claro:worker:{queue}"
