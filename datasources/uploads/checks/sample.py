"""A bounded sample of a file for the checks, collected while the file arrives in pieces."""

import codecs
import hashlib
from dataclasses import dataclass, field

# Four checks at once take a few megabytes each, whatever the files contain.
HEAD_BYTES = 256 * 2**10


@dataclass(frozen=True)
class Sample:
    """The start of a file, and figures of all of it."""

    head: bytes = field(repr=False)
    size_bytes: int
    sha256: str
    is_utf8: bool
    # Line feeds; a row of a table may have several.
    lines: int

    @property
    def is_whole(self) -> bool:
        """Whether the head is the whole file."""
        return len(self.head) == self.size_bytes


class Sampler:
    """Collects a sample from the pieces of a file."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._hash = hashlib.sha256()
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._size_bytes, self._lines, self._is_utf8 = 0, 0, True

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def feed(self, piece: bytes) -> None:
        self._size_bytes += len(piece)
        self._hash.update(piece)
        self._lines += piece.count(b"\n")
        self._head += piece[: HEAD_BYTES - len(self._head)]
        self._decode(piece)

    def sample(self) -> Sample:
        """The sample of all pieces so far, which are the whole file."""
        self._decode(b"", final=True)
        return Sample(bytes(self._head), self._size_bytes, self._hash.hexdigest(), self._is_utf8, self._lines)

    def _decode(self, piece: bytes, *, final: bool = False) -> None:
        if self._is_utf8:
            try:
                self._decoder.decode(piece, final)
            except UnicodeDecodeError:
                self._is_utf8 = False


def sample_of(content: bytes) -> Sample:
    sampler = Sampler()
    sampler.feed(content)
    return sampler.sample()


def sample_of_head(head: bytes, size_bytes: int) -> Sample:
    """The sample of a file of this size, of which only the start is there. It has no SHA-256, and no lines."""
    if len(head) >= size_bytes:
        return sample_of(head)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return Sample(head, size_bytes, "", is_utf8=False, lines=0)
    return Sample(head, size_bytes, "", is_utf8=True, lines=0)
