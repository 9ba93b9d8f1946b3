"""The pages of sign-in and account, in every state: see places.py."""

from allauth.account.forms import default_token_generator as PASSWORD_RESET_TOKENS
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.test import Client

from datasources.models import Outlet, SavedView
from datasources.notices import channels
from tests.browser.places import HOSTILE, World, place
from tests.support.mfa import app_of, codes_of, passkey_of


def _secured(world: World) -> Authenticator:
    """Everything that a sign-in can ask for, and a second browser; gives the passkey."""
    app_of(world.alice)
    codes_of(world.alice)
    phone = Client()
    phone.force_login(world.alice)
    UserSession.objects.create(
        user=world.alice, ip="2001:db8::7334", user_agent="iPhone Safari", session_key=phone.session.session_key
    )
    return passkey_of(world.alice, f"{'A long name of a laptop ' * 3}\u202e<b>")


def _go_on_as(client: Client, world: World) -> None:
    """The browser goes on where this one was."""
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    world.browser.add_cookies([{**cookie, "url": f"http://{world.browser.witness.host}"}])


place("account", "Where you are signed in")(lambda world: "/accounts/")

for _name, _path, _shows in [
    ("account, all on", "", "On: signing in needs"),
    ("is it you, by password", "reauthenticate/", "Use a passkey"),
    ("is it you, by code", "2fa/reauthenticate/", "Confirm it's you"),
    ("is it you, by passkey", "2fa/webauthn/reauthenticate/", "Use a passkey"),
    ("app, turn off", "2fa/totp/deactivate/", "Its codes and your recovery codes stop working"),
    ("recovery codes", "2fa/recovery-codes/", "they are not shown again"),
    ("recovery codes, make new", "2fa/recovery-codes/generate/", "Your 10 remaining codes will stop working"),
    ("passkey, add", "2fa/webauthn/add/", "Add passkey"),
    ("passkey, rename", "2fa/webauthn/keys/{passkey}/edit/", "Rename passkey"),
    ("passkey, remove", "2fa/webauthn/keys/{passkey}/remove/", "You can no longer sign in with it"),
]:
    place(_name, _shows)(lambda world, path=_path: f"/accounts/{path.format(passkey=_secured(world).pk)}")


@place("app, set up", "Scan the code")
def _set_up(world: World) -> str:
    return "/accounts/2fa/totp/activate/"


@place("recovery codes, shown before", "They are not shown again")
def _codes_again(world: World) -> str:
    _secured(world)
    Authenticator.objects.get(type="recovery_codes").wrap().mark_as_viewed()
    return "/accounts/2fa/recovery-codes/"


@place("second step", "Sign in with code", signed_in=False)
def _second_step(world: World) -> str:
    _secured(world)
    client = Client()
    client.post("/accounts/login/", {"login": world.alice.email, "password": "alices-password"})
    _go_on_as(client, world)
    return "/accounts/2fa/authenticate/"


@place("single sign-on, cancelled", "The sign-in was cancelled", signed_in=False)
def _cancelled(world: World) -> str:
    return "/accounts/3rdparty/login/cancelled/"


@place("single sign-on, failed", "Sign-in failed", 401, signed_in=False)
def _failed(world: World) -> str:
    return "/accounts/oidc/callback/?state=forged"


@place("single sign-on, connected", "Connected as")
def _connected(world: World) -> str:
    email = f"{'alice-' * 8}@{'example-' * 6}.com"
    SocialAccount.objects.create(user=world.alice, provider="oidc", uid="x", extra_data={"email": email})
    return "/accounts/"


@place("set a password", "Set password")
def _set_password(world: World) -> str:
    world.alice.set_unusable_password()
    world.alice.save()
    client = Client()
    client.force_login(world.alice)
    _go_on_as(client, world)
    return "/accounts/password/set/"


@place("reset the password, asked", "a link was sent", signed_in=False)
def _reset_asked(world: World) -> str:
    return "/accounts/password/reset/done/"


@place("reset the password, new one", "Set password", signed_in=False)
def _reset(world: World) -> str:
    key = f"{user_pk_to_url_str(world.alice)}-{PASSWORD_RESET_TOKENS.make_token(world.alice)}"
    return f"/accounts/password/reset/key/{key}/"


@place("reset the password, broken link", "This link does not work", signed_in=False)
def _reset_in_vain(world: World) -> str:
    return "/accounts/password/reset/key/1-broken/"


@place("reset the password, done", "Password set", signed_in=False)
def _reset_done(world: World) -> str:
    return "/accounts/password/reset/key/done/"


@place("e-mail, several", "Use for mails")
def _several_addresses(world: World) -> str:
    for email, is_first in [(world.alice.email, True), (f"{'alice-' * 7}@{'example-' * 6}.com", False)]:
        EmailAddress.objects.create(user=world.alice, email=email, primary=is_first, verified=is_first)
    return "/accounts/email/"


@place("account, holdings", "Account contents")
def _holdings(world: World) -> str:
    world.team()
    world.share(note=HOSTILE)
    SavedView.objects.create(owner=world.alice, name=HOSTILE[:100], page=SavedView.Page.SOURCES)
    channels.save(world.alice, Outlet.Kind.WEBHOOK, "https://hooks.example.com/x")
    return "/accounts/holdings/"
