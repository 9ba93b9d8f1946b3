"""Files of one name pattern, such as weekly exports: their names without dates, numbers and marks of versions."""

import re
from pathlib import PurePath

from accounts.models import User
from datasources import access
from datasources.claro import COMPLETED
from datasources.models import Source

# Names that are looked at, the newest first.
LOOKED_AT = 5_000
FOUND_MAX = 20
_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec"
)
_MARKS = "version|ver|rev|v|final|copy|new|old|latest|updated"
_LEFT_OUT = re.compile(rf"[\W_]*\d+t\d+z?|(?<![^\W\d_])(?:{_MONTHS}|{_MARKS})(?![^\W\d_])|[\W\d_]+", re.IGNORECASE)


def pattern(name: str) -> str:
    """`Products 2026-05-01_v2 (final).CSV` gives `products.csv`; "" where nothing but marks is in the name."""
    path = PurePath(name)
    words = _LEFT_OUT.sub(" ", path.stem).split()
    return f"{' '.join(words).casefold()}{path.suffix.casefold()}" if words else ""


def earlier_files(source: Source, user: User) -> list[Source]:
    """Completed files of the same pattern that the user may see, uploaded before this one, the newest first."""
    wanted = pattern(source.file_name)
    if not wanted or not source.uploaded_at:
        return []
    others = access.sources_for(user).filter(status=COMPLETED, uploaded_at__lt=source.uploaded_at)
    others = others.exclude(datasource_id=source.datasource_id).order_by("-uploaded_at")
    named = others.values_list("pk", "datasource_id", "file_name")[:LOOKED_AT]
    found: dict[object, int] = {}
    for pk, datasource_id, name in named:
        if len(found) < FOUND_MAX and pattern(name) == wanted:
            found.setdefault(datasource_id, pk)  # several keys may show one file
    return list(others.filter(pk__in=found.values()))
