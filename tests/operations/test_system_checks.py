import pytest
from django.core.checks import Error, Warning, run_checks

from core import vault
from datasources import keys
from datasources.models import ApiKey
from operations import system_checks


def ids(databases=None) -> list[str]:
    """What the system check says about our own settings."""
    return [message.id for message in run_checks(databases=databases) if message.id.startswith("datasources.")]


def test_the_settings_of_the_tests_have_no_trouble(db):
    assert ids(["default"]) == []


@pytest.mark.parametrize("ring", [["short"], [vault.new_key(), "§"]])
def test_a_malformed_master_key_is_an_error(settings, ring):
    settings.CLARO_SECRET_KEYS = ring
    assert ids() == ["datasources.E001"]
    [error] = system_checks.master_keys_are_well_formed(None)
    assert isinstance(error, Error)
    assert ring[-1] not in error.msg


def test_no_master_key_is_no_error_before_the_first_start(db, settings):
    settings.CLARO_SECRET_KEYS = []
    assert ids(["default"]) == []


def test_a_master_key_that_does_not_open_the_canary_is_a_warning(alice, settings):
    keys.add(alice, "Main", "claro_live_x", ApiKey.State.VALID)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert ids(["default"]) == ["datasources.W001"]
    [warning] = system_checks.master_key_opens_the_canary(None, databases=["default"])
    assert isinstance(warning, Warning)
    assert "1 API keys can't be read" in warning.msg


def test_a_check_without_a_database_asks_for_no_database(settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert ids() == []


@pytest.mark.parametrize("address", ["", "secure-api.getclaro.ai", "ftp://api.example/v2", "https://", "//api.example"])
def test_an_api_address_that_can_t_work_is_an_error_with_a_hint(settings, address):
    settings.CLARO_API_BASE_URL = address
    assert ids() == ["datasources.E002"]
    [error] = system_checks.claro_settings_can_work(None)
    assert "https://secure-api.getclaro.ai/api/v2" in error.hint


@pytest.mark.parametrize(
    ("rows", "expected"), [(0, ["datasources.E003"]), (1, []), (1000, []), (1001, ["datasources.E003"])]
)
def test_blocks_are_what_the_api_allows(settings, rows, expected):
    settings.CLARO_ROWS_BLOCK = rows
    assert ids() == expected


@pytest.mark.parametrize("threads", [0, -1])
def test_a_web_process_without_threads_is_an_error(settings, threads):
    settings.WEB_THREADS = threads
    assert ids() == ["datasources.E005"]


@pytest.mark.parametrize("address", ["http://claro.example.com", "claro.example.com", "https://"])
def test_a_public_address_that_claro_can_not_reach_is_an_error(settings, address):
    settings.PUBLIC_URL = address
    assert ids() == ["datasources.E004"]


@pytest.mark.parametrize("address", ["", "https://claro.example.com", "http://127.0.0.1:8000"])
def test_a_public_address_may_be_missing_https_or_of_this_machine(settings, address):
    settings.PUBLIC_URL = address
    assert ids() == []


@pytest.mark.parametrize("locale", ["xx", "", "de_DE", 'en"; --', "nocase.en"])
def test_a_language_that_text_cannot_be_sorted_in_is_refused(settings, locale):
    settings.COPIES_LOCALE = locale
    assert ids() == ["datasources.E006"]


@pytest.mark.parametrize("locale", ["en", "de", "sv", "en_US"])
def test_languages_that_text_can_be_sorted_in(settings, locale):
    settings.COPIES_LOCALE = locale
    assert ids() == []
