from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from datasources.activity import log


class OriginMiddleware:
    """Notes where a request comes from, for what is written about it (log.py)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        agent = "".join(filter(str.isprintable, request.headers.get("User-Agent", "")))[:200]
        token = log.origin.set(log.Origin(_address(request), agent))
        try:
            return self.get_response(request)
        finally:
            log.origin.reset(token)


def _address(request: HttpRequest) -> str | None:
    """The client's address; None behind a peer without one, such as a local socket."""
    try:
        return get_adapter().get_client_ip(request)
    except PermissionDenied:
        return None
