"""Passkeys with a device that Chromium plays (https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/)."""

import re

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from accounts.models import User

pytestmark = pytest.mark.browser

PASSWORD = "a-long-enough-one"


class Device:
    """What the browser's tab asks for a finger, and always gets it until told otherwise."""

    def __init__(self, page: Page):
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
        options |= {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = {"authenticatorId": added["authenticatorId"]}

    def refuse(self) -> None:
        """It does not recognise the finger."""
        self._session.send("WebAuthn.setUserVerified", {**self._id, "isUserVerified": False})

    def passkeys(self) -> int:
        return len(self._session.send("WebAuthn.getCredentials", self._id)["credentials"])


@pytest.fixture
def device(page) -> Device:
    """That of Alice's tab."""
    return Device(page)


@pytest.fixture
def passkey(page, device) -> Authenticator:
    """Alice's, on her device, added as she would."""
    page.goto("/accounts/")
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.get_by_label("Name")).to_have_value("Chrome on Linux")
    page.get_by_label("Name").fill("Work laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    return Authenticator.objects.get(type="webauthn")


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).to_have_url(re.compile("/accounts/login/"))


@pytest.mark.slow
def test_a_passkey_is_added_and_signs_in_without_a_password(page, passkey, device):
    assert device.passkeys() == 1
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("listitem").filter(has_text="Work laptop")).to_contain_text("not used yet")
    sign_out(page)
    page.goto("/keys/add/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Add a key")).to_be_visible()
    page.goto("/accounts/")
    expect(page.get_by_role("listitem").filter(has_text="Work laptop")).to_contain_text("last used")


def test_recovery_codes_can_be_downloaded_while_they_are_shown(page, passkey):
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").last.click()
    assert download.value.suggested_filename == "claro-dashboard-recovery-codes.txt"
    kept = download.value.path().read_text().split()
    assert len(kept) == 10
    assert [code.replace(" ", "") for code in page.locator(".codes code").all_inner_texts()] == kept


@pytest.mark.slow
def test_with_the_password_a_passkey_is_the_second_step(page, passkey, alice, settings):
    with_password(alice, settings)
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Two-step verification")).to_be_visible()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("/sources/"))


@pytest.mark.slow
def test_a_passkey_shows_who_one_is_before_something_changes(page, passkey):
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(re.compile("/sources/"))
    page.goto("/accounts/2fa/totp/activate/")
    expect(page.get_by_role("heading", name="Confirm it's you")).to_be_visible()
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Set up an authenticator app")).to_be_visible()


@pytest.mark.slow
def test_a_passkey_is_renamed_and_removed(page, passkey, device):
    page.goto("/accounts/")
    page.get_by_role("link", name="Rename Work laptop").click()
    page.get_by_label("Name").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove Old laptop").click()
    page.get_by_role("button", name="Remove passkey").click()
    expect(page.get_by_text("Passkey removed.")).to_be_visible()
    assert not Authenticator.objects.exists()
    sign_out(page)
    assert device.passkeys() == 1  # the device does not know
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Wrong code or passkey")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_who_is_not_recognised_is_told_and_may_try_again(page, passkey, device):
    sign_out(page)
    device.refuse()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_have_text("Cancelled or timed out. Try again.")
    page.goto("/keys/")
    expect(page.get_by_label("Password")).to_be_visible()


def test_one_device_takes_one_passkey(page, passkey):
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("alert")).to_have_text("This device already has a passkey for you.")


def test_under_an_ip_address_the_page_says_why_there_are_no_passkeys(people, server):
    page = people().new_page()
    page.goto(f"http://{server.address}/accounts/login/")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()


def test_where_passkeys_can_t_work_adding_one_is_not_offered(people, alice):
    page = people(alice, java_script_enabled=False).new_page()
    page.goto("/accounts/2fa/webauthn/add/")
    expect(page.locator("main")).to_contain_text("Passkeys don't work here")
    expect(page.get_by_role("button", name="Add passkey")).to_be_hidden()


def with_password(alice: User, settings) -> None:
    """A password that the server, which has not the settings of tests, can check; her sessions end."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    alice.set_password(PASSWORD)
    alice.save()
