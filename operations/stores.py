"""Checks of the stores: Redis and the database."""

import time
from collections.abc import Callable
from pathlib import Path

import redis
from django.conf import settings
from django.db import DatabaseError
from django.db import connection as db
from django.db.migrations.executor import MigrationExecutor

from core.redis import connection
from operations import redis_versions
from operations.findings import Finding, State, bad, ok, place, warn

# A store that takes longer makes every page slow.
SLOW_MS = 100
FULL = 0.9
_POLICY = "Set its `maxmemory-policy` to `volatile-lru`."


def redis_server() -> Finding:
    ms = _time_ms(connection().ping)
    try:
        facts = connection().info()
    except redis.ResponseError:  # a managed one may not tell
        facts = {}
    used, limit = facts.get("used_memory", 0), facts.get("maxmemory", 0)
    policy = str(facts.get("maxmemory_policy", ""))
    is_ours = facts.get("config_file") == str((settings.VAR_DIR / "redis/redis.conf").resolve())
    where = "Started by `make run`" if is_ours else place(settings.REDIS_URL)
    memory = f"{used / 1e6:.0f} MB in use of {f'{limit / 1e6:.0f} MB' if limit else 'no limit'}, {policy}"
    server, version = redis_versions.of(facts)
    says = (
        f"{where}{f', {server} {version}' if version else ''}: answers in {ms:.1f} ms{f'; {memory}' if facts else ''}."
    )
    if policy.startswith("allkeys"):
        return warn(f"{says} When it is full, it evicts queued work.", _POLICY)
    if limit and policy == "noeviction":
        remedy = _POLICY if used < FULL * limit else f"{_POLICY} Until then, raise its `maxmemory`."
        state = State.WARN if used < FULL * limit else State.BAD
        return state, f"{says} When it is full, it rejects writes.", remedy
    if ms > SLOW_MS:
        return warn(f"{says} It slows down every page.", "Move it closer, or find what keeps it busy.")
    # On a laptop only our own processes reach it.
    if settings.PRODUCTION and (fixed := redis_versions.fixed_in(server, version)):
        return warn(f"{says} It lacks the security fixes of October 2025.", f"Install {fixed} or later.")
    return ok(says)


def database() -> Finding:
    ms = _time_ms(_select)
    executor = MigrationExecutor(db)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    configured = settings.DATABASES["default"]
    name = Path(configured["NAME"]).name if db.vendor == "sqlite" else f"{configured['HOST']}/{configured['NAME']}"
    says = f"{db.display_name}, {name}: answers in {ms:.1f} ms."
    if missing:
        are = "1 migration is" if missing == 1 else f"{missing} migrations are"
        return bad(f"{says} {are} not applied.", "Run `python manage.py migrate`.")
    if ms > SLOW_MS:
        return warn(f"{says} It slows down every page.", "Move it closer, or find what keeps it busy.")
    return ok(says)


def probe_redis() -> None:
    connection().ping()


def probe_database() -> None:
    """By a connection of its own that does not wait for as long as a page would."""
    one = db.copy()
    path = Path(one.settings_dict["NAME"])
    if one.vendor == "sqlite" and not path.exists():  # opening it would make it
        raise DatabaseError(f"there is no {path.name} yet")
    patience = {"timeout": 2} if one.vendor == "sqlite" else {"connect_timeout": 2}
    one.settings_dict["OPTIONS"] = {**one.settings_dict["OPTIONS"], **patience}
    one.settings_dict["OPTIONS"].pop("pool", None)
    try:
        with one.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        one.close()


def _select() -> None:
    with db.cursor() as cursor:
        cursor.execute("SELECT 1")


def _time_ms(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return (time.perf_counter() - began) * 1000
