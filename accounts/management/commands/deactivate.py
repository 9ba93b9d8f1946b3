from django.core.management.base import BaseCommand, CommandError

from accounts import sessions
from accounts.models import User


class Command(BaseCommand):
    help = "Signs a user out everywhere and blocks their sign-in. Their data stays."

    def add_arguments(self, parser) -> None:
        parser.add_argument("email", help="the user's e-mail address")
        parser.add_argument("--undo", action="store_true", help="allow sign-in again")

    def handle(self, *args, **options) -> None:
        try:
            person = User.objects.get_by_natural_key(options["email"])
        except User.DoesNotExist:
            raise CommandError(f"No user has the address {options['email']}.") from None
        person.is_active = options["undo"]
        person.save(update_fields=["is_active"])
        if person.is_active:
            self.stdout.write(f"{person} can sign in again.")
        else:
            ended = sessions.end(sessions.others(person, None))
            self.stdout.write(f"{person} can no longer sign in. Sessions ended: {ended:,}.")
