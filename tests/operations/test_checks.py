"""Each part when it is well and when it is not; stores that are away are left to test_commands.py."""

from datetime import timedelta

import pytest
import redis as redis_py
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from claro_dashboard import embedded
from core import heartbeats, redis, vault
from core.pool import Gauge
from core.proxies import NAME, ForwardedMiddleware
from datasources import keys, tasks
from datasources.downloads import links
from datasources.mirror import webhooks
from datasources.models import ApiKey, DownloadLink, Hook, Sync, Watch
from operations import checks, stores
from operations.checks import Check
from operations.findings import State
from tests.support.heartbeats import all_alive, heard_before, none_alive
from tests.support.processes import free_port

OK, WARN, BAD = State.OK, State.WARN, State.BAD


@pytest.fixture(autouse=True)
def well(transactional_db, settings, still) -> None:
    """All parts are well, and no time passes."""
    all_alive()
    settings.EMAIL_URL = settings.PUBLIC_URL = ""


@pytest.fixture
def on_redis(settings):
    """Another Redis than the tests' for what follows."""
    yield lambda url: (setattr(settings, "REDIS_URL", url), redis.connection.cache_clear())
    redis.connection.cache_clear()


@pytest.fixture
def redis_setting(redis_server):
    """Changes a setting of the server; it is as it was after the test."""
    client, before = redis_py.Redis.from_url(redis_server.url), {}

    def change(name: str, value: object) -> None:
        before.setdefault(name, client.config_get(name)[name])
        client.config_set(name, value)

    yield change
    for name, value in before.items():
        client.config_set(name, value)
    client.close()


def check(name: str) -> Check:
    [found] = [check for check in checks.all_checks() if check.name == name]
    return found


def late(model, seconds: int = 60, **values) -> None:
    model.objects.update(due_at=timezone.now() - timedelta(seconds=seconds), **values)


def test_all_is_well():
    found = checks.all_checks()
    assert {check.state for check in found} == {OK}, found
    assert [check.remedy for check in found] == [""] * 13
    names = [
        "Web",
        "Proxy",
        "Interactive workers",
        "Background workers",
        "Beat",
        "Interactive queue",
        "Background queue",
        "Redis",
    ]
    assert [check.name for check in found] == [*names, "Database", "Master key", "Mail", "Claro", "Webhooks"]


def test_a_check_that_breaks_says_so_and_the_others_go_on(monkeypatch, caplog):
    monkeypatch.setattr(checks, "_CHECKS", [("Odd", (), lambda: 1 / 0), ("Mail", (), checks._mail)])
    odd, mail = checks.all_checks()
    assert (odd.state, odd.says) == (BAD, "The check itself failed (ZeroDivisionError).")
    assert mail.state == OK
    assert "ZeroDivisionError" in caplog.text


# --- Processes ---


def test_web_processes_are_counted():
    assert check("Web").says.startswith("1 process running for ")
    heartbeats.say(["web"], "web@other")
    assert check("Web").says.startswith("2 processes, the oldest running for ")
    none_alive("web")
    found = check("Web")
    assert (found.state, found.remedy) == (BAD, "Start the process `web` of the Procfile.")


@pytest.mark.parametrize(
    ("name", "queue", "process", "missed"),
    [
        ("Interactive workers", "interactive", "worker", "no download links are created"),
        (
            "Background workers",
            "background",
            "background",
            "no lists are synced, no processing files are polled, no tables are copied and none compared",
        ),
    ],
)
def test_a_queue_without_a_worker_is_broken(name, queue, process, missed):
    assert check(name).says == f"1 running: {queue}@machine."
    none_alive(queue)
    remedy = f"Start the process `{process}` of the Procfile. Its log shows why it stopped."
    assert check(name) == Check(name, BAD, f"No worker is running: {missed}.", remedy)
    heard_before(200, queue, "gone@machine")
    assert check(name).says.endswith("gone@machine was last seen 3 min 20 s ago.")


def test_a_worker_that_was_lost_beside_others_is_named():
    heard_before(100, "background", "lost@machine")
    found = check("Background workers")
    assert found.state == WARN
    assert "1 running: background@machine. Lost: lost@machine." in found.says


def test_many_workers_are_not_all_named():
    for number in range(9):
        heartbeats.say(["interactive"], f"a{number}@machine")
    assert check("Interactive workers").says.startswith("10 running: a0@machine, ")
    assert check("Interactive workers").says.endswith("a4@machine and 5 more.")


def test_beat_is_there_once():
    assert check("Beat") == Check("Beat", OK, "Running on beat@machine.")
    heartbeats.say(["beat"], "beat@other")
    assert (check("Beat").state, check("Beat").says) == (WARN, "2 are running: beat@machine, beat@other.")
    none_alive("beat")
    found = check("Beat")
    assert (found.state, found.remedy) == (BAD, "Start the process `beat` of the Procfile.")


# --- Work ---


def test_all_work_that_there_is_is_looked_at():
    assert checks.WORK.keys() == tasks.TASKS.keys()


def test_work_that_waits_for_a_free_worker_is_counted_with_the_longest_wait(key, table, alice):
    Sync.objects.update(due_at=None)
    assert check("Interactive queue").says == "Nothing is waiting. 0 messages in Redis."
    links.ask(table, alice, 300)
    assert check("Interactive queue").state == OK
    late(DownloadLink)
    found = check("Interactive queue")
    assert (found.state, found.remedy) == (WARN, "Start more workers of this queue.")
    assert found.says == "Waiting: 1 link, the longest for 1 min. 0 messages in Redis."
    assert check("Background queue").state == OK
    late(DownloadLink, 400)
    assert check("Interactive queue").state == BAD


def test_what_a_worker_has_in_hand_does_not_wait(key):
    late(Sync, leased_until=timezone.now() + timedelta(seconds=10))
    assert check("Background queue").state == OK
    late(Sync, leased_until=timezone.now() - timedelta(seconds=1))
    late(Watch)
    found = check("Background queue")
    assert found.state == WARN
    assert "1 poll of processing files, the longest for 1 min" in found.says
    assert "1 sync (1 with an expired lease), the longest for 1 min" in found.says


def test_without_workers_all_that_is_late_waits_and_the_remedy_names_the_process(key):
    redis.connection().lpush("background", "x", "y")
    late(Sync, leased_until=timezone.now() + timedelta(seconds=10))
    none_alive("background")
    found = check("Background queue")
    assert (found.state, found.remedy) == (BAD, "Start the process `background`.")
    assert found.says.endswith("2 messages in Redis.")
    none_alive("beat")
    assert check("Background queue").remedy == "Start the process `background` and the process `beat`."


# --- Stores ---


def test_redis_tells_where_it_is_how_quick_and_how_full(redis_server):
    found = check("Redis")
    assert found.state == OK
    assert redis_server.url.split("/")[2] in found.says
    assert "MB in use of no limit, noeviction" in found.says


@pytest.mark.parametrize(
    ("policy", "limit", "state", "words"),
    [
        ("volatile-lru", 2**30, OK, "of 1074 MB, volatile-lru."),
        ("allkeys-lru", 0, WARN, "it evicts queued work."),
        ("noeviction", 2**30, WARN, "it rejects writes."),
    ],
)
def test_what_redis_does_when_it_is_full_matters(redis_setting, policy, limit, state, words):
    redis_setting("maxmemory", limit)
    redis_setting("maxmemory-policy", policy)
    found = check("Redis")
    assert (found.state, found.remedy == "") == (state, state == OK)
    assert found.says.endswith(words)


def test_a_redis_that_is_about_to_be_full_for_good_is_broken(redis_setting):
    redis_setting("maxmemory", round(redis.connection().info()["used_memory"] * 1.05))
    assert check("Redis").state == BAD


def test_the_redis_of_make_run_is_called_so(settings, tmp_path, on_redis):
    settings.VAR_DIR = tmp_path
    with embedded.redis_server(tmp_path, free_port()) as url:
        on_redis(url)
        assert check("Redis").says.startswith("Started by `make run`, Redis ")
        assert check("Redis").state == OK
        redis.connection().close()


def test_a_redis_that_tells_nothing_of_itself_is_well_and_its_password_not_shown(redis_server, on_redis):
    redis.connection().acl_setuser(
        "guest", enabled=True, passwords=["+hunter2"], keys=["*"], commands=["+@all", "-info"]
    )
    try:
        on_redis(redis_server.url.replace("://", "://guest:hunter2@"))
        found = check("Redis")
        assert (found.state, "in use" in found.says, "hunter2" in found.says) == (OK, False, False)
        redis.connection().close()
        redis.connection.cache_clear()
    finally:
        on_redis(redis_server.url)
        redis.connection().acl_deluser("guest")


@pytest.mark.parametrize("name", ["Redis", "Database"])
def test_a_slow_store_is_told(monkeypatch, name):
    monkeypatch.setattr(stores, "SLOW_MS", 0)
    assert (check(name).state, "It slows down every page." in check(name).says) == (WARN, True)


def test_the_database_tells_what_it_is_and_which_migrations_it_lacks():
    found = check("Database")
    assert (found.state, found.says.startswith(f"{connection.display_name}, ")) == (OK, True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name, applied FROM django_migrations WHERE app = 'datasources' ORDER BY id DESC")
        row = cursor.fetchone()
        cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", row[:2])
    try:
        found = check("Database")
        assert (found.state, found.remedy) == (BAD, "Run `python manage.py migrate`.")
        assert "1 migration is not applied." in found.says
    finally:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row)


def test_without_redis_it_is_named_once_and_what_needs_it_left_open(redis_server):
    redis_server.stop()
    try:
        found = {check.name: check for check in checks.all_checks()}
    finally:
        redis_server.start()
    assert [name for name, check in found.items() if check.state == BAD] == ["Redis"]
    assert found["Redis"].says.startswith("Does not answer: ")
    assert found["Beat"] == Check("Beat", WARN, "Unknown while Redis can't be reached.")
    assert [found[name].state for name in ("Database", "Master key", "Mail", "Claro")] == [OK] * 4


# --- Settings ---


def test_a_master_key_that_does_not_open_the_database_is_told(alice, settings):
    assert check("Master key").says == "Nothing is encrypted yet."
    old, new = vault.new_key(), vault.new_key()
    settings.CLARO_SECRET_KEYS = [old]
    keys.add(alice, "Main", "claro_live_x", ApiKey.State.VALID)
    assert check("Master key").says.endswith(" decrypts all stored secrets.")
    settings.CLARO_SECRET_KEYS = [new, old]
    assert check("Master key").says.endswith(" can still decrypt.")
    settings.CLARO_SECRET_KEYS = [new]
    found = check("Master key")
    assert found.state == BAD
    assert "CLARO_SECRET_KEYS does not decrypt this database" in found.says
    assert (check("Claro").state, "1 unreadable" in check("Claro").says) == (WARN, True)
    settings.CLARO_SECRET_KEYS = ["too short"]
    assert check("Master key").state == BAD


def test_mail_is_sent_or_printed(settings):
    assert check("Mail").state == OK
    settings.PRODUCTION = True
    found = check("Mail")
    assert (found.state, "`EMAIL_URL`" in found.remedy) == (WARN, True)
    settings.EMAIL_URL = "smtp+tls://user:hunter2@mail.example.com:587"
    found = check("Mail")
    assert (found.state, "through mail.example.com:587" in found.says, "hunter2" in found.says) == (OK, True, False)


def test_keys_in_trouble_are_counted_and_never_named(alice, account, settings):
    settings.CLARO_API_BASE_URL = "https://secure-api.getclaro.ai/api/v2"
    assert check("Claro").says == "https://secure-api.getclaro.ai/api/v2; 0 keys."
    mine = [keys.add(alice, f"Key {n}", f"{account.key}-{n}", ApiKey.State.VALID) for n in range(3)]
    assert (check("Claro").state, "3 keys." in check("Claro").says) == (OK, True)
    ApiKey.objects.filter(pk=mine[0].pk).update(state=ApiKey.State.INVALID)
    ApiKey.objects.filter(pk=mine[1].pk).update(problem={"kind": "Unreachable"}, last_used_at=timezone.now())
    found = check("Claro")
    assert found.state == WARN
    assert "3 keys, last used under 1 s ago. Of these 1 refused by Claro, 1 without an answer." in found.says
    assert not any(account.key in check.says + check.remedy for check in checks.all_checks())
    ApiKey.objects.filter(pk=mine[2].pk).update(problem={"kind": "Unreachable"})
    found = check("Claro")
    assert (found.state, "this machine reaches secure-api.getclaro.ai" in found.remedy) == (BAD, True)


def test_an_address_of_claro_that_can_t_be_one_is_told(settings):
    settings.CLARO_API_BASE_URL = "secure-api.getclaro.ai"
    found = check("Claro")
    assert (found.state, found.says) == (BAD, "CLARO_API_BASE_URL is not an http(s) address.")


def test_webhooks_that_don_t_work_are_counted(key, settings):
    assert check("Webhooks").says.startswith("Off: ")
    settings.PUBLIC_URL = "http://claro.example.com"
    assert check("Webhooks").state == BAD
    settings.PUBLIC_URL = "https://claro.example.com"
    assert check("Webhooks").says == "Claro reports to https://claro.example.com for 0 keys."
    hook = Hook.objects.filter(pk=webhooks.switch_on(key).pk)
    hook.update(state=Hook.State.REGISTERED)
    assert check("Webhooks").says == "Claro reports to https://claro.example.com for 1 key."
    hook.update(last_error="A delivery had a wrong signature.", last_error_at=timezone.now())
    assert (check("Webhooks").state, "deliveries were rejected for 1" in check("Webhooks").says) == (WARN, True)
    hook.update(address="https://old.example.com")
    assert (check("Webhooks").state, "1 of them use another address" in check("Webhooks").says) == (WARN, True)
    hook.update(state=Hook.State.FAILED)
    assert (check("Webhooks").state, "Setup failed for 1" in check("Webhooks").says) == (WARN, True)


# --- Proxies and threads ---


def test_a_forwarded_header_without_behind_proxy_is_reported_by_name_and_not_by_value(client, settings):
    assert check("Proxy").state == OK
    ForwardedMiddleware(lambda request: None)(RequestFactory().get("/", headers={"X-Real-IP": "198.51.100.7"}))
    found = check("Proxy")
    assert found.state == WARN
    assert "Requests have the header X-Real-IP, but" in found.says
    assert "BEHIND_PROXY=1" in found.remedy
    settings.BEHIND_PROXY = True
    assert (check("Proxy").state, settings.PRODUCTION) == (WARN, False)
    settings.PRODUCTION = True
    assert check("Proxy").state == OK
    assert redis.connection().get(NAME) == b"X-Real-IP"


def full(seconds: float) -> Gauge:
    """The gauge of a pool of one thread that has been busy for so long."""
    times = iter([0.0, seconds, seconds])
    gauge = Gauge(1, clock=lambda: next(times))
    gauge.take()
    return gauge


@pytest.mark.parametrize("name", ["Web", "Interactive workers", "Background workers"])
def test_a_process_whose_threads_are_all_stuck_is_reported(name):
    part = {"Web": "web", "Interactive workers": "interactive"}.get(name, "background")
    heartbeats.say([part], f"{part}@machine", full(9))
    assert check(name).state == OK
    heartbeats.say([part], f"{part}@machine", full(42))
    found = check(name)
    assert found.state == BAD
    assert f"All threads are busy: {part}@machine (1 threads, for 42 s)." in found.says


def test_a_stuck_worker_beside_one_that_works_is_a_warning():
    heartbeats.say(["background"], "other@machine", full(42))
    assert check("Background workers").state == WARN


def test_an_old_version_of_redis_is_a_warning_in_production(settings):
    assert check("Redis").state == OK
    assert ", Redis 6.2." in check("Redis").says
    settings.PRODUCTION, settings.EMAIL_URL = True, "smtp://mail.example"
    found = check("Redis")
    assert (found.state, found.remedy) == (WARN, "Install 6.2.20 or later.")
