import pytest

from operations import redis_versions


@pytest.mark.parametrize(
    ("server", "version", "fixed"),
    [
        ("Redis", "6.2.14", "6.2.20"),
        ("Redis", "6.2.20", ""),
        ("Redis", "7.0.15", "7.2.11"),
        ("Redis", "7.4.5", "7.4.6"),
        ("Redis", "8.2.10", ""),
        ("Redis", "8.4.0", ""),
        ("Redis", "5.0.14", "6.2.20"),
        ("Valkey", "8.0.5", "8.0.6"),
        ("Valkey", "8.1.4", ""),
        ("Valkey", "9.0.0", ""),
        ("Redis", "", ""),
        ("Redis", "7.9-rc1", ""),
    ],
)
def test_the_nearest_version_with_the_fixes_is_named(server, version, fixed):
    assert redis_versions.fixed_in(server, version) == fixed


def test_valkey_names_itself_beside_the_version_of_redis_that_it_imitates():
    facts = {"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.0.6"}
    assert redis_versions.of(facts) == ("Valkey", "8.0.6")
    assert redis_versions.of({"redis_version": "7.2.4"}) == ("Redis", "7.2.4")
    assert redis_versions.of({}) == ("Redis", "")
