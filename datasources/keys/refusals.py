"""Keys that Claro refused: a second call confirms a refusal, and probes find out when the key is accepted again.

    a call is refused ──► 3 s ──► a small call ── accepted ──► what had stopped continues
                                    │ refused                     ▲
                                    ▼                             │
             refused, people are told ──► probes after 2, 5, 15 min, 1, 3 h, then every 6 h

A refused key costs at most 6 calls in the first 5 hours, and 4 a day from then on. A key that is accepted although
single calls are refused is asked at most once a minute (health.CONFIRM_EVERY).
"""

from datetime import timedelta

from django.utils import timezone

from core.leases import Held
from datasources import gateway, keys
from datasources.claro import ClaroError, Unauthorized
from datasources.gateway import retry
from datasources.keys import health
from datasources.models import Refusal

# Between the refused calls; the last one repeats.
PAUSES = (
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
)


def _give_up(held: Held, error: ClaroError) -> None:
    """Never for good: the key would stay refused."""
    health.note_problem(held.work.key, error)
    held.finish(timezone.now() + PAUSES[-1])


@retry.work(Refusal, _give_up)
def ask(held: Held) -> str:
    """Asks Claro with one small call whether it refuses the key. Raises LeaseLost."""
    key = held.work.key
    refused = held.work.attempts
    try:
        gateway.probe(key)
    except Unauthorized:
        health.confirm_refusal(key)
        held.finish(timezone.now() + PAUSES[min(refused, len(PAUSES) - 1)], attempts=refused + 1)
        return "refused"
    except ClaroError as error:
        held.finish(retry_at(error), attempts=refused)
        return "put back"
    held.finish(None, attempts=0)
    keys.go_on(key)
    return "accepted"


def retry_at(error: ClaroError):
    """When a call that Claro did not answer is made again."""
    return getattr(error, "retry_at", None) or timezone.now() + health.CONFIRM_EVERY
