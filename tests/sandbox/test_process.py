"""`manage.py sandbox` as a process: address, ports, ending, and what a restart finds."""

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox import DEMO_KEY
from tests.sandbox.calls import Calls, assert_refused, good
from tests.support.processes import wait_for

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"DJANGO_SETTINGS_MODULE": "claro_dashboard.settings"}


def command(folder: Path, *options: str, demo: bool = False) -> list[str]:
    no_demo = () if demo else ("--no-demo",)
    return [sys.executable, "manage.py", "sandbox", "--data", str(folder), *no_demo, *options]


@contextlib.contextmanager
def running(folder: Path, *options: str, demo: bool = False) -> Iterator[tuple[str, subprocess.Popen]]:
    """What it prints once it is there, and the process."""
    arguments = command(folder, *options, demo=demo)
    process = subprocess.Popen(arguments, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline(), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def base_url(line: str) -> str:
    return re.search(r"http://\S+?/api/v2", line).group()


def refused(folder: Path, *options: str) -> str:
    """The words with which it ends at once."""
    done = subprocess.run(
        command(folder, *options), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_says_where_it_is_and_ends_when_asked_to(tmp_path):
    options = ("--port", "0", "--control", "--shape", "objects", "--processing", "0", "--latency-ms", "1")
    with running(tmp_path, *options) as (line, process):
        assert re.fullmatch(r"Claro API sandbox at http://127\.0\.0\.1:\d+/api/v2\n", line)
        made = requests.post(f"{base_url(line).removesuffix('/api/v2')}/control/keys", json={}, timeout=10).json()
        calls = Calls(base_url(line), made["key"])
        source_id = calls.upload("a.csv", b"a\n1\n").json()["datasourceId"]
        wait_for(lambda: calls.details(source_id)["status"] == "completed")
        assert calls.rows(source_id)["data"] == [{"a": 1}]
        process.terminate()
        assert process.wait(timeout=180) == 0


@pytest.mark.slow
def test_a_restart_finds_everything_and_goes_on_with_what_was_being_parsed(tmp_path):
    options = ("--port", "0", "--control", "--processing", "0.2")
    with running(tmp_path, *options) as (line, process):
        control = f"{base_url(line).removesuffix('/api/v2')}/control"
        keys = [requests.post(f"{control}/keys", json={"account": "a"}, timeout=10).json()["key"] for _ in range(2)]
        requests.post(f"{control}/keys/revoke", json={"key": keys[1]}, timeout=10)
        calls = Calls(base_url(line), keys[0])
        ids = [calls.upload(name, b"a\n1\n").json()["datasourceId"] for name in ("kept.csv", "gone.csv", "bad.json")]
        wait_for(lambda: not calls.sources(status="processing")["dataSources"])
        calls("DELETE", f"/datasources/{ids[1]}")
        link = good(calls.sign(ids[0]))["downloadUrl"]
        port = base_url(line).split(":")[-1].split("/")[0]
        before = calls.sources()["dataSources"]
        long = calls.upload("long.csv", b"a,b\n" + b"x,1\n" * 50_000).json()["datasourceId"]
        process.terminate()
        assert process.wait(timeout=180) == 0  # without waiting for it to be parsed
    with running(tmp_path, "--port", port, "--processing", "0.2") as (line, process):
        assert [source for source in calls.sources()["dataSources"] if source["datasourceId"] != long] == before
        assert [source["status"] for source in before] == ["failed", "completed"]
        assert calls.rows(ids[0])["rows"] == [[1]]
        assert requests.get(link, timeout=10).content == b"a\n1\n"
        assert_refused(Calls(calls.base_url, keys[1]).get("/datasources"), "UNAUTHORIZED", 401)
        assert calls.details(wait_for(lambda: done(calls, long), seconds=60))["rowCount"] == 50_000
        assert requests.get(f"{calls.base_url.removesuffix('/api/v2')}/control/calls", timeout=10).status_code == 404


def done(calls: Calls, source_id: str) -> str:
    return source_id if calls.details(source_id)["status"] == "completed" else ""


def test_a_port_in_use_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = refused(tmp_path, "--port", port)
    assert f"can't listen on port {port}" in words
    assert "in use" in words


@pytest.mark.slow
def test_a_folder_in_use_is_told(tmp_path):
    with running(tmp_path, "--port", "0") as (line, process):
        words = refused(tmp_path, "--port", "0")
    assert line
    assert f"folder {tmp_path} can't be used" in words
    assert str(process.pid) in words


def test_a_port_that_is_none_is_told(tmp_path):
    assert "can't listen on port 70000" in refused(tmp_path, "--port", "70000")


@pytest.mark.slow
def test_the_demo_key_is_printed_and_ready(tmp_path):
    with running(tmp_path, "--port", "0", "--rate-limit", "5", demo=True) as (line, _process):
        assert line.endswith(f"; demo key {DEMO_KEY}\n")
        answer = Calls(base_url(line), DEMO_KEY).get("/datasources")
        assert good(answer)["pagination"]["total"] > 25
        assert answer.headers["X-RateLimit-Limit"] == "5"
