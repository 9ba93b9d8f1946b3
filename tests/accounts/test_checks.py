import pytest
from django.core.checks import run_checks


@pytest.mark.parametrize(
    ("url", "is_understood"),
    [
        ("", True),
        ("smtp://mail.example.com:25", True),
        ("smtp+tls://user:password@mail.example.com:587", True),
        ("smtp://mail.example.com:587?EMAIL_USE_TLS=True", True),
        # django-environ passes over it, and the password would go out in clear
        ("smtp://user:password@mail.example.com:587?tls=True", False),
    ],
)
def test_an_option_of_the_mail_server_that_means_nothing_is_refused(settings, url, is_understood):
    settings.EMAIL_URL = url
    found = [message for message in run_checks() if message.id == "accounts.E003"]
    assert bool(found) is not is_understood
    assert all("TLS." in message.msg and "smtp+tls://" in message.hint for message in found)
