from django.core.management.base import BaseCommand, CommandError

from operations import checks
from operations.findings import State


class Command(BaseCommand):
    help = "Reports the status of each component and how to fix it. Exits with 1 if one fails."
    requires_system_checks: list[str] = []  # what they say is said here, and some need the database

    def handle(self, *args, **options) -> None:
        looks = {State.OK: self.style.SUCCESS, State.WARN: self.style.WARNING, State.BAD: self.style.ERROR}
        found = checks.all_checks()
        width = max(len(check.name) for check in found)
        for check in found:
            self.stdout.write(f"{looks[check.state](f'{check.state:<4}')}  {check.name:<{width}}  {check.says}")
            if check.remedy:
                self.stdout.write(f"{'':<{width + 6}}  → {check.remedy}")
        if bad := sum(check.state == State.BAD for check in found):
            raise CommandError("1 check failed." if bad == 1 else f"{bad} checks failed.")
