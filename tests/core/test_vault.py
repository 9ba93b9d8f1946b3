import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from core import vault


def master(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@pytest.fixture(autouse=True)
def ring(settings):
    settings.CLARO_SECRET_KEYS = [master("a")]


@given(st.text())
def test_what_is_sealed_opens(text):
    assert vault.unseal(vault.seal(text, "row 1"), "row 1") == text


def test_a_token_does_not_open_in_another_row():
    token = vault.seal("secret", "apikey:1")
    with pytest.raises(vault.SecretUnreadable):
        vault.unseal(token, "apikey:2")


@given(st.integers(min_value=0, max_value=33), st.integers(min_value=1, max_value=255))
def test_an_altered_token_does_not_open(place, change):
    version, key_id, sealed = vault.seal("secret", "row").split(".")
    data = bytearray(base64.urlsafe_b64decode(sealed))
    data[place] ^= change
    with pytest.raises(vault.SecretUnreadable):
        vault.unseal(f"{version}.{key_id}.{base64.urlsafe_b64encode(data).decode()}", "row")


@pytest.mark.parametrize("token", ["", "v1", "v1.00000000.AAAA", "v2.x.y", "nonsense"])
def test_what_is_no_token_does_not_open(token):
    with pytest.raises(vault.SecretUnreadable):
        vault.unseal(token, "row")


def test_the_same_text_is_never_sealed_alike():
    assert vault.seal("secret", "row") != vault.seal("secret", "row")


def test_an_old_key_opens_and_the_first_one_seals(settings):
    old = vault.seal("secret", "row")
    settings.CLARO_SECRET_KEYS = [master("b"), master("a")]
    assert vault.unseal(old, "row") == "secret"
    assert not vault.is_current(old)
    assert vault.is_current(vault.seal("secret", "row"))


def test_a_lost_key_is_told(settings):
    token = vault.seal("secret", "row")
    settings.CLARO_SECRET_KEYS = [master("b")]
    with pytest.raises(vault.SecretUnreadable, match="not configured"):
        vault.unseal(token, "row")


def test_a_fingerprint_is_the_same_for_the_same_key_and_depends_on_the_master_key(settings):
    [one] = vault.fingerprints("claro_live_x")
    assert [one] == vault.fingerprints("claro_live_x") != vault.fingerprints("claro_live_y")
    settings.CLARO_SECRET_KEYS = [master("b"), master("a")]
    assert vault.fingerprints("claro_live_x")[1] == one


@pytest.mark.parametrize("bad", ["", "short", "§§§", base64.b64encode(b"x" * 31).decode()])
def test_a_malformed_master_key_is_told_without_showing_it(settings, bad):
    settings.CLARO_SECRET_KEYS = [master("a"), bad]
    with pytest.raises(ImproperlyConfigured, match="Key 2") as raised:
        vault.ring()
    assert not bad or bad not in str(raised.value)


def test_a_fresh_key_is_well_formed(settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert vault.unseal(vault.seal("x", "row"), "row") == "x"
    assert "x" * 5 not in repr(vault.ring())


# --- Bytes, for caches ---


@given(st.binary())
def test_bytes_that_are_sealed_open(data):
    assert vault.unseal_bytes(vault.seal_bytes(data, "blocks", "name"), "blocks", "name") == data


@pytest.mark.parametrize(("purpose", "name"), [("blocks", "other"), ("other", "name")])
def test_sealed_bytes_open_for_their_purpose_and_name_only(purpose, name):
    sealed = vault.seal_bytes(b"cells", "blocks", "name")
    with pytest.raises(vault.SecretUnreadable):
        vault.unseal_bytes(sealed, purpose, name)


@pytest.mark.parametrize("place", [0, 8, 20, -1])
def test_altered_bytes_do_not_open(place):
    sealed = bytearray(vault.seal_bytes(b"cells", "blocks", "name"))
    sealed[place] ^= 1
    with pytest.raises(vault.SecretUnreadable):
        vault.unseal_bytes(bytes(sealed), "blocks", "name")


@pytest.mark.parametrize("size", [0, 7, 8, 19, 20, 30])
def test_bytes_that_were_cut_off_do_not_open(size):
    with pytest.raises(vault.SecretUnreadable):
        vault.unseal_bytes(vault.seal_bytes(b"cells", "blocks", "name")[:size], "blocks", "name")


def test_bytes_sealed_with_an_older_key_of_the_ring_open(settings):
    sealed = vault.seal_bytes(b"cells", "blocks", "name")
    settings.CLARO_SECRET_KEYS = [master("b"), master("a")]
    assert vault.unseal_bytes(sealed, "blocks", "name") == b"cells"
    settings.CLARO_SECRET_KEYS = [master("b")]
    with pytest.raises(vault.SecretUnreadable):
        vault.unseal_bytes(sealed, "blocks", "name")
