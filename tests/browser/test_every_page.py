"""What holds for every page in every state: it can be used by everybody, on a phone too, and says what it is."""

import contextlib
from collections.abc import Iterator

import pytest
from django.db import connection
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import sign_in
from tests.browser.places import Place, World, each
from tests.support.browser import COLOUR_RULES, DESKTOP, PHONE, violations

pytestmark = pytest.mark.browser

TOO_WIDE = "[...document.querySelectorAll('.by-room')].some(one => one.scrollWidth > one.clientWidth)"
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def one_browser(open_browser) -> Iterator[BrowserContext]:
    """For all places: scripts and styles, which its cache holds, are half of what opening a page costs."""
    context = open_browser()
    yield context
    context.close()


@pytest.fixture
def world(alice, account, key, one_browser, place) -> Iterator[World]:
    if place.signed_in:
        sign_in(one_browser, alice)
    yield World(alice, account, key, one_browser)
    for page in one_browser.pages:
        page.close()
    one_browser.clear_cookies()
    complaints = one_browser.witness.complaints()
    one_browser.witness.forget()
    assert not complaints, "\n".join(complaints)


@pytest.mark.slow
@each()
def test_a_page_is_for_everybody(place: Place, world):
    page = place.open(world)
    stay(page)
    expect(page.locator("body")).to_contain_text(place.shows)
    is_for_everybody(page)


def test_the_page_for_a_stale_form_is_for_everybody(people):
    browser = people()
    browser.witness.expects(403)
    page = browser.new_page()
    page.goto("/accounts/login/")
    browser.clear_cookies()
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("h1")).to_have_text("Send this again")
    is_for_everybody(page)


def test_the_page_for_trouble_of_our_own_is_for_everybody(people):
    browser = people()
    browser.witness.expects(500)
    browser.add_cookies([{"name": "sessionid", "value": "a" * 32, "url": f"http://{browser.witness.host}"}])
    page = browser.new_page()
    with broken_database():
        page.goto("/sources/")
    expect(page.locator("h1")).to_have_text("Something went wrong")
    is_for_everybody(page)


def is_for_everybody(page: Page) -> None:
    expect(page.locator("h1:visible")).to_have_count(1)
    about, _, product = page.title().rpartition(" · ")
    assert product == "Claro Dashboard"
    assert about.strip()
    show(page, "light", DESKTOP)
    assert not violations(page)
    show(page, "dark", PHONE)  # another theme changes colours, and nothing else
    assert not violations(page, [*COLOUR_RULES, "target-size"])  # 24 × 24 px, or as much room around
    assert page.evaluate("scrollTo(1000, 0), scrollX") == 0, "the page scrolls sideways on a phone"
    if page.locator(".by-room").count():
        for width in (360, 768, 1024, 1280, 1440):
            page.set_viewport_size({"width": width, "height": 800})
            assert not page.evaluate(TOO_WIDE), f"the table has no room for what it shows at {width}"


def show(page: Page, scheme: str, viewport: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(viewport)
    page.evaluate(PAINTED)
    assert page.locator("html").get_attribute("data-bs-theme") == scheme


def stay(page: Page) -> None:
    """From now on a page that goes on by itself gets nothing new, and can be looked at for as long as it takes."""

    def answer(route: Route) -> None:
        if route.request.is_navigation_request():
            route.fulfill(status=204)
        else:
            route.fallback()

    page.route(page.url, answer)


@contextlib.contextmanager
def broken_database() -> Iterator[None]:
    """No table of sessions, for the whole server."""

    def rename(before: str, after: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {before} RENAME TO {after}")

    rename("django_session", "django_session_away")
    try:
        yield
    finally:
        rename("django_session_away", "django_session")
