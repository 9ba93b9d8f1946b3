"""A form that was open while its user signed in elsewhere."""

import pytest
from django.test import Client

from datasources.models import ApiKey
from tests.conftest import htmx
from tests.support.html import dom

OURS = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
PLAIN_HTTP = {"Origin": "http://testserver"}
THEIRS = [
    {},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://other.testserver", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "null"},
    {"Origin": "https://testserver"},
    {"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"},
]
STALE = "a" * 64


@pytest.fixture
def strict(alice) -> Client:
    """Alice's browser, in which pages of before she signed in are still open."""
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    client.force_login(alice)
    return client


def form_of(page):
    return next(form for form in dom(page).iter("form") if "Send again" in "".join(form.itertext()))


def fields(form) -> dict[str, str]:
    return {one.get("name"): one.get("value", "") for one in form.iter("input")}


def sent(client, path: str, headers=OURS, **typed):
    return client.post(path, {"csrfmiddlewaretoken": STALE, **typed}, headers=headers)


@pytest.mark.parametrize("headers", [OURS, PLAIN_HTTP])
def test_what_was_typed_comes_back_and_one_more_press_sends_it(strict, alice, headers):
    page = sent(strict, "/teams/?a=1", headers, name="Catalogue & <co>", more=["1", "2"])
    assert page.status_code == 403
    form = form_of(page)
    assert form.get("action") == "/teams/?a=1"
    assert "Catalogue & <co>" in " ".join(form.itertext())
    assert [one.get("value") for one in form.iter("input") if one.get("name") == "more"] == ["1", "2"]
    assert strict.post("/teams/", fields(form), headers=headers).status_code == 302
    assert alice.memberships.get().team.name == "Catalogue & <co>"


@pytest.mark.parametrize("headers", THEIRS)
def test_the_form_of_another_site_never_becomes_one_of_ours(strict, headers):
    page = sent(strict, "/teams/", headers, name="forged")
    assert page.status_code == 403
    assert "forged" not in page.content.decode()
    assert "Load the page again" in page.content.decode()


def test_what_no_form_of_a_page_sends_does_not_come_back(strict):
    page = strict.post("/teams/", {"name": "x"}, content_type="application/json", headers=OURS)
    assert page.status_code == 403
    assert "Load the page again" in page.content.decode()


def test_secrets_are_typed_again(strict):
    page = sent(strict, "/keys/add/", label="Main", secret="claro_live_abc")
    assert "claro_live_abc" not in page.content.decode()
    form = form_of(page)
    (secret,) = [one for one in form.iter("input") if one.get("name") == "secret"]
    assert (secret.get("type"), secret.get("value"), secret.get("required") is not None) == ("password", None, True)
    assert fields(form)["label"] == "Main"
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["password", "password1", "oldpassword", "code", "credential", "url"])
def test_no_field_with_a_secret_comes_back(strict, name):
    assert "hush-hush" not in sent(strict, "/teams/", **{name: "hush-hush"}).content.decode()


def test_a_part_of_a_page_brings_a_new_token(strict):
    answer = sent(strict, "/sources/refresh/", OURS | htmx())
    assert answer.status_code == 403
    assert "Press the button again" in answer.content.decode()
    token = dom(answer).find(".//*[@data-new-token]").get("data-new-token")
    assert strict.post("/sources/refresh/", headers=OURS | htmx(**{"X-CSRFToken": token})).status_code == 200


def test_the_page_says_as_whom_it_would_be_sent(strict, alice):
    assert f"as <bdi>{alice.email}</bdi>" in sent(strict, "/teams/", name="x").content.decode()


def test_a_signed_out_user_is_led_to_a_sign_in_that_keeps_the_form(db):
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    page = sent(client, "/teams/", name="Catalogue").content.decode()
    assert "Sign in in another tab" in page
    assert 'value="Catalogue"' in page


# --- Signed in already ---
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/"])
def test_who_is_signed_in_already_is_led_on(strict, path):
    answer = sent(strict, path, login="alice@example.com", password="x", next="/sources/?q=csv")
    assert (answer.status_code, answer["Location"]) == (302, "/sources/?q=csv")


def test_who_is_signed_in_already_is_led_to_no_other_site(strict):
    assert sent(strict, "/accounts/login/", next="https://evil.example/")["Location"] == "/sources/"
