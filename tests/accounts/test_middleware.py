from datetime import datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.http import HttpResponse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.middleware import TimeZoneMiddleware, reader_zone
from tests.conftest import htmx

# --- Time zones ---


def shown_zone(rf, **cookies: str) -> str:
    request = rf.get("/")
    request.COOKIES = cookies
    view = TimeZoneMiddleware(lambda request: HttpResponse(timezone.get_current_timezone_name()))
    return view(request).content.decode()


@pytest.mark.parametrize("cookie", ["Asia/Kathmandu", "Asia%2FKathmandu"])  # static/js/times.js encodes it
def test_times_are_shown_in_the_zone_that_the_browser_tells(rf, cookie):
    assert shown_zone(rf, timezone=cookie) == "Asia/Kathmandu"
    assert timezone.get_current_timezone_name() == "UTC"


def test_without_a_cookie_times_are_the_server_s(rf):
    assert shown_zone(rf) == "UTC"


HOSTILE = [
    "",
    " ",
    "Nowhere/City",
    "../../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "America",
    "America/",
    "tzdata.zi",
    "zone.tab",
    "__init__.py",
    "Europe/Berlin\x00",
    "Europe/Berlin\n",
    "<script>alert(1)</script>",
    "Ünited/Kingdom",
    "\ud800",
    "x" * 5000,
    "a/" * 30,
    "europe\\berlin",
    "%2e%2e/etc/passwd",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_cookie_that_names_no_zone_is_passed_over(rf, name):
    assert shown_zone(rf, timezone=name) == "UTC"


@given(st.text())
def test_no_cookie_at_all_is_an_error(name):
    zone = reader_zone(name)
    assert zone is None or datetime(2026, 1, 1, tzinfo=zone).utcoffset() is not None


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia", "Etc/GMT+12"])
def test_real_zones_are_known(name):
    assert reader_zone(name) == ZoneInfo(name)


def test_a_hostile_cookie_breaks_no_page(web):
    web.cookies["timezone"] = "../../etc/passwd"
    assert web.get("/keys/").status_code == 200


# --- When the session has ended ---


def ended(client, current: str, address: str = "/sources/", method: str = "get"):
    return getattr(client, method)(address, headers=htmx(**{"HX-Current-URL": current}))


def test_a_part_of_a_page_leads_to_the_sign_in_and_back_to_the_page(client, db):
    answer = ended(client, "http://testserver/sources/?q=a&page=2", "/sources/?q=ab")
    assert answer.status_code == 200
    assert answer.content == b""
    target = urlsplit(answer["HX-Redirect"])
    assert target.path == "/accounts/login/"
    assert parse_qs(target.query) == {"next": ["/sources/?q=a&page=2"]}
    assert client.get(answer["HX-Redirect"]).status_code == 200


def test_a_form_s_answer_leads_there_too(client, db):
    answer = ended(client, "http://testserver/keys/", "/sources/refresh/", "post")
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fkeys%2F"


@pytest.mark.parametrize("current", ["https://evil.example/", "//evil.example/", "nonsense", "", "http://[broken"])
def test_another_site_s_address_is_not_come_back_to(client, db, current):
    assert ended(client, current)["HX-Redirect"] == "/accounts/login/?next=%2F"


def test_a_page_is_led_there_as_pages_are(client, db):
    answer = client.get("/sources/?q=a")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/sources/%3Fq%3Da")


def test_other_redirects_of_a_part_stay_what_they_are(web):
    answer = web.get("/", headers=htmx())
    assert (answer.status_code, answer["Location"]) == (302, "/sources/")
    assert "HX-Redirect" not in answer


# --- Private pages ---

PAGES = ["/sources/", "/keys/", "/accounts/", "/teams/", "/activity/", "/no/such/page/", "/accounts/email/"]


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
@pytest.mark.parametrize("address", PAGES)
def test_no_cache_keeps_a_page_of_a_signed_in_person(web, address, headers):
    assert "no-store" in web.get(address, headers=headers)["Cache-Control"]


@pytest.mark.parametrize("address", ["/accounts/login/", "/no/such/page/"])
def test_pages_for_everybody_clear_nothing(client, db, address):
    assert "Clear-Site-Data" not in client.get(address).headers


def test_signing_in_and_using_the_pages_clears_nothing(web):
    assert "Clear-Site-Data" not in web.get("/sources/").headers


def test_signing_out_clears_what_the_browser_has_kept(web):
    answer = web.post("/accounts/logout/")
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "no-store" in answer["Cache-Control"]


def test_a_share_link_asks_for_no_session(client, db, django_assert_num_queries):
    client.cookies["sessionid"] = "x" * 32
    with django_assert_num_queries(2):  # a link that works, one that is used up
        assert client.get("/d/x/").status_code == 404


# --- When another user has signed in ---


def test_a_page_of_another_user_is_loaded_again(web, bob):
    answer = web.get("/sources/", headers=htmx(**{"X-Page-User": str(bob.pk)}))
    assert (answer.status_code, answer.content, answer["HX-Refresh"]) == (200, b"", "true")


def test_a_page_of_the_same_user_is_not(web, alice):
    answer = web.get("/sources/", headers=htmx(**{"X-Page-User": str(alice.pk)}))
    assert "HX-Refresh" not in answer
    assert answer.content


def test_every_page_says_whose_it_is(web, alice):
    assert f'"X-Page-User": "{alice.pk}"' in web.get("/keys/").content.decode()
