import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection
from django.http import Http404
from django.test import Client
from django.urls import path

from claro_dashboard import urls
from tests.conftest import htmx


def raising(error: type[Exception]):
    def view(request):
        raise error("nothing for readers")

    return view


urlpatterns = [
    *urls.urlpatterns,
    path("raise/400/", raising(SuspiciousOperation)),
    path("raise/403/", raising(PermissionDenied)),
    path("raise/404/", raising(Http404)),
    path("raise/500/", raising(RuntimeError)),
]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500

pytestmark = pytest.mark.urls(__name__)

WORDS = [
    (400, "Bad request"),
    (403, "Not allowed"),
    (404, "Page not found"),
    (500, "The dashboard failed"),
]


@pytest.fixture
def visitor():
    """Somebody who isn't signed in; errors come as answers."""
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(("status", "words"), WORDS)
def test_an_error_is_a_page_in_the_look(visitor, status, words):
    answer = visitor.get(f"/raise/{status}/")
    page = answer.content.decode()
    assert answer.status_code == status
    assert words in page
    assert "css/claro.css" in page
    assert page.startswith("<!doctype html>")
    assert "nothing for readers" not in page
    assert "Traceback" not in page


@pytest.mark.parametrize(("status", "words"), WORDS)
def test_an_error_is_an_alert_where_only_a_part_was_asked_for(visitor, status, words):
    answer = visitor.get(f"/raise/{status}/", headers=htmx())
    part = answer.content.decode()
    assert answer.status_code == status
    assert words in part
    assert 'role="alert"' in part
    assert "<html" not in part


@pytest.mark.parametrize(("status", "words"), WORDS)
def test_a_boosted_link_gets_the_page(visitor, status, words):
    boosted = {"HX-Request": "true", "HX-Request-Type": "full", "HX-Boosted": "true"}
    answer = visitor.get(f"/raise/{status}/", headers=boosted)
    assert answer.status_code == status
    assert "<html" in answer.content.decode()


def test_a_signed_in_person_keeps_the_way_back(web):
    page = web.get("/raise/404/").content.decode()
    assert 'href="/sources/"' in page
    assert "alice@example.com" in page


@pytest.mark.parametrize("address", ["/nothing/", "/sources/no-uuid/", "/keys/7/edit/", "/%00", "/static/../x"])
def test_an_address_that_leads_nowhere_is_not_found(visitor, address):
    assert visitor.get(address).status_code == 404


def test_an_address_that_only_takes_forms_has_a_page_too(web):
    page = web.get("/sources/chosen/download/")
    assert (page.status_code, page.headers["Allow"]) == (405, "POST")
    assert "This address belongs to a button." in page.content.decode()


def test_a_host_that_is_not_ours_is_refused_in_words(visitor, settings):
    settings.ALLOWED_HOSTS = ["dashboard.example"]
    answer = visitor.get("/keys/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert "Bad request" in answer.content.decode()
    answer = visitor.get("/keys/", headers={"host": "evil.example", **htmx()})
    assert (answer.status_code, "<html" in answer.content.decode()) == (400, False)


@pytest.mark.parametrize("headers", [{}, htmx()])
def test_a_form_without_its_token_says_to_load_the_page_again(alice, headers):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post("/keys/add/", {"label": "x", "secret": "claro_live_x"}, headers=headers)
    assert answer.status_code == 403
    assert "Load the page again" in answer.content.decode()
    assert ("<html" in answer.content.decode()) is not headers


def test_a_database_that_is_gone_is_a_500_in_the_look(alice, client_of):
    client = client_of(alice)
    client.raise_request_exception = False

    def broken(*arguments):
        raise OperationalError("no such host")

    with connection.execute_wrapper(broken):
        page, part = client.get("/sources/"), client.get("/sources/", headers=htmx())
    assert (page.status_code, part.status_code) == (500, 500)
    assert "The dashboard failed" in page.content.decode()
    assert "css/claro.css" in page.content.decode()
    assert "<html" not in part.content.decode()
    assert "no such host" not in page.content.decode()


def test_a_500_names_the_request_for_whoever_looks_into_the_log(visitor):
    page = visitor.get("/raise/500/", headers={"X-Request-ID": "request-12345"})
    assert "request-12345" in page.content.decode()
    assert page["X-Request-ID"] == "request-12345"


# --- Headers ---

PAGES = ["/accounts/login/", "/raise/400/", "/raise/403/", "/raise/404/", "/raise/500/", "/healthz", "/sources/"]


@pytest.mark.parametrize("address", PAGES)
def test_every_answer_has_the_security_headers(visitor, db, address):
    answer = visitor.get(address)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = dict(one.strip().split(" ", 1) for one in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    for kind in ("script-src", "style-src", "connect-src", "form-action"):
        assert policy[kind] == "'self'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "*" not in answer["Content-Security-Policy"]


def test_behind_tls_browsers_are_told_to_stay_there(visitor, settings):
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    assert "Strict-Transport-Security" not in visitor.get("/healthz").headers
    answer = visitor.get("/healthz", secure=True)
    assert answer["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
