"""Real files, as their README describes them: counts, values, filters, and the same bytes back."""

import uuid
from pathlib import Path

import pytest
import requests

from tests.sandbox.calls import Calls, good

# Rows, columns, content type; GeoJSON by its features, PDF and text by their lines.
TABLES = {
    "products-shopify-fashion.csv": (5024, 44, "text/csv"),
    "flights-200k-rows.csv": (200_000, 3, "text/csv"),
    "zipcodes-leading-zeros.csv": (42_049, 6, "text/csv"),
    "country-codes-multilingual.csv": (249, 56, "text/csv"),
    "nutrition-1093-columns.csv": (54, 1093, "text/csv"),
    "bikes-semicolon-latin1.csv": (310, 10, "text/csv"),
    "cabinet-turnover-bom-crlf.csv": (379, 10, "text/csv"),
    "starwars-survey-two-headers.csv": (1187, 38, "text/csv"),
    "polls-raw.tsv": (6614, 24, "text/tab-separated-values"),
    "pollster-answers-cr-line-ends.tsv": (17, 68, "text/tab-separated-values"),
    "movies-mixed-types.json": (3201, 16, "application/json"),
    "earthquakes-geojson.json": (1707, 4, "application/json"),
    "math-solutions-nested.jsonl": (1319, 6, "application/x-ndjson"),
    "survey-codebook.pdf": (717, 3, "application/pdf"),
    "speech-hawaii.txt": (228, 2, "text/plain"),
}
LOCKED = "password-protected.pdf"
FLIGHTS, PRODUCTS, ZIPS = "flights-200k-rows.csv", "products-shopify-fashion.csv", "zipcodes-leading-zeros.csv"
COUNTRIES, POLLS, MOVIES = "country-codes-multilingual.csv", "polls-raw.tsv", "movies-mixed-types.json"
QUAKES, MATHS = "earthquakes-geojson.json", "math-solutions-nested.jsonl"


class Uploaded(Calls):
    """Calls to an account that has all the files; a file is meant by its name."""

    ids: dict[str, uuid.UUID]

    def rows(self, name: str, **query) -> dict:
        return super().rows(self.ids[name], **query)

    def whole(self, name: str, column: str) -> list:
        """A column of the whole table, page by page."""
        pages = -(-TABLES[name][0] // 1000)
        return [value for page in range(1, pages + 1) for value in self.column(name, column, page=page, limit=1000)]


@pytest.fixture(scope="module")
def files(the_sandbox, shared_data) -> Uploaded:
    account = the_sandbox.account(1_000_000)
    uploaded = Uploaded(the_sandbox.base_url, account.key)
    uploaded.ids = {name: account.upload(name, (shared_data / name).read_bytes()) for name in [*TABLES, LOCKED]}
    failed = {name: found["error"] for name in TABLES if (found := uploaded.details(uploaded.ids[name])).get("error")}
    assert not failed
    return uploaded


def test_every_file_of_the_folder_is_here(shared_data: Path):
    assert {path.name for path in shared_data.iterdir()} - {"README.md"} == {*TABLES, LOCKED}


@pytest.mark.parametrize("name", TABLES)
def test_a_file_has_the_rows_and_columns_of_its_description(files, name):
    source = files.details(files.ids[name])
    rows, columns, kind = TABLES[name]
    assert (source["status"], source["contentType"]) == ("completed", kind)
    assert (source["rowCount"], source["columnCount"]) == (rows, columns)
    answer = files.rows(name, limit=1000)
    assert answer["pagination"]["total"] == rows
    assert (len(answer["rows"]), len(answer["columns"])) == (min(rows, 1000), columns)
    assert {len(row) for row in answer["rows"]} == {columns}


@pytest.mark.parametrize("name", [*TABLES, LOCKED])
def test_the_same_bytes_come_back(files, shared_data, name):
    original = (shared_data / name).read_bytes()
    answer = requests.get(good(files.sign(files.ids[name]))["downloadUrl"], timeout=30)
    assert answer.content == original
    assert files.details(files.ids[name])["fileSize"] == len(original)


def test_the_protected_file_fails_and_says_why(files):
    source = files.details(files.ids[LOCKED])
    words = "The PDF is protected by a password. Save it without one and upload it again."
    assert (source["status"], source["error"]) == ("failed", words)


@pytest.mark.parametrize(
    ("name", "expression", "total"),
    [
        (FLIGHTS, "delay > 60", 10_498),
        (FLIGHTS, "delay < 0", 97_769),
        (FLIGHTS, "distance > 2000", 9059),
        (FLIGHTS, "delay > 60 AND distance > 2000", 479),
        (FLIGHTS, "NOT (delay <= 60 OR distance <= 2000)", 479),
        (PRODUCTS, "Title IS NOT NULL", 997),
        (PRODUCTS, '"Variant Price" IS NULL', 1340),
        (PRODUCTS, "`Variant Price` > 100", 3338),
        (ZIPS, "city = 'Springfield'", 110),
        (ZIPS, "zip_code LIKE '0%'", 3256),
        (ZIPS, "zip_code = '00501'", 1),
        (ZIPS, "zip_code = '501'", 0),
        (POLLS, "year = 2008", 1597),
        (POLLS, "samplesize > 1000", 943),
        (POLLS, "year BETWEEN 1998 AND 2014", 6614),
        (MOVIES, '"IMDB Rating" > 8', 157),
        (MOVIES, "Title IS NULL", 1),
        (MOVIES, "Title IN ('1776', '2012', '300')", 3),
        (MATHS, '"175b_verification" LIKE \'%"is_correct":true%\'', 742),
        (MATHS, '"6b_finetuning" LIKE \'%"is_correct":true%\'', 286),
        (QUAKES, "properties LIKE '%\"mag\":5%' OR properties LIKE '%\"mag\":6%'", 39),
        (COUNTRIES, "\"ISO3166-1-Alpha-2\" = 'NA'", 1),
        (COUNTRIES, "Continent = 'NA'", 41),
    ],
)
def test_a_filter_finds_as_many_as_described(files, name, expression, total):
    assert files.rows(name, filter=expression, limit=1)["pagination"]["total"] == total


@pytest.mark.parametrize(
    ("name", "column", "least", "greatest"),
    [
        (FLIGHTS, "delay", -86, 1444),
        (FLIGHTS, "distance", 30, 4962),
        (PRODUCTS, "Variant Price", 8, 2748),
        (POLLS, "year", 1998, 2014),
        ("survey-codebook.pdf", "page", 1, 11),
        ("speech-hawaii.txt", "line", 1, 228),
    ],
)
def test_sorting_finds_the_least_and_the_greatest(files, name, column, least, greatest):
    assert files.column(name, column, sort=column, order="asc", limit=1) == [least]
    assert files.column(name, column, sort=column, order="desc", limit=1) == [greatest]


def test_the_greatest_gross_of_a_film(files):
    assert files.column(MOVIES, "US Gross", sort="US Gross", order="desc", limit=1) == [760_167_650]


@pytest.mark.parametrize(
    ("name", "column", "distinct"),
    [(PRODUCTS, "Handle", 997), (PRODUCTS, "Vendor", 100), (ZIPS, "state", 59), (POLLS, "pollster", 337)],
)
def test_all_pages_together_hold_every_value(files, name, column, distinct):
    assert len(set(files.whole(name, column)) - {None}) == distinct


@pytest.mark.slow
def test_the_pages_of_the_long_table_hold_each_row_once(files):
    assert sum(files.whole(FLIGHTS, "delay")) == 1_500_159


def test_sorting_is_stable_over_pages_of_equal_values(files):
    def of_the_file() -> list:
        return files.rows(FLIGHTS, filter="delay = 0", limit=1000)["rows"]

    def sorted_by_delay(page: int) -> list:
        return files.rows(FLIGHTS, filter="delay >= 0", sort="delay", limit=100, page=page)["rows"]

    assert [row for page in range(1, 11) for row in sorted_by_delay(page)] == of_the_file()


def test_languages_and_missing_looking_text_are_kept(files):
    japan = files.rows(COUNTRIES, filter="\"ISO3166-1-Alpha-3\" = 'JPN'")
    row = dict(zip([column["name"] for column in japan["columns"]], japan["rows"][0], strict=True))
    assert (row["official_name_cn"], row["official_name_ar"]) == ("日本", "اليابان")
    assert row["official_name_ru"] == "Япония"
    cells = [cell for row in files.rows(COUNTRIES, limit=1000)["rows"] for cell in row]
    assert (cells.count(None), cells.count("NA")) == (1642, 43)


def test_films_have_titles_of_two_kinds(files):
    titles = files.whole(MOVIES, "Title")
    assert [sum(isinstance(title, kind) for title in titles) for kind in (str, int)] == [3191, 9]


def test_features_are_the_rows_of_geojson(files):
    properties = files.whole(QUAKES, "properties")
    magnitudes = [each["mag"] for each in properties]
    assert {len(each) for each in properties} == {26}
    assert (min(magnitudes), max(magnitudes), sum(mag >= 5 for mag in magnitudes)) == (-0.8, 6.4, 39)


def test_nested_objects_and_long_text_come_as_they_are(files):
    assert sum(answer["is_correct"] for answer in files.whole(MATHS, "175b_verification")) == 742
    assert "<<16-3=13>>" in str(files.rows(MATHS, limit=1)["rows"])
    assert max(len(cell or "") for cell in files.whole(PRODUCTS, "Body (HTML)")) == 2994


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("cabinet-turnover-bom-crlf.csv", {0: "president", 8: "column_9", 9: "column_10"}),
        ("bikes-semicolon-latin1.csv", {0: "Date", 2: "Brébeuf (données non disponibles)", 3: "Côte-Sainte-Catherine"}),
        ("pollster-answers-cr-line-ends.tsv", {3: "Why?"}),
        ("starwars-survey-two-headers.csv", {0: "RespondentID", 4: "column_5"}),
    ],
)
def test_names_of_columns(files, name, names):
    found = [column["name"] for column in files.rows(name, limit=1)["columns"]]
    assert {place: found[place] for place in names} == names
    assert len(set(found)) == len(found)


def test_bytes_that_are_no_utf_8_are_read_as_windows_1252(files):
    names = [column["name"] for column in files.rows("starwars-survey-two-headers.csv", limit=1)["columns"]]
    assert "Do you consider yourself to be a fan of the Expanded Universe?Œæ" in names
    answer = files.rows("pollster-answers-cr-line-ends.tsv")
    assert "stateÍs Senate" in " ".join(column["name"] for column in answer["columns"])
    assert {"N/A", "None"} <= {cell for row in answer["rows"] for cell in row}
