"""System checks: invalid settings, reported at start with a hint."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from core import vault
from datasources.claro import ROWS_LIMIT_MAX
from datasources.copies import orders
from datasources.mirror import webhooks
from datasources.security import master_key


@register(Tags.security)
def master_keys_are_well_formed(app_configs, **kwargs) -> list[Error]:
    if not settings.CLARO_SECRET_KEYS:
        return []  # a laptop before its first start; production refuses in settings.py
    try:
        vault.ring()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="datasources.E001")]
    return []


@register(Tags.database)
def master_key_opens_the_canary(app_configs, databases=None, **kwargs) -> list[Warning]:
    """A warning, not an error: the site must still start, so that people can paste their keys again."""
    if not databases or not settings.CLARO_SECRET_KEYS:
        return []
    try:
        text = master_key.trouble()
    except DatabaseError:  # not migrated yet
        return []
    return [Warning(text, id="datasources.W001")] if text else []


@register
def claro_settings_can_work(app_configs, **kwargs) -> list[Error]:
    errors = []
    base = urlsplit(settings.CLARO_API_BASE_URL)
    if base.scheme not in ("http", "https") or not base.hostname:
        hint = "For the real API: https://secure-api.getclaro.ai/api/v2"
        errors.append(Error("CLARO_API_BASE_URL is not an http(s) address.", hint=hint, id="datasources.E002"))
    if not 1 <= settings.CLARO_ROWS_BLOCK <= ROWS_LIMIT_MAX:
        errors.append(Error(f"CLARO_ROWS_BLOCK must be 1 to {ROWS_LIMIT_MAX}.", id="datasources.E003"))
    if settings.WEB_THREADS < 1:
        errors.append(Error("WEB_THREADS must be at least 1.", id="datasources.E005"))
    if not orders.is_locale(settings.COPIES_LOCALE):
        hint = "Such as en, de or en_US."
        errors.append(Error("Text can't be sorted in the language COPIES_LOCALE.", hint=hint, id="datasources.E006"))
    if settings.PUBLIC_URL and webhooks.why_not():
        hint = "Such as https://claro.example.com; http only for this machine."
        errors.append(Error("PUBLIC_URL is not an https address.", hint=hint, id="datasources.E004"))
    return errors
