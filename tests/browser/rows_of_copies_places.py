"""The table of rows of a whole-table copy."""

from tests.browser.places import World, place
from tests.support.copies import COLUMNS, ROWS, copied


def rows_of(world: World, query: str) -> str:
    source = world.table()
    copied(source, COLUMNS, ROWS)
    return f"/sources/{source.datasource_id}/rows/?{query}"


@place("rows of a copy", "Whole table · copied")
def _rows(world: World) -> str:
    return rows_of(world, "")


@place("rows of a copy, searched and sorted", "then by id ↓")
def _searched(world: World) -> str:
    return rows_of(world, "q=thing+note&sort=note&order=asc&sort=id&order=desc&limit=25")


@place("rows of a copy, nothing found", "No rows contain this word.")
def _nothing_found(world: World) -> str:
    return rows_of(world, "q=nowhere")


@place("rows of a copy, bad filter", "This filter doesn't work", 422)
def _bad_filter(world: World) -> str:
    return rows_of(world, "filter=pirce+%3E+5")


@place("rows, a copy is needed", "Search works on a whole-table copy", 409)
def _needed(world: World) -> str:
    return f"/sources/{world.table().datasource_id}/rows/?q=thing"


@place("column of a copy", "Frequent values")
def _column(world: World) -> str:
    return rows_of(world, "filter=price+%3C+50").replace("/rows/?", "/rows/column/?place=4&")


@place("row of a copy", "thing 7")
def _row(world: World) -> str:
    return rows_of(world, "filter=price+%3C+50").replace("/rows/?", "/rows/7/?")
