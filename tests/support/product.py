"""The whole product, as `make run` starts it."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.support.processes import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
# What tests/settings.py has put into this process' environment is not for a machine of its own.
OURS = ("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "CLARO_SECRET_KEYS", "DATABASE_URL", "REDIS_URL", "CLARO_API_BASE_URL")
ADDRESS = re.compile(r"Claro Dashboard: (http://\S+/)(?: \(sign in as (\S+), password (\S+)\))?")


class Product:
    """Runs in a folder of its own, on ports of its own; `output` is what it has printed."""

    def __init__(self, folder: Path, **environment: str):
        self.folder, self.output = folder, ""
        inherited = {name: value for name, value in os.environ.items() if name not in OURS and "PYTEST" not in name}
        ports = {name: str(free_port()) for name in ("PORT", "REDIS_PORT", "SANDBOX_PORT")}
        self.environment = inherited | {"VAR_DIR": str(folder), "LOG_LEVEL": "INFO"} | ports | environment

    @property
    def sandbox_host(self) -> str:
        return f"127.0.0.1:{self.environment['SANDBOX_PORT']}"

    def start(self) -> "Product":
        """Until it says where it can be opened."""
        self._process, self.output = self._run(), ""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        wait_for(self._is_up, seconds=240)
        self.url, self.email, self.password = ADDRESS.search(self.output).groups()
        return self

    def start_in_vain(self) -> tuple[int, str]:
        """The exit code and what was said, of a start that is expected to fail."""
        process = self._run()
        output, _ = process.communicate(timeout=240)
        return process.returncode, output.decode()

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=60)

    def stop(self) -> None:
        if self._process.poll() is None:
            self.interrupt()
        self._listener.join()
        self._process.stdout.close()

    def processes(self) -> list[str]:
        """The command lines of everything that works in its folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"VAR_DIR={self.folder}\0" in (path / "environ").read_text():
                    found.append((path / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue  # ended meanwhile, or another's
        return found

    def _run(self) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "claro_dashboard.run"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _listen(self) -> None:
        for line in self._process.stdout:
            self.output += line.decode()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, self.output
        return bool(ADDRESS.search(self.output))
