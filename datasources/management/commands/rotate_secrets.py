from django.core.management.base import BaseCommand, CommandError

from datasources.security import master_key


class Command(BaseCommand):
    help = "Encrypts every stored secret with the first key of CLARO_SECRET_KEYS, while the site runs."

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "--forget", action="store_true", help="the old master key is lost for good: stop asking for it"
        )

    def handle(self, *args, **options) -> None:
        done = master_key.rotate(forget=options["forget"])
        for model in done.rotated:
            self.stdout.write(
                f"{model}: {done.rotated[model]} encrypted anew, {done.current[model]} were current, "
                f"{done.unreadable[model]} can't be read"
            )
        if lost := sum(done.unreadable.values()):
            raise CommandError(f"{lost} secrets can't be read with CLARO_SECRET_KEYS. Keep every old key in the list.")
