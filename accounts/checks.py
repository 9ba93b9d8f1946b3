"""System checks: settings of single sign-on and mail that can't work."""

from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import Error, register


@register
def single_sign_on_can_work(app_configs, **kwargs) -> list[Error]:
    given = (settings.OIDC_SERVER_URL, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET)
    if not any(given) and not settings.OIDC_ONLY:
        return []
    if not all(given):
        words = "Single sign-on needs OIDC_SERVER_URL, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET."
        return [Error(words, hint="The provider issues all three.", id="accounts.E001")]
    server = urlsplit(settings.OIDC_SERVER_URL)
    if server.scheme != "https" and server.hostname not in ("localhost", "127.0.0.1"):
        words = "OIDC_SERVER_URL is not an https address."
        return [Error(words, hint="The provider's issuer, such as https://login.example.com.", id="accounts.E002")]
    return []


@register
def mail_is_sent_as_asked_for(app_configs, **kwargs) -> list[Error]:
    """An option that nothing reads, such as `?tls=True`, would send the password of the mail server in clear."""
    asked = {name.upper() for name in parse_qs(urlsplit(settings.EMAIL_URL).query)}
    if not (unknown := asked - {"EMAIL_USE_TLS", "EMAIL_USE_SSL"}):
        return []
    words = f"EMAIL_URL has unsupported options: {', '.join(sorted(unknown))}."
    hint = "For encryption: smtp+tls://… (STARTTLS, port 587) or smtp+ssl://… (TLS from the start, port 465)."
    return [Error(words, hint=hint, id="accounts.E003")]
