"""The dashboard's web server beside the tests, on their database, Redis and sandbox."""

import subprocess
import sys
from pathlib import Path

import requests
from django.test import Client

from accounts.models import User
from core import live
from tests.support.mfa import confirmed
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
        self.port, self._environment = port, {"PORT": str(port)} | environment
        self._process = self._run("-m", "claro_dashboard.web")
        wait_for(self._answers, 180)

    def remembers_events_of(self, user: User) -> None:
        """Returns once the server has listened for so long that it tells no new page to look again."""
        session = session_of(user)
        wait_for(lambda: live.LOOK_AGAIN not in self._events(session, live.now_ms() - 2 * live.SKEW_MS))

    def has_no_events_for(self, user: User) -> None:
        """Returns once a page that is loaded now would receive no event of the moment before."""
        session = session_of(user)
        wait_for(lambda: self._events(session, live.now_ms()).count("event: ") == 1)  # that it is connected

    def _events(self, session: str, since_ms: int) -> str:
        url = f"{self.url}/live/?once&since={since_ms}"
        return requests.get(url, cookies={"sessionid": session}, timeout=20).text

    def kill(self) -> None:
        """As kill -9 does."""
        self._process.kill()
        self._process.wait(timeout=60)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)
        self._log.close()

    close = stop

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
        except requests.RequestException:  # not there yet, or the machine is busy
            return False


def session_of(user: User) -> str:
    """The cookie of somebody who has just signed in."""
    client = Client()
    client.force_login(user)
    confirmed(client, user)
    return client.cookies["sessionid"].value


class Visitor:
    """Somebody at the real server, with a browser that is none."""

    def __init__(self, server: WebServer, user: User | None = None):
        self._url, self.session = server.url, requests.Session()
        if user:
            self.session.cookies["sessionid"] = session_of(user)

    def get(self, path: str, **options: object) -> requests.Response:
        return self.session.get(self._url + path, allow_redirects=False, timeout=30, **options)

    def post(self, path: str, **data: str) -> requests.Response:
        if "csrftoken" not in self.session.cookies:
            self.get("/keys/add/" if "sessionid" in self.session.cookies else "/accounts/login/")
        data["csrfmiddlewaretoken"] = self.session.cookies.get("csrftoken", "")
        return self.session.post(self._url + path, data, allow_redirects=False, timeout=30)
