"""The reasons of failed files as text to copy."""

import pytest

from datasources.models import Source
from tests.conftest import synced
from tests.support.html import dom, words


def text(page) -> str:
    return dom(page).find(".//textarea").text.strip()


@pytest.fixture
def sources(account, key) -> dict[str, Source]:
    account.add_many(
        [
            {"fileName": "a.csv", "status": "failed", "error": "No header\nrow.", "age": 1},
            {"fileName": "b.csv", "status": "failed", "age": 2},
            {"fileName": "c.pdf", "status": "failed", "error": "</textarea><b>", "age": 3},
            {"fileName": "good.csv", "age": 4},
        ]
    )
    return {source.name: source for source in synced(key)}


def test_all_failed_files_that_match_the_list_are_copied(web, sources):
    assert "/sources/reasons/?" in web.get("/sources/").content.decode()
    lines = ["a.csv: No header row.", "b.csv: Claro gave no reason.", "c.pdf: </textarea><b>"]
    assert text(web.get("/sources/reasons/")).splitlines() == lines
    assert text(web.get("/sources/reasons/?q=a.&status=completed")) == lines[0]


def test_of_the_selected_files_the_failed_ones_are_copied(web, sources):
    ids = [sources[name].datasource_id for name in ("a.csv", "good.csv")]
    assert text(web.post("/sources/chosen/reasons/", {"source": ids}, follow=True)) == "a.csv: No header row."
    assert "No failed files" in words(web.post("/sources/chosen/reasons/", {"source": ids[1:]}, follow=True))


def test_a_list_without_failures_offers_no_reasons(web, sources):
    assert "reasons/" not in web.get("/sources/?status=completed").content.decode()


def test_reasons_of_strangers_stay_theirs(client_of, bob, sources):
    web = client_of(bob)
    assert "a.csv" not in words(web.get("/sources/reasons/"))
    assert web.post("/sources/chosen/reasons/", {"source": [sources["a.csv"].datasource_id]}).status_code == 422
