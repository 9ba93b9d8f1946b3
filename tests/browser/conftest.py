"""A real server, a real browser, and people who look.

What is started lives as long as this folder's tests: Playwright keeps an event loop in the thread of the tests, and
the server and the workers would take part in the tests of others.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import override_settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from accounts.models import User
from core import heartbeats
from tests.support import browser as support
from tests.support.browser import Witness
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, Provider
from tests.support.processes import wait_for
from tests.support.sandbox import Sandbox
from tests.support.tabs import NOT_SECURE
from tests.support.web import WebServer, session_of
from tests.support.workers import Celery

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
FOLDER = Path(__file__).parent


@pytest.fixture(scope="package")
def the_provider() -> Iterator[Provider]:
    """Of the single sign-on."""
    running = Provider()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def server(django_db_setup, redis_server, the_sandbox, the_provider, tmp_path_factory) -> Iterator[WebServer]:
    sign_on = {"OIDC_SERVER_URL": the_provider.url, "OIDC_NAME": "Example"}
    sign_on |= {"OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}
    hosts = {"ALLOWED_HOSTS": f"localhost,127.0.0.1,{NOT_SECURE}"}
    with override_settings(CLARO_API_BASE_URL=the_sandbox.base_url):
        running = WebServer(tmp_path_factory.mktemp("web"), **sign_on, **hosts)
    yield running
    running.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = support.executable()
    if path is None:
        pytest.skip("no Chromium")
    with sync_playwright() as playwright:
        yield support.launch(playwright, path)


@pytest.fixture(scope="package")
def workers(server, the_sandbox: Sandbox, tmp_path_factory) -> Iterator[None]:
    """A worker and beat, for tests whose pages go on by themselves."""
    folder = tmp_path_factory.mktemp("celery")
    with (
        override_settings(CLARO_API_BASE_URL=the_sandbox.base_url),
        Celery.worker(folder),
        Celery.beat(folder),
    ):
        wait_for(lambda: not heartbeats.silent(*heartbeats.QUEUES), seconds=180)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with workers come last, so that the others have none and the processes start once."""
    here = [number for number, item in enumerate(items) if item.path.is_relative_to(FOLDER)]
    ordered = sorted((items[number] for number in here), key=lambda item: "workers" in item.fixturenames)
    for number, item in zip(here, ordered, strict=True):
        items[number] = item


@pytest.fixture(scope="package")
def open_browser(chromium, server, the_sandbox, the_provider) -> Callable[..., BrowserContext]:
    """`open_browser()` is a browser whose `witness` notes what goes wrong in it; the caller closes it."""
    hosts = [url.split("/")[2] for url in (the_sandbox.base_url, the_provider.url)]

    def opened(**options) -> BrowserContext:
        options = {"viewport": support.DESKTOP, "reduced_motion": "reduce", "locale": "en-GB"} | options
        context = chromium.new_context(base_url=server.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        context.witness = Witness(context, server.host, server.address, *hosts)
        return context

    return opened


@pytest.fixture
def people(request, open_browser, server, transactional_db) -> Iterator[Callable[..., BrowserContext]]:
    """`people(alice)` is a browser in which Alice is signed in, `people()` one of a stranger."""
    contexts: list[BrowserContext] = []
    asked = request.node.get_closest_marker("any_window")
    window = support.window(request.node.name, asked.kwargs.get("least", 0)) if asked else {}

    def browser_of(user: User | None = None, **options) -> BrowserContext:
        contexts.append(open_browser(**window | options))
        if user:
            sign_in(contexts[-1], user)
        return contexts[-1]

    yield browser_of
    for context in contexts:
        context.close()
    complaints = [complaint for context in contexts for complaint in context.witness.complaints()]
    assert not complaints, "\n".join(complaints)


def sign_in(context: BrowserContext, user: User) -> None:
    context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": f"http://{context.witness.host}"}])


@pytest.fixture(params=["live", "copy"])
def kind(request) -> str:
    """Of a table: its rows are read live from Claro, or from its whole-table copy."""
    return request.param


@pytest.fixture
def page(people, alice) -> Page:
    """Alice's tab."""
    return people(alice).new_page()


@pytest.fixture
def witness(page) -> Witness:
    """Who watches Alice's tabs."""
    return page.context.witness
