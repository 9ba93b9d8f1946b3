import re

import pytest
from django.conf import settings as django_settings
from django.core import mail

from accounts.models import User

PASSWORD = "correct-horse-battery"


def sign_up(client, email: str = "Dora@Example.com", password: str = PASSWORD, repeated: str = ""):
    form = {"email": email, "password1": password, "password2": repeated or password}
    return client.post("/accounts/signup/", form)


def test_a_visitor_signs_up_with_an_e_mail_address_and_is_led_to_the_sources(client, db):
    page = client.get("/accounts/signup/").content.decode()
    assert re.findall(r'name="(email|name|password\d)"', page) == ["email", "name", "password1", "password2"]
    answer = sign_up(client)
    assert (answer.status_code, answer["Location"]) == (302, "/sources/")
    person = User.objects.get()
    assert (person.email, person.is_active, person.is_superuser) == ("dora@example.com", True, False)
    assert person.check_password(PASSWORD)
    assert client.get("/sources/").status_code == 200


def test_the_first_person_looks_after_the_installation_and_no_other(client, db):
    sign_up(client, "first@example.com")
    client.post("/accounts/logout/")
    sign_up(client, "second@example.com")
    assert list(User.objects.order_by("pk").values_list("email", "is_staff")) == [
        ("first@example.com", True),
        ("second@example.com", False),
    ]


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@example.com", "Alice@EXAMPLE.COM"])
def test_an_address_is_taken_once_however_it_is_written(client, alice, email):
    answer = sign_up(client, email)
    assert "already registered with this email" in answer.content.decode()
    assert User.objects.count() == 1
    assert client.get("/sources/").status_code == 302


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"email": "nobody"}, "valid email address"),
        ({"email": ""}, "required"),
        ({"password": "short-1"}, "at least 10 characters"),
        ({"password": "password1234"}, "too common"),
        ({"password": "948372615048"}, "entirely numeric"),
        ({"password": "dora@example.com"}, "too similar"),
        ({"repeated": "something-else"}, "same password"),
    ],
)
def test_what_is_wrong_is_said_and_the_password_is_not_sent_back(client, db, spoilt, words):
    answer = sign_up(client, **spoilt)
    page = answer.content.decode()
    assert words in page
    assert spoilt.get("password", PASSWORD) not in re.sub(r'name="email"[^>]*', "", page)
    assert not User.objects.exists()


def test_closed_sign_up_lets_the_first_person_in_and_nobody_else(client, db, settings):
    settings.SIGNUP_OPEN = False
    assert sign_up(client, "first@example.com").status_code == 302
    assert User.objects.get().is_staff
    client.post("/accounts/logout/")
    answer = sign_up(client, "second@example.com")
    page = client.get("/accounts/signup/")
    for shown in (answer, page):
        assert shown.status_code == 200
        assert "closed" in shown.content.decode().lower()
        assert 'name="password1"' not in shown.content.decode()
    assert User.objects.count() == 1


def test_too_many_sign_ups_are_refused_in_words(client, alice):
    for _ in range(20):
        assert sign_up(client, "alice@example.com").status_code == 200
    answer = sign_up(client, "new@example.com")
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()
    assert User.objects.count() == 1


def test_where_mail_arrives_the_address_is_confirmed_first(client, db, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    answer = sign_up(client)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/confirm-email/")
    assert "css/claro.css" in client.get(answer["Location"]).content.decode()
    assert client.get("/sources/").status_code == 302
    [message] = mail.outbox
    assert message.to == ["dora@example.com"]
    [address] = re.findall(r"https?://testserver(/accounts/confirm-email/\S+)", message.body)
    page = client.get(address)
    assert "css/claro.css" in page.content.decode()
    assert client.post(address).status_code == 302
    assert User.objects.get().emailaddress_set.get().verified


def test_a_laptop_without_mail_asks_nobody_to_confirm(client, db):
    assert django_settings.ACCOUNT_EMAIL_VERIFICATION == "none"
    sign_up(client)
    assert mail.outbox == []


# --- People as the code makes them ---


def test_an_address_is_kept_in_small_letters(db):
    person = User.objects.create_user("Eva@Example.COM", PASSWORD)
    assert (person.email, str(person)) == ("eva@example.com", "eva@example.com")
    assert User.objects.get_by_natural_key("EVA@example.com") == person


def test_a_superuser_is_made_with_all_rights(db):
    person = User.objects.create_superuser("root@example.com", PASSWORD)
    assert (person.is_staff, person.is_superuser) == (True, True)


def test_a_person_without_a_password_can_t_sign_in(client, db):
    User.objects.create_user("eva@example.com")
    client.post("/accounts/login/", {"login": "eva@example.com", "password": ""})
    assert client.get("/sources/").status_code == 302
