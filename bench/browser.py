"""1,000 rows × 60 columns in Chromium: when the first row shows after the answer, and long tasks while scrolling."""

import sys
from collections.abc import Iterator
from statistics import median

from playwright.sync_api import Page, sync_playwright

from bench import stock
from bench.timing import Figure
from bench.world import World
from tests.support import browser as support

ROWS, COLUMNS = 1000, 60
ROUNDS = 5
FIRST_ROW_MS, LONG_TASK_MS = 150, 50
# The first frame after a row is there, by the page's own clock.
WATCH = """
  window.firstRow = new Promise((done) => {
    const look = () => document.querySelector("#row-1")
      ? requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))) : requestAnimationFrame(look);
    look();
  });
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask", buffered: true });
"""
ANSWERED = "performance.getEntriesByType('navigation')[0].responseEnd"
LONGEST = "Math.max(0, ...window.longTasks)"
# All parts of the table are there (row-parts.js).
WHOLE = ".rows tbody.is-shown:last-of-type"


def figures(world: World) -> Iterator[Figure]:
    account, reader = world.sandbox.account(), stock.person()
    lines = "\n".join(",".join(f"value {row} {column}" for column in range(COLUMNS)) for row in range(ROWS))
    header = ",".join(f"column_{n}" for n in range(COLUMNS))
    datasource_id = stock.uploaded(account, stock.key(account, reader), f"{header}\n{lines}\n").datasource_id
    cookie = world.browser(reader).cookie.partition("=")[2]
    host = f"http://127.0.0.1:{world.web_port}"
    with sync_playwright() as playwright:
        chromium = support.launch(playwright, support.executable() or sys.exit("no Chromium"))
        context = chromium.new_context(base_url=host, viewport=support.DESKTOP)
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": host}])
        page = context.new_page()
        page.add_init_script(WATCH)
        path = f"/sources/{datasource_id}/rows/?limit={ROWS}"
        shown, scrolled, pressed = [], [], []
        for number in range(-1, ROUNDS):
            page.goto(path)
            first = page.evaluate("window.firstRow")
            later = first - page.evaluate(ANSWERED)
            page.wait_for_load_state("load")
            page.wait_for_selector(WHOLE)
            page.wait_for_timeout(500)
            longest = _scrolled(page)
            keys = _keys(page)
            if number >= 0:
                shown.append(later)
                scrolled.append(longest)
                pressed.append(keys)
        chromium.close()
    size = f"{ROWS:,} × {COLUMNS}"
    yield _figure(f"first row after the answer, {size}", shown, FIRST_ROW_MS)
    yield _figure(f"longest task while scrolling, {size}", scrolled, LONG_TASK_MS)
    yield _figure(f"longest task while moving by keys, {size}", pressed, LONG_TASK_MS)


def _scrolled(page: Page) -> float:
    page.evaluate("() => { window.longTasks.length = 0; }")
    page.mouse.move(700, 500)
    for step in range(100):
        page.mouse.wheel(0 if step % 5 else 200, 120)
        page.wait_for_timeout(16)
    page.wait_for_timeout(300)
    return page.evaluate(LONGEST)


def _keys(page: Page) -> float:
    page.evaluate("document.querySelector('.rows [tabindex]').focus()")
    page.evaluate("() => { window.longTasks.length = 0; }")
    for key in ["ArrowDown"] * 20 + ["ArrowRight"] * 20 + ["PageDown"] * 5:
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    return page.evaluate(LONGEST)


def _figure(what: str, taken: list[float], limit: int) -> Figure:
    return Figure(what, f"{median(taken):.0f} ms", f"limit, {limit} ms", f"{median(taken) / limit:.1f}×")
