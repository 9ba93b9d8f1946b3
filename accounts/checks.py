"""System checks: settings of the single sign-on that can't work."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, register


@register
def single_sign_on_can_work(app_configs, **kwargs) -> list[Error]:
    given = (settings.OIDC_SERVER_URL, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET)
    if not any(given) and not settings.OIDC_ONLY:
        return []
    if not all(given):
        words = "Single sign-on needs OIDC_SERVER_URL, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET."
        return [Error(words, hint="The provider gives you all three.", id="accounts.E001")]
    server = urlsplit(settings.OIDC_SERVER_URL)
    if server.scheme != "https" and server.hostname not in ("localhost", "127.0.0.1"):
        words = "OIDC_SERVER_URL is not an https address."
        return [Error(words, hint="The provider's issuer, such as https://login.example.com.", id="accounts.E002")]
    return []
