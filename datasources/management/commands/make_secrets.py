import os
import secrets

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core import vault
from datasources.security import master_key


class Command(BaseCommand):
    help = "Makes the secrets of a laptop (var/secrets.env) where none are configured, or prints a fresh pair."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("--print", action="store_true", help="print a pair for a server and store nothing")

    def handle(self, *args, **options) -> None:
        text = f"SECRET_KEY={secrets.token_urlsafe(50)}\nCLARO_SECRET_KEYS={vault.new_key()}\n"
        if options["print"]:
            self.stdout.write(text, ending="")
        elif not settings.CLARO_SECRET_KEYS:
            self._store(text)

    def _store(self, text: str) -> None:
        path = settings.LOCAL_SECRETS_FILE
        if master_key.holds_secrets():
            raise CommandError(
                f"The database holds encrypted keys, but the master key they were encrypted with is missing ({path}). "
                "Put that file back, or set CLARO_SECRET_KEYS. To start anew, remove the database."
            )
        if path.exists():
            raise CommandError(f"{path} is there already, without CLARO_SECRET_KEYS. Put it right, or remove the file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        self.stdout.write(f"Made {path}. Keep a copy: without it, stored API keys can't be read.")
