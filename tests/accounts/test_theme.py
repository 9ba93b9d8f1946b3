"""The theme: a cookie, so that it outlives signing out and the page has it before a script runs."""

import pytest
from django.test import Client

from tests.support.html import dom


def theme_of(answer) -> tuple[str | None, list[str]]:
    """What the page is shown in, and what the choice shows."""
    page = dom(answer)
    chosen = page.iterfind(".//select[@name='theme']/option[@selected]")
    return page.find("html").get("data-bs-theme"), [option.get("value") for option in chosen]


def test_without_scripts_a_form_changes_the_theme_and_leads_back(client, alice):
    client.force_login(alice)
    assert theme_of(client.get("/keys/")) == (None, [])
    for theme in ("dark", "light"):
        answer = client.post("/accounts/theme/", {"theme": theme, "next": "/keys/?team=own"})
        assert answer["Location"] == "/keys/?team=own"
        assert theme_of(client.get("/keys/")) == (theme, [theme])
    client.post("/accounts/logout/")
    assert theme_of(client.get("/accounts/login/"))[0] == "light"
    client.post("/accounts/theme/", {"theme": "system"})
    assert theme_of(client.get("/accounts/login/"))[0] is None


@pytest.mark.parametrize("next_url", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_form_leads_to_no_other_site(client, db, next_url):
    assert client.post("/accounts/theme/", {"theme": "dark", "next": next_url})["Location"] == "/sources/"


def test_a_cookie_of_others_is_no_theme(db):
    client = Client()
    client.cookies["theme"] = '"><script>'
    assert theme_of(client.get("/accounts/login/"))[0] is None
    answer = client.post("/accounts/theme/", {"theme": "<b>"})
    assert answer.cookies["theme"]["max-age"] == 0
