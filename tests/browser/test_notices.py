"""Sending a test in a browser: the page shows what became of it, in place or after reloading itself."""

import pytest
from playwright.sync_api import Page, expect

from datasources.models import Outlet, OutletTest
from datasources.notices import channels
from tests.conftest import taken
from tests.support.processes import wait_for
from tests.support.receiver import Receiver

pytestmark = pytest.mark.browser


@pytest.fixture
def receiver(settings):
    settings.NOTIFY_PRIVATE_NETWORKS = True
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def outlet(alice, receiver) -> Outlet:
    return channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)


def press(page: Page, outlet: Outlet) -> None:
    page.goto("/notices/choices/")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Sending a test…")).to_be_visible()
    wait_for(OutletTest.objects.exclude(leased_until=None).exists)


def send(outlet: Outlet) -> str:
    """What a worker does."""
    return channels.send_test(str(outlet.pk), taken(OutletTest.objects.get(outlet=outlet)))


def test_the_outcome_of_a_test_appears_by_itself(page, outlet, receiver):
    press(page, outlet)
    expect(page.get_by_role("button", name="Send a test")).to_be_disabled()
    assert send(outlet) == "sent"
    expect(page.get_by_text("Test sent")).to_be_visible()
    receiver.answers = [500]
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Sending a test…")).to_be_visible()
    assert send(outlet) == "not sent"
    expect(page.get_by_text("Test failed. 127.0.0.1 answered 500.")).to_be_visible()


def test_a_test_too_many_is_refused_beside_its_button(page, web, outlet):
    page.context.witness.expects(429)
    while web.post(f"/notices/outlets/{outlet.pk}/test/").status_code != 429:
        pass
    send(outlet)
    page.goto("/notices/choices/")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("alert")).to_contain_text("Wait a minute")


@pytest.mark.slow  # the page reloads itself after two seconds
def test_the_outcome_of_a_test_is_seen_without_scripts(people, alice, outlet):
    plain = people(alice, java_script_enabled=False).new_page()
    press(plain, outlet)
    send(outlet)
    expect(plain.get_by_text("Test sent")).to_be_visible()
