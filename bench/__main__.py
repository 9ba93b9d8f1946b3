"""`make bench`: sets up a world, measures, and prints one table."""

import importlib
import sys
import time

from bench.timing import table
from bench.world import world

PARTS = ("lists", "rows", "calls", "limit", "shares", "streams", "answers")
ON_REQUEST = (  # take minutes
    "watching",
    "soak",
    "outgoing",
    "copies",
    "copying",
    "comparing",
    "browser",
    "uploads",
    "searching",
)


def main() -> int:
    wanted = sys.argv[1:] or PARTS
    if unknown := set(wanted) - {*PARTS, *ON_REQUEST}:
        print(f"There is no {', '.join(unknown)}; there are {', '.join(PARTS + ON_REQUEST)}.")
        return 2
    started = time.monotonic()
    figures = []
    with world() as prepared:
        for name in wanted:
            part = importlib.import_module(f"bench.{name}")  # needs Django, which the world has set up
            print(f"Measuring: {part.__doc__.splitlines()[0]}", file=sys.stderr, flush=True)
            figures += part.figures(prepared)
    print(table(figures))
    print(f"In {time.monotonic() - started:.0f} s.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
