import asyncio

import pytest

from core.charsets import Utf8Only


def passed(*content_types: str) -> tuple[int, list[str]]:
    """The status of a refusal or 200, and the content types that the application sees."""
    seen = []

    def app(status: int):
        async def running(scope, receive, send) -> None:
            seen.append((status, [value.decode() for name, value in scope["headers"] if name == b"content-type"]))

        return running

    headers = [(b"host", b"x"), *((b"content-type", value.encode()) for value in content_types)]
    asyncio.run(Utf8Only(app(200), app)({"type": "http", "headers": headers}, None, None))
    [found] = seen
    return found


@pytest.mark.parametrize(
    ("content_type", "seen"),
    [
        ("text/plain", "text/plain"),
        ("application/json; charset=utf-8", "application/json"),
        ('application/json;charset="UTF-8"', "application/json"),
        ("multipart/form-data; charset=utf8; boundary=x", "multipart/form-data; boundary=x"),
    ],
)
def test_utf_8_passes_and_is_not_named_to_the_application(content_type, seen):
    assert passed(content_type) == (200, [seen])


@pytest.mark.parametrize(
    "content_type",
    ["a/b; charset=rot13", "a/b; CHARSET = latin-1", "a/b; charset*=utf-8''hex", "a/b; charset=utf-8; charset=rot13"],
)
def test_another_charset_is_refused_without_being_read(content_type):
    assert passed(content_type) == (415, [])


def test_two_content_types_are_refused():
    assert passed("a/b", "a/b; charset=rot13") == (415, [])


def test_no_content_type_passes():
    assert passed() == (200, [])
