"""Settings are read at import, so each case is a process of its own."""

import base64
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from claro_dashboard import embedded

ROOT = Path(__file__).resolve().parents[2]
MASTER = base64.b64encode(b"m" * 32).decode()
SECRETS = {"SECRET_KEY": "a-secret-key", "CLARO_SECRET_KEYS": MASTER}
SHOW = """
import json, sys
from claro_dashboard import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


@pytest.fixture
def process(tmp_path):
    """Runs Python with the settings of a machine of its own."""

    def run(*command: str, **environment: str) -> subprocess.CompletedProcess:
        bare = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        bare["DJANGO_SETTINGS_MODULE"] = "claro_dashboard.settings"
        return subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=bare | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def settings_with(process):
    """The named settings, as these variables make them."""

    def read(*names: str, **environment: str) -> list:
        done = process("-c", SHOW, *names, **environment)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout).values())

    return read


def test_a_laptop_needs_no_configuration(settings_with, tmp_path):
    names = ("DEBUG", "HTTPS", "SIGNUP_OPEN", "SECURE_HSTS_SECONDS", "ACCOUNT_EMAIL_VERIFICATION", "CLARO_SECRET_KEYS")
    assert settings_with(*names) == [False, False, True, 0, "none", []]
    secret_key, databases = settings_with("SECRET_KEY", "DATABASES")
    assert len(secret_key) >= 50
    assert databases["default"]["NAME"] == str(tmp_path / "db.sqlite3")


def test_mails_that_nobody_sends_go_to_a_laptop_s_terminal_and_into_no_server_s_log(settings_with):
    assert settings_with("EMAIL_BACKEND") == ["django.core.mail.backends.console.EmailBackend"]
    assert settings_with("EMAIL_BACKEND", DEBUG="0", **SECRETS) == ["django.core.mail.backends.dummy.EmailBackend"]
    url = "smtp+tls://user:password@mail.example:587"
    assert settings_with("EMAIL_BACKEND", DEBUG="0", EMAIL_URL=url, **SECRETS) == ["core.mail.EmailBackend"]


@pytest.mark.parametrize(
    ("url", "name"), [("smtp+tls://m:587", "EMAIL_USE_TLS"), ("smtp+ssl://m:465", "EMAIL_USE_SSL")]
)
def test_mail_is_encrypted_as_its_address_says(settings_with, url, name):
    assert settings_with(name, EMAIL_URL=url) == [True]


def test_a_laptop_s_secrets_come_from_its_file_and_production_leaves_it_alone(settings_with, process, tmp_path):
    (tmp_path / "secrets.env").write_text(f"SECRET_KEY=from-the-file\nCLARO_SECRET_KEYS={MASTER}\n")
    assert settings_with("SECRET_KEY", "CLARO_SECRET_KEYS") == ["from-the-file", [MASTER]]
    assert settings_with("SECRET_KEY", SECRET_KEY="mine") == ["mine"]
    assert process("-c", SHOW, "SECRET_KEY", DEBUG="0").returncode != 0


def test_commands_beside_a_make_run_use_what_it_has_made_up_and_production_does_not(settings_with, tmp_path):
    with embedded.told(tmp_path, {"REDIS_URL": "redis://:a-password@127.0.0.1:7000/0"}):
        file = tmp_path / "run" / "environment"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert settings_with("REDIS_URL") == ["redis://:a-password@127.0.0.1:7000/0"]
        assert settings_with("REDIS_URL", REDIS_URL="redis://mine/0") == ["redis://mine/0"]
        assert settings_with("REDIS_URL", DEBUG="0", **SECRETS) == ["redis://127.0.0.1:6379/0"]
    assert not file.exists()
    assert settings_with("REDIS_URL") == ["redis://127.0.0.1:6379/0"]


@pytest.mark.parametrize("missing", [["SECRET_KEY"], ["CLARO_SECRET_KEYS"], ["SECRET_KEY", "CLARO_SECRET_KEYS"]])
def test_production_refuses_to_start_without_secrets_of_its_own(process, missing):
    given = {name: value for name, value in SECRETS.items() if name not in missing}
    done = process("-m", "django", "check", DEBUG="0", **given)
    assert done.returncode != 0
    assert "SECRET_KEY and CLARO_SECRET_KEYS must be set" in done.stderr
    assert "DEBUG=1 python manage.py make_secrets --print" in done.stderr
    assert "a-secret-key" not in done.stderr + done.stdout


HTTPS_ONLY = "CLARO_API_BASE_URL must be an https address"


@pytest.mark.parametrize("host", ["api.example.com", "[2606:4700::1111]:8080"])
def test_production_sends_no_key_in_clear_to_another_host(process, host):
    done = process("-c", SHOW, "DEBUG", DEBUG="0", CLARO_API_BASE_URL=f"http://{host}/api/v2", **SECRETS)
    assert done.returncode != 0
    assert HTTPS_ONLY in done.stderr


@pytest.mark.parametrize("url", ["https://api.example.com", "http://[::1]:1"])
def test_production_takes_https_and_what_is_inside(settings_with, url):
    assert settings_with("CLARO_API_BASE_URL", DEBUG="0", CLARO_API_BASE_URL=url, **SECRETS) == [url]


@pytest.mark.slow
def test_the_command_that_the_refusal_names_works(process):
    done = process(str(ROOT / "manage.py"), "make_secrets", "--print", DEBUG="1")
    assert done.returncode == 0, done.stderr
    pair = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert process("-m", "django", "check", DEBUG="0", **pair).returncode == 0


def test_production_is_strict(settings_with):
    names = ("HTTPS", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")
    assert settings_with(*names, DEBUG="0", **SECRETS) == [True, True, True, True, 31_536_000]
    names = ("DEBUG", "SIGNUP_OPEN", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_HTTPONLY", "LOG_FORMAT")
    assert settings_with(*names, DEBUG="0", **SECRETS) == [False, False, True, True, "json"]


def test_production_without_tls_and_with_open_sign_up_can_be_asked_for(settings_with):
    names = ("SESSION_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "SIGNUP_OPEN")
    assert settings_with(*names, DEBUG="0", HTTPS="0", SIGNUP_OPEN="1", **SECRETS) == [False, 0, True]


def test_cookies_are_of_this_host_alone_where_they_are_secure(settings_with):
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME")
    assert settings_with(*names, HTTPS="1") == ["__Host-sessionid", "__Host-csrftoken"]


def test_over_plain_http_cookies_keep_their_names(process):
    show = "from django.conf import settings; print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)"
    for more in ({}, {"DEBUG": "0", "HTTPS": "0", **SECRETS}):
        assert process("-c", show, **more).stdout == "sessionid csrftoken\n"


def test_a_proxy_is_believed_only_where_one_is_said_to_be(settings_with):
    names = ("SECURE_PROXY_SSL_HEADER", "ALLAUTH_TRUSTED_PROXY_COUNT")
    assert settings_with(*names) == [None, 0]
    assert settings_with(*names, BEHIND_PROXY="1") == [["HTTP_X_FORWARDED_PROTO", "https"], 1]


def test_every_secret_can_come_from_a_file_that_ends_with_a_line_break(settings_with, tmp_path):
    files = {
        "SECRET_KEY": "from-a-file",
        "CLARO_SECRET_KEYS": f"{MASTER}, {MASTER}",
        "DATABASE_URL": "postgres://claro:p%40ss@db.example:5433/claro",
        "REDIS_URL": "redis://:secret@redis.example:6380/2",
        "EMAIL_URL": "smtp+tls://mail%40example.com:secret@mail.example:587",
    }
    environment = {}
    for name, value in files.items():
        (tmp_path / name).write_text(f"{value}\n")
        environment[f"{name}_FILE"] = str(tmp_path / name)
    secret_key, master_keys, databases, redis_url, broker, caches, *mail = settings_with(
        "SECRET_KEY",
        "CLARO_SECRET_KEYS",
        "DATABASES",
        "REDIS_URL",
        "CELERY_BROKER_URL",
        "CACHES",
        "EMAIL_HOST",
        "EMAIL_PORT",
        "EMAIL_HOST_USER",
        "EMAIL_HOST_PASSWORD",
        "EMAIL_USE_TLS",
        "ACCOUNT_EMAIL_VERIFICATION",
        DEBUG="0",
        **environment,
    )
    assert secret_key == "from-a-file"
    assert [key.strip() for key in master_keys] == [MASTER, MASTER]
    database = databases["default"]
    assert [database[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "claro",
        "claro",
        "p@ss",
        "db.example",
        5433,
    ]
    assert redis_url == broker == caches["default"]["LOCATION"] == files["REDIS_URL"]
    assert mail == ["mail.example", 587, "mail@example.com", "secret", True, "mandatory"]


def test_a_secret_s_file_that_is_not_there_is_told_with_its_name(process, tmp_path):
    done = process("-c", SHOW, "SECRET_KEY", SECRET_KEY_FILE=str(tmp_path / "nothing"))
    assert done.returncode != 0
    assert str(tmp_path / "nothing") in done.stderr


def test_a_redis_behind_a_socket_is_named_as_each_library_wants_it(settings_with):
    names = ("REDIS_URL", "CELERY_BROKER_URL")
    assert settings_with(*names, REDIS_URL="unix:///run/redis.sock") == [
        "unix:///run/redis.sock",
        "redis+socket:///run/redis.sock",
    ]


@pytest.mark.slow
def test_a_master_key_that_is_none_is_told_at_start_without_being_shown(process):
    done = process("-m", "django", "check", DEBUG="0", SECRET_KEY="x", CLARO_SECRET_KEYS="not-a-master-key")
    assert done.returncode != 0
    assert "datasources.E001" in done.stderr
    assert "not-a-master-key" not in done.stderr


@pytest.mark.slow
def test_django_s_own_check_for_production_finds_nothing_but_what_is_for_the_owner_to_decide(process):
    pair = {"SECRET_KEY": "qwertyuiop" * 5, "CLARO_SECRET_KEYS": MASTER}
    done = process("-m", "django", "check", "--deploy", DEBUG="0", **pair)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"\w+\.[WE]\d+", done.stderr) == ["security.W021"]  # a browser's preload list is for ever


def test_the_public_address_is_one_it_answers_to(settings_with):
    url, hosts = settings_with("PUBLIC_URL", "ALLOWED_HOSTS", PUBLIC_URL="https://claro.example.com:8443/")
    assert url == "https://claro.example.com:8443"
    assert hosts == ["localhost", "127.0.0.1", "[::1]", "claro.example.com"]
