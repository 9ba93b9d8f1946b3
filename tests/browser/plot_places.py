"""The page of a plot."""

from datasources.models import Source
from tests.browser.places import HOSTILE, World, place
from tests.support.copies import copied

# Names that objects of JavaScript have.
OF_OBJECTS = ["__proto__", "toString"]
COLUMNS = ["day", "brand", "price", "constructor", HOSTILE]
ROWS = [
    [
        f"2026-{n % 12 + 1:02}-03",
        f"brand {n % 4}" if n % 9 else None,
        n * 1.5,
        OF_OBJECTS[n % 2],
        HOSTILE,
    ]
    for n in range(1, 121)
]


def address(source: Source, query: str = "") -> str:
    return f"/sources/{source.datasource_id}/plot/{query}"


def plotted(world: World, query: str = "") -> str:
    source = world.table()
    copied(source, COLUMNS, ROWS)
    return address(source, query)


@place("plot, no copy", "Plots work on a whole-table copy")
def _no_copy(world: World) -> str:
    return address(world.table())


@place("plot, heat map of a part", "Only rows that match")
def _heat(world: World) -> str:
    return plotted(world, "?kind=heat&x=price&y=brand&filter=price+%3E+9")


@place("plot, no rows", "No rows match")
def _no_rows(world: World) -> str:
    return plotted(world, "?kind=bar&x=brand&filter=price+%3E+999")


@place("plot, other columns needed", "brand is no column of numbers", 422)
def _no_numbers(world: World) -> str:
    return plotted(world, "?kind=scatter&x=price&y=brand")


@place("plot, filter that doesn't work", "This filter doesn't work", 422)
def _wrong_filter(world: World) -> str:
    return plotted(world, "?filter=price+%3E")
