"""The page of a plot: its table and links, its file, and what it refuses."""

import csv
import hashlib
import io
import json
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from datasources import saved_views
from datasources.copies import chips
from datasources.copies.plots.asked import Measure, Plot, PlotKind
from datasources.models import ApiKey, Export, SavedView
from datasources.rows import plots
from datasources.rows.plots import PlotForm, address
from tests.conftest import synced
from tests.datasources.views.conftest import ids
from tests.support.copies import copied
from tests.support.html import dom, words

HOSTILE = "a.b[0]'\"</script><script>"


@pytest.fixture
def plot_path(table) -> str:
    return f"/sources/{table.datasource_id}/plot/"


def links(page) -> dict[str, str]:
    """The address of each line of the table by its first cell."""
    return {words(row[0]): row[-1].find("a").get("href") for row in dom(page).iterfind(".//tbody/tr")}


def drawing_of(page) -> dict:
    """What the page hands its script."""
    [data] = [one for one in dom(page).iter("script") if one.get("id") == "plot-data"]
    return json.loads(data.text)


@pytest.mark.parametrize("kind", list(PlotKind))
def test_each_kind_has_a_table_whose_links_lead_to_as_many_rows(web, plot_path, copy, kind):
    asked = {"kind": kind, "x": "price" if kind in ("scatter", "histogram", "line") else "note", "filter": "id > 20"}
    asked |= {"y": "id"} if kind in ("scatter", "box", "heat") else {}
    page = web.get(f"{plot_path}?{urlencode(asked)}")
    assert page.status_code == 200
    first = next(dom(page).iterfind(".//tbody/tr"))
    assert len(ids(web.get(first[-1].find("a").get("href") + "&limit=250"))) == int(words(first[-1]))


def test_the_first_suggestion_is_drawn(web, plot_path, copy):
    page = web.get(plot_path)
    assert page.status_code == 200
    assert "Mean of price by note" in words(page)
    assert links(page)["note 0"].endswith("/rows/?filter=note+%3D+%27note+0%27")


def test_hostile_names_and_values_stay_data(web, table, plot_path):
    copied(table, [HOSTILE], [[HOSTILE], ["=1+1"], ["=1+1"], [None]])
    page = web.get(f"{plot_path}?{urlencode({'kind': 'bar', 'x': HOSTILE})}")
    spec = drawing_of(page)["spec"]
    assert spec["encoding"]["x"]["field"] == "x"
    assert spec["encoding"]["x"]["title"] == HOSTILE
    assert f"<script>{HOSTILE}" not in page.content.decode()
    answer = web.get(f"{plot_path}?{urlencode({'kind': 'bar', 'x': HOSTILE, 'format': 'csv'})}")
    assert list(csv.reader(io.StringIO(answer.content.decode()))) == [
        [HOSTILE, "Rows"],
        ["'=1+1", "2"],
        [HOSTILE, "1"],
        ["(null)", "1"],
    ]


def test_without_a_copy_the_page_offers_one_with_its_cost(web, plot_path):
    page = web.get(plot_path)
    assert "Plots work on a whole-table copy" in words(page)
    assert "Copy the whole table" in words(page)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("kind=pie", 400, "pie"),
        ("kind=bar&x=nowhere", 422, "There is no column nowhere"),
        ("filter=nowhere+%3D+1", 422, "There is no column nowhere"),
        ("kind=bar&x=note&format=csv&measure=sum", 422, "Choose a column"),
    ],
)
def test_what_can_not_be_drawn_gets_a_sentence(web, plot_path, copy, query, status, said):
    page = web.get(f"{plot_path}?{query}")
    assert page.status_code == status
    assert said in words(page)


def test_the_file_has_a_receipt_and_is_activity(web, plot_path, copy):
    address = f"{plot_path}?kind=bar&x=note&filter=id+%3E+20"
    answer = web.get(address + "&format=csv")
    receipt = Export.objects.get()
    assert [receipt.state, receipt.rows_written, receipt.columns] == ["finished", 4, ["note", "Rows"]]
    assert receipt.sha256 == hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["Link"].startswith(f"</exports/{receipt.pk}/>")
    assert "Values of the plot Rows by note" in words(web.get(f"/exports/{receipt.pk}/"))
    assert "exported 4 rows" in words(web.get("/activity/"))
    assert web.head(address + "&format=csv").status_code == 200
    assert Export.objects.count() == 1


RANGES = [
    ("histogram", {"x": "price"}),
    ("line", {"x": "day"}),
    ("heat", {"x": "day", "y": "price"}),
]


@pytest.mark.parametrize(("kind", "asked"), RANGES)
def test_a_range_that_is_dragged_is_a_chip_and_finds_the_rows_of_its_groups(web, table, plot_path, kind, asked):
    copied(
        table, ["id", "day", "price"], [[n, f"2026-{n % 12 + 1:02}-{n % 25 + 1:02}", n * 1.5] for n in range(1, 121)]
    )
    page = web.get(f"{plot_path}?{urlencode({'kind': kind, **asked})}")
    drawing = drawing_of(page)
    parts = [f"({axis['from'][1]} AND {axis['to'][3]})" for axis in drawing["drag"]]
    group = chips.parse(" AND ".join(parts))
    assert [chip.operator for chip in group.items] == ["from_to"] * len(parts)
    inside = [
        value["v0"]
        for value in drawing["spec"]["data"]["values"]
        if all(
            axis["places"][1][0] <= value[at] < axis["places"][3][1]
            for axis, at in zip(drawing["drag"], "xy", strict=False)
        )
    ]
    rows = web.get(f"/sources/{table.datasource_id}/rows/?{urlencode({'filter': chips.text(group), 'limit': 250})}")
    assert len(ids(rows)) == sum(inside) > 0


def test_a_view_of_a_plot_is_used_for_another_file(web, alice, account, key, table):
    query = "kind=bar&x=name&y=cost&measure=mean"
    view = SavedView.objects.create(
        name="x", owner=alice, page="sources:plot", datasource_id=table.datasource_id, query=query
    )
    other = account.add(fileName="other.csv", extra={"columns": [{"name": "name", "type": "text"}]})
    synced(key)
    page = web.get(f"/views/{view.pk}/use/")
    assert "Missing: cost" in words(page)
    assert f"/sources/{other}/plot/?{query}" in [one.get("href") for one in dom(page).iter("a")]


def test_the_file_takes_the_right_to_export(web, plot_path, copy):
    ApiKey.objects.update(allows_export=False)
    assert web.get(f"{plot_path}?kind=bar&x=note&format=csv").status_code == 403
    assert "CSV" not in words(web.get(f"{plot_path}?kind=bar&x=note"))


LONG = "https://example.com/products/category/of-a-shop/with-long-addresses/"
LABELS = [f"{LONG}{n}" for n in range(3)] + ["(null)", "(empty text)", "(null) (2)", "__proto__", "", None]


@pytest.mark.parametrize("asked", [{"kind": "bar"}, {"kind": "box", "y": "n"}, {"kind": "heat", "y": "b"}])
def test_values_that_look_alike_are_drawn_apart(web, table, plot_path, asked):
    copied(table, ["a", "b", "n"], [[one, other, 1] for one in LABELS for other in LABELS])
    page = web.get(f"{plot_path}?{urlencode({'x': 'a', **asked})}")
    values = drawing_of(page)["spec"]["data"]["values"]
    assert len({value["x"] for value in values}) == len(LABELS)
    assert len({(value["x"], value.get("y")) for value in values}) == len(values)
    [null] = {value["x"] for value in values if value["f"].startswith("a IS NULL")}
    assert null == "(null)"


@pytest.mark.parametrize("colour", ["a", "b"])
def test_colours_of_values_that_look_alike_differ(web, table, plot_path, colour):
    few = LABELS[-7:]
    copied(table, ["a", "b", "n"], [[one, one, number] for number, one in enumerate(few)])
    for asked in ({"kind": "scatter", "x": "n", "y": "n"}, {"kind": "bar", "x": "n"}):
        page = web.get(f"{plot_path}?{urlencode({**asked, 'group': colour})}")
        assert len({value["g"] for value in drawing_of(page)["spec"]["data"]["values"]}) == len(few)


@pytest.mark.parametrize(("column", "value"), [("day", "1850-01-05"), ("price", 5), ("price", 1e308)])
def test_a_line_of_one_value_is_a_point_with_its_label(web, table, plot_path, column, value):
    others = {"day": ["1850-02-01", "2026-01-05"], "price": [7, 1.5]}[column]
    copied(table, [column], [[value], [value], *([one] for one in others)])
    written = f"'{value}'" if column == "day" else value
    page = web.get(f"{plot_path}?{urlencode({'kind': 'line', 'x': column, 'filter': f'{column} = {written}'})}")
    spec = drawing_of(page)["spec"]
    assert spec["encoding"]["x"]["type"] == "nominal"
    assert [(one["x"], one["v0"]) for one in spec["data"]["values"]] == [(str(value), 2)]
    assert "params" not in spec


def test_a_heat_map_of_one_value_has_no_scale(web, plot_path, table):
    copied(table, ["a", "b"], [["x", "y"], ["y", "x"]])
    drawing = drawing_of(web.get(f"{plot_path}?kind=heat&x=a&y=b"))
    assert drawing["spec"]["encoding"]["color"]["type"] == "ordinal"


def test_one_of_many_columns_is_found_by_its_name(web, plot_path, table, monkeypatch):
    monkeypatch.setattr(plots, "PICKED_MAX", 4)
    names = [f"question {number}" for number in range(5)]
    copied(table, names, [[*range(5)], [*range(5)]])
    page = dom(web.get(f"{plot_path}?kind=bar&x=question+3"))
    assert [one.get("value") for one in page.iterfind(".//datalist/option")] == names
    fields = {one.get("name"): one.get("value") for one in page.iter("input") if one.get("list") == "plot-columns"}
    assert fields == {"x": "question 3", "y": "", "group": ""}


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(st.sampled_from(PlotKind), NAMES, st.one_of(st.just(""), NAMES), st.sampled_from(Measure), NAMES)
def test_an_address_holds_the_whole_plot(kind, x, y, measure, group):
    plot = Plot(kind, x, y, measure, group)
    query = urlencode(address(plot))
    assert PlotForm(QueryDict(query)).plot() == plot
    path = "/sources/00000000-0000-0000-0000-000000000000/plot/"
    view, _ = saved_views.read(path, query)
    assert PlotForm(QueryDict(view.query)).plot() == plot
