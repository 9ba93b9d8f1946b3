import os
import signal
from pathlib import Path

import duckdb
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sandbox import DEMO_KEY, demo
from sandbox.api import SHAPES, Api
from sandbox.faults import Faults
from sandbox.server import PREFIX, Server
from sandbox.store import CALLS_PER_MINUTE, Store


class Command(BaseCommand):
    help = "Serves a local Claro API v2 with demo data (docs/sandbox.md)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8900, help="0 selects a free one")
        parser.add_argument(
            "--data", type=Path, default=settings.VAR_DIR / "sandbox", help="folder for files and tables"
        )
        parser.add_argument("--rate-limit", type=int, default=CALLS_PER_MINUTE, help="calls per minute of the demo key")
        parser.add_argument(
            "--processing", type=float, default=8.0, metavar="SECONDS", help="processing time of an upload"
        )
        parser.add_argument("--latency-ms", type=float, default=0.0, help="delay of every answer")
        parser.add_argument("--fault-rate", type=float, default=0.0, help="share of calls that fail, 0 to 1")
        parser.add_argument("--shape", choices=SHAPES, default="typed", help="the shape of a page of rows")
        parser.add_argument("--no-demo", action="store_true", help="no demo key and no demo sources")
        parser.add_argument("--control", action="store_true", help="allow control under /control/, for tests")

    def handle(self, *args, **options) -> None:
        # Everything that was answered is on disk, and what is being parsed now is parsed again by the next start.
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: os._exit(0))
        try:
            store = Store(options["data"], options["processing"])
        except (OSError, duckdb.IOException) as error:
            raise CommandError(f"The folder {options['data']} can't be used: {error}") from None
        address = options["host"], options["port"]
        faults = Faults(options["latency_ms"] / 1000, options["fault_rate"])
        try:
            server = Server(address, Api(store, options["shape"]), faults, control=options["control"])
        except (OSError, OverflowError) as error:
            raise CommandError(f"The sandbox can't listen on port {options['port']}: {error}") from None
        if not options["no_demo"]:
            demo.fill(store, DEMO_KEY, options["rate_limit"])
        key = "" if options["no_demo"] else f"; demo key {DEMO_KEY}"
        self.stdout.write(f"Claro API sandbox at {server.url}{PREFIX}{key}")
        self.stdout.flush()
        server.serve_forever()
