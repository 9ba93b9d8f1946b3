"""Django's LOGGING. The filters and formatters are in core/logs.py."""

from typing import Any


def logging(format: str, level: str) -> dict[str, Any]:
    """Django's LOGGING: one handler for all, "json" or "text", from this level on."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "ids": {"()": "core.logs.IdsFilter"},
            "secrets": {"()": "core.logs.SecretsFilter"},
        },
        "formatters": {
            "json": {
                "()": "core.logs.JsonFormatter",
                "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s %(task_id)s",
            },
            "text": {
                "()": "core.logs.TextFormatter",
                "format": "%(levelname)s %(name)s [%(request_id)s%(task_id)s] %(message)s",
            },
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": format, "filters": ["ids", "secrets"]},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "urllib3": {"level": "WARNING"},
            # Its warning of a header that can't be parsed has the whole URL, which is a secret where it leads to Slack.
            "urllib3.connection": {"level": "ERROR"},
            # Requests have a line already (core/logs.py). That a page was not found or must wait is no trouble of ours.
            "django.request": {"level": "ERROR"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "django.server": {"handlers": [], "propagate": True},
        },
    }
