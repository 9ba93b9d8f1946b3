import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from tests.conftest import htmx
from tests.support.html import words
from tests.support.mfa import confirmed

pytestmark = pytest.mark.usefixtures("mails_at_once")

RIGHT = {"login": "alice@example.com", "password": "alices-password"}


def sign_in(client, **changes):
    return client.post("/accounts/login/", {**RIGHT, **changes})


def is_signed_in(client) -> bool:
    return client.get("/keys/").status_code == 200


def test_a_person_signs_in_with_the_e_mail_address(client, alice):
    page = client.get("/accounts/login/").content.decode()
    for name in ("login", "password"):
        assert f'name="{name}"' in page
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/sources/")
    assert is_signed_in(client)


@pytest.mark.parametrize("login", ["ALICE@EXAMPLE.COM", " alice@example.com "])
def test_the_address_may_be_written_in_any_case(client, alice, login):
    sign_in(client, login=login)
    assert is_signed_in(client)


@pytest.mark.parametrize("changes", [{"password": "wrong-password"}, {"login": "nobody@example.com"}])
def test_what_is_wrong_is_not_told_apart(client, alice, changes):
    answer = sign_in(client, **changes)
    assert answer.status_code == 200
    assert "email address and/or password you specified are not correct" in answer.content.decode()
    assert changes.get("password", RIGHT["password"]) not in answer.content.decode()
    assert not is_signed_in(client)


def test_an_inactive_person_stays_outside(client, alice):
    alice.is_active = False
    alice.save()
    sign_in(client)
    assert not is_signed_in(client)


def test_guessing_a_password_ends_after_a_few_attempts_even_with_the_right_one(client, alice):
    for _ in range(5):
        sign_in(client, password="wrong-password")
    answer = sign_in(client)
    assert "Too many attempts" in answer.content.decode()
    assert not is_signed_in(client)


def test_one_address_may_not_try_one_person_after_another(client, db):
    statuses = [sign_in(client, login=f"person{number}@example.com").status_code for number in range(31)]
    assert statuses == [200] * 30 + [429]


@pytest.mark.parametrize("headers", [{}, htmx()])
def test_too_many_sign_ins_are_refused_in_words(client, alice, headers):
    for _ in range(30):
        sign_in(client)
    answer = client.post("/accounts/login/", RIGHT, headers=headers)
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()
    assert ("<html" in answer.content.decode()) is not headers


def test_a_forged_form_signs_nobody_in(alice):
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.parametrize("target", ["/keys/", "/sources/?q=a&page=2", "/downloads/"])
def test_one_comes_back_to_where_one_wanted_to_go(client, alice, target):
    answer = client.get(target)
    assert answer.status_code == 302
    sign_in_page = client.get(answer["Location"])
    assert sign_in_page.status_code == 200
    [field] = set(re.findall(r'name="next"\s+value="([^"]+)"', sign_in_page.content.decode()))
    assert field.replace("&amp;", "&") == target
    assert sign_in(client, next=target)["Location"] == target


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "https://testserver@evil.example/",
        "https://testserver.evil.example/",
        "\x00//evil.example",
        " //evil.example",
        "\t//evil.example",
    ],
)
def test_nobody_is_led_to_another_site(client, alice, target):
    assert sign_in(client, next=target)["Location"] == "/sources/"
    assert client.get("/accounts/login/", {"next": target}).get("Location", "/sources/") == "/sources/"


def test_signing_out_takes_a_button_not_a_link(web):
    page = web.get("/accounts/logout/")
    assert page.status_code == 200
    assert "css/claro.css" in page.content.decode()
    assert is_signed_in(web)
    answer = web.post("/accounts/logout/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
    assert not is_signed_in(web)


def test_a_session_s_cookie_is_out_of_reach_for_scripts_and_new_with_the_sign_in(client, alice):
    client.cookies["sessionid"] = "chosen-by-somebody-else"
    cookie = sign_in(client).cookies["sessionid"]
    assert cookie.value != "chosen-by-somebody-else"
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


# --- Passwords ---


def test_a_person_changes_the_password(web, alice):
    page = web.get("/accounts/password/change/").content.decode()
    assert "css/claro.css" in page
    form = {"oldpassword": RIGHT["password"], "password1": "another-good-one", "password2": "another-good-one"}
    wrong = web.post("/accounts/password/change/", {**form, "oldpassword": "wrong"})
    assert wrong.status_code == 200
    assert "current password" in wrong.content.decode()
    assert web.post("/accounts/password/change/", form).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("another-good-one")
    assert is_signed_in(web)


def test_a_forgotten_password_is_set_anew_by_a_link_that_works_once(client, alice):
    page = client.get("/accounts/password/reset/").content.decode()
    assert "css/claro.css" in page
    answer = client.post("/accounts/password/reset/", {"email": "Alice@example.com"})
    assert "css/claro.css" in client.get(answer["Location"]).content.decode()
    [message] = mail.outbox
    assert message.to == ["alice@example.com"]
    [address] = re.findall(r"https?://testserver(/accounts/password/reset/key/\S+)", message.body)
    form_address = client.get(address)["Location"]
    assert 'name="password1"' in client.get(form_address).content.decode()
    form = {"password1": "another-good-one", "password2": "another-good-one"}
    assert client.post(form_address, form).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("another-good-one")
    assert "This link does not work" in words(Client().get(address))
    assert sign_in(client, password="another-good-one")["Location"] == "/sources/"


def reset_link(client) -> str:
    """What the mail to Alice leads to."""
    client.post("/accounts/password/reset/", {"email": "alice@example.com"})
    [address] = re.findall(r"https?://testserver(/accounts/password/reset/key/\S+)", mail.outbox.pop().body)
    return address


@pytest.mark.parametrize(("hours", "shown"), [(23, "New password"), (25, "This link does not work")])
def test_the_link_works_for_a_day(client, alice, time_machine, hours, shown):
    time_machine.move_to("2026-03-01T12:00Z", tick=False)
    address = reset_link(client)
    time_machine.shift(timedelta(hours=hours))
    assert shown in words(client.get(address, follow=True))


@pytest.mark.parametrize(
    "spoil", [lambda key: f"{key[:-2]}x/", lambda key: key.replace("/key/", "/key/9"), lambda key: "1-x/"]
)
def test_a_link_that_came_in_pieces_sets_nothing(client, alice, spoil):
    address = reset_link(client)
    broken = spoil(address) if "accounts" in spoil(address) else f"/accounts/password/reset/key/{spoil(address)}"
    page = client.get(broken, follow=True)
    assert "This link does not work" in words(page)
    form = {"password1": "another-good-one", "password2": "another-good-one"}
    client.post(broken, form)
    alice.refresh_from_db()
    assert alice.check_password("alices-password")


def test_a_link_ends_with_a_new_password_however_that_came(client, alice):
    address = reset_link(client)
    alice.set_password("changed-meanwhile")
    alice.save()
    assert "This link does not work" in words(client.get(address, follow=True))


def test_the_page_where_the_password_is_typed_has_no_secret_in_its_address(client, alice):
    address = reset_link(client)
    shown = client.get(address)["Location"]
    assert shown.endswith("-set-password/")
    assert "New password" in words(client.get(shown))


def test_asking_for_links_ends_after_a_few_times(client, alice):
    statuses = [client.post("/accounts/password/reset/", {"email": "alice@example.com"}).status_code for _ in range(6)]
    assert statuses == [302] * 5 + [429]
    assert len(mail.outbox) == 5


@pytest.mark.parametrize(
    ("production", "url", "told_words", "has_form"),
    [
        (False, "", "printed in the dashboard's terminal", True),
        (True, "", "This dashboard can't send mail", False),
        (True, "smtp://mail", "", True),
        (False, "smtp://mail", "", True),
    ],
)
def test_what_becomes_of_the_mail_is_told_honestly(client, alice, settings, production, url, told_words, has_form):
    settings.PRODUCTION, settings.EMAIL_URL = production, url
    page = client.get("/accounts/password/reset/")
    assert told_words in words(page)
    assert ("No mail server" in words(page) or "can't send" in words(page)) is bool(told_words)
    assert ('name="email"' in page.content.decode()) is has_form
    assert told_words in words(client.get("/accounts/password/reset/done/"))


def test_a_reset_says_nothing_about_who_has_an_account(client, alice):
    known = client.post("/accounts/password/reset/", {"email": "alice@example.com"})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]


@pytest.mark.parametrize("address", ["/accounts/email/", "/accounts/password/change/", "/accounts/logout/"])
def test_pages_of_an_account_are_in_the_look_and_say_who_is_signed_in(web, address):
    page = web.get(address).content.decode()
    assert "css/claro.css" in page
    assert "alice@example.com" in page
    assert "style=" not in page


@pytest.mark.parametrize("address", ["/accounts/email/", "/accounts/password/change/"])
def test_a_visitor_has_no_account_to_look_after(client, db, address):
    assert client.get(address)["Location"] == f"/accounts/login/?next={address}"


@pytest.mark.parametrize(
    "address", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/inactive/"]
)
def test_pages_before_the_sign_in_are_in_the_look_and_have_nothing_inline(client, db, address):
    page = client.get(address).content.decode()
    assert "css/claro.css" in page
    assert "style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)


# --- E-mail addresses ---


@pytest.fixture
def sure(web, alice):
    return confirmed(web, alice)


def test_an_address_is_added_confirmed_and_used_for_mails(sure, alice):
    EmailAddress.objects.create(user=alice, email=alice.email, primary=True)
    page = sure.get("/accounts/email/")
    assert "alice@example.com Receives mails · not confirmed" in words(page)
    sure.post("/accounts/email/", {"action_add": "", "email": "alice@work.example"})
    [message] = mail.outbox
    [address] = re.findall(r"https?://testserver(/accounts/confirm-email/\S+)", message.body)
    sure.post(address)
    assert "alice@work.example confirmed" in words(sure.get("/accounts/email/"))
    sure.post("/accounts/email/", {"action_primary": "", "email": "alice@work.example"})
    alice.refresh_from_db()
    assert alice.email == "alice@work.example"
    sure.post("/accounts/email/", {"action_remove": "", "email": "alice@example.com"})
    assert list(EmailAddress.objects.values_list("email", flat=True)) == ["alice@work.example"]


def test_a_session_alone_changes_no_address(web):
    web.get("/accounts/email/")
    answer = web.post("/accounts/email/", {"action_add": "", "email": "thief@example.com"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert mail.outbox == []
    assert "thief@example.com" not in words(web.get("/accounts/email/"))


def test_an_address_of_somebody_else_is_not_told_apart(sure, bob):
    for email in ("bob@example.com", "new@example.com"):
        sure.post("/accounts/email/", {"action_add": "", "email": email})
    assert {message.to[0] for message in mail.outbox} <= {"bob@example.com", "new@example.com"}
