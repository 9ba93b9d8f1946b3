"""Whether it runs: `/healthz` for the process alone, `/readyz` for all that a page needs, `/operations/` for staff."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core import heartbeats
from core.pool import Gauge
from datasources.views.guards import READ, for_staff
from datasources.views.pages import render_page
from operations import checks

# Answered also when every place for requests is taken.
PATHS = frozenset({"/healthz", "/readyz"})

web_threads = Gauge(settings.WEB_THREADS)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """503 with what is missing, for a load balancer or a person."""
    parts = {"database": _database(), **_redis_and_workers()}
    parts["web_threads"] = web_threads.full_s < heartbeats.STUCK_AFTER_S
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)


@for_staff(*READ)
def operations(request: HttpRequest) -> HttpResponse:
    """Every component with its fix; an open page reloads it."""
    found = checks.all_checks()
    not_well = sum(check.state != checks.State.OK for check in found)
    context = {"checks": found, "not_well": not_well, "looked_at": timezone.now()}
    return render_page(request, "operations/page.html", context)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_and_workers() -> dict[str, bool]:
    try:
        workers = heartbeats.with_pools(*heartbeats.QUEUES)
    except redis.RedisError:
        return {"redis": False, "workers": False, "worker_threads": False}
    return {
        "redis": True,
        "workers": all(any(one.is_alive for one in queue) for queue in workers.values()),
        "worker_threads": not any(map(heartbeats.is_stuck, workers.values())),
    }
