"""The page for those who look after the installation."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from datasources.models import ApiKey
from tests.conftest import htmx
from tests.support.heartbeats import all_alive, none_alive
from tests.support.html import all_words, dom, words

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture
def staff(alice, web) -> Client:
    alice.is_staff = True
    alice.save()
    return web


def test_staff_see_every_part_and_what_to_do(staff, settings):
    settings.PUBLIC_URL = ""
    all_alive()
    page = staff.get("/operations/")
    assert page.status_code == 200
    assert "All 13 checks passed" in words(page)
    assert len(all_words(page, ".//ul/li")) == 13
    none_alive("beat")
    page = staff.get("/operations/")
    assert "1 of 13 checks needs attention" in words(page)
    [beat] = [text for text in all_words(page, ".//ul/li") if "Beat" in text]
    assert beat == "Failed Beat Beat is not running: due work is not started. Start the process beat of the Procfile."
    assert "beat" in all_words(page, ".//ul//code")


def test_the_part_says_the_same_and_looks_again_by_itself(staff):
    whole, part = staff.get("/operations/"), staff.get("/operations/", headers=htmx())
    assert dom(part).find(".//main") is None
    section = dom(part).find("./section")
    assert section.get("hx-get") == "/operations/"
    assert "glance from:body" in section.get("hx-trigger")
    assert all_words(whole, ".//ul/li/strong") == all_words(part, ".//ul/li/strong")


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_others_find_nothing_there_with_any_method(client_of, bob, headers):
    web = client_of(bob)
    for method in METHODS:
        response, absent = (web.generic(method, path, headers=headers) for path in ("/operations/", f"/{uuid4()}/"))
        assert response.status_code == absent.status_code == 404, method
        assert words(response) == words(absent)


def test_whoever_is_not_signed_in_is_led_to_do_so(db):
    for method in METHODS:
        response = Client().generic(method, "/operations/")
        assert response.headers["Location"] == f"{reverse('account_login')}?next=/operations/"


def test_there_is_nothing_to_post(staff):
    response = staff.post("/operations/")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_only_staff_are_led_there(staff, client_of, bob):
    def led(web: Client) -> bool:
        return "Operations" in all_words(web.get("/keys/"), ".//nav[@aria-label='Main']/a")

    assert led(staff)
    assert not led(client_of(bob))


def test_it_shows_without_redis(staff, redis_server):
    redis_server.stop()
    try:
        page = staff.get("/operations/")
    finally:
        redis_server.start()
    assert page.status_code == 200
    assert "Redis Does not answer" in words(page)


def test_no_secret_stands_there(staff, key, account):
    ApiKey.objects.update(problem={"kind": "Unreachable"})
    page = staff.get("/operations/").content.decode()
    for secret in (account.key, key.secret, key.fingerprint, key.hint, "alices-password"):
        assert secret not in page


def test_it_costs_the_same_for_many_keys(staff, key, alice, django_assert_max_num_queries):
    staff.get("/operations/")
    with django_assert_max_num_queries(50) as one:
        staff.get("/operations/")
    ApiKey.objects.bulk_create(ApiKey(owner=alice, label=f"{n}", fingerprint=f"{n}") for n in range(20))
    with django_assert_max_num_queries(len(one)):
        staff.get("/operations/")
    assert len(one) < 30
