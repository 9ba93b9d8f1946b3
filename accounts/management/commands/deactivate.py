from django.core.management.base import BaseCommand, CommandError

from accounts import sessions
from accounts.models import User


class Command(BaseCommand):
    help = "Puts somebody out at once, and lets them in no more; what they have stays."

    def add_arguments(self, parser) -> None:
        parser.add_argument("email", help="whose account")
        parser.add_argument("--undo", action="store_true", help="let them in again")

    def handle(self, *args, **options) -> None:
        try:
            person = User.objects.get_by_natural_key(options["email"])
        except User.DoesNotExist:
            raise CommandError(f"There is nobody with the address {options['email']}.") from None
        person.is_active = options["undo"]
        person.save(update_fields=["is_active"])
        if person.is_active:
            self.stdout.write(f"{person} may sign in again.")
        else:
            ended = sessions.end(sessions.others(person, None))
            self.stdout.write(f"{person} may not sign in any more; {ended} sessions ended.")
