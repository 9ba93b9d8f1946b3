"""Encrypts and decrypts files that are too large to be held in memory.

AES-256-GCM over chunks, as STREAM does it (Hoang, Reyhanitabar, Rogaway, Vizár 2015, https://eprint.iacr.org/2015/189).
A nonce is a prefix of the file and the chunk's number (NIST SP 800-38D, 8.2.1). The associated data name the format,
the owner of the file, the chunk's number, and whether the chunk is the last one. A file that was cut off, reordered,
altered, or is another owner's does not open. A key encrypts one file only.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
# 57 MB take 0.12 s with chunks of 1 MiB; smaller and larger ones are not quicker.
CHUNK_BYTES = 2**20
_MAGIC = b"claro-copy-1\n"
# NIST SP 800-38D, 5.2.1.1: 96 bits are the length GCM is made for, and the tag has its full length.
_NUMBER_BYTES = 4
_PREFIX_BYTES = 12 - _NUMBER_BYTES
_TAG_BYTES = 16


class Tampered(Exception):
    """The file is not what was encrypted: cut off, altered, of another owner, or under another key."""


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


class Encryptor:
    """Encrypts a file that arrives in pieces. Holds one chunk at most."""

    def __init__(self, key: bytes, owner: str):
        self._cipher, self._prefix, self._owner = AESGCM(key), os.urandom(_PREFIX_BYTES), owner
        self._number, self._rest = 0, bytearray()

    def feed(self, plain: bytes) -> bytes:
        """The ciphertext that is complete now; it may be empty."""
        self._rest += plain
        parts = []
        while len(self._rest) > CHUNK_BYTES:  # the last chunk is encrypted as such, also a full one
            parts.append(self._sealed(bytes(self._rest[:CHUNK_BYTES]), is_last=False))
            del self._rest[:CHUNK_BYTES]
        return b"".join(parts)

    def end(self) -> bytes:
        """The rest of the ciphertext."""
        return self._sealed(bytes(self._rest), is_last=True)

    def _sealed(self, chunk: bytes, *, is_last: bool) -> bytes:
        number, self._number = self._number, self._number + 1
        head = b"" if number else _MAGIC + self._prefix
        associated = _associated(self._owner, number, is_last)
        return head + self._cipher.encrypt(_nonce(self._prefix, number), chunk, associated)


def encrypted(plain: Readable, key: bytes, owner: str) -> Iterator[bytes]:
    """The pieces of the ciphertext of what is left to read of `plain`."""
    encryptor = Encryptor(key, owner)
    while piece := plain.read(CHUNK_BYTES):
        if sealed := encryptor.feed(piece):
            yield sealed
    yield encryptor.end()


def decrypted(sealed: Readable, key: bytes, owner: str) -> Iterator[bytes]:
    """The plain text, chunk by chunk. Raises Tampered, possibly after the first chunks."""
    head = _exactly(sealed, len(_MAGIC) + _PREFIX_BYTES)
    if not head.startswith(_MAGIC):
        raise Tampered("It does not begin as an encrypted copy does.")
    cipher, prefix = AESGCM(key), head[len(_MAGIC) :]
    for number, chunk, is_last in _chunks(sealed, CHUNK_BYTES + _TAG_BYTES):
        try:
            yield cipher.decrypt(_nonce(prefix, number), chunk, _associated(owner, number, is_last))
        except (InvalidTag, ValueError):  # ValueError: shorter than a tag
            raise Tampered(f"Chunk {number} does not open.") from None


def decrypt(sealed: Readable, plain: BinaryIO, key: bytes, owner: str) -> None:
    """Writes the plain text to `plain`. Raises Tampered, possibly after the first chunks were written."""
    for chunk in decrypted(sealed, key, owner):
        plain.write(chunk)


def encrypted_bytes(plain_bytes: int) -> int:
    """The size of the ciphertext of a file of this size."""
    chunks = max(1, -(-plain_bytes // CHUNK_BYTES))
    return len(_MAGIC) + _PREFIX_BYTES + plain_bytes + chunks * _TAG_BYTES


def _chunks(file: Readable, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Number, content, and whether it is the last one; an empty file has one empty chunk."""
    number, chunk = 0, _exactly(file, size)
    while following := _exactly(file, size) if len(chunk) == size else b"":
        yield number, chunk, False
        number, chunk = number + 1, following
    yield number, chunk, True


def _exactly(file: Readable, size: int) -> bytes:
    """The next `size` bytes; fewer at the end only. One read of a file over the network may give fewer."""
    parts, missing = [], size
    while missing and (part := file.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _nonce(prefix: bytes, number: int) -> bytes:
    return prefix + number.to_bytes(_NUMBER_BYTES, "big")


def _associated(owner: str, number: int, is_last: bool) -> bytes:
    return b"%s%s %d %s" % (_MAGIC, owner.encode(), number, b"last" if is_last else b"more")
