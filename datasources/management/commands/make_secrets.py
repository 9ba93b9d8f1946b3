import os
import secrets

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core import vault
from datasources.security import master_key


class Command(BaseCommand):
    help = "Creates the secrets of a laptop (var/secrets.env) if none are configured, or prints a new pair."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("--print", action="store_true", help="print a pair for a server without storing it")

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
                f"The database holds encrypted keys, but their master key is missing ({path}). "
                "Restore that file or set CLARO_SECRET_KEYS. To start over, remove the database."
            )
        if path.exists():
            raise CommandError(f"{path} exists, but without CLARO_SECRET_KEYS. Correct or remove the file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        self.stdout.write(f"Created {path}. Keep a copy: without it, stored API keys can't be read.")
