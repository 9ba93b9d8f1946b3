"""Any number of tabs and windows of one browser: one connection for events, which reach every visible page."""

import pytest
import requests
from django.conf import settings

from core import live
from tests.support import browser as support
from tests.support.processes import wait_for
from tests.support.tabs import NOT_SECURE, Tab, Windows
from tests.support.web import session_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Eighteen pages at once, on a machine that is busy with other tests; a frozen tab is overtaken after 20 s.
PATIENCE_S = 60


@pytest.fixture(scope="module")
def with_tabs(chromium) -> str:
    path = support.executable(support.WITH_TABS)
    if path is None:
        pytest.skip("no Chromium with tabs")
    return path


@pytest.fixture
def windows(chromium, with_tabs, server, alice):
    """Alice's browser."""
    server.remembers_events_of(alice)
    with Windows(chromium.browser_type, with_tabs) as opened:
        opened.signs_in(server.url, session_of(alice))
        yield opened


@pytest.fixture
def streams(server):
    """How many streams of a user are open: as many as they may have less those that they may still open."""

    def count(user) -> int:
        session, more = session_of(user), []
        try:
            for _ in range(settings.LIVE_STREAMS_PER_USER + 1):
                answer = requests.get(f"{server.url}/live/", cookies={"sessionid": session}, stream=True, timeout=20)
                more.append(answer)
                if answer.status_code == 429:
                    return settings.LIVE_STREAMS_PER_USER - len(more) + 1
            raise AssertionError("no limit")
        finally:
            for answer in more:
                answer.close()

    return count


def loaded(tabs: list[Tab]) -> None:
    for tab in tabs:
        wait_for(tab.is_loaded, PATIENCE_S)


def all_hear(tabs: list[Tab], *names: str, seconds: float = PATIENCE_S) -> None:
    for tab in tabs:
        wait_for(lambda tab=tab: set(names) <= set(tab.heard()), seconds)


def is_listening(tab: Tab, user) -> None:
    """Returns once events reach the tab."""
    n = iter(range(1000))

    def reaches() -> bool:
        live.publish([user.pk], f"event-first-{next(n)}")
        return tab.heard() != []

    wait_for(reaches, pause=0.3)


def test_twelve_background_tabs_and_six_windows_share_one_connection(windows, server, alice, key, streams):
    paths = ["/sources/", "/downloads/", "/shares/", "/bin/", "/keys/", "/teams/"]
    front = windows.window(server.url + "/sources/")
    loaded([front])
    behind = [windows.background_tab(f"{server.url}{path}?tab={n}") for n in (1, 2) for path in paths]
    others = [windows.window(server.url + path) for path in paths[1:]]
    loaded([front, *behind, *others])
    assert {tab.js("document.hidden") for tab in behind} == {True}
    assert {tab.js("document.hidden") for tab in others} == {False}
    for tab in (front, *others, *behind):
        assert tab.js("fetch('/healthz').then(answer => answer.status)") == 200
    visible = [tab for tab in (front, *others) if not tab.js("document.hidden")]
    assert len(visible) >= 5
    for tab in visible:
        is_listening(tab, alice)
    live.publish([alice.pk], "event-1")
    all_hear(visible, "event-1")
    wait_for(lambda: streams(alice) == 1)


def test_a_tab_that_was_never_visible_opens_no_connection(windows, server, alice, streams):
    windows.window("about:blank")
    tab = windows.background_tab(server.url + "/sources/")
    loaded([tab])
    live.publish([alice.pk], "event-1")
    assert tab.js("fetch('/healthz').then(answer => answer.status)") == 200
    assert streams(alice) == 0
    tab.show()
    wait_for(lambda: streams(alice) == 1)
    all_hear([tab], "event-1")


def leave(tab: Tab) -> None:
    tab.close()


def crash(tab: Tab) -> None:
    tab.tell("Page.crash")


def hide(tab: Tab) -> None:
    tab.do("Page.navigate", url="about:blank")


@pytest.mark.parametrize("end", [leave, crash, hide])
def test_another_tab_takes_over_and_no_event_is_lost(windows, server, alice, streams, end):
    leader, *others = tabs = [windows.window(server.url + "/sources/") for _ in range(3)]
    for tab in tabs:
        loaded([tab])
        is_listening(tab, alice)
    live.publish([alice.pk], "event-1")
    end(leader)
    live.publish([alice.pk], "event-2")
    live.publish([alice.pk], "event-3")
    all_hear(others, "event-1", "event-2", "event-3")
    wait_for(lambda: streams(alice) == 1)


def test_a_frozen_tab_loses_the_lead_and_catches_up_later(windows, server, alice, streams):
    leader, *others = tabs = [windows.window(server.url + "/sources/") for _ in range(3)]
    for tab in tabs:
        loaded([tab])
        is_listening(tab, alice)
    leader.do("Debugger.enable")
    leader.tell("Runtime.evaluate", expression="debugger")
    live.publish([alice.pk], "event-1")
    all_hear(others, "event-1")
    leader.do("Debugger.disable")
    live.publish([alice.pk], "event-2")
    all_hear(others, "event-1", "event-2")
    # Two tabs may have taken the lead one after the other; the last one knows only what it heard itself.
    wait_for(lambda: {"event-1", "event-2"} <= set(leader.heard()) or leader.looks_again(), PATIENCE_S)
    wait_for(lambda: streams(alice) == 1)


def test_a_tab_that_was_behind_another_one_hears_from_the_leader_what_it_missed(windows, server, alice):
    leader, tab = (windows.window(server.url + "/sources/") for _ in range(2))
    for one in (leader, tab):
        loaded([one])
        is_listening(one, alice)
    windows.background_tab("about:blank").show()
    wait_for(lambda: tab.js("document.hidden"))
    live.publish([alice.pk], "event-1")
    all_hear([leader], "event-1")
    assert "event-1" not in tab.heard()
    tab.show()
    all_hear([tab], "event-1")
    assert not tab.looks_again()


def test_a_page_that_comes_back_hears_what_it_missed(windows, server, alice):
    tab, other = [windows.window(server.url + "/sources/") for _ in range(2)]
    for one in (tab, other):
        loaded([one])
        is_listening(one, alice)
    tab.do("Page.navigate", url=server.url + "/healthz")
    live.publish([alice.pk], "event-1")
    all_hear([other], "event-1")
    tab.tell("Runtime.evaluate", expression="history.back()")
    wait_for(lambda: tab.js("location.pathname") == "/sources/" and tab.is_loaded())
    live.publish([alice.pk], "event-2")
    all_hear([tab, other], "event-2")


def test_signing_out_in_one_window_ends_the_connection_of_all(windows, server, alice, streams):
    tabs = [windows.window(server.url + "/sources/") for _ in range(3)]
    for tab in tabs:
        loaded([tab])
        is_listening(tab, alice)
    tabs[1].js("document.querySelector('[action$=\"/logout/\"]').requestSubmit()")
    for tab in tabs:
        wait_for(lambda tab=tab: tab.js("location.pathname") == "/accounts/login/")
    wait_for(lambda: streams(alice) == 0)


def test_the_tabs_of_the_user_before_become_those_of_the_new_one(windows, server, alice, bob, streams):
    tabs = [windows.window(server.url + "/sources/") for _ in range(2)]
    for tab in tabs:
        loaded([tab])
        is_listening(tab, alice)
    windows.signs_in(server.url, session_of(bob))
    bobs = windows.window(server.url + "/sources/")
    for tab in (*tabs, bobs):
        wait_for(lambda tab=tab: bob.email in (tab.js("document.querySelector('.sidebar-user')?.title") or ""))
    wait_for(lambda: (streams(alice), streams(bob)) == (0, 1))
    live.publish([alice.pk], "event-1")
    live.publish([bob.pk], "event-2")
    all_hear([*tabs, bobs], "event-2")
    assert all("event-1" not in tab.heard() for tab in (*tabs, bobs))


def test_without_a_secure_context_six_windows_poll_and_hear_everything(windows, server, alice, streams):
    address = server.url.replace("localhost", NOT_SECURE)
    windows.signs_in(address, session_of(alice))
    tabs = [windows.window(address + "/sources/") for _ in range(6)]
    loaded(tabs)
    assert not any(tab.js("isSecureContext || 'locks' in navigator") for tab in tabs)
    live.publish([alice.pk], "event-1")
    all_hear(tabs, "event-1")
    live.publish([alice.pk], "event-2")
    all_hear(tabs, "event-2")
    for tab in tabs:
        assert tab.js("fetch('/healthz').then(answer => answer.status)") == 200
    wait_for(lambda: streams(alice) == 0)
