from django.core.management.base import BaseCommand, CommandError

from datasources.security import master_key


class Command(BaseCommand):
    help = "Re-encrypts every stored secret with the first key of CLARO_SECRET_KEYS while the site runs."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--forget", action="store_true", help="the old master key is lost: stop requiring it")

    def handle(self, *args, **options) -> None:
        done = master_key.rotate(forget=options["forget"])
        for model in done.rotated:
            self.stdout.write(
                f"{model}: {done.rotated[model]:,} re-encrypted, {done.current[model]:,} already current, "
                f"{done.unreadable[model]:,} unreadable"
            )
        if lost := sum(done.unreadable.values()):
            raise CommandError(f"{lost:,} secrets can't be read with CLARO_SECRET_KEYS. Keep all old keys in the list.")
