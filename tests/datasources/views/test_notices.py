from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from datasources import notices
from datasources.models import Outlet, OutletTest, Wish
from datasources.models.notices import Topic
from datasources.notices import channels
from tests.conftest import htmx, synced, taken
from tests.support.html import dom, field, link, words


@pytest.fixture
def happened(key, source) -> None:
    notices.tell_of(key, Topic.FAILED, [source])


def test_the_bell_shows_how_many_are_unread(web, happened):
    assert "Notices 1 unread" in words(web.get("/sources/"))
    assert words(web.get("/notices/unread/", headers=htmx())) == "1 unread"
    web.post("/notices/read/")
    assert words(web.get("/notices/unread/", headers=htmx())) == ""


def test_a_notice_leads_to_what_it_is_about(web, source, happened):
    page = web.get("/notices/")
    assert "Failed: things.csv" in words(page)
    assert web.get(link(page, "Open")).status_code == 200


def test_a_refused_key_leads_to_the_keys(web, key):
    notices.tell(key, Topic.REFUSED, {key.pk: key.label})
    page = dom(web.get("/notices/")).find(".//*[@class='is-unread']")
    assert [one.get("href") for one in page.iter("a")] == ["/keys/"]


def test_there_may_be_nothing_to_tell(web):
    assert "You're all caught up" in words(web.get("/notices/"))


@pytest.mark.parametrize(("query", "status"), [("page=9", 404), ("page=x", 400)])
def test_odd_pages_are_told(web, happened, query, status):
    assert web.get(f"/notices/?{query}").status_code == status


def test_one_chooses_for_each_key(web, alice, key):
    page = web.get("/notices/choices/")
    chosen = {box.get("value") for box in dom(page).iterfind(".//input[@name='topics']") if "checked" in box.attrib}
    assert chosen == {"failed", "refused", "shares"}
    web.post(f"/notices/choices/{key.pk}/", {"topics": ["processed"], "initial-topics": list(chosen)})
    assert notices.wishes_of(alice, [key]) == {key.pk: ["processed"]}
    web.post(f"/notices/choices/{key.pk}/", {"topics": ["nonsense"]})
    assert notices.wishes_of(alice, [key]) == {key.pk: ["processed"]}


def test_a_form_that_was_open_for_long_undoes_no_other_choice(web, alice, key):
    page = web.get("/notices/choices/")
    shown = [box.get("value") for box in dom(page).iterfind(".//input[@name='initial-topics']")]
    assert sorted(shown) == ["failed", "refused", "shares"]
    notices.choose(alice, key, ["shares"])
    web.post(f"/notices/choices/{key.pk}/", {"topics": ["failed", "refused", "processed"], "initial-topics": shown})
    assert notices.wishes_of(alice, [key]) == {key.pk: ["processed"]}


def test_one_follows_a_source_and_leaves_it_again(web, alice, key, account):
    account.add(fileName="slow.csv", status="processing")
    [source] = synced(key)
    path = f"/sources/{source.datasource_id}/"
    assert "Notify me" in words(web.get(path))
    for on, text in (("1", "You will be notified"), ("0", "Notify me")):
        web.post(f"{path}follow/", {"on": on})
        assert text in words(dom(web.get(path)).find(".//*[@aria-pressed]"))
    assert Wish.objects.get().topics == []


def test_a_webhook_is_added_and_removed(web, settings):
    settings.NOTIFY_PRIVATE_NETWORKS = True
    web.post("/notices/outlets/", {"kind": "webhook", "url": "http://127.0.0.1:9/x"})
    outlet = Outlet.objects.get()
    page = web.get("/notices/choices/")
    assert "Webhook to 127.0.0.1" in words(page)
    assert outlet.secret_and_address()[0] not in page.content.decode()
    answer = web.post(f"/notices/outlets/{outlet.pk}/secret/")
    assert answer.content.decode() == outlet.secret_and_address()[0]
    web.post(f"/notices/outlets/{outlet.pk}/remove/")
    assert not Outlet.objects.exists()


def test_an_address_that_can_t_be_is_told_and_stays(web):
    page = web.post("/notices/outlets/", {"kind": "slack", "url": "ftp://x"})
    assert (page.status_code, field(page, "url").get("value")) == (422, "ftp://x")
    assert "Enter a full https address" in words(page)
    assert web.post("/notices/outlets/", {"kind": "slack", "url": ""}).status_code == 422


def test_mail_is_offered_where_it_can_be_sent(web, settings):
    assert web.post("/notices/outlets/", {"kind": "mail"}).status_code == 422
    settings.EMAIL_URL = "smtp://mail"
    web.post("/notices/outlets/", {"kind": "mail"})
    outlet = Outlet.objects.get()
    web.post(f"/notices/outlets/{outlet.pk}/test/")
    sent(outlet)
    assert [message.subject for message in mail.outbox] == ["Claro Dashboard: test"]


# --- Send a test ---


@pytest.fixture
def outlet(alice, settings) -> Outlet:
    """A webhook where nobody listens."""
    settings.NOTIFY_PRIVATE_NETWORKS = True
    return channels.save(alice, Outlet.Kind.WEBHOOK, "http://127.0.0.1:9/x")


def sent(outlet: Outlet) -> str:
    """What a worker does with the test."""
    return channels.send_test(str(outlet.pk), taken(OutletTest.objects.get(outlet=outlet)))


def test_a_test_is_sent_by_a_worker_and_the_page_shows_its_outcome(web, outlet):
    path = f"/notices/outlets/{outlet.pk}/test/"
    assert web.post(path)["Location"] == "/notices/choices/"
    page = web.get("/notices/choices/")
    assert "Sending a test" in words(page)
    assert 'http-equiv="refresh"' in page.content.decode()
    assert dom(web.get(path, headers=htmx())).find(".//*[@hx-trigger]") is not None
    assert sent(outlet) == "not sent"
    for page in (web.get("/notices/choices/"), web.get(path, headers=htmx())):
        assert "Test failed. 127.0.0.1 did not answer" in words(page)
        assert 'http-equiv="refresh"' not in page.content.decode()
    assert dom(web.get(path, headers=htmx())).find(".//div[@hx-trigger]") is None


def test_a_page_with_scripts_shows_the_test_in_place(web, outlet):
    answer = web.post(f"/notices/outlets/{outlet.pk}/test/", headers=htmx())
    assert (answer.status_code, dom(answer).find(".//div[@id]").get("id")) == (200, f"test-{outlet.pk}")
    assert "Sending a test" in words(answer)


def test_a_test_that_is_under_way_is_not_sent_twice(web, outlet):
    path = f"/notices/outlets/{outlet.pk}/test/"
    web.post(path)
    lease = OutletTest.objects.get().leased_until
    web.post(path)
    assert OutletTest.objects.get().leased_until == lease


@pytest.mark.parametrize("headers", [{}, htmx()])
def test_the_test_of_a_channel_that_was_removed_says_so(web, outlet, headers):
    path = f"/notices/outlets/{outlet.pk}/test/"
    outlet.delete()
    answer = web.post(path, headers=headers)
    assert (answer.status_code, "Channel not found" in words(answer)) == (404, True)


@pytest.mark.parametrize("headers", [{}, htmx()])
def test_a_sixth_test_in_a_minute_is_refused_in_words(web, outlet, headers):
    path = f"/notices/outlets/{outlet.pk}/test/"
    with time_machine.travel(timezone.now(), tick=False):  # within one minute
        answers = [web.post(path, headers=headers) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200 if headers else 302] * 5 + [429]
    assert "Wait a minute" in words(answers[-1])
    assert web.get("/notices/choices/").status_code == 200


def test_a_test_that_no_worker_sends_is_told(web, outlet):
    web.post(f"/notices/outlets/{outlet.pk}/test/")
    OutletTest.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert "no worker is running" in words(web.get("/notices/choices/"))


def test_the_list_costs_the_same_for_many(web, alice, key, source):
    def cost() -> int:
        notices.tell_of(key, Topic.FAILED, [source])
        notices.read(alice)
        with CaptureQueriesContext(connection) as queries:
            web.get("/notices/")
        return len(queries)

    _, few, *_, many = [cost() for _ in range(12)]
    assert few == many


def test_another_s_outlet_is_not_there(client_of, bob, alice):
    outlet = channels.save(alice, Outlet.Kind.MAIL)
    for what in ("remove", "test", "secret"):
        assert client_of(bob).post(f"/notices/outlets/{outlet.pk}/{what}/").status_code == 404
