"""The Celery application of the workers. The settings contain beat's schedule."""

import os
import threading

import redis
from celery import Celery, signals
from kombu.transport import redis as transport

from core import private
from core.pool import Gauge

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "claro_dashboard.settings")

# A worker that was asked to end waits this long for its tasks; their work is found again (core/leases.py).
LAST_SECONDS = 3.0


class Channel(transport.Channel):
    """Reports a closed connection, so that Celery creates a new one.

    If Redis disappears during a task, the data of its message is lost (celery and kombu 5.7.0). That raised an
    AttributeError and ended the worker.
    """

    def _connparams(self, *arguments, **options):
        if getattr(self.connection, "client", None) is None:
            raise redis.ConnectionError("The connection to the broker is closed.")
        return super()._connparams(*arguments, **options)


transport.Transport.Channel = Channel

private.by_default()
app = Celery("claro_dashboard")
# Of this worker's threads; made when the worker knows how many it has.
_threads: Gauge | None = None
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def leave_logging_alone(**kwargs) -> None:
    """Django has set up the logs; being connected keeps Celery from doing it its own way."""


@signals.worker_init.connect
def check_master_key(**kwargs) -> None:
    from datasources.security import master_key

    master_key.check_at_start()


@signals.worker_init.connect
def use_open_copies(**kwargs) -> None:
    from datasources.copies import upkeep

    upkeep.begin()


@signals.worker_ready.connect
def count_threads(sender, **kwargs) -> None:
    """Comes again when the connection to the broker was lost: tasks may be under way then."""
    global _threads
    _threads = _threads or Gauge(sender.controller.concurrency)


@signals.task_prerun.connect
def take_thread(**kwargs) -> None:
    if _threads:
        _threads.take()


@signals.task_postrun.connect
def give_back_thread(**kwargs) -> None:
    if _threads:
        _threads.give_back()


@signals.heartbeat_sent.connect
def say_that_it_lives(sender, **kwargs) -> None:
    from core import heartbeats

    heartbeats.say(app.amqp.queues.consume_from, sender.eventer.hostname, _threads)


@signals.heartbeat_sent.connect
def tend_open_copies(**kwargs) -> None:
    """In a thread: the database may not answer, and this one speaks to the broker."""
    from datasources.copies import upkeep

    threading.Thread(target=upkeep.tend, daemon=True).start()


@signals.after_task_publish.connect(sender="datasources.tasks.tick")
def say_that_beat_lives(**kwargs) -> None:
    """Only beat sends ticks: it lives when one has gone to the broker, whether a worker takes it or not."""
    from core import heartbeats

    heartbeats.say([heartbeats.BEAT])


@signals.worker_shutting_down.connect
def end_in_time(sender, **kwargs) -> None:
    """The threads pool can't end a running task; without this, stopping would wait for the slowest."""
    timer = threading.Timer(LAST_SECONDS, os._exit, [0])
    timer.daemon = True
    timer.start()
    # It is heard once more when its consumer stops. In a thread: a signal may come in the midst of a word to Redis.
    signals.heartbeat_sent.disconnect(say_that_it_lives)
    threading.Thread(target=_say_goodbye, args=[sender], daemon=True).start()


def _say_goodbye(hostname: str) -> None:
    from core import heartbeats
    from datasources.copies import upkeep

    heartbeats.say_goodbye(app.amqp.queues.consume_from, hostname)
    upkeep.end()
