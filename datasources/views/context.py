"""What every page shows beside its own."""

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from datasources import access, gateway
from datasources.models import ApiKey


def low_keys(request: HttpRequest) -> dict[str, object]:
    """The reader's keys whose calls run out; asked for only where a template shows them."""
    return {"low_keys": SimpleLazyObject(lambda: _low_keys(request))}


def _low_keys(request: HttpRequest) -> list[ApiKey]:
    keys = list(access.keys_for(request.user))
    for key in keys:
        key.left = gateway.calls_left(key)
    return [key for key in keys if key.left and key.left.is_low]
