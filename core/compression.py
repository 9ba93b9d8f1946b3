"""Compressed answers."""

import gzip
import io
import secrets
from collections.abc import Iterable, Iterator

from django.http import HttpRequest, HttpResponseBase
from django.middleware import gzip as django_gzip


class GZipMiddleware(django_gzip.GZipMiddleware):
    """Django's, which pads each answer by a random length (BREACH), with streamed answers that go out piece by piece.

    Django 5.2 holds pieces back until the compressor has enough of them. Django 6.0 does not: use its own there.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        pieces = response.streaming_content if response.streaming and "Content-Encoding" not in response else None
        response = super().process_response(request, response)
        if pieces is not None and "Content-Encoding" in response:
            response.streaming_content = _compressed(pieces, padding=secrets.randbelow(self.max_random_bytes))
        return response


def _compressed(pieces: Iterable[bytes], padding: int) -> Iterator[bytes]:
    out = io.BytesIO()

    def written() -> bytes:
        data = out.getvalue()
        out.seek(0)
        out.truncate()
        return data

    # The name of the file is part of the answer, and browsers pass over it.
    with gzip.GzipFile(filename="a" * padding, mode="wb", compresslevel=6, fileobj=out, mtime=0) as archive:
        for piece in pieces:
            archive.write(piece)
            archive.flush()
            yield written()
    yield written()
