"""The web server's process: `python -m claro_dashboard.web`, which the Procfile names."""

import ipaddress
import os
import sys
from pathlib import Path

import uvicorn

from core import memory, private
from core.protocol import TimedProtocol

ROOT = Path(__file__).resolve().parent.parent
# Files of ours under VAR_DIR that an earlier version let others read. Static files are for everybody.
PRIVATE = ("db.sqlite3*", "secrets.env", "ports.json", "run", "redis", "sandbox", "beat-schedule*")
LAPTOP_ONLY = (
    "HOST={host} accepts other machines, but DEBUG is not set, so the dashboard would use laptop settings. Set DEBUG=0 "
    "for production (docs/operating.md), or leave HOST unset. DEBUG=1 keeps laptop settings and shows error details "
    "to everyone. Use it only on a network that you trust."
)


class NotOnThisHost(Exception):
    """The settings of a laptop would be served to other machines; the text is for people."""


def host() -> str:
    return os.environ.get("HOST") or "127.0.0.1"


def refuse_laptop_settings_for_others() -> None:
    """Raises NotOnThisHost."""
    is_chosen = os.environ.get("DEBUG") or os.environ.get("DEBUG_FILE")
    if not is_chosen and not _is_loopback(host()):
        raise NotOnThisHost(LAPTOP_ONLY.format(host=host()))


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def main() -> None:
    memory.return_freed()
    private.by_default()
    try:
        refuse_laptop_settings_for_others()
    except NotOnThisHost as error:
        sys.exit(str(error))
    private.repair(Path(os.environ.get("VAR_DIR") or ROOT / "var"), PRIVATE)
    uvicorn.run(
        "claro_dashboard.asgi:application",
        host=host(),
        port=int(os.environ.get("PORT") or 8000),
        http=TimedProtocol,
        # X-Forwarded-* are for Django to judge (BEHIND_PROXY). uvicorn would believe them from 127.0.0.1.
        proxy_headers=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
