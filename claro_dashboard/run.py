"""`make run`: everything on this machine, with one command.

Starts what the Procfile names, and in front of it what nobody has configured: Redis (REDIS_URL) and the sandbox of the
Claro API with a demo person (CLARO_API_BASE_URL). Ctrl-C ends all of it.
"""

import os
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Printer

from claro_dashboard import embedded, web
from core import private
from sandbox import DEMO_KEY

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60


class Output(Printer):
    """Prints the output of the processes, without honcho's own messages."""

    def write(self, message) -> None:
        if message.name != SYSTEM_PRINTER_NAME:
            super().write(message)


def main() -> int:
    private.by_default()
    os.chdir(ROOT)
    try:
        web.refuse_laptop_settings_for_others()
    except web.NotOnThisHost as error:
        print(error)  # noqa: T201
        return 1
    var = Path(os.environ.setdefault("VAR_DIR", "var"))
    (var / "run").mkdir(parents=True, exist_ok=True)
    private.repair(var, web.PRIVATE)
    if pid := embedded.noted(var, "main"):
        print(f"Already running (process {pid}). Stop it with Ctrl-C there, or with: kill {pid}")  # noqa: T201
        return 1
    embedded.end_leftovers(var)
    embedded.note(var, "main", os.getpid())
    try:
        return _start(var)
    except (embedded.PortInUse, subprocess.CalledProcessError) as error:
        print(error if isinstance(error, embedded.PortInUse) else "Startup failed. See the messages above.")  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        (var / "run" / "main.pid").unlink(missing_ok=True)


def _start(var: Path) -> int:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    # Celery's word on being root is for servers; here it would bury the one line that matters.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:You're running the worker")
    os.environ["PORT"] = str(embedded.port("PORT", var, default=8000))
    processes = parse_procfile((ROOT / "Procfile").read_text()).processes
    release = processes.pop("release")
    has_sandbox = not _is_set("CLARO_API_BASE_URL")
    with ExitStack() as stack:
        configured = dict(os.environ)
        if not _is_set("REDIS_URL"):
            _say("Starting Redis")
            redis_port = embedded.port("REDIS_PORT", var)
            os.environ["REDIS_URL"] = stack.enter_context(embedded.redis_server(var, redis_port))
        if has_sandbox:
            port = embedded.port("SANDBOX_PORT", var)
            os.environ["CLARO_API_BASE_URL"] = f"http://127.0.0.1:{port}/api/v2"
            processes["sandbox"] = f"exec python manage.py sandbox --port {port}"
            if not _is_set("PUBLIC_URL"):
                os.environ["PUBLIC_URL"] = f"http://127.0.0.1:{os.environ['PORT']}"
        made_up = {name: value for name, value in os.environ.items() if configured.get(name) != value}
        stack.enter_context(embedded.told(var, made_up))
        _prepare(var, release)
        _say("Starting the web server and the workers")
        sign_in = _manage("demo", *([DEMO_KEY] if has_sandbox else ["--remove"]))
        manager = Manager(Output(sys.stdout))
        for name, command in processes.items():
            noting = f"echo $$ > '{var}/run/{name}.pid'; "
            manager.add_process(name, noting + command, quiet=name == "sandbox")
        threading.Thread(target=_tell_address, args=(sign_in,), daemon=True).start()
        manager.loop()
        return manager.returncode or 0


def _prepare(var: Path, release: str) -> None:
    """Secrets, tables and static files; the last two at the same time."""
    if not _is_set("CLARO_SECRET_KEYS") and not (var / "secrets.env").exists():
        _manage("make_secrets")
    _say("Preparing the database and the static files")
    static = subprocess.Popen([sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"])
    subprocess.run(f"{release} --verbosity=0", shell=True, check=True)  # noqa: S602 - a line of our own Procfile
    if static.wait():
        raise subprocess.CalledProcessError(static.returncode, "collectstatic")


def _manage(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "manage.py", *arguments], check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return done.stdout.strip()


def _say(progress: str) -> None:
    """A first start takes many seconds: without a word it looks stuck."""
    print(progress, flush=True)  # noqa: T201


def _tell_address(sign_in: str) -> None:
    """One line, once the pages can be opened."""
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ["PORT"]
    is_here = host in ("127.0.0.1", "0.0.0.0")  # noqa: S104
    # By its name, under which passkeys work; asked by its number, as the name may mean another address first.
    address = f"http://{'localhost' if is_here else host}:{port}/"
    probe = f"http://{'127.0.0.1' if is_here else host}:{port}/healthz"
    for _ in range(PATIENCE_S * 10):
        try:
            urllib.request.urlopen(probe, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            print(f"Claro Dashboard: {address}" + (f" ({sign_in})" if sign_in else ""), flush=True)  # noqa: T201
            return


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


if __name__ == "__main__":
    sys.exit(main())
