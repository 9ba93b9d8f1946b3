"""The measured system: the web server of the Procfile, with a Redis and a sandbox in separate processes."""

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import django
import requests
from honcho.environ import parse_procfile

from sandbox.server import PREFIX
from tests.support import postgres
from tests.support.processes import free_port, wait_for
from tests.support.redis import RedisServer
from tests.support.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent


class SandboxProcess(Sandbox):
    """The sandbox as the tests steer it, in a process of its own."""

    def __init__(self, port: int):
        self._server = SimpleNamespace(url=f"http://127.0.0.1:{port}")
        self.base_url = self._server.url + PREFIX
        self.session = requests.Session()
        self.session.trust_env = False


class Browser:
    """A signed-in user on one persistent connection, with a minimal client to time the server alone."""

    def __init__(self, port: int, user):
        from django.test import Client

        client = Client()
        client.force_login(user)
        self.cookie = f"sessionid={client.cookies['sessionid'].value}"
        self._headers = {"Cookie": self.cookie}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str, status: int = 200, **headers: str) -> bytes:
        answered, body = self.try_get(path, **headers)
        assert answered == status, f"{path}: {answered}"
        return body

    def try_get(self, path: str, **headers: str) -> tuple[int, bytes]:
        try:
            self._connection.request("GET", path, headers=self._headers | headers)
            answer = self._connection.getresponse()
        except ConnectionError:  # a kept connection that was idle for too long
            self._connection.close()
            return self.try_get(path, **headers)
        return answer.status, answer.read()

    def open(self, path: str) -> http.client.HTTPResponse:
        """A streamed response."""
        self._connection.request("GET", path, headers=self._headers)
        return self._connection.getresponse()


class World:
    def __init__(self, folder: Path, web_port: int, web_pid: int, sandbox_port: int, ends: contextlib.ExitStack):
        self._ends = ends
        self.folder, self.web_port, self.web_pid = folder, web_port, web_pid
        # Of further web processes, by port.
        self.pids: dict[int, int] = {}
        self.sandbox = SandboxProcess(sandbox_port)

    def browser(self, user, port: int | None = None) -> Browser:
        return Browser(port or self.web_port, user)

    def another_web(self, **environment: str) -> int:
        """The port of one more web process on the same stores."""
        port = free_port()
        process = _web(port, **environment)
        self._ends.callback(_end, process)
        self.pids[port] = process.pid
        return port


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Everything started on free ports, in a folder of its own, and ended again; Django is set up on it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="claro-bench-")))
        redis_port, sandbox_port, web_port = free_port(), free_port(), free_port()
        os.environ |= _environment(folder, redis_port, sandbox_port, web_port)
        if os.environ.get("BENCH_POSTGRES"):
            os.environ["DATABASE_URL"] = stack.enter_context(postgres.server(folder)).url
        redis = RedisServer(os.environ["REDIS_URL"], folder)
        redis.start()
        stack.callback(redis.stop)
        _manage("migrate", "--verbosity=0").wait()
        _manage("collectstatic", "--noinput", "--verbosity=0").wait()
        django.setup()
        flags = ("--no-demo", "--control", "--processing=0", "--rate-limit=100000")
        sandbox = _manage("sandbox", f"--port={sandbox_port}", f"--data={folder / 'sandbox'}", *flags)
        stack.callback(_end, sandbox)
        web = _web(web_port)
        stack.callback(_end, web)
        wait_for(lambda: _answers(f"http://127.0.0.1:{sandbox_port}/control/calls"))
        yield World(folder, web_port, web.pid, sandbox_port, stack)


def _environment(folder: Path, redis_port: int, sandbox_port: int, web_port: int) -> dict[str, str]:
    (folder / "static").mkdir()
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "SECRET_KEY": "bench",
        "CLARO_SECRET_KEYS": "YmVuY2ggbWFzdGVyIGtleSBvZiAzMiBieXRlcyAxMjM=",
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "CLARO_API_BASE_URL": f"http://127.0.0.1:{sandbox_port}{PREFIX}",
        "PORT": str(web_port),
        "PUBLIC_URL": f"http://127.0.0.1:{web_port}",
        "LOG_LEVEL": "ERROR",
    }


def _web(port: int, **environment: str) -> subprocess.Popen:
    command = parse_procfile((ROOT / "Procfile").read_text()).processes["web"]
    environment = os.environ | environment | {"PORT": str(port)}
    process = subprocess.Popen(command, shell=True, cwd=ROOT, env=environment)  # noqa: S602 - our own
    wait_for(lambda: _answers(f"http://127.0.0.1:{port}/healthz"))
    return process


def _manage(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "manage.py", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own
        return True
    return False
