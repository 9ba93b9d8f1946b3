import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from accounts import mfa
from core import vault
from datasources.security import master_key
from tests.support.mfa import app_of, codes_of, passkey_of

OLD, NEW = vault.new_key(), vault.new_key()


@pytest.fixture(autouse=True)
def old_ring(settings):
    settings.CLARO_SECRET_KEYS = [OLD]


def test_a_rotation_encrypts_second_factors_anew(alice, settings):
    secret, codes = app_of(alice), codes_of(alice)
    passkey_of(alice)
    settings.CLARO_SECRET_KEYS = [NEW, OLD]
    assert master_key.rotate().rotated["Authenticator"] == 2
    assert master_key.rotate().current["Authenticator"] == 2
    settings.CLARO_SECRET_KEYS = [NEW]
    adapter = mfa.MFAAdapter()
    assert adapter.decrypt(Authenticator.objects.get(type="totp").data["secret"]) == secret
    assert Authenticator.objects.get(type="recovery_codes").wrap().generate_codes() == codes


def test_a_code_that_was_used_stays_used(alice, settings):
    first, *rest = codes_of(alice)
    assert Authenticator.objects.get().wrap().validate_code(first)
    settings.CLARO_SECRET_KEYS = [NEW, OLD]
    master_key.rotate()
    assert Authenticator.objects.get().wrap().get_unused_codes() == rest


def test_what_can_t_be_read_is_counted_and_stays(alice, settings):
    app_of(alice)
    before = Authenticator.objects.get().data
    settings.CLARO_SECRET_KEYS = [NEW]
    assert master_key.rotate().unreadable["Authenticator"] == 1
    assert Authenticator.objects.get().data == before


def test_one_that_is_removed_meanwhile_stops_nobody(alice, bob, settings):
    app_of(alice)
    app_of(bob)
    settings.CLARO_SECRET_KEYS = [NEW, OLD]
    waiting = [lambda: Authenticator.objects.filter(user=alice).delete()]

    def meanwhile(execute, sql, *arguments):
        if "mfa_authenticator" in sql and sql.startswith("SELECT") and "LIMIT 1" in sql and waiting:
            waiting.pop()()
        return execute(sql, *arguments)

    with connection.execute_wrapper(meanwhile):
        assert master_key.rotate().rotated["Authenticator"] == 1


def test_no_new_master_key_is_made_beside_second_factors(alice):
    app_of(alice)
    assert master_key.holds_secrets()
