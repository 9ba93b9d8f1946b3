"""The status of each component, with the fix for a problem.

For administrators: the page `/operations/` and `manage.py doctor`. A check works while all else is down, takes seconds
at most, and never raises.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from core import heartbeats, proxies, vault
from core.heartbeats import Heard
from core.logs import redacted
from core.redis import connection
from datasources import stalled
from datasources.mirror import webhooks
from datasources.models import (
    ApiKey,
    Canary,
    Comparison,
    Deletion,
    DownloadLink,
    Hook,
    Leased,
    Newest,
    Outlet,
    OutletTest,
    Reading,
    Refusal,
    Sync,
    TableCopy,
    Upload,
    Watch,
)
from datasources.security import master_key
from datasources.templatetags.claro import duration
from operations import stores
from operations.findings import Finding, State, bad, ok, place, warn
from operations.system_checks import claro_settings_can_work

REDIS, DATABASE = "Redis", "Database"
# Work that has waited for so long is not just waiting for its turn.
TOO_LONG = stalled.PATIENCE * 20
NAMES_SHOWN = 5

# What the Procfile calls the workers of a queue, and what people miss without them.
PROCESS = {"interactive": "worker", "background": "background"}
MISSED = {
    "interactive": "no download links are created",
    "background": "no lists are synced, no processing files are polled, no tables are copied and none compared",
}
# In the singular and the plural.
WORK: dict[type[Leased], tuple[str, str]] = {
    DownloadLink: ("link", "links"),
    Sync: ("sync", "syncs"),
    Watch: ("poll of processing files", "polls of processing files"),
    Deletion: ("deletion", "deletions"),
    Hook: ("webhook", "webhooks"),
    Outlet: ("notice channel", "notice channels"),
    OutletTest: ("channel test", "channel tests"),
    Newest: ("poll for new files", "polls for new files"),
    Reading: ("update of file details", "updates of file details"),
    Refusal: ("check of a refused key", "checks of refused keys"),
    TableCopy: ("whole-table copy", "whole-table copies"),
    Comparison: ("comparison", "comparisons"),
    Upload: ("upload", "uploads"),
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """The findings of one component, as sentences; commands are in backticks."""

    name: str
    state: State
    says: str
    remedy: str = ""


def all_checks() -> list[Check]:
    """Every part, those first that are noticed first."""
    away = {name: error for name, probe in _PROBES.items() if (error := _error_of(probe))}
    return [_checked(name, needs, look, away) for name, needs, look in _CHECKS]


def _checked(name: str, needs: tuple[str, ...], look: Callable[[], Finding], away: dict[str, str]) -> Check:
    if name in away:
        return Check(name, State.BAD, f"Does not answer: {away[name]}", _REMEDY_AWAY[name])
    if missing := [store for store in needs if store in away]:
        return Check(name, State.WARN, f"Unknown while {' and '.join(missing)} can't be reached.")
    try:
        return Check(name, *look())
    except (redis.RedisError, DatabaseError) as error:
        return Check(name, State.BAD, f"Unknown: {_words(error)}", "See Redis and Database on this page.")
    except Exception as error:
        logger.exception("A check broke")
        return Check(name, State.BAD, f"The check itself failed ({type(error).__name__}).", "The log has the details.")


def _error_of(probe: Callable[[], None]) -> str:
    try:
        probe()
    except (redis.RedisError, DatabaseError, OSError) as error:
        return _words(error)
    return ""


def _words(error: Exception) -> str:
    return redacted(" ".join(str(error).split())) or type(error).__name__


# --- Processes -------------------------------------------------------------------------------------------------------
def _web() -> Finding:
    living, last = _living(heartbeats.WEB)
    if not living:
        return bad(f"No web process is running.{last}", "Start the process `web` of the Procfile.")
    longest = max(timezone.now() - one.since for one in living)
    many = "1 process" if len(living) == 1 else f"{len(living)} processes, the oldest"
    says = f"{many} running for {duration(longest)}."
    if stuck := _stuck(living):
        return bad(f"{says} {stuck}", "Restart it. Its log shows what the requests wait for.")
    return ok(says)


def _proxy() -> Finding:
    if settings.BEHIND_PROXY and not settings.PRODUCTION:
        return warn("BEHIND_PROXY is set, but the settings are those of a laptop.", "Set `DEBUG=0` on a server.")
    if settings.BEHIND_PROXY:
        return ok("The proxy's X-Forwarded-For and X-Forwarded-Proto headers are used.")
    if name := proxies.unexpected_header():
        remedy = "If you use a proxy, set `BEHIND_PROXY=1`. Until then, all visitors share its address."
        return warn(f"Requests have the header {name}, but BEHIND_PROXY is off.", remedy)
    return ok("No proxy. Visitors' addresses come from their connections.")


def _workers(queue: str) -> Finding:
    living, last = _living(queue)
    if not living:
        remedy = f"Start the process `{PROCESS[queue]}` of the Procfile. Its log shows why it stopped."
        return bad(f"No worker is running: {MISSED[queue]}.{last}", remedy)
    says = f"{len(living)} running: {_names(living)}."
    if heartbeats.is_stuck(living):
        return bad(
            f"{says} {_stuck(living)}", f"Restart the process `{PROCESS[queue]}`. Its log shows what tasks wait for."
        )
    if stuck := _stuck(living):
        return warn(f"{says} {stuck}", "Restart it. Its log shows what its tasks wait for.")
    if lost := [one for one in heartbeats.heard(queue)[queue] if not one.is_alive]:
        remedy = "Check its log. If you removed it on purpose, this warning disappears within an hour."
        return warn(f"{says} Lost: {_names(lost)}.{last}", remedy)
    return ok(says)


def _beat() -> Finding:
    living, last = _living(heartbeats.BEAT)
    if not living:
        return bad(f"Beat is not running: due work is not started.{last}", "Start the process `beat` of the Procfile.")
    if len(living) > 1:
        return warn(f"{len(living)} are running: {_names(living)}.", "Stop all but one, unless one was just replaced.")
    return ok(f"Running on {living[0].name}.")


def _living(part: str) -> tuple[list[Heard], str]:
    """The live processes, and a sentence about the last lost one, if any."""
    found = heartbeats.with_pools(part)[part]
    lost = [one for one in found if not one.is_alive]
    last = f" {lost[0].name} was last seen {duration(lost[0].ago)} ago." if lost else ""
    return [one for one in found if one.is_alive], last


def _stuck(living: list[Heard]) -> str:
    """A sentence about those of which no thread becomes free, empty if there are none."""
    stuck = [one for one in living if one.pool and one.pool.is_stuck]
    threads = ", ".join(f"{one.name} ({one.pool.size} threads, for {_seconds(one.pool.full_s)})" for one in stuck)
    return f"All threads are busy: {threads}." if stuck else ""


def _seconds(seconds: float) -> str:
    return duration(timedelta(seconds=round(seconds)))


def _names(processes: list[Heard]) -> str:
    names = sorted(one.name for one in processes)
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


# --- Work ------------------------------------------------------------------------------------------------------------
def _queue(queue: str) -> Finding:
    now = timezone.now()
    silent = heartbeats.silent(queue, heartbeats.BEAT)
    messages = f"{_many(connection().llen(queue), 'message')} in Redis."
    says, longest = [], now
    for model in (model for model in WORK if model.queue == queue):
        late = _waiting(model, now, is_served=queue not in silent)
        n, since, ran_out = late.aggregate(
            n=Count("pk"), since=Min("due_at"), ran_out=Count("pk", filter=Q(leased_until__lte=now))
        ).values()
        if n:
            lease = f" ({ran_out} with an expired lease)" if ran_out else ""
            says.append(f"{n} {WORK[model][n > 1]}{lease}, the longest for {duration(now - since)}")
            longest = min(longest, since)
    if not says:
        return ok(f"Nothing is waiting. {messages}")
    missing = [f"the process `{PROCESS.get(part, part)}`" for part in sorted(silent)]
    remedy = f"Start {' and '.join(missing)}." if missing else "Start more workers of this queue."
    state = State.BAD if missing or now - longest > TOO_LONG else State.WARN
    return state, f"Waiting: {'; '.join(says)}. {messages}", remedy


def _waiting(model: type[Leased], now, *, is_served: bool) -> QuerySet[Leased]:
    """The overdue work; where there are workers, without the work that one of them has claimed."""
    late = model.objects.filter(due_at__lt=now - stalled.PATIENCE)
    return late.filter(Q(leased_until=None) | Q(leased_until__lte=now)) if is_served else late


# --- Settings and what hangs on them ---------------------------------------------------------------------------------
def _master_key() -> Finding:
    if trouble := master_key.trouble():
        return bad(trouble, "See “A new master key” in docs/operating.md.")
    if not Canary.objects.exists():
        return ok("Nothing is encrypted yet.")
    keys = vault.ring()
    if len(keys) == 1:
        return ok(f"{keys[0].id} decrypts all stored secrets.")
    return ok(f"{keys[0].id} encrypts; {', '.join(key.id for key in keys[1:])} can still decrypt.")


def _mail() -> Finding:
    if settings.EMAIL_URL:
        return ok(f"Sent through {place(settings.EMAIL_URL)}, from {settings.DEFAULT_FROM_EMAIL}.")
    if not settings.PRODUCTION:
        return ok("Not set up: mails are printed in the web server's terminal, and addresses are not confirmed.")
    remedy = "Set `EMAIL_URL`. Until then, reset passwords with `manage.py changepassword`."
    return warn("Not set up: no mail is sent, and addresses are not confirmed.", remedy)


def _claro() -> Finding:
    if errors := [error for error in claro_settings_can_work(None) if error.id == "datasources.E002"]:
        return bad(errors[0].msg, errors[0].hint)
    counts = ApiKey.objects.aggregate(
        n=Count("pk"),
        refused=Count("pk", filter=Q(state=ApiKey.State.INVALID)),
        troubled=Count("pk", filter=Q(problem__isnull=False) & ~Q(state=ApiKey.State.INVALID)),
        used_at=Max("last_used_at"),
    )
    unreadable = master_key.unreadable(ApiKey).count()
    used = f", last used {duration(timezone.now() - counts['used_at'])} ago" if counts["used_at"] else ""
    base = settings.CLARO_API_BASE_URL
    says = f"{urlsplit(base).scheme}://{place(base)}; {_many(counts['n'], 'key')}{used}."
    wrong = {"refused by Claro": counts["refused"], "unreadable": unreadable, "without an answer": counts["troubled"]}
    if not any(wrong.values()):
        return ok(says)
    says = f"{says} Of these {', '.join(f'{n} {what}' for what, n in wrong.items() if n)}."
    if counts["troubled"] and counts["troubled"] + counts["refused"] == counts["n"]:
        remedy = f"No key gets an answer. Check that Claro is up and this machine reaches {urlsplit(base).hostname}."
        return bad(says, remedy)
    return warn(says, "Their owners find the fix on the Keys page.")


def _webhooks() -> Finding:
    if not settings.PUBLIC_URL:
        return ok("Off: PUBLIC_URL is not set, so the dashboard polls Claro.")
    if why_not := webhooks.why_not():
        return bad(why_not, "Set it to an address such as `https://claro.example.com`.")
    everyone = list(Hook.objects.all())
    on = [hook for hook in everyone if hook.state == Hook.State.REGISTERED]
    says = f"Claro reports to {settings.PUBLIC_URL} for {_many(len(on), 'key')}."
    if moved := sum(hook.has_moved for hook in on):
        return warn(f"{says} {moved} of them use another address.", "Turn instant updates off and on again.")
    failed, doubted = sum(hook.state == Hook.State.FAILED for hook in everyone), sum(bool(hook.error) for hook in on)
    if failed or doubted:
        words = f"Setup failed for {failed}; deliveries were rejected for {doubted}."
        return warn(f"{says} {words}", "Their owners find the reason on the Keys page.")
    return ok(says)


def _many(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


_REMEDY_AWAY = {
    REDIS: "Start it, or correct `REDIS_URL`. Until then, pages show stored data and background work is paused.",
    DATABASE: "Start it, or correct `DATABASE_URL`. Until then, no page works. Create a new one with "
    "`python manage.py migrate`.",
}
_PROBES: dict[str, Callable[[], None]] = {REDIS: stores.probe_redis, DATABASE: stores.probe_database}
_CHECKS: list[tuple[str, tuple[str, ...], Callable[[], Finding]]] = [
    ("Web", (REDIS,), _web),
    ("Proxy", (REDIS,), _proxy),
    ("Interactive workers", (REDIS,), lambda: _workers("interactive")),
    ("Background workers", (REDIS,), lambda: _workers("background")),
    ("Beat", (REDIS,), _beat),
    ("Interactive queue", (REDIS, DATABASE), lambda: _queue("interactive")),
    ("Background queue", (REDIS, DATABASE), lambda: _queue("background")),
    (REDIS, (), stores.redis_server),
    (DATABASE, (), stores.database),
    ("Master key", (DATABASE,), _master_key),
    ("Mail", (), _mail),
    ("Claro", (DATABASE,), _claro),
    ("Webhooks", (DATABASE,), _webhooks),
]
