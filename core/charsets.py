"""Accepts text in UTF-8 only, in front of Django.

Django accepts every codec of Python as the charset of a request, "rot13" too, and reads the query string with it while
it builds the request, where no error page can be shown (Django 5.2). With UTF-8 named it reads the query string there
as well, and one with too many fields breaks it: the default is not named to it.
"""

import re
from collections.abc import Callable
from http import HTTPStatus

from django.utils.http import parse_header_parameters

from core.bodies import App

_CHARSET = re.compile(rb';\s*charset\s*=\s*(?:"[^"]*"|[^;]*)', re.IGNORECASE)


class Utf8Only:
    """Passes on requests without another charset; `refuse(status)` is the application for the others."""

    def __init__(self, app: App, refuse: Callable[[HTTPStatus], App]):
        self._app, self._refuse = app, refuse

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        types = [value for name, value in scope.get("headers", []) if name == b"content-type"]
        if not types:
            await self._app(scope, receive, send)
            return
        others = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
        if len(types) > 1 or not _is_utf_8(types[0]):
            app, headers = self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE), others
        else:
            app, headers = self._app, [*others, (b"content-type", _CHARSET.sub(b"", types[0]))]
        await app({**scope, "headers": headers}, receive, send)


def _is_utf_8(content_type: bytes) -> bool:
    """Also where the charset is written in a way that can't be taken out, and so is not UTF-8 for sure."""
    charset = _charset(content_type)
    return charset is None or (
        charset.lower() in ("utf-8", "utf8") and _charset(_CHARSET.sub(b"", content_type)) is None
    )


def _charset(content_type: bytes) -> str | None:
    return parse_header_parameters(content_type.decode("latin-1"))[1].get("charset")
