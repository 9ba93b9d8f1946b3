import pytest
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError

from accounts.models import User


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("short-7!", ["password_too_short"]),
        ("password123", ["password_too_common"]),
        ("1234567890", ["password_too_common", "password_entirely_numeric"]),
        ("alice.example", ["password_too_similar"]),
    ],
)
def test_each_broken_rule_is_named(password, broken):
    with pytest.raises(ValidationError) as error:
        validate_password(password, User(email="alice.example@example.com"))
    assert [one.code for one in error.value.error_list] == broken


def test_a_good_password_breaks_none():
    validate_password("a correct horse", User(email="alice.example@example.com"))


def test_the_rules_are_one_sentence():
    assert password_validators_help_texts() == ["At least 10 characters, not a common password"]
