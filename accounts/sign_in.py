"""Rate limits of passwords and codes at sign-in that never lock out the account's user.

Failures count by account and network, and by account for all networks together. A browser that has signed in to the
account before is counted separately (accounts/devices.py). An address without an account is counted like one with an
account, so responses reveal nothing.
"""

from allauth.account.internal.userkit import filter_users_by_email
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from accounts import devices
from accounts.adapter import AccountAdapter
from accounts.models import User
from core.guesses import OF_ONE, Guess, Pace, TooManyGuesses
from core.visitors import network_of

# So many wrong ones an hour from all networks but known browsers, then waits of half a minute at most.
OF_ALL = Pace(free=50, first_s=1, longest_s=30)


class SignInAdapter(AccountAdapter):
    """allauth's adapter for sign-in."""

    def pre_authenticate(self, request: HttpRequest, **credentials) -> None:
        email = credentials.get("email", "").strip().lower()
        users = filter_users_by_email(email, prefer_verified=True, for_login=True)
        self._guess = guess(request, "password", email, users[0] if users else None)
        count(self._guess)

    def authenticate(self, request: HttpRequest, **credentials) -> User | None:
        user = super().authenticate(request, **credentials)
        if user:
            self._guess.was_right()
        return user

    def post_login(self, request: HttpRequest, user: User, **login) -> HttpResponse:
        response = super().post_login(request, user, **login)
        devices.remember(response, user)
        return response


def guess(request: HttpRequest, what: str, email: str, user: User | None) -> Guess:
    """One try at what opens an account, the password or the second step."""
    account = f"user {user.pk}" if user else f"address {email}"
    if user and (device := devices.name(request, user.pk)):
        return Guess(f"{what} of {account}", [(f"device {device}", OF_ONE)])
    network = network_of(SignInAdapter(request).get_client_ip(request))
    return Guess(f"{what} of {account}", [(f"network {network}", OF_ONE), ("all", OF_ALL)])


def count(guess: Guess) -> None:
    """Raises ValidationError, for the form, where this guess came too early to be checked."""
    try:
        guess.count()
    except TooManyGuesses as error:
        raise ValidationError(f"Too many attempts. Try again in {error.wait_s} s.") from None
