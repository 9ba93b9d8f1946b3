"""The ten tasks of docs/guide.md, done as it says, each with its picture."""

import pytest
from playwright.sync_api import Page, expect

from accounts import teams
from core import leases
from datasources.copies.compare import jobs, work
from datasources.models import Comparison, Source
from tests.conftest import synced
from tests.support.copies import copied
from tests.support.pictures import picture
from tests.support.uploads import ROWS

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WINDOW = {"width": 1160, "height": 720}
AUTUMN, SUMMER, FAILED = "products-autumn-2026.csv", "products-summer-2026.csv", "suppliers.csv"
COLUMNS = ["id", "name", "brand", "price", "stock"]
BRANDS, THINGS = ("Acme", "Dunlin", "Heron", "Kestrel"), ("Lamp", "Chair", "Desk", "Shelf", "Clock")


def products(change: int) -> list[list[object]]:
    """240 of them; the price of each twelfth differs by `change`."""

    def price(n: int) -> int:
        return 20 + n * 37 % 900 + (0 if n % 12 else change)

    return [[n, f"{THINGS[n % 5]} {n}", BRANDS[n * n // 3 % 4], price(n), n * 13 % 50] for n in range(1, 241)]


def csv(rows: list[list[object]]) -> str:
    return "\n".join(",".join(map(str, row)) for row in [COLUMNS, *rows])


@pytest.fixture
def files(account, key) -> dict[str, Source]:
    """By their names; the two tables of products have whole-table copies."""
    account.upload(SUMMER, csv(products(0)[:-8]))
    account.upload(AUTUMN, csv(products(25)))
    others = ["orders.csv", "returns.csv", "price-list.json", "catalogue.pdf", "assortment.tsv"]
    account.add_many([{"fileName": name, "fileSize": 7919 * n, "age": 86_400 * n} for n, name in enumerate(others, 1)])
    account.add(fileName=FAILED, status="failed", error="The file has no header row.", age=1200)
    found = {source.file_name: source for source in synced(key)}
    copied(found[SUMMER], COLUMNS, products(0)[:-8])
    copied(found[AUTUMN], COLUMNS, products(25))
    return found


@pytest.fixture
def page(people, alice) -> Page:
    return people(alice, viewport=WINDOW).new_page()


def rows(source: Source) -> str:
    return f"/sources/{source.datasource_id}/rows/"


def test_1_add_your_key(page, account):
    page.goto("/")
    page.get_by_role("link", name="Add a key").first.click()
    page.locator("[name=label]").fill("Products")
    page.locator("[name=secret]").fill("claro_live_0123456789")
    picture(page, "guide-key")
    page.locator("[name=secret]").fill(account.key)
    page.get_by_role("button", name="Check and add").click()
    expect(page.get_by_role("heading", name="Data sources", exact=True)).to_be_visible()


def test_2_find_a_file(page, files):
    page.goto("/sources/")
    page.get_by_role("searchbox").fill("autumn products")
    expect(page.get_by_role("link", name=AUTUMN, exact=True)).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    picture(page, "guide-find")


def test_3_upload_files(page, files, tmp_path):
    paths = [tmp_path / "deliveries.csv", tmp_path / "notes.csv"]
    for path, content in zip(paths, (ROWS, b"id\n1\n"), strict=True):
        path.write_bytes(content)
    page.goto("/sources/")
    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_label("Files", exact=True).set_input_files(paths)
    lines = page.locator("[data-uploads] [data-lines] > li")
    expect(lines.filter(has_text="deliveries.csv")).to_contain_text("Stored.")
    expect(lines.filter(has_text="notes.csv")).to_contain_text("Not uploaded.")
    picture(page, "guide-upload")


def test_4_correct_a_failed_file(page, files):
    page.goto("/sources/?status=failed")
    expect(page.get_by_text("The file has no header row.")).to_be_visible()
    page.get_by_role("link", name="Upload a corrected file").click()
    expect(page.get_by_role("main")).to_contain_text("The file has no header row.")
    picture(page, "guide-correct")


def test_5_filter_and_sort_a_table(page, files):
    page.goto(rows(files[AUTUMN]))
    page.get_by_role("button", name="Menu of brand").click()
    page.locator("#column-menu").get_by_role("link", name="Only Acme").click()
    expect(page.locator(".rows-status .chip")).to_have_count(1)
    page.locator("#sort-4").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("price")
    picture(page, "guide-table")


def test_6_download_several_files(page, files):
    page.goto("/sources/")
    for name in (AUTUMN, SUMMER):
        page.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_role("button", name="Download 2 files").click()
    expect(page.get_by_text("2 links have to be created.")).to_be_visible()
    picture(page, "guide-download")


def test_7_compare_two_files(page, files, alice):
    jobs.ask(*(files[name].copies.get() for name in (SUMMER, AUTUMN)), ["id"], alice)
    for pk, lease in leases.claim_due(Comparison):
        work.run(pk, lease)
    page.goto(f"/sources/{files[AUTUMN].datasource_id}/compare/?with={files[SUMMER].datasource_id}")
    expect(page.get_by_role("main")).to_contain_text("changed")
    expect(page.locator("#differences")).to_be_visible()
    picture(page, "guide-compare")


def test_8_export_rows_to_excel(page, files):
    page.goto(f"{rows(files[AUTUMN])}?filter=brand+%3D+%27Acme%27")
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_label("Excel", exact=True).check()
    expect(page.get_by_role("button", name="Export")).to_be_visible()
    picture(page, "guide-export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename.endswith(".xlsx")


def test_9_send_a_file_to_a_person_without_an_account(page, files):
    page.goto(f"/sources/{files[AUTUMN].datasource_id}/")
    page.get_by_role("link", name="Share", exact=True).click()
    page.get_by_label("Note").fill("Prices of this autumn, for your catalogue.")
    picture(page, "guide-share")
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()


def test_10_invite_colleagues(page, alice, files):
    team = teams.create("Catalogue", alice)
    page.goto(f"/teams/{team.pk}/")
    page.get_by_label("E-mail addresses").fill("carol@example.com, dora@example.com")
    picture(page, "guide-team")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("carol@example.com")
