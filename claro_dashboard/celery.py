"""The Celery application: what runs in the workers. What beat asks for stands in the settings."""

import os
import threading

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "claro_dashboard.settings")

# A worker that was asked to end waits this long for its tasks; their work is found again (datasources/leases.py).
LAST_SECONDS = 3.0

app = Celery("claro_dashboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def leave_logging_alone(**kwargs) -> None:
    """Django has set up the logs; being connected keeps Celery from doing it its own way."""


@signals.worker_init.connect
def check_master_key(**kwargs) -> None:
    from datasources import master_key

    master_key.check_at_start()


@signals.heartbeat_sent.connect
def say_that_it_lives(sender, **kwargs) -> None:
    from claro_dashboard import health

    health.worker_is_there(sender.eventer.hostname.split("@")[0])


@signals.worker_shutting_down.connect
def end_in_time(**kwargs) -> None:
    """The threads pool can't end a running task; without this, stopping would wait for the slowest."""
    timer = threading.Timer(LAST_SECONDS, os._exit, [0])
    timer.daemon = True
    timer.start()
