"""Profiles of columns on the rows page: the row of heads, and the panel of a column."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from datasources.copies import opened, profile
from datasources.copies.opened import TooSlow
from datasources.models import Source
from datasources.rows import heads, profiles
from tests.conftest import htmx
from tests.datasources.views.conftest import asked, body
from tests.support.copies import copied
from tests.support.html import all_words, dom, words

COLUMNS = ["id", "brand", "price", "note"]
BRANDS = ["Acme", "Borealis", "Dunlin"]
ROWS = [[n, BRANDS[n % 3] if n % 10 else None, n * 0.5, "" if n % 4 else " x "] for n in range(1, 121)]


@pytest.fixture
def page_of(table, web):
    """The page of a copy of these rows."""

    def page(query: str = "", columns=COLUMNS, rows=ROWS):
        if not table.copies.exists():
            copied(table, columns, rows)
        return web.get(f"/sources/{table.datasource_id}/rows/{query}")

    return page


def heads_of(page) -> list:
    """The cells of the row of heads, without that of the row numbers."""
    [row] = [one for one in dom(page).iter("tr") if one.get("class") == "heads"]
    return list(row)[1:]


def kind_of(head):
    return head.find(".//a[@class='head-kind']")


def bars(head) -> dict[str, str]:
    """The addresses of a head's bars by their titles."""
    return {words(link.find("title")): link.get("href") for link in head.iter("a") if link.find("title") is not None}


def test_each_column_shows_its_kind_its_empty_cells_and_its_bars(page_of, account):
    number, brand, price, note = heads_of(page_of())
    facts = [kind_of(one).get("aria-label") for one in (number, brand, price, note)]
    assert facts[:3] == [
        "whole number, 1 to 120, profile of id",
        "text, 3 values, 10% empty, profile of brand",
        "number, 0.5 to 60, profile of price",
    ]
    assert "75% empty" in facts[3]
    assert list(bars(brand)) == ["Acme: 36 rows, 30%", "Borealis: 36 rows, 30%", "Dunlin: 36 rows, 30%"]
    assert asked(account) == []


@pytest.mark.parametrize("place", range(4))
def test_a_bar_leads_to_as_many_rows_as_it_states(page_of, place):
    found = bars(heads_of(page_of())[place])
    assert found
    for title, href in found.items():
        count = int(re.search(r": ([\d,]+) rows?", title)[1].replace(",", ""))
        assert f" of {count:,} that match" in words(page_of(href))


def test_after_a_filter_bars_show_the_part_and_the_whole(page_of):
    _, brand, *_ = heads_of(page_of("?filter=price+<+10&limit=25"))
    assert list(bars(brand)) == ["Acme: 6 of 36 rows, 30%", "Borealis: 6 of 36 rows, 30%", "Dunlin: 6 of 36 rows, 30%"]
    assert [one.get("class") for one in brand.iter("rect") if one.get("class") == "part"] == ["part"] * 3
    filtered = parse_qs(urlsplit(bars(brand)["Acme: 6 of 36 rows, 30%"]).query)
    assert filtered == {"filter": ["price < 10 AND brand = 'Acme'"], "limit": ["25"]}


def test_a_second_click_on_a_bar_removes_its_filter(page_of):
    _, brand, *_ = heads_of(page_of("?filter=brand+%3D+'Acme'+AND+id+>+5"))
    [link] = [one for one in brand.iter("a") if one.get("class") == "is-on"]
    assert parse_qs(urlsplit(link.get("href")).query) == {"filter": ["id > 5"]}


def test_only_columns_that_are_shown_have_heads(page_of):
    price, number = heads_of(page_of("?column=price&column=id"))
    assert [kind_of(one).get("data-kind") for one in (price, number)] == ["1.5", "123"]


def test_the_part_of_a_large_table_follows_the_page(page_of, table, web, monkeypatch):
    monkeypatch.setattr(profiles, "AT_ONCE_ROWS", 100)
    monkeypatch.setattr(profile, "part", lambda *_, **__: pytest.fail("the page waits for it"))
    page = page_of("?filter=price+<+10&column=brand&column=id")
    [row] = [one for one in dom(page).iter("tr") if one.get("class") == "heads"]
    assert "of 36" not in words(row)
    monkeypatch.undo()
    late = web.get(row.get("hx-get"), headers=htmx())
    [_, brand, _] = next(dom(late).iter("tr"))
    query = parse_qs(urlsplit(bars(brand)["Acme: 6 of 36 rows, 30%"]).query)
    assert query == {"filter": ["price < 10 AND brand = 'Acme'"], "column": ["brand", "id"]}
    assert next(dom(late).iter("tr")).get("hx-get") is None


def test_heads_that_take_too_long_are_left_out(page_of, table, web, monkeypatch):
    def stop(*_, **__):
        raise TooSlow

    page_of()
    monkeypatch.setattr(profile, "part", stop)
    page = page_of("?filter=price+<+10")
    assert (page.status_code, len(body(page))) == (200, 19)
    assert "heads" not in {one.get("class") for one in dom(page).iter("tr")}
    late = web.get(f"/sources/{table.datasource_id}/rows/heads/?filter=price+<+10", headers=htmx())
    assert (late.status_code, late.content) == (204, b"")


def test_live_rows_have_no_heads(web, table):
    page = web.get(f"/sources/{table.datasource_id}/rows/")
    assert "heads" not in {one.get("class") for one in dom(page).iter("tr")}
    assert web.get(f"/sources/{table.datasource_id}/rows/heads/").status_code == 204
    answer = web.get(f"/sources/{table.datasource_id}/rows/column/?place=1")
    assert (answer.status_code, "Copy the table first." in words(answer)) == (409, True)


SCRIPTS = ["<script>alert(1)</script>", "' OR 1=1 --", '"><img src=x onerror=alert(1)>']
HOSTILE = [*SCRIPTS, "\u202eright", "&amp;", "a\nb", ""]


@pytest.mark.slow
def test_hostile_names_and_values_are_text(page_of, table, web):
    rows = [[one] * len(HOSTILE) for one in HOSTILE for _ in range(3)]
    page = page_of("", HOSTILE, rows)
    assert len(heads_of(page)) == len(HOSTILE)
    assert not [one for one in dom(page).iter("img") if one.get("src") == "x"]
    assert "alert(1)" not in "".join(one.text or "" for one in dom(page).iter("script"))
    for place, head in enumerate(heads_of(page), 1):
        for title, href in bars(head).items():
            count = int(re.search(r"(\d+) rows", title)[1])
            assert f" of {count} that match" in words(page_of(href))
        panel = web.get(f"/sources/{table.datasource_id}/rows/column/?place={place}")
        assert panel.status_code == 200
        assert not [one for one in dom(panel).iter("img") if one.get("src") == "x"]


@pytest.mark.slow
def test_many_wide_columns_stay_within_the_size_of_a_page(page_of):
    columns = [f"{'n' * 90}{place}" for place in range(160)]
    rows = [[f"{'v' * 900}{n}{place}" for place in range(160)] for n in range(8)]
    page = page_of("", columns, rows * 2)
    assert len(page.content) < 4_000_000
    assert len("".join(re.findall('<tr class="heads".*?</tr>', page.content.decode(), re.S))) < heads.HEADS_BYTES * 1.2


# --- The panel ----------------------------------------------------------------------------------------------------
@pytest.fixture
def panel_of(page_of, table, web):
    def panel(name: str, query: str = "", **parameters):
        page_of()
        place = COLUMNS.index(name) + 1
        return web.get(f"/sources/{table.datasource_id}/rows/column/?{urlencode({'place': place, **parameters})}")

    return panel


def facts(panel) -> dict[str, str]:
    return {words(one.find("dt")): words(one.find("dd")) for one in dom(panel).find(".//dl")}


def lines(panel, name: str) -> dict[str, str]:
    """The lines below a heading of the panel, with their addresses."""
    parts = list(dom(panel).find(".//div[@class='panel']"))
    at = next(at for at, part in enumerate(parts) if part.tag == "h2" and words(part) == name)
    found = {}
    for line in parts[at + 1]:
        link = line.find("a")
        found[words(line)] = "" if link is None else link.get("href")
    return found


def test_the_panel_has_the_numbers_of_a_column(panel_of):
    found = facts(panel_of("price"))
    assert found == {
        "Rows": "120",
        "Different values": "120",
        "Smallest": "0.5",
        "Largest": "60",
        "Mean": "30.25",
        "Lower quartile": "15.375",
        "Median": "30.25",
        "Upper quartile": "45.125",
    }
    assert facts(panel_of("brand"))["Length"] == "4 to 8 characters, 6 on average"


def test_null_and_empty_text_are_counted_apart(panel_of):
    assert list(lines(panel_of("brand"), "Empty cells")) == ["null 12 10%", "empty text 0 0%"]
    assert list(lines(panel_of("note"), "Empty cells")) == ["null 0 0%", "empty text 90 75%"]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("filter", ["", "price < 20"])
def test_each_line_leads_to_as_many_rows_as_it_states(panel_of, web, name, filter):
    panel = panel_of(name, filter=filter)
    for heading in ("Empty cells", "Ranges", "Frequent values"):
        if heading not in all_words(panel, ".//h2"):
            continue
        for line, href in lines(panel, heading).items():
            counts = re.search(r"(?:([\d,]+) of )?([\d,]+) \S+$", line)
            count = int((counts[1] or counts[2]).replace(",", ""))
            if href and count:
                assert f" of {count} that match" in words(web.get(href)), line


def test_suspicious_values_lead_to_their_rows(panel_of, web):
    found = lines(panel_of("note"), "Suspicious values")
    [(line, href)] = [one for one in found.items() if one[0].startswith("Stray spaces")]
    assert line.startswith("Stray spaces · 30 rows")
    assert "of 30 that match" in words(web.get(href))
    assert "Likely key" in " ".join(lines(panel_of("id"), "Suspicious values"))


@pytest.mark.parametrize(("query", "status"), [("", 400), ("?place=0", 404), ("?place=5", 404), ("?place=x", 404)])
def test_a_column_that_is_not_there_is_said(page_of, table, web, query, status):
    page_of()
    assert web.get(f"/sources/{table.datasource_id}/rows/column/{query}").status_code == status


def test_a_bad_filter_is_said_in_the_panel(panel_of):
    answer = panel_of("price", filter="pirce > 5")
    assert (answer.status_code, "There is no column pirce" in words(answer)) == (422, True)


def test_another_keys_copy_has_no_profile(client_of, bob, page_of, table):
    page_of()
    web = client_of(bob)
    for path in ("heads/", "column/?place=1"):
        assert web.get(f"/sources/{table.datasource_id}/rows/{path}").status_code == 404


def test_a_lost_copy_is_said(panel_of, page_of, monkeypatch):
    page_of()

    def lose(*_, **__):
        raise opened.CopyLost

    monkeypatch.setattr(opened, "reader", lose)
    assert panel_of("price").status_code == 409
    assert Source.objects.count() == 1
