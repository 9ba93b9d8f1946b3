"""Exports in a browser: the file starts by itself, in every format, and is what the page of rows shows."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pytest
from playwright.sync_api import Download, Page, expect

from datasources import access
from datasources.copies import jobs
from datasources.models import Export, TableCopy
from tests.support.copies import copied

pytestmark = pytest.mark.browser
COLUMNS = ["id", "name", "price"]
ROWS = [[n, f"thing {n}, é", n * 1.5] for n in range(1, 121)]
SHOWN = [[f"thing {n}, é", n * 1.5] for n in range(120, 100, -1)]
QUERY = "?filter=id > 100&sort=id&order=desc&column=name&column=price"


@pytest.fixture
def copy(table) -> TableCopy:
    return copied(table, COLUMNS, ROWS)


def _separated(separator: str, encoding: str = "utf-8") -> Callable[[Path], list]:
    def read(path: Path) -> list:
        with path.open(encoding=encoding, newline="") as file:
            head, *rows = csv.reader(file, delimiter=separator)
        return [head, *([name, float(price)] for name, price in rows)]

    return read


def _objects(rows: list[dict]) -> list:
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def _excel(path: Path) -> list:
    return [list(row) for row in openpyxl.load_workbook(path, read_only=True).active.values]


def _parquet(path: Path) -> list:
    with duckdb.connect() as database:
        found = database.execute("SELECT * FROM read_parquet(?)", [str(path)])
        return [[column[0] for column in found.description], *map(list, found.fetchall())]


READERS: dict[str, Callable[[Path], list]] = {
    "CSV": _separated(","),
    "CSV for Excel": _separated(",", "utf-8-sig"),
    "TSV": _separated("\t"),
    "JSON": lambda path: _objects(json.loads(path.read_text())),
    "JSON Lines": lambda path: _objects([json.loads(line) for line in path.read_text().splitlines()]),
    "Excel": _excel,
    "Parquet": _parquet,
}


def saved(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_a_file_of_each_format_is_what_is_shown(page: Page, table, copy, tmp_path, name):
    page.goto(f"/sources/{table.datasource_id}/rows/{QUERY}")
    page.get_by_role("link", name="Export", exact=True).click()
    page.get_by_label(name, exact=True).check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    path = saved(download.value, tmp_path)
    assert path.stem == "things"
    assert READERS[name](path) == [["name", "price"], *SHOWN]
    expect(page.get_by_text("Complete. 20 rows")).to_be_visible()
    assert path.stat().st_size == Export.objects.get().bytes_written


def test_the_file_starts_when_the_copy_is_complete(page: Page, table, tmp_path):
    page.goto(f"/sources/{table.datasource_id}/rows/export/")
    page.get_by_label("CSV", exact=True).check()
    page.get_by_role("button", name="Copy and export").click()
    expect(page.get_by_text("The file starts automatically")).to_be_visible()
    TableCopy.objects.all().delete()
    copied(table, COLUMNS, ROWS)
    with page.expect_download() as download:
        access.publish(table.key, jobs.event_name(table))
    assert len(saved(download.value, tmp_path).read_text().splitlines()) == 121
    expect(page.get_by_text("Complete. 120 rows")).to_be_visible()


def test_the_options_are_those_of_the_format(page: Page, table, copy):
    page.goto(f"/sources/{table.datasource_id}/rows/export/")
    expect(page.get_by_label("Separator")).to_be_visible()
    page.get_by_label("JSON", exact=True).check()
    expect(page.get_by_label("Separator")).to_be_hidden()
    expect(page.get_by_text("120 rows, 3 columns")).to_be_visible()


@pytest.mark.slow
def test_without_scripts_the_file_starts_too(people, alice, table, copy, tmp_path):
    page = people(alice, java_script_enabled=False).new_page()
    page.goto(f"/sources/{table.datasource_id}/rows/export/{QUERY}")
    page.get_by_label("CSV", exact=True).check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert READERS["CSV"](saved(download.value, tmp_path)) == [["name", "price"], *SHOWN]
    page.reload()
    expect(page.get_by_text("Complete. 20 rows")).to_be_visible()
