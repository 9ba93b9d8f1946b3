"""The password of a share link: generated on request, and shown once."""

import re

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.sessions.models import Session

from datasources.models import ShareLink
from datasources.sharing import shares
from tests.conftest import htmx
from tests.support.html import dom, field, told, words
from tests.support.leaks import database_content, redis_content

GENERATED = re.compile(r"([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}")
TYPED = {"ends": "week", "most_uses": "3", "note": "For you", "names_sender": "on"}


@pytest.fixture
def form_at(table) -> str:
    return f"/sources/{table.datasource_id}/share/"


@pytest.fixture
def share(alice, table) -> ShareLink:
    return shares.make(alice, table.key, [table], names_sender=True)


def shown(page) -> str:
    found = dom(page).find(".//*[@id='new-password']")
    return "" if found is None else found.text


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_generate_fills_the_field_with_a_new_password_each_time(web, form_at, headers):
    first, second = (web.post(form_at, TYPED | {"generate": "1"}, headers=headers) for _ in range(2))
    passwords = [field(page, "password").get("value") for page in (first, second)]
    assert all(GENERATED.fullmatch(password) for password in passwords)
    assert passwords[0] != passwords[1]
    assert field(first, "password").get("type") == "text"
    # Beside a form that goes on, somebody may type elsewhere by now.
    assert ("autofocus" in field(first, "password").attrib) == (not headers)
    assert "no-store" in first.headers["Cache-Control"]
    assert not ShareLink.objects.exists()


def test_generate_keeps_what_was_typed_and_complains_of_nothing(web, form_at, share):
    for at in (form_at, f"/shares/{share.pk}/edit/"):
        page = web.post(at, {"ends": "date", "most_uses": "x", "note": "<b>", "generate": "1"})
        assert page.status_code == 200
        assert field(page, "ends").find("./option[@selected]").get("value") == "date"
        assert field(page, "most_uses").get("value") == "x"
        assert field(page, "note").text.strip() == "<b>"
        assert field(page, "names_sender").get("checked") is None
        assert told(page) == ""


def test_enter_presses_no_generate(web, form_at):
    [form] = [one for one in dom(web.get(form_at)).iter("form") if one.find(".//*[@name='generate']") is not None]
    first = next(button for button in form.iter("button") if button.get("type") == "submit")
    assert first.get("name") is None


def test_the_password_is_shown_once_on_the_page_that_follows(web, form_at):
    made = web.post(form_at, {"ends": "month", "password": " open <sesame> "})
    at = made.headers["Location"]
    cookie = made.cookies["new-password"]
    assert (cookie["path"], cookie["httponly"], cookie["max-age"]) == (at, True, 60)
    assert "sesame" not in cookie.value
    assert shown(web.get(at, headers=htmx())) == ""
    page = web.get(at)
    assert shown(page) == " open <sesame> "
    assert "It is shown only now." in told(page)
    assert "no-store" in page.headers["Cache-Control"]
    assert shown(web.get(at)) == ""


def test_a_changed_password_is_shown_too_and_an_unchanged_one_is_not(web, share):
    at = f"/shares/{share.pk}/edit/"
    page = web.post(at, {"ends": "never", "password": "open sesame"}, follow=True)
    assert shown(page) == "open sesame"
    for typed in ({"ends": "never"}, {"ends": "never", "remove_password": "on"}):
        answer = web.post(at, typed)
        assert "new-password" not in answer.cookies
    share.refresh_from_db()
    assert share.password == ""


def test_both_remove_and_a_new_one_is_refused(web, share):
    shares.change(share, password="open sesame")
    share.refresh_from_db()
    before = share.password
    answer = web.post(
        f"/shares/{share.pk}/edit/", {"ends": "never", "password": "another one", "remove_password": "on"}
    )
    share.refresh_from_db()
    assert (answer.status_code, share.password, "new-password" in answer.cookies) == (422, before, False)


@pytest.mark.parametrize("value", ["", "x", "v1.deadbeef.AAAA", "other link"])
def test_a_forged_cookie_shows_nothing(web, form_at, share, value):
    if value == "other link":
        value = web.post(form_at, {"ends": "month", "password": "open sesame"}).cookies["new-password"].value
    web.cookies["new-password"] = value
    assert shown(web.get(f"/shares/{share.pk}/")) == ""


def test_it_is_stored_nowhere_but_as_a_hash(web, form_at):
    password = field(web.post(form_at, TYPED | {"generate": "1"}), "password").get("value")
    web.post(form_at, {"ends": "month", "password": password}, follow=True)
    assert check_password(password, ShareLink.objects.get().password)
    assert password.encode() not in database_content() + redis_content()
    assert all(password not in str(session.get_decoded()) for session in Session.objects.all())


def test_a_refused_form_sends_no_password_back(web, form_at):
    page = web.post(form_at, {"ends": "month", "password": "open sesame", "most_uses": "0"})
    assert page.status_code == 422
    assert "sesame" not in page.content.decode()
    assert "greater than or equal to 1" in words(page)
