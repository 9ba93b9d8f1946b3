from django.core.management.base import BaseCommand, CommandError

from accounts import mfa
from accounts.models import User


class Command(BaseCommand):
    help = "Removes a user's authenticator app, recovery codes and passkeys. The password stays."

    def add_arguments(self, parser) -> None:
        parser.add_argument("email", help="whose")

    def handle(self, *args, **options) -> None:
        try:
            person = User.objects.get_by_natural_key(options["email"])
        except User.DoesNotExist:
            raise CommandError(f"No user has the address {options['email']}.") from None
        self.stdout.write(f"{person}: {mfa.remove(person)} removed")
