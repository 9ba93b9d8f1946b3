"""The eight things a newcomer does, against what `make run` starts, in a browser; and what is left behind."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from sandbox import DEMO_KEY
from tests.support import browser as support
from tests.support.browser import Witness
from tests.support.processes import free_port, wait_for
from tests.support.product import ROOT, Product

# One after the other, without xdist: each goes on where the one before it stopped.
pytestmark = [pytest.mark.system, pytest.mark.browser, pytest.mark.slow]

FILE = "Bücher & <b>mehr.csv"
CONTENT = ("id,titel,preis\n" + "".join(f"{n},Buch {n},{n * 1.5}\n" for n in range(1, 301))).encode()
# A busy machine is no failure.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
SIGNATURE = re.compile(rb"signature=[0-9a-f]{8}")


@pytest.fixture(scope="module")
def product(tmp_path_factory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def newcomer(product) -> Iterator[BrowserContext]:
    """A browser that keeps what it was sent (`texts`), and whose `witness` notes what may not happen."""
    path = support.executable()
    if path is None:
        pytest.skip("no Chromium")
    with sync_playwright() as playwright:
        browser = support.launch(playwright, path)
        context = browser.new_context(base_url=product.url, viewport=support.DESKTOP, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE_MS)
        context.witness = Witness(context, urlsplit(product.url).netloc, product.sandbox_host)
        context.witness.expects(404, 422)  # a page past the end, a refused key, another name
        context.texts = []
        context.on("response", lambda response: _keep(context.texts, response))
        yield context
        browser.close()


def _keep(texts: list[bytes], response) -> None:
    kind = response.headers.get("content-type", "")
    if kind.startswith(("text/", "application/j")) and "event-stream" not in kind and "/files/" not in response.url:
        with contextlib.suppress(Exception):  # a redirect has no body, an aborted request none either
            texts.append(response.body())


@pytest.fixture(scope="module")
def page(newcomer) -> Page:
    return newcomer.new_page()


def upload(product: Product) -> str:
    answer = requests.post(
        f"http://{product.sandbox_host}/api/v2/datasources/upload",
        files={"file": (FILE, CONTENT)},
        headers={"Authorization": f"Bearer {DEMO_KEY}"},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.json()["datasourceId"]


def test_the_start_says_one_line_with_the_address_and_the_demo_sign_in(product):
    lines = [line for line in product.output.splitlines() if "Claro Dashboard" in line]
    assert len(lines) == 1
    steps = ["Starting Redis", "Preparing the database and the static files", "Starting the web server and the workers"]
    assert [line for line in product.output.splitlines() if line in steps] == steps
    assert (product.email, bool(product.password)) == ("demo@example.com", True)
    wait_for(lambda: requests.get(f"{product.url}readyz", timeout=30).status_code == 200)


def test_the_doctor_finds_all_parts_well(product):
    def doctor() -> subprocess.CompletedProcess:
        command = [sys.executable, "manage.py", "doctor"]
        return subprocess.run(command, cwd=ROOT, env=product.environment, capture_output=True, text=True, check=False)

    done = wait_for(lambda: (done := doctor()).returncode == 0 and done)
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}
    assert "Started by `make run`" in done.stdout


def test_one_signs_up_and_is_led_to_add_a_key(page):
    page.goto("/")
    page.get_by_role("link", name="Sign up").first.click()
    page.fill("[name=email]", "new@example.com")
    page.fill("[name=password1]", "a-long-password-2026")
    page.fill("[name=password2]", "a-long-password-2026")
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("link", name="Add a key").click()
    page.fill("[name=label]", "Mine")
    page.fill("[name=secret]", "claro_wrong_0123456789")
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_text("Claro refuses this key")).to_be_visible()
    expect(page.locator("[name=label]")).to_have_value("Mine")
    page.fill("[name=secret]", DEMO_KEY)
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_role("heading", name="Data sources", exact=True)).to_be_visible()


def test_the_list_fills_by_itself_and_can_be_filtered(page):
    expect(page.get_by_role("link", name="products-autumn.csv", exact=True)).to_be_visible()
    expect(page.get_by_text("32 data sources, page 1 of 1").first).to_be_attached()
    page.reload()
    if os.environ.get("WRITE_SCREENSHOTS"):  # the picture of the README
        page.screenshot(path=ROOT / "docs/images/sources.png")
    page.get_by_label("Search by file name").fill("warehouse")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert "q=warehouse" in page.url
    page.goto("/sources/?status=failed")
    expect(page.get_by_role("link", name="empty-export.csv", exact=True)).to_be_visible()


def test_a_source_that_is_processed_changes_in_the_open_page(page, product):
    page.goto("/sources/?sort=uploaded&order=desc")
    upload(product)
    page.get_by_role("button", name="Refresh").click()
    row = page.get_by_role("row").filter(has_text=FILE)
    expect(row).to_contain_text("Processing")
    expect(row).to_contain_text("Completed")


def test_details_tell_what_claro_says_and_the_steps(page):
    page.get_by_role("row").filter(has_text=FILE).get_by_role("link", name=FILE, exact=True).click()
    expect(page.get_by_role("heading", name=FILE)).to_be_visible()
    expect(page.get_by_text(re.compile(r"^\d+ rows · \d+ columns · "))).to_be_visible()
    expect(page.locator(".steps-line li")).to_have_count(2)


def test_rows_of_a_million_are_paged_sorted_and_filtered(page):
    page.goto("/sources/?q=orders-2019")
    page.get_by_role("link", name="Rows of orders-2019-2025.csv").click()
    expect(page.get_by_text("Rows 1 to 50 of 1,000,000").first).to_be_visible()
    page.get_by_role("columnheader", name="quantity").get_by_role("link").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("quantity")
    page.click("#open-filter")
    page.fill("#filter", "country = 'JP' AND quantity > 11")
    page.press("#filter", "Enter")
    expect(page.get_by_text("that match").first).to_be_visible()
    page.goto(f"{page.url}&page=20&limit=1000")
    expect(page.get_by_text("There is no page 20")).to_be_visible()


def test_a_download_is_the_file_that_was_uploaded(page):
    page.goto("/sources/?q=mehr")
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {FILE}").click()
    assert download.value.path().read_bytes() == CONTENT
    page.goto("/downloads/")
    expect(page.get_by_role("link", name=FILE, exact=True)).to_be_visible()
    expect(page.get_by_text("Expires in").first).to_be_visible()


def test_a_delete_asks_for_the_name_and_can_be_undone_until_it_is_done(page):
    page.goto("/sources/?q=mehr")
    page.get_by_role("link", name=f"Delete {FILE}").click()
    page.get_by_label("File name").fill("another.csv")
    page.get_by_role("button", name="Move to bin").click()
    expect(page.get_by_text("The name doesn't match")).to_be_visible()
    page.get_by_label("File name").fill(FILE)
    page.get_by_role("button", name="Move to bin").click()
    expect(page.locator("#bin")).to_contain_text(f"{FILE} will be deleted in")
    page.goto("/sources/?q=mehr")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name=f"Undo: {FILE}").click()
    expect(page.get_by_role("link", name=f"Delete {FILE}")).to_be_visible()
    page.get_by_role("link", name=f"Delete {FILE}").click()
    page.get_by_label("File name").fill(FILE)
    page.get_by_role("button", name="Delete permanently").click()
    # Till a worker has done it: the bar goes by itself.
    expect(page.locator("#bin")).not_to_contain_text(FILE)
    page.goto("/sources/?q=mehr")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.goto("/bin/")
    expect(page.get_by_text("The bin is empty")).to_be_visible()


def test_nothing_that_is_left_holds_a_key_or_a_signature(product, newcomer):
    stored = {
        str(path.relative_to(product.folder)): path.read_bytes()
        for path in product.folder.rglob("*")
        if path.is_file() and path.relative_to(product.folder).parts[0] != "sandbox"
    }
    assert "db.sqlite3" in stored
    assert any("aof" in name for name in stored)
    assert newcomer.texts
    everything = {**stored, "output": product.output.encode(), "pages": b"".join(newcomer.texts)}
    for name, content in everything.items():
        assert DEMO_KEY.encode() not in content, name
        assert not SIGNATURE.search(content), name


def test_nothing_that_is_left_is_readable_by_other_users_of_the_machine(product):
    left = [path for path in product.folder.rglob("*") if "static" not in path.parts]
    assert {"db.sqlite3", "secrets.env", "appendonly.aof"} <= {path.name for path in left}
    assert [path for path in left if path.lstat().st_mode & 0o077] == []


def test_nothing_went_wrong_in_the_browser(newcomer):
    assert not newcomer.witness.complaints()


def test_ctrl_c_ends_every_process_and_a_second_start_has_all(product, newcomer):
    assert len(product.processes()) >= 6
    assert product.interrupt() in (0, 130)
    wait_for(lambda: not product.processes())
    product.stop()
    product.start()
    page = newcomer.new_page()
    page.goto("/sources/?q=warehouse-brno")
    page.get_by_role("link", name="Rows of warehouse-brno.csv").click()
    expect(page.get_by_text("Rows 1 to 50 of 2,050").first).to_be_visible()


def test_a_port_in_use_is_told(product, tmp_path):
    second = Product(tmp_path, PORT=product.environment["PORT"])
    code, output = second.start_in_vain()
    assert code == 1
    assert f"Port {product.environment['PORT']} is in use" in output
    assert not second.processes()


def test_it_runs_once_in_a_folder(product):
    code, output = Product(product.folder).start_in_vain()
    assert code == 1
    assert "lready running" in output


def test_what_is_configured_is_not_brought_along(tmp_path, redis_server):
    """With an API, a Redis and a database of one's own: no sandbox, no demo person, no other Redis or database."""
    folder, elsewhere = tmp_path / "var", tmp_path / "elsewhere.sqlite3"
    folder.mkdir()
    own = {"CLARO_API_BASE_URL": f"http://127.0.0.1:{free_port()}/api/v2", "REDIS_URL": redis_server.url}
    product = Product(folder, DATABASE_URL=f"sqlite:///{elsewhere}", **own).start()
    try:
        assert product.email is None
        assert not any(name in command for command in product.processes() for name in ("sandbox", "redis-server"))
        assert not {"sandbox", "redis", "db.sqlite3"} & {path.name for path in folder.iterdir()}
        assert elsewhere.exists()
    finally:
        product.stop()
