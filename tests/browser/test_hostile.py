"""Nothing that comes from the API becomes part of a page: it has the elements of a page about harmless things."""

import json
import re
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from datasources import keys
from datasources.models import ApiKey
from tests.conftest import synced
from tests.support.rows_page import open_panel
from tests.support.sandbox import Account

pytestmark = pytest.mark.browser

NAMES = (
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><script>document.title='owned'</script>",
    "' autofocus onfocus=alert(1) x='",
    "</title><svg onload=alert(1)>",
    "--><iframe srcdoc='<script>alert(1)</script>'>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% now 'Y' %}${alert(1)}",
    "</script><base href=//evil.example>",
    "</table><form action=//evil.example><button>",
    "<div hx-get=/accounts/logout/ hx-trigger=load>",
    "&lt;b&gt; &amp;#x3c;script&gt;",
    "\u202egnp.evil\u202c \u200b\x00\x1b[31m",
    "💥" * 300,
)
# What the browser made of the page: each kind of element with the names of its attributes, without htmx's own.
SKELETON = """() => [...document.querySelectorAll("*")].map((element) => {
  const names = element.getAttributeNames().filter((name) => !["class", "data-htmx-powered"].includes(name)).sort();
  return `${element.localName}[${names}]`;
})"""
ADDRESSES = """() => [...document.querySelectorAll("[href], [src], [action], [formaction]")].flatMap((element) =>
  ["href", "src", "action", "formaction"].map((name) => element.getAttribute(name)).filter((value) => value))"""


@pytest.mark.slow
def test_pages_about_hostile_sources_have_no_other_elements(people, sandbox, alice, bob):
    plain = visit(people(alice).new_page(), sandbox.account(), alice, harmless)
    hostile = visit(people(bob).new_page(), sandbox.account(), bob, lambda text: text)
    assert hostile <= plain, hostile - plain


def harmless(text: str) -> str:
    """As long, but only letters, figures and dashes."""
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in text)


def visit(page: Page, account: Account, user: User, word: Callable[[str], str]) -> set[str]:
    """The kinds of elements on all pages about sources whose every text went through `word`."""
    page.context.witness.expects(422)
    account.upload(f"{word(NAMES[0])}.jsonl", table(word))
    account.add_many([{"fileName": word(name), "contentType": word(name), "age": 100} for name in NAMES])
    account.add_many(
        [
            {"fileName": word(NAMES[1]), "status": "failed", "error": word(NAMES[3]), "age": 200},
            {"fileName": word(NAMES[2]), "status": word(NAMES[4])[:50], "age": 300},
            {"fileName": word(NAMES[3]), "extra": extra(word), "age": 400},
        ]
    )
    *_, failed, odd, full = sources = synced(keys.add(user, word(NAMES[0]), account.key, ApiKey.State.VALID))
    found: set[str] = set()

    def look(path: str = "") -> None:
        if path:
            page.goto(path)
            expect(page.locator("[hx-get*='first-rows']")).to_have_count(0)
        found.update(elements(page))

    look("/sources/?limit=100")
    expect(page.locator("tbody tr")).to_have_count(len(NAMES) + 4)
    page.locator("#q").fill(word(NAMES[1]))
    expect(page).to_have_url(re.compile("q="))
    expect(page.locator("#q")).to_be_focused()
    look()
    for source in (failed, odd, full):
        look(f"/sources/{source.datasource_id}/")
    look(f"/sources/{full.datasource_id}/delete/")
    look("/keys/")
    look("/downloads/")
    rows = f"/sources/{sources[0].datasource_id}/rows/"
    look(f"{rows}?{urlencode({'filter': word(NAMES[0]) + ' >', 'sort': word(NAMES[1])})}")
    look(rows)
    for number in range(1, len(NAMES) + 1, 3):
        page.locator(f"#sort-{number}").click()
        expect(page.locator(f"th:has(#sort-{number})")).to_have_attribute("aria-sort", "ascending")
        look()
    open_panel(page, "filter")
    page.locator("#filter-columns button").nth(1).click()
    page.locator("#filter-panel").get_by_label("Value").fill(word(NAMES[0]))
    page.locator("#filter-panel").get_by_label("Value").press("Enter")
    expect(page.locator("#chip-filter")).to_be_visible()
    look()
    page.locator("#chip-filter .chip-x").click()
    expect(page.locator("#chip-filter")).to_have_count(0)
    for number in (1, 2, 5, -1):
        page.locator(".cell-more").nth(number).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        look()
        page.keyboard.press("Escape")
    return found


def table(word: Callable[[str], str]) -> str:
    """JSON lines with the names as columns, and cells that are short, long, nested and of other kinds."""
    lines = [
        [word(name) for name in NAMES],
        [f"{word(name)}\n" * 9 for name in NAMES],
        [{word(name): [word(name)] * 20} for name in NAMES],
        [None, "", 1, True, 1.5, *["https://example.com/?q=" + quote(word(name)) for name in NAMES[5:]]],
    ]
    columns = [word(name) for name in NAMES]
    return "\n".join(json.dumps(dict(zip(columns, line, strict=True))) for line in lines)


def extra(word: Callable[[str], str]) -> dict[str, object]:
    """Fields that nobody knows."""
    return {word(name): word(name) for name in NAMES} | {"nested": {word(name): [word(name)] for name in NAMES}}


def elements(page: Page) -> set[str]:
    """The kinds of elements; nothing has run, and no address is of a kind that runs."""
    assert page.title().endswith(" · Claro Dashboard")
    for address in page.evaluate(ADDRESSES):
        # A row's own page is a number below that of the table.
        assert re.match(r"/|\?|#|https?://|\d+/(\?|$)", address), address
    assert not page.evaluate("[...document.scripts].filter(one => one.text || !one.src).length")
    return set(page.evaluate(SKELETON))
