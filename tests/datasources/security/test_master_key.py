import logging
from contextlib import contextmanager

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from core import leases, vault
from datasources import keys
from datasources.copies import opened, upkeep
from datasources.copies.compare import jobs, work
from datasources.downloads import links
from datasources.models import ApiKey, Canary, Comparison, DownloadLink, TableCopy
from datasources.security import master_key
from tests.conftest import synced
from tests.support.copies import copied

OLD, NEW, OTHER = (vault.new_key() for _ in range(3))


@pytest.fixture(autouse=True)
def old_ring(settings):
    settings.CLARO_SECRET_KEYS = [OLD]


@pytest.fixture
def new_ring(settings):
    """Puts a new master key in front of the old one."""

    def change() -> None:
        settings.CLARO_SECRET_KEYS = [NEW, OLD]

    return change


def add(owner, secret: str = "claro_live_first", label: str = "Main") -> ApiKey:
    return keys.add(owner, label, secret, ApiKey.State.VALID)


@contextmanager
def before_the_row_is_written(do):
    """Something that happens between reading a row and writing it."""
    waiting = [do]

    def meanwhile(execute, sql, *arguments):
        if sql.startswith("UPDATE") and "apikey" in sql and waiting:
            waiting.pop()()
        return execute(sql, *arguments)

    with connection.execute_wrapper(meanwhile):
        yield


# --- The canary ---


def test_the_first_stored_secret_leaves_the_canary(alice):
    assert not Canary.objects.exists()
    add(alice)
    add(alice, "claro_live_second")
    assert Canary.objects.get().unseal() == Canary.TEXT


@pytest.mark.parametrize("ring", [[OLD], [NEW, OLD], [OLD, NEW]])
def test_all_is_well_while_the_old_key_is_in_the_ring(alice, settings, ring):
    add(alice)
    settings.CLARO_SECRET_KEYS = ring
    assert master_key.trouble() == ""


def test_an_empty_database_is_no_trouble(db):
    assert master_key.trouble() == ""
    assert not master_key.holds_secrets()


def test_a_lost_master_key_is_told_with_what_was_lost_and_what_to_do(alice, bob, settings):
    add(alice)
    add(bob)
    settings.CLARO_SECRET_KEYS = [NEW]
    text = master_key.trouble()
    assert "2 API keys can't be read" in text
    assert "Restore the old master key" in text
    assert OLD not in text
    assert NEW not in text


@pytest.mark.parametrize("ring", [[], ["short"]])
def test_a_missing_or_malformed_master_key_is_told(alice, settings, ring):
    add(alice)
    settings.CLARO_SECRET_KEYS = ring
    assert "CLARO_SECRET_KEYS" in master_key.trouble()


def test_a_canary_that_was_tampered_with_is_told(alice):
    add(alice)
    Canary.objects.update(token=ApiKey.objects.get().secret)
    assert "does not decrypt" in master_key.trouble()


def test_the_start_says_it_loudly_and_goes_on(alice, settings, caplog):
    add(alice)
    master_key.check_at_start()
    assert caplog.records == []
    settings.CLARO_SECRET_KEYS = [NEW]
    master_key.check_at_start()
    [record] = caplog.records
    assert record.levelno == logging.CRITICAL


def test_a_database_that_does_not_answer_does_not_stop_the_start(db, caplog):
    def broken(*arguments):
        raise OperationalError("no such host")

    with connection.execute_wrapper(broken):
        master_key.check_at_start()
        assert not master_key.holds_secrets()
    assert "could not be checked" in caplog.text


# --- Which rows can't be read ---


def test_unreadable_rows_are_counted(alice, bob, settings, new_ring):
    add(alice)
    new_ring()
    newer = add(bob, "claro_live_bobs")
    assert master_key.unreadable(ApiKey).count() == 0
    settings.CLARO_SECRET_KEYS = [NEW]
    assert [key.owner for key in master_key.unreadable(ApiKey)] == [alice]
    settings.CLARO_SECRET_KEYS = [OLD]
    assert list(master_key.unreadable(ApiKey)) == [newer]


def test_a_link_that_is_being_made_holds_nothing_to_read(alice, key, account, settings):
    account.add(fileName="a.csv")
    links.ask(synced(key)[0], alice, 300)
    settings.CLARO_SECRET_KEYS = [NEW]
    assert master_key.unreadable(DownloadLink).count() == 0


# --- Rotation ---


def test_a_rotation_encrypts_every_secret_anew(alice, key, account, new_ring, settings):
    account.add(fileName="a.csv")
    link = links.ask(synced(key)[0], alice, 300)
    link.seal("https://files.example/?signature=x")
    link.save()
    copy = copied(link.source, ["id"], [["a cell"]])
    comparison = jobs.ask(copy, copy, [], alice)
    work.run(*leases.claim_due(Comparison)[0])
    new_ring()
    done = master_key.rotate()
    assert done.rotated == {
        "Canary": 1,
        "ApiKey": 1,
        "Comparison": 1,
        "DownloadLink": 1,
        "Hook": 0,
        "Outlet": 0,
        "ShareLink": 0,
        "TableCopy": 1,
        "Upload": 0,
        "Authenticator": 0,
    }
    settings.CLARO_SECRET_KEYS = [NEW]
    key.refresh_from_db()
    link.refresh_from_db()
    assert (key.unseal(), key.hint) == (account.key, account.key[-4:])
    assert link.unseal() == "https://files.example/?signature=x"
    upkeep.empty()
    with opened.reader(TableCopy.objects.get(pk=copy.pk)) as reader:
        assert reader.run("SELECT c0 FROM rows") == [("a cell",)]
    with opened.reader(Comparison.objects.get(pk=comparison.pk)) as reader:
        assert reader.rows == 0
    assert master_key.trouble() == ""


def test_every_row_is_in_one_of_the_counts(alice, bob, settings):
    add(alice)
    settings.CLARO_SECRET_KEYS = [OTHER]
    add(alice, "claro_live_other")
    settings.CLARO_SECRET_KEYS = [NEW, OLD]
    add(bob, "claro_live_newest")
    done = master_key.rotate()
    assert (done.rotated["ApiKey"], done.current["ApiKey"], done.unreadable["ApiKey"]) == (1, 1, 1)


def test_a_second_rotation_has_nothing_to_do(alice, new_ring):
    add(alice)
    new_ring()
    master_key.rotate()
    before = ApiKey.objects.get().secret
    assert master_key.rotate().current == {
        "Canary": 1,
        "ApiKey": 1,
        "Comparison": 0,
        "DownloadLink": 0,
        "Hook": 0,
        "Outlet": 0,
        "ShareLink": 0,
        "TableCopy": 0,
        "Upload": 0,
        "Authenticator": 0,
    }
    assert ApiKey.objects.get().secret == before


def test_a_row_that_was_tampered_with_is_counted_as_unreadable(alice, bob, new_ring):
    stolen = add(alice).secret
    mine = add(bob, "claro_live_bobs")
    ApiKey.objects.filter(pk=mine.pk).update(secret=stolen)
    new_ring()
    assert master_key.rotate().unreadable["ApiKey"] == 1
    assert ApiKey.objects.get(pk=mine.pk).secret == stolen


def test_a_secret_that_is_replaced_meanwhile_stays_the_new_one(alice, new_ring):
    key = add(alice)
    new_ring()

    def replace():
        keys.replace_secret(ApiKey.objects.get(pk=key.pk), "claro_live_second", ApiKey.State.VALID)

    with before_the_row_is_written(replace):
        master_key.rotate()
    key.refresh_from_db()
    assert (key.unseal(), key.hint) == ("claro_live_second", "cond")
    assert keys.same_secret(alice, "claro_live_second") == key
    assert keys.same_secret(alice, "claro_live_first") is None


def test_a_key_that_is_deleted_meanwhile_does_not_stop_the_others(alice, bob, new_ring):
    keys_of_two = [add(alice), add(bob, "claro_live_bobs")]
    new_ring()
    with before_the_row_is_written(lambda: ApiKey.objects.filter(pk__in=[key.pk for key in keys_of_two]).delete()):
        master_key.rotate()
    assert not ApiKey.objects.exists()


def test_the_same_key_is_still_recognised_after_the_old_master_key_is_gone(alice, bob, new_ring, settings):
    key = add(alice)
    new_ring()
    master_key.rotate()
    settings.CLARO_SECRET_KEYS = [NEW]
    assert keys.same_secret(alice, "claro_live_first") == key
    assert add(bob).fingerprint == ApiKey.objects.get(pk=key.pk).fingerprint


def test_a_key_that_is_pasted_between_the_change_and_the_rotation_is_recognised_later_too(
    alice, bob, new_ring, settings
):
    first = add(alice)
    new_ring()
    second = add(bob)
    assert second.fingerprint == first.fingerprint
    master_key.rotate()
    settings.CLARO_SECRET_KEYS = [NEW]
    assert keys.same_secret(alice, "claro_live_first") == first
    assert keys.same_secret(bob, "claro_live_first") == second
    assert len(set(ApiKey.objects.values_list("fingerprint", flat=True))) == 1


def test_a_key_that_was_pasted_again_while_it_could_not_be_read_does_not_stop_the_rotation(alice, settings):
    lost = add(alice)
    settings.CLARO_SECRET_KEYS = [NEW]
    again = add(alice, label="Again")
    settings.CLARO_SECRET_KEYS = [NEW, OLD]
    done = master_key.rotate()
    assert (done.rotated["ApiKey"], done.current["ApiKey"]) == (1, 1)
    settings.CLARO_SECRET_KEYS = [NEW]
    for key in (lost, again):
        key.refresh_from_db()
        assert key.unseal() == "claro_live_first"
    assert keys.same_secret(alice, "claro_live_first") == again
    assert master_key.rotate().current["ApiKey"] == 2


# --- When the old master key is lost for good ---


def test_forgetting_ends_the_warning_and_keeps_the_rows(alice, settings):
    key = add(alice)
    settings.CLARO_SECRET_KEYS = [NEW]
    done = master_key.rotate(forget=True)
    assert (done.current["Canary"], done.unreadable["ApiKey"]) == (1, 1)
    assert master_key.trouble() == ""
    key.refresh_from_db()
    assert not key.is_readable
    keys.replace_secret(key, "claro_live_first", ApiKey.State.VALID)
    assert key.is_readable


def test_there_is_nothing_to_forget_while_the_old_key_is_there(alice, new_ring):
    add(alice)
    new_ring()
    assert master_key.rotate(forget=True).rotated["Canary"] == 1


@pytest.mark.parametrize("ring", [[], ["short"]])
def test_nothing_is_forgotten_without_a_master_key(alice, settings, ring):
    add(alice)
    settings.CLARO_SECRET_KEYS = ring
    with pytest.raises(ImproperlyConfigured):
        master_key.rotate(forget=True)
    settings.CLARO_SECRET_KEYS = [OTHER]
    assert "does not decrypt" in master_key.trouble()
