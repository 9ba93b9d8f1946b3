import io
import os
import re
import socket
import stat
import subprocess
import sys
import time

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from core import vault
from datasources import keys
from datasources.management.commands.demo import DEMO_EMAIL, DEMO_PASSWORD
from datasources.models import ApiKey, Canary
from tests.support.heartbeats import all_alive, heard_before, none_alive
from tests.support.processes import free_port
from tests.support.workers import ROOT


def run(*command: str) -> str:
    """What a command prints."""
    out = io.StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(settings, tmp_path):
    """Where a laptop's secrets lie; there are none yet."""
    settings.LOCAL_SECRETS_FILE = tmp_path / "var" / "secrets.env"
    settings.CLARO_SECRET_KEYS = []
    return settings.LOCAL_SECRETS_FILE


def values(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


# --- make_secrets ---


def test_a_laptop_gets_secrets_that_only_its_owner_may_read(db, file, settings):
    before = os.umask(0)
    try:
        said = run("make_secrets")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file) in said
    made = values(file.read_text())
    assert made.keys() == {"SECRET_KEY", "CLARO_SECRET_KEYS"}
    assert len(made["SECRET_KEY"]) >= 50
    assert not any(value in said for value in made.values())
    settings.CLARO_SECRET_KEYS = [made["CLARO_SECRET_KEYS"]]
    assert vault.unseal(vault.seal("x", "row"), "row") == "x"


def test_printing_makes_a_new_pair_each_time_and_stores_nothing(db, file):
    first, second = values(run("make_secrets", "--print")), values(run("make_secrets", "--print"))
    assert first.keys() == second.keys() == {"SECRET_KEY", "CLARO_SECRET_KEYS"}
    assert not set(first.values()) & set(second.values())
    assert not file.exists()


@pytest.mark.parametrize("lost", [[], [ApiKey], [Canary]])
def test_no_new_key_is_made_beside_what_an_old_one_has_encrypted(alice, file, settings, lost):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    keys.add(alice, "Main", "claro_live_x", ApiKey.State.VALID)
    for model in lost:
        model.objects.all().delete()
    settings.CLARO_SECRET_KEYS = []
    with pytest.raises(CommandError, match="Restore that file"):
        run("make_secrets")
    assert not file.exists()


def test_where_secrets_are_configured_none_are_made(db, file, settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    assert run("make_secrets") == ""
    assert not file.exists()


def test_a_file_that_is_there_is_not_written_over(db, file):
    file.parent.mkdir()
    file.write_text("SECRET_KEY=mine\n")
    with pytest.raises(CommandError, match="exists"):
        run("make_secrets")
    assert file.read_text() == "SECRET_KEY=mine\n"


# --- rotate_secrets ---


def test_a_rotation_says_what_it_did(alice, settings):
    old, new = vault.new_key(), vault.new_key()
    settings.CLARO_SECRET_KEYS = [old]
    key = keys.add(alice, "Main", "claro_live_x", ApiKey.State.VALID)
    settings.CLARO_SECRET_KEYS = [new, old]
    assert "ApiKey: 1 re-encrypted, 0 already current, 0 unreadable" in run("rotate_secrets")
    assert "ApiKey: 0 re-encrypted, 1 already current, 0 unreadable" in run("rotate_secrets")
    settings.CLARO_SECRET_KEYS = [new]
    key.refresh_from_db()
    assert key.unseal() == "claro_live_x"


def test_a_rotation_that_can_t_read_everything_fails_with_words(alice, settings):
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    keys.add(alice, "Main", "claro_live_x", ApiKey.State.VALID)
    settings.CLARO_SECRET_KEYS = [vault.new_key()]
    with pytest.raises(CommandError, match="2 secrets can't be read") as raised:
        run("rotate_secrets")
    assert raised.value.returncode == 1
    with pytest.raises(CommandError, match="1 secrets can't be read"):
        run("rotate_secrets", "--forget")
    assert Canary.objects.get().unseal() == Canary.TEXT


# --- doctor ---


@pytest.fixture
def doctor(tmp_path):
    """The doctor on a machine of its own; gives the exit code and what was said."""

    def called(**environment: str) -> tuple[int, str]:
        bare = {name: os.environ[name] for name in ("PATH", "SECRET_KEY", "CLARO_SECRET_KEYS")}
        command = [sys.executable, "manage.py", "doctor"]
        own = {"VAR_DIR": str(tmp_path), "LOG_LEVEL": "WARNING"}
        done = subprocess.run(
            command, cwd=ROOT, env=bare | own | environment, capture_output=True, text=True, timeout=180
        )
        return done.returncode, done.stdout + done.stderr

    return called


@pytest.fixture
def silent_port():
    """Of a server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_doctor_says_how_each_part_is(db):
    all_alive()
    said = run("doctor")
    assert said.count("\nok ") + said.startswith("ok ") == len(said.splitlines()) == 13
    assert re.search(r"^ok    Background workers   1 running: background@machine\.$", said, re.MULTILINE)


def test_the_doctor_ends_with_1_and_a_remedy_when_a_part_does_not_work(db):
    all_alive()
    none_alive("beat")
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^1 check failed") as raised:
        call_command("doctor", stdout=out)
    assert raised.value.returncode == 1
    assert re.search(r"^bad   Beat  .*\n +→ Start the process `beat` of the Procfile\.$", out.getvalue(), re.MULTILINE)


def test_the_doctor_is_content_with_what_only_needs_a_look(db):
    all_alive()
    heard_before(60, "background", "lost@machine")
    assert "warn  Background workers" in run("doctor")


@pytest.mark.slow
@pytest.mark.parametrize(
    "database", ["postgres://claro:hunter2@127.0.0.1:{port}/claro", "sqlite:///{folder}/none.sqlite3"]
)
def test_the_doctor_needs_neither_redis_nor_database(doctor, tmp_path, database):
    port = free_port()
    stores = {
        "DATABASE_URL": database.format(port=port, folder=tmp_path),
        "REDIS_URL": f"redis://:hunter2@127.0.0.1:{port}/0",
    }
    code, said = doctor(**stores)
    assert code == 1
    assert re.findall(r"^bad +(\w+)", said, re.MULTILINE) == ["Redis", "Database"]
    assert "python manage.py migrate" in said
    assert "Traceback" not in said
    assert "hunter2" not in said
    assert not (tmp_path / "none.sqlite3").exists()


@pytest.mark.slow
def test_the_doctor_does_not_wait_for_stores_that_never_answer(doctor, silent_port):
    began = time.monotonic()
    host = f"127.0.0.1:{silent_port}"
    code, said = doctor(DATABASE_URL=f"postgres://claro@{host}/claro", REDIS_URL=f"redis://{host}/0")
    assert (code, said.count("Does not answer")) == (1, 2)
    assert time.monotonic() - began < 20


# --- demo ---


def test_the_demo_person_has_the_sandbox_s_key(db, client):
    said = run("demo", "claro_demo_key")
    person = User.objects.get(email=DEMO_EMAIL)
    assert [key.unseal() for key in person.api_keys.all()] == ["claro_demo_key"]
    assert person.is_staff
    assert DEMO_EMAIL in said
    assert DEMO_PASSWORD in said
    assert person.check_password(DEMO_PASSWORD)


def test_a_second_start_changes_nothing(db):
    said = run("demo", "claro_demo_key")
    person = User.objects.get()
    person.set_password("changed-by-the-person")
    person.save()
    person.api_keys.all().delete()
    assert run("demo", "claro_demo_key") == said
    assert User.objects.get().check_password("changed-by-the-person")
    assert not ApiKey.objects.exists()


def test_a_demo_person_of_an_earlier_version_sees_operations_too(db, client):
    run("demo", "claro_demo_key")
    User.objects.update(is_staff=False)
    run("demo", "claro_demo_key")
    client.force_login(User.objects.get())
    assert client.get("/operations/").status_code == 200


def test_the_demo_person_alone_becomes_staff(alice, bob):
    run("demo", "claro_demo_key")
    assert not User.objects.exclude(email=DEMO_EMAIL).filter(is_staff=True).exists()


def test_without_a_sandbox_there_is_no_demo_person_either(alice):
    run("demo", "claro_demo_key")
    assert run("demo", "--remove") == run("demo", "--remove") == ""
    assert list(User.objects.all()) == [alice]
    assert not ApiKey.objects.exists()


def test_a_demo_person_needs_a_key(db):
    with pytest.raises(CommandError, match="demo key"):
        run("demo")
    assert not User.objects.exists()
