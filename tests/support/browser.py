"""The system's Chromium, what to say where there is none, and a witness of what goes wrong in it."""

import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Playwright,
    Request,
    Route,
    WebError,
)

from tests.support.processes import wait_for

# The headless shell is Chromium without its own windows: the same pages for half of the processor time. Playwright
# prefers it too (https://playwright.dev/python/docs/browsers#chromium-headless-shell).
PACKAGES = ("chromium-headless-shell", "chromium")
# With windows and tabs, of which only those in front are visible. The headless shell calls every page visible.
WITH_TABS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NAMES = ("chromium-headless-shell", *WITH_TABS)
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
# axe's rules about colours (https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md).
COLOUR_RULES = ("color-contrast", "link-in-text-block")
AXE = Path(__file__).resolve().parents[1] / "vendor/axe-core/axe.min.js"
# Windows by their width. `make test-widths` runs the tests marked `any_window` in each of them, light and dark.
WINDOWS = {
    width: {"width": width, "height": height} for width, height in ((1440, 900), (768, 1024), (390, 844), (320, 640))
}
DESKTOP, PHONE = WINDOWS[1440], WINDOWS[390]
THEMES = ("light", "dark")
PROBE = "/healthz"
OUTLINE = "element => getComputedStyle(element).outlineStyle + getComputedStyle(element).boxShadow"
LABEL = """element => (element.getAttribute("aria-labelledby") ?? "").split(" ")
    .map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim()"""
# Told before any script of the page runs, so that no violation is too early to be seen.
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`securitypolicyviolation: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def window(test: str, least: int) -> dict[str, object]:
    """The options of a browser for a test that holds in every window, or in each that is so wide at least.

    `BROWSER_WIDTH` and `BROWSER_THEME` choose; without them the name of the test does, so that the gate meets all.
    """
    chosen = zlib.crc32(test.encode()) % (len(WINDOWS) * len(THEMES))
    width = int(os.environ.get("BROWSER_WIDTH") or [*WINDOWS][chosen // len(THEMES)])
    theme = os.environ.get("BROWSER_THEME") or THEMES[chosen % len(THEMES)]
    return {"viewport": WINDOWS[max(width, least)], "color_scheme": theme}


def executable(names: Sequence[str] = NAMES) -> str | None:
    """Its path; on Debian as root it is installed. None, with a word, elsewhere; with `CI` set that is an error."""
    found = _found(names)
    if not found and shutil.which("apt-get") and os.getuid() == 0:
        print("Installing Chromium", flush=True)  # noqa: T201
        subprocess.run(["apt-get", "update", "-qq"], check=False, stdout=subprocess.DEVNULL)
        for package in PACKAGES:
            if package in names and (found := _install(package, names)):
                break
    if not found:
        words = "No Chromium found: the browser tests can't run. Install chromium or Google Chrome."
        if os.environ.get("CI"):
            sys.exit(words)
        print(words, flush=True)  # noqa: T201
    return found


def _install(package: str, names: Sequence[str]) -> str | None:
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package, "fonts-dejavu-core"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return _found(names)


def _found(names: Sequence[str]) -> str | None:
    if (asked := os.environ.get("CHROMIUM")) and Path(asked).name not in set(NAMES) - set(names):
        return asked
    return next((path for name in names if (path := shutil.which(name))), str(MAC) if MAC.exists() else None)


def launch(playwright: Playwright, path: str) -> Browser:
    # Chromium's sandbox needs rights that root in a container lacks; /dev/shm is small there.
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])


class Witness:
    """Notes what may not happen while somebody looks at pages; a test says what it expects all the same.

    Errors and warnings of the console (violations of the Content-Security-Policy among them), errors of scripts,
    dialogs of the browser, and requests to any host but those named (the first is the dashboard).
    """

    def __init__(self, context: BrowserContext, *hosts: str):
        self.host, self._hosts = hosts[0], hosts
        self.forget()
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._script_error)
        context.on("dialog", self._dialog)
        context.on("request", self._request)

    def forget(self) -> None:
        """Begins anew, for another test in the same browser."""
        # What a later request replaced was aborted on purpose.
        self._expected = ["AbortError"]
        self._seen: list[str] = []

    def expects(self, *what: int | str) -> None:
        """Allows answers with a status (an int; htmx tells of some in its own words), or words of the console."""
        for one in what:
            self._expected += [f"status of {one}", f"with status {one}"] if isinstance(one, int) else [one]

    def complaints(self) -> list[str]:
        return [text for text in self._seen if not any(words in text for words in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._seen.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _script_error(self, error: WebError) -> None:
        self._seen.append(f"script: {error.error}")

    def _dialog(self, dialog: Dialog) -> None:
        self._seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._hosts:
            self._seen.append(f"request to another host: {request.url}")


def intercept(page: Page, url: str | re.Pattern[str], handler: Callable[[Route], object]) -> None:
    """`page.route` for a page that is there already: from now on it applies to every request.

    Chromium says so before the page does: its next request, as from a key pressed at once, may still go past.
    """
    page.route(url, handler)
    page.route(f"**{PROBE}", lambda route: route.fulfill(status=204))
    wait_for(lambda: page.evaluate("url => fetch(url).then(({ status }) => status === 204)", PROBE))
    page.unroute(f"**{PROBE}")


def violations(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds wrong with the page as it is now; axe goes round the page's policy, which stays on.

    `rules` are the ids of axe's rules; without them all run that axe runs by default.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text())
    # What passes need not be described: that takes longer than finding it.
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = page.evaluate("options => axe.run(options).then(result => result.violations)", options)
    return [f"{one['id']}: {node['html'][:200]} {node['failureSummary']}" for one in found for node in one["nodes"]]


def open_menu(page: Page) -> None:
    """The main menu, which is closed on phones and stands open elsewhere."""
    button = page.get_by_role("button", name="Menu", exact=True)
    if button.is_visible():
        button.click()


def tab_to(page: Page, name: str, most: int = 60) -> list[str]:
    """Presses Tab until the element of this name has the focus; the names on the way, each seen to have it."""
    names: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        one = page.locator(":focus")
        names.append(one.get_attribute("aria-label") or one.evaluate(LABEL) or one.inner_text())
        assert one.bounding_box(), names
        assert one.evaluate(OUTLINE) != "nonenone", f"the focus can't be seen: {names}"
        if names[-1] == name:
            return names
    raise AssertionError(f"no {name!r} among {names}")
