"""The system's Chromium, and what to say where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def executable() -> str | None:
    """Its path; on Debian as root it is installed. None, with a word, elsewhere; with `CI` set that is an error."""
    found = _found()
    if not found and shutil.which("apt-get") and os.getuid() == 0:
        print("Installing Chromium", flush=True)  # noqa: T201
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
        subprocess.run(
            install, check=False, stdout=subprocess.DEVNULL, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        )
        found = _found()
    if not found:
        words = "No Chromium found: the browser tests can't run. Install chromium or Google Chrome."
        if os.environ.get("CI"):
            sys.exit(words)
        print(words, flush=True)  # noqa: T201
    return found


def _found() -> str | None:
    if asked := os.environ.get("CHROMIUM"):
        return asked
    return next((path for name in NAMES if (path := shutil.which(name))), str(MAC) if MAC.exists() else None)
