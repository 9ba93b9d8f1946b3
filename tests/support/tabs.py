"""Real tabs and windows: a page behind another one is hidden. Playwright calls all pages of its own visible.

Targets of the browser's default context are not Playwright's: its connection only carries the DevTools protocol.
"""

import json
from types import TracebackType

from playwright.sync_api import BrowserType

from tests.support.processes import wait_for

# A name of the server that is no secure context over http: browsers offer no locks there.
NOT_SECURE = "dashboard.test"

# Notes what a page hears, from the first moment on: events are dispatched on its body.
LISTEN = """
window.heard = [];
const dispatch = EventTarget.prototype.dispatchEvent;
EventTarget.prototype.dispatchEvent = function (event) {
  if (event.type.startsWith("event-") || event.type === "reconnected") window.heard.push(event.type);
  return dispatch.call(this, event);
};
"""


class Tab:
    def __init__(self, windows: "Windows", target: str):
        self._windows, self.target = windows, target
        self._session = windows.send("Target.attachToTarget", targetId=target, flatten=False)["sessionId"]

    def do(self, method: str, **params: object) -> dict:
        """The answer to a command."""
        number = self.tell(method, **params)
        return wait_for(lambda: self._windows.answer(self._session, number), 60, pause=0.01)

    def tell(self, method: str, **params: object) -> int:
        """Sends a command that a page in this state may not answer."""
        return self._windows.send_to(self._session, method, params)

    def js(self, expression: str) -> object:
        answer = self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "result" in answer, answer
        return answer["result"]["result"].get("value")

    def goes_to(self, url: str) -> None:
        self.do("Page.enable")
        self.do("Page.addScriptToEvaluateOnNewDocument", source=LISTEN)
        self.do("Page.navigate", url=url)

    def is_loaded(self) -> bool:
        return bool(self.js("document.readyState === 'complete' && !!document.querySelector('[data-live-user]')"))

    def heard(self) -> list[str]:
        """The events for which the tests publish names, in the order in which the page got them."""
        return [name for name in self.js("window.heard") or [] if name.startswith("event-")]

    def looks_again(self) -> bool:
        """Whether the page was told to reload all its parts, as the leader does not know all that it missed."""
        return "reconnected" in (self.js("window.heard") or [])

    def show(self) -> None:
        self._windows.send("Target.activateTarget", targetId=self.target)

    def close(self) -> None:
        self._windows.send("Target.closeTarget", targetId=self.target)


class Windows:
    """A browser of its own, with no page but those that a test opens."""

    def __init__(self, launcher: BrowserType, path: str):
        options = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"]
        options.append(f"--host-resolver-rules=MAP {NOT_SECURE} 127.0.0.1")
        self._browser = launcher.launch(executable_path=path, args=options)
        self._session = self._browser.new_browser_cdp_session()
        self._session.on("Target.receivedMessageFromTarget", self._receive)
        self._answers: dict[tuple[str, int], dict] = {}
        self._last = 0

    def signs_in(self, url: str, session: str) -> None:
        self.send("Storage.setCookies", cookies=[{"name": "sessionid", "value": session, "url": url}])

    def window(self, url: str) -> Tab:
        """A window of its own: visible, whatever else is open."""
        return self._open(url, newWindow=True)

    def background_tab(self, url: str) -> Tab:
        """A tab as a middle click opens it: never visible so far."""
        return self._open(url, background=True)

    def send(self, method: str, **params: object) -> dict:
        return self._session.send(method, params)

    def send_to(self, session: str, method: str, params: dict) -> int:
        self._last += 1
        message = json.dumps({"id": self._last, "method": method, "params": params})
        self.send("Target.sendMessageToTarget", sessionId=session, message=message)
        return self._last

    def answer(self, session: str, number: int) -> dict | None:
        self.send("Browser.getVersion")  # lets Playwright hand over what has arrived
        return self._answers.pop((session, number), None)

    def _open(self, url: str, **how: bool) -> Tab:
        tab = Tab(self, self.send("Target.createTarget", url="about:blank", **how)["targetId"])
        tab.goes_to(url)
        return tab

    def _receive(self, event: dict) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[event["sessionId"], message["id"]] = message

    def __enter__(self) -> "Windows":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._browser.close()
