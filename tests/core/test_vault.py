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
