from django.core.management import call_command
from django.core.management.base import BaseCommand

from accounts import setup


class Command(BaseCommand):
    help = "Migrates the database to this version. In production, prints the setup code for the first sign-up."

    def handle(self, *args, **options) -> None:
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        if setup.is_needed():
            self.stdout.write(f"Setup code for the first sign-up: {setup.new_code()}")
