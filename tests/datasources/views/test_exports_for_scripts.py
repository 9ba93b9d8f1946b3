"""Rows as a file for programs with a session: `?format=csv` on the address of the rows."""

import pytest

from core import redis
from datasources.copies import search
from datasources.models import Export, TableCopy
from tests.datasources.views.conftest import asked
from tests.support.copies import COLUMNS, ROWS, copied
from tests.support.exports import read, sentence

QUERY = "?filter=id > 100&sort=id&order=desc&column=name&column=id"


def test_a_script_gets_the_rows_of_the_address(web, path, copy, account):
    rows = read(web.get(f"{path}{QUERY}&format=csv&page=2&limit=25"))
    assert (rows[0], rows[1], len(rows)) == (["name", "id"], ["thing 120", "120"], 21)
    assert asked(account) == []
    export = Export.objects.get()
    assert (export.state, export.rows_written) == ("finished", 20)


def test_a_script_finds_the_receipt(web, path, copy):
    response = web.get(f"{path}?format=csv")
    read(response)
    assert response["Link"] == f'</exports/{Export.objects.get().pk}/>; rel="describedby"'


def test_a_head_request_costs_nothing(web, path, copy, account):
    head = web.head(f"{path}?format=csv")
    assert (head.status_code, head["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert not Export.objects.exists()
    assert asked(account) == []


@pytest.mark.parametrize("method", ["get", "head"])
def test_without_a_copy_a_script_gets_a_sentence_and_starts_nothing(web, path, account, method):
    response = getattr(web, method)(f"{path}?format=csv")
    assert response.status_code == 409
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    if method == "get":
        assert sentence(response).startswith("This table has no whole-table copy yet. Copy it once on /sources/")
    assert asked(account) == []
    assert not TableCopy.objects.exists()
    assert not Export.objects.exists()


@pytest.mark.parametrize(
    ("query", "status", "start"),
    [
        ("?format=exe", 400, "Choose a format: csv, excel-csv,"),
        ("?format=", 400, "Choose a format:"),
        ("?format=csv&sort=id&order=up", 400, "“order” in the address"),
        ("?format=csv&filter=nope = 1", 422, ""),
        ("?format=csv&filter=regexp(name, 'x')", 422, ""),
        ("?format=csv&sort=nope", 422, ""),
        ("?format=csv&check=nope.1", 422, ""),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(web, path, copy, query, status, start):
    response = web.get(path + query)
    assert response.status_code == status
    assert sentence(response).startswith(start)
    assert not Export.objects.exists()


def test_a_search_that_is_not_prepared_is_to_be_tried_again(web, path, table, monkeypatch):
    monkeypatch.setattr(search, "CELLS_MAX", 0)
    copied(table, COLUMNS, ROWS)
    response = web.get(f"{path}?format=csv&q=thing")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert redis.connection().llen("background") == 1


def test_somebody_who_is_not_signed_in_gets_nothing(client, path, copy):
    assert client.get(f"{path}?format=csv").status_code == 302
