"""Quiet hours and the rhythm of mail are chosen on the page of notification settings."""

import pytest
from playwright.sync_api import expect

from datasources.models import Timing
from tests.support.browser import DESKTOP, PHONE, violations

pytestmark = pytest.mark.browser

BROWSERS = [
    {"viewport": size, "java_script_enabled": scripts} for size in (DESKTOP, PHONE) for scripts in (True, False)
]


@pytest.mark.slow
@pytest.mark.parametrize("options", BROWSERS, ids=str)
def test_they_are_saved_and_a_wrong_zone_is_told_where_it_was_typed(people, alice, options):
    browser = people(alice, **options)
    browser.witness.expects(422)
    page = browser.new_page()
    page.goto("/notices/choices/")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("Quiet until").fill("07:30")
    page.get_by_label("E-mail").select_option(label="Once a day")
    page.get_by_label("Time zone").fill("Berlin")
    page.get_by_role("button", name="Save quiet hours and mail").click()
    expect(page.get_by_text("Enter a time zone such as Europe/Berlin or UTC.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Berlin")
    expect(page.get_by_label("Quiet from")).to_have_value("22:00")
    if options["java_script_enabled"]:
        assert violations(page) == []
    assert not Timing.objects.exists()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Save quiet hours and mail").click()
    expect(page.get_by_text("Enter a time zone")).to_have_count(0)
    page.goto("/notices/choices/")
    expect(page.get_by_label("Quiet from")).to_have_value("22:00")
    expect(page.get_by_label("Quiet until")).to_have_value("07:30")
    expect(page.get_by_label("E-mail")).to_have_value("daily")
    timing = Timing.objects.get()
    assert (timing.zone, timing.rhythm, f"{timing.quiet_until:%H:%M}") == ("Europe/Berlin", "daily", "07:30")
