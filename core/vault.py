"""Encrypts and decrypts what must not be readable in the database: API keys and signed URLs.

AES-256-GCM with a ring of master keys (setting CLARO_SECRET_KEYS): the first encrypts, all decrypt. A token reads
`v1.<key id>.<base64 of nonce and ciphertext>`; the key id is derived from the key, so nobody has to name keys, and a
query can count what the ring doesn't open. The row that a token belongs to is bound in as associated data: copied to
another row, it does not open. Caches hold sealed bytes, under a derived key for each purpose.
"""

import base64
import binascii
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = "v1"
KEY_BYTES = 32
ID_LETTERS = 8
NONCE_BYTES = 12  # NIST SP 800-38D, 5.2.1.1: the length GCM is made for


class SecretUnreadable(Exception):
    """A token that no key of the ring opens: the master key was changed or lost, or the row was tampered with."""


class MasterKey:
    """One key of the ring and what is derived from it (RFC 5869), so that no key serves two purposes."""

    def __init__(self, material: bytes):
        self.id = _derive(material, b"claro-dashboard id", ID_LETTERS // 2).hex()
        self.prefix = f"{VERSION}.{self.id}."
        self._material = material
        self._cipher = AESGCM(_derive(material, b"claro-dashboard encryption", KEY_BYTES))
        self._ciphers: dict[str, AESGCM] = {}
        self._fingerprint_key = _derive(material, b"claro-dashboard fingerprint", KEY_BYTES)

    def __repr__(self) -> str:
        return f"<MasterKey {self.id}>"

    def seal(self, text: str, row: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), row.encode())
        return self.prefix + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, token: str, row: str) -> str:
        try:
            sealed = base64.urlsafe_b64decode(token.removeprefix(self.prefix))
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], row.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise SecretUnreadable(f"A secret of {row} was altered or moved; key {self.id} does not open it.") from None

    def seal_bytes(self, data: bytes, purpose: str, name: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return self.id.encode() + nonce + self._cipher_for(purpose).encrypt(nonce, data, name.encode())

    def unseal_bytes(self, sealed: bytes, purpose: str, name: str) -> bytes:
        nonce, data = sealed[ID_LETTERS : ID_LETTERS + NONCE_BYTES], sealed[ID_LETTERS + NONCE_BYTES :]
        try:
            return self._cipher_for(purpose).decrypt(nonce, data, name.encode())
        except (InvalidTag, ValueError):
            raise SecretUnreadable(f"{name} was altered or moved; key {self.id} does not open it.") from None

    def _cipher_for(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = AESGCM(_derive(self._material, f"claro-dashboard {purpose}".encode(), KEY_BYTES))
            self._ciphers[purpose] = cipher
        return cipher

    def fingerprint(self, text: str) -> str:
        return hmac.digest(self._fingerprint_key, text.encode(), "sha256")[:16].hex()


def seal(text: str, row: str) -> str:
    """The token for `text`; it opens for the same `row` only."""
    return ring()[0].seal(text, row)


def unseal(token: str, row: str) -> str:
    """The text behind a token of `row`. Raises SecretUnreadable."""
    for key in ring():
        if token.startswith(key.prefix):
            return key.unseal(token, row)
    raise SecretUnreadable(f"A secret of {row} was encrypted with a master key that is not configured.")


def seal_bytes(data: bytes, purpose: str, name: str) -> bytes:
    """Bytes for a cache, under a key for this purpose; they open under the same `name` only."""
    return ring()[0].seal_bytes(data, purpose, name)


def unseal_bytes(sealed: bytes, purpose: str, name: str) -> bytes:
    """The bytes that `seal_bytes` sealed. Raises SecretUnreadable."""
    for key in ring():
        if sealed.startswith(key.id.encode()):
            return key.unseal_bytes(sealed, purpose, name)
    raise SecretUnreadable(f"{name} was encrypted with a master key that is not configured.")


def fingerprints(text: str) -> list[str]:
    """Keyed hashes of `text`, one per key of the ring, the current one first: finds the same secret stored twice."""
    return [key.fingerprint(text) for key in ring()]


def is_current(token: str) -> bool:
    """Whether the token was made with the key that encrypts now."""
    return token.startswith(ring()[0].prefix)


def ring() -> tuple[MasterKey, ...]:
    """The configured keys, the current one first. Raises ImproperlyConfigured, without showing them."""
    return _ring(tuple(settings.CLARO_SECRET_KEYS))


def new_key() -> str:
    """A fresh master key as CLARO_SECRET_KEYS takes it."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


@lru_cache(maxsize=4)
def _ring(encoded_keys: tuple[str, ...]) -> tuple[MasterKey, ...]:
    if not encoded_keys:
        raise ImproperlyConfigured(
            "CLARO_SECRET_KEYS is not set. `python manage.py make_secrets` makes it for a laptop."
        )
    return tuple(MasterKey(_decode(position, key)) for position, key in enumerate(encoded_keys, start=1))


def _decode(position: int, encoded: str) -> bytes:
    try:
        material = base64.b64decode(encoded.strip().replace("-", "+").replace("_", "/"), validate=True)
    except ValueError:
        material = b""
    if len(material) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"Key {position} of CLARO_SECRET_KEYS is not {KEY_BYTES} bytes in base64. "
            "`python manage.py make_secrets --print` prints a good one."
        )
    return material


def _derive(material: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(material)
