"""The body of an upload, how long it may take, and whether an error leaves it open that it arrived."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

from urllib3.fields import format_multipart_header_param

from datasources.claro.errors import ApiError, ClaroError, NotNow

# Where the reference does not name it (docs/claro-api.md, uploads).
PATH = "/datasources/upload"
FIELD = "file"
CONTENT_TYPE = "application/octet-stream"
# A server that reads slowly still takes so much within a stall.
PIECE_BYTES = 65_536


@dataclass(frozen=True)
class Pace:
    """Ends an upload: `stall_s` seconds without progress, or a longer time in total than its size takes."""

    stall_s: float = 30.0
    bytes_per_s: int = 256_000

    def total_s(self, size_bytes: int) -> float:
        """Seconds for the whole call. The answer may take as long as a stall."""
        return self.stall_s + size_bytes / self.bytes_per_s


PACE = Pace()


class FileChanged(Exception):
    """The pieces of a file do not add up to the size that was announced. Claro does not get the file."""


class Form:
    """multipart/form-data with one file, as `requests` sends it: by its length and its pieces, once."""

    def __init__(self, file_name: str, size_bytes: int, pieces: Iterable[bytes], content_type: str):
        boundary = secrets.token_hex(16)
        name = format_multipart_header_param("filename", file_name)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{FIELD}"; {name}\r\n'
        self._head = f"{head}Content-Type: {content_type}\r\n\r\n".encode(errors="replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._pieces = pieces
        self.size_bytes = size_bytes
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._failure: tuple[Exception, TracebackType | None] | None = None

    def __len__(self) -> int:
        return len(self._head) + self.size_bytes + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        try:
            yield from self._checked()
        except Exception as error:
            self._failure = error, error.__traceback__
            raise
        yield self._tail

    def raise_failure(self) -> None:
        """Raises the exception of the pieces, if there was one: `requests` may have hidden its kind.

        Without the frames of `requests`, which hold the key.
        """
        if self._failure:
            error, traceback = self._failure
            raise error.with_traceback(traceback)

    def _checked(self) -> Iterator[bytes]:
        """The pieces, in small ones: the time-out of a socket is for one of them. Raises FileChanged."""
        left = self.size_bytes
        for piece in self._pieces:
            left -= len(piece)
            if left < 0:
                break
            for start in range(0, len(piece), PIECE_BYTES):
                yield piece[start : start + PIECE_BYTES]
        if left:
            raise FileChanged(f"The file has another size than the {self.size_bytes} bytes that were announced.")


def may_have_arrived(error: ClaroError) -> bool:
    """Whether Claro may have made a source in spite of this error of an upload: look in the list before a retry.

    It has not if the call was not made, or if Claro refused it (4xx).
    """
    if isinstance(error, NotNow):
        return False
    return not (isinstance(error, ApiError) and 400 <= error.status < 500)
