import io
import os

import pytest

from datasources.copies import cipher
from datasources.copies.cipher import CHUNK_BYTES, Tampered

KEY = cipher.new_key()
HEAD_BYTES = cipher.encrypted_bytes(0) - 16
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5]


def encrypted(plain: bytes, key: bytes = KEY, owner: str = "copy 1") -> bytes:
    return b"".join(cipher.encrypted(io.BytesIO(plain), key, owner))


def decrypted(sealed: bytes, key: bytes = KEY, owner: str = "copy 1") -> bytes:
    plain = io.BytesIO()
    cipher.decrypt(io.BytesIO(sealed), plain, key, owner)
    return plain.getvalue()


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_back(size):
    plain = os.urandom(size)
    sealed = encrypted(plain)
    assert decrypted(sealed) == plain
    assert len(sealed) == cipher.encrypted_bytes(size)
    assert plain[:1000] not in sealed or size < 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [70_000, CHUNK_BYTES, 3 * CHUNK_BYTES])
def test_a_file_that_is_encrypted_as_it_arrives_comes_back(size, piece):
    plain, encryptor = os.urandom(size), cipher.Encryptor(KEY, "copy 1")
    sealed = [encryptor.feed(plain[start : start + piece]) for start in range(0, size, piece)]
    sealed.append(encryptor.end())
    assert decrypted(b"".join(sealed)) == plain
    assert sum(map(len, sealed)) == cipher.encrypted_bytes(size)


def test_the_same_file_is_encrypted_differently_each_time():
    assert encrypted(b"rows") != encrypted(b"rows")


class Dribbling(io.BytesIO):
    """A file over a network: a read may give less than was asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 70_000))


def test_a_file_that_arrives_in_small_parts_comes_back():
    plain, result = os.urandom(2 * CHUNK_BYTES + 3), io.BytesIO()
    cipher.decrypt(Dribbling(encrypted(plain)), result, KEY, "copy 1")
    assert result.getvalue() == plain


CHUNK = CHUNK_BYTES + 16
WHOLE = encrypted(b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"c" * 10)
FIRST = HEAD_BYTES
ALTERED = {
    "empty": b"",
    "head only": WHOLE[:HEAD_BYTES],
    "part of the head": WHOLE[:5],
    "cut within a chunk": WHOLE[:-3],
    "cut after a chunk": WHOLE[: FIRST + 2 * CHUNK],
    "cut after the first chunk": WHOLE[: FIRST + CHUNK],
    "less than a tag left": WHOLE[: FIRST + 2 * CHUNK + 7],
    "longer": WHOLE + b"x",
    "twice": WHOLE + WHOLE,
    "chunks in another order": (
        WHOLE[:FIRST]
        + WHOLE[FIRST + CHUNK : FIRST + 2 * CHUNK]
        + WHOLE[FIRST : FIRST + CHUNK]
        + WHOLE[FIRST + 2 * CHUNK :]
    ),
    "a chunk left out": WHOLE[:FIRST] + WHOLE[FIRST + CHUNK :],
    "a chunk repeated": WHOLE[: FIRST + CHUNK] + WHOLE[FIRST:],
    "one bit of the cells": WHOLE[: FIRST + 99] + bytes([WHOLE[FIRST + 99] ^ 1]) + WHOLE[FIRST + 100 :],
    "one bit of the head": WHOLE[: FIRST - 1] + bytes([WHOLE[FIRST - 1] ^ 1]) + WHOLE[FIRST:],
    "another format": b"X" + WHOLE[1:],
}


@pytest.mark.parametrize("sealed", ALTERED.values(), ids=ALTERED.keys())
def test_an_altered_file_does_not_open(sealed):
    with pytest.raises(Tampered):
        decrypted(sealed)


def test_chunks_of_another_file_under_the_same_key_do_not_open():
    other = encrypted(b"d" * CHUNK_BYTES + b"e" * CHUNK_BYTES + b"f" * 10)
    with pytest.raises(Tampered):
        decrypted(WHOLE[: FIRST + CHUNK] + other[FIRST + CHUNK :])


@pytest.mark.parametrize("other", [{"owner": "copy 2"}, {"key": cipher.new_key()}])
def test_it_opens_for_its_owner_and_key_only(other):
    with pytest.raises(Tampered):
        decrypted(WHOLE, **other)
