"""Pages that have the browser fetch several files, each in a hidden frame of its own (static/js/download-all.js)."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse


def fetching_files(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Allows frames for the hosts of files, which only Claro knows. Sandboxed frames can download and nothing else."""

    @wraps(view)
    def allowed(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return csp_update({"frame-src": ["'self'", "https:", _claro()]})(view)(request, *args, **kwargs)

    return allowed


def _claro() -> str:
    """The sandbox serves files itself, by http."""
    parts = urlsplit(settings.CLARO_API_BASE_URL)
    return f"{parts.scheme}://{parts.netloc}"
