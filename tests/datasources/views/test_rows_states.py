"""What the page of rows says while there are none, and of rows of every shape and kind."""

import json

import pytest

from core import redis
from datasources.rows import pages
from tests.conftest import asked_again, htmx, synced
from tests.datasources.views.conftest import asked, body
from tests.support.breaker import name, the_breaker_opens, the_pause_is_over
from tests.support.html import all_words, dom, field, link, told, words
from tests.support.processes import free_port, wait_for
from tests.support.sandbox import HTML_502


@pytest.mark.parametrize("shape", ["objects", "arrays", "typed"])
def test_all_shapes_of_an_answer_look_the_same(web, sandbox, path, shape):
    sandbox.control("POST", "settings", shape=shape)
    page = web.get(f"{path}?limit=2&sort=id&order=desc")
    assert all_words(page, ".//thead//th") == ["Row", "id", "name", "price"]
    assert body(page) == [["1", "120", "thing 120", "180.0"], ["2", "119", "thing 119", "178.5"]]
    assert "of 120" in words(page)


def test_each_kind_of_value_is_told_apart(account, key, web, table):
    answer = {"columns": ["a", "b"], "data": [[None, ""], [True, {"x": [1]}], ["https://claro.test/", "javascript:x"]]}
    account.fault("answer", status=200, body=json.dumps(answer))
    page = web.get(f"/sources/{table.datasource_id}/rows/")
    kinds = [cell.get("class") for cell in dom(page).iterfind(".//tbody/tr/td")]
    assert kinds == ["is-null", "is-empty", "is-bool", "is-json", "is-link", "is-text"]
    assert body(page)[0][1:] == ["null", "empty"]
    [anchor] = dom(page).iterfind(".//tbody//a")
    assert anchor.get("rel") == "noopener noreferrer nofollow"


def test_hostile_columns_filters_and_cells_are_text(rows_of):
    column, cell = '"><script>alert(1)</script>', "<img src=x onerror=alert(2)>"
    page = rows_of(f'"{column.replace(chr(34), chr(34) * 2)}",b\n{cell},1\n')
    assert all_words(page, ".//thead//th")[1] == column
    assert body(page) == [["1", cell, "1"]]
    assert dom(page).find(".//ul[@id='filter-columns']/li/button").get("value") == column
    again = rows_of("a\n1\n", "?filter=%22><b id=x>&sort=</caption><i>&key=")
    assert field(again, "filter").get("value") == '"><b id=x>'
    for one in (page, again):
        assert {"img", "i"} & {element.tag for element in dom(one).find(".//section[@id='rows']").iter()} == set()
        assert all(not script.text for script in dom(one).iter("script"))


def test_column_names_and_filters_cannot_add_parameters(rows_of, account):
    page = rows_of('"a&limit=1#",b\n2,1\n1,2\n')
    assert link(page, "a&limit=1#") == "?sort=a%26limit%3D1%23&order=asc"
    page = rows_of('"a&limit=1#",b\n2,1\n1,2\n', link(page, "a&limit=1#"))
    assert body(page) == [["1", "1", "2"], ["2", "2", "1"]]
    assert asked(account)[-1]["sort"] == "a&limit=1#"


@pytest.mark.parametrize(
    "sort", ["id; DROP TABLE x", 'id" DESC --', "id,name", "1", "ID\u0000x".replace("\u0000", "\u200b")]
)
def test_what_is_no_column_is_refused_whatever_it_looks_like(web, path, sort):
    assert web.get(path, {"sort": sort, "order": "asc"}).status_code == 422


def test_a_processing_source_says_so_and_turns_into_the_table(web, account, key):
    source_id = account.upload("later.csv", "id\n1\n")
    account.change(source_id, status="processing")
    synced(key)
    calls = len(account.calls())
    page = web.get(f"/sources/{source_id}/rows/?limit=25")
    assert page.status_code == 200
    assert "Claro is processing this file" in told(page)
    section = dom(page).find(".//section[@id='rows']")
    assert section.get("hx-get") == f"/sources/{source_id}/rows/?limit=25"
    assert f"source-{source_id} from:body" in section.get("hx-trigger")
    assert len(account.calls()) == calls
    account.change(source_id, status="completed")
    synced(key)
    part = web.get(section.get("hx-get"), headers=htmx())
    assert body(part) == [["1", "1"]]
    assert dom(part).find("./section[@id='rows']").get("hx-get") is None


def test_claro_may_know_better_that_a_source_is_still_processed(web, account, path):
    account.refuse("PROCESSING_IN_PROGRESS", 409)
    page = web.get(path)
    assert page.status_code == 200
    assert "Claro is processing this file" in told(page)


def test_a_failed_source_has_no_rows_and_says_why(web, account, key):
    source_id = account.add(status="failed", error="No header row.")
    synced(key)
    page = web.get(f"/sources/{source_id}/rows/")
    assert "No rows Processing failed: No header row." in told(page)
    assert link(page, "File details") == f"/sources/{source_id}/"
    assert asked(account) == []


def test_while_claro_is_down_rows_say_so_unless_they_were_read_before(web, account, path, settings):
    assert web.get(path).status_code == 200
    settings.CLARO_API_BASE_URL = f"http://127.0.0.1:{free_port()}/api/v2"
    assert len(body(web.get(f"{path}?page=2"))) == 50
    page = web.get(f"{path}?filter=id > 1")
    assert page.status_code == 503
    assert "Claro can't be reached right now. The rows can't be read right now." in told(page)
    assert link(page, "Try again") == f"{path}?filter=id%20%3E%201"
    assert field(page, "filter").get("value") == "id > 1"


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_once_claro_has_not_answered_for_a_while_the_page_says_so_at_once_and_goes_on_by_itself(
    still, web, account, path, key, headers
):
    assert web.get(path).status_code == 200
    the_breaker_opens(key)
    redis.connection().pexpire(name(key, "pause"), 60_000)
    page = web.get(f"{path}?filter=id > 1", headers=headers)
    assert page.status_code == 503
    assert 50 <= int(page["Retry-After"]) <= 60
    key.refresh_from_db()
    assert f"Claro has not answered since {key.problem_since:%H:%M:%S}. Retries automatically in" in told(page)
    [waiting] = [one for one in dom(page).iter() if one.get("hx-trigger", "").startswith("load delay:")]
    assert waiting.get("hx-get") == f"{path}?filter=id%20%3E%201"
    delay, sooner = waiting.get("hx-trigger").split(", ")
    assert 50_000 <= int(delay.removeprefix("load delay:").removesuffix("ms")) <= 60_250
    assert sooner == "keys-changed from:body"
    if not headers:
        assert dom(page).find(".//noscript/meta").get("content") == page["Retry-After"]
    assert len(body(web.get(f"{path}?page=2", headers=headers))) == 50  # read before
    assert len(asked(account)) == 1
    the_pause_is_over(key)
    assert len(body(web.get(f"{path}?filter=id > 100", headers=headers))) == 20


def test_a_refused_key_leads_to_a_new_one(web, account, path, key):
    account.revoke()
    page = web.get(path)
    assert (page.status_code, int(page["Retry-After"]) <= 8) == (503, True)
    assert "Claro refused this call. The key is being checked again." in told(page)
    asked_again(key)
    page = web.get(f"{path}?filter=id > 1")
    assert page.status_code == 502
    assert "Claro refuses this key." in told(page)
    assert link(page, "Replace the key") == f"/keys/{key.pk}/edit/"


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_over_the_limit_the_page_says_when_it_goes_on_and_does_so(still, web, account, path, headers):
    account.fault("answer", status=429, headers={"Retry-After": "20"}, body="slow down")
    page = web.get(f"{path}?page=2", headers=headers)
    assert page.status_code == 429
    assert 15 <= int(page["Retry-After"]) <= 20
    assert "No calls are left this minute. Continues automatically in" in told(page)
    [waiting] = [one for one in dom(page).iter() if one.get("hx-trigger", "").startswith("load delay:")]
    assert waiting.get("hx-get") == f"{path}?page=2"
    assert 15_000 < int(waiting.get("hx-trigger").removeprefix("load delay:").removesuffix("ms")) <= 21_000
    assert web.get(f"{path}?page=1").status_code == 429
    assert len(asked(account)) == 1


@pytest.mark.parametrize("headers", [{}, htmx()], ids=["page", "part"])
def test_a_slow_answer_is_promised_and_then_there(web, account, path, headers, monkeypatch):
    monkeypatch.setattr(pages, "WAIT_S", 0.05)
    account.hold_up()
    page = web.get(path, headers=headers)
    account.let_go()
    assert page.status_code == 202
    assert "Claro is fetching these rows. They appear automatically." in told(page)
    [waiting] = [one for one in dom(page).iter() if one.get("hx-trigger", "").startswith("load delay:")]
    assert waiting.get("hx-get") == path
    if not headers:
        assert dom(page).find(".//noscript/meta").get("http-equiv") == "refresh"
    assert len(body(wait_for(lambda: (there := web.get(path)).status_code == 200 and there))) == 50
    assert len(asked(account)) == 1


def test_an_answer_nobody_can_read_is_told(web, account, path):
    account.fault("answer", status=200, body=HTML_502, times=3)
    page = web.get(path)
    assert page.status_code == 502
    assert "Claro sent an answer that the dashboard can't read." in told(page)
