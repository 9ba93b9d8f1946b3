"""The dashboard's web server beside the tests, on their database, Redis and sandbox."""

import subprocess
import sys
from pathlib import Path

import requests

from tests.support.processes import free_port, wait_for
from tests.support.workers import ROOT, environment


class WebServer:
    """The process that the Procfile names, with the static files as they are served in life."""

    def __init__(self, folder: Path, **environment: str):
        port = free_port()
        # By its name: passkeys belong to one, never to an address.
        self.host, self.address = f"localhost:{port}", f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        self.log_path = folder / "web.log"
        self._environment = environment
        self._log = self.log_path.open("ab")
        self._run("manage.py", "collectstatic", "--noinput", "--verbosity", "0").wait()
        options = ("--port", str(port), "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3")
        self._process = self._run("-m", "uvicorn", "claro_dashboard.asgi:application", *options)
        wait_for(self._answers)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=15)
        self._log.close()

    def _run(self, *command: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment() | self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log_path.read_text()
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False
