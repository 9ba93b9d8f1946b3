from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from datasources import keys
from datasources.models import ApiKey

DEMO_EMAIL = "demo@example.com"
DEMO_PASSWORD = "demo-claro-2026"  # noqa: S105 - for the sandbox's data, on this machine only


class Command(BaseCommand):
    help = "Creates the demo user and gives it the sandbox's demo key."

    def add_arguments(self, parser) -> None:
        parser.add_argument("key", nargs="?", help="the sandbox's demo key")
        parser.add_argument("--remove", action="store_true", help="the sandbox is off: no demo user either")

    def handle(self, *args, **options) -> None:
        if options["remove"]:
            User.objects.filter(email=DEMO_EMAIL).delete()
            return
        if not options["key"]:
            raise CommandError("Which one is the sandbox's demo key?")
        person, is_new = User.objects.get_or_create(email=DEMO_EMAIL)
        if is_new:
            person.set_password(DEMO_PASSWORD)
            person.save()
        if not person.is_staff:  # it is the sandbox's: everything can be tried, Operations too
            person.is_staff = True
            person.save(update_fields=["is_staff"])
        if not person.api_keys.exists() and is_new:
            keys.add(person, "Demo", options["key"], ApiKey.State.VALID)
        self.stdout.write(f"sign in as {DEMO_EMAIL}, password {DEMO_PASSWORD}")
