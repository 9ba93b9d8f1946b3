"""Finds a file in Claro's list after an upload whose outcome is unknown. No Django."""

import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from datasources.claro import LIST_LIMIT_MAX, DataSource, DataSourcePage

# How far Claro's clock may be from ours.
CLOCKS_DIFFER = timedelta(minutes=10)


# So many pages are read for one file: each is a call of the user's share.
PAGES_MAX = 30


class TooLong(Exception):
    """The list does not begin with the newest, and has more pages than are read."""


def find(
    page_of: Callable[[int, int], DataSourcePage],
    name: str,
    size_bytes: int,
    since: datetime,
    is_other: Callable[[DataSource], bool],
) -> DataSource | None:
    """The source of this name and size that was uploaded `since` then and is no other upload's. One call a page.
    Raises TooLong.

    The order of the list is not documented. Where it is seen to begin with the newest, older pages are not read.
    """
    number = 1
    while True:
        page = page_of(number, LIST_LIMIT_MAX)
        for source in page.sources:
            if is_like(source, name, size_bytes, since) and not is_other(source):
                return source
        if not page.pagination.has_next or not page.sources or is_past(page.sources, since):
            return None
        if number == PAGES_MAX:
            raise TooLong
        number += 1


def is_like(source: DataSource, name: str, size_bytes: int, since: datetime) -> bool:
    """Whether the source may be that upload. A size or time that the API leaves out counts as fitting."""
    # Forms carry a quotation mark as %22, which the API may keep (HTML, multipart/form-data).
    names = {unicodedata.normalize("NFC", one) for one in (name, name.replace('"', "%22"))}
    same_name = unicodedata.normalize("NFC", source.file_name) in names
    same_size = source.size_bytes in (None, size_bytes)
    return same_name and same_size and (source.uploaded_at is None or source.uploaded_at >= since - CLOCKS_DIFFER)


def is_past(sources: Sequence[DataSource], since: datetime) -> bool:
    """Whether this page, from the newest to the oldest, ends before that time."""
    times = [source.uploaded_at for source in sources if source.uploaded_at]
    is_sorted = len(times) == len(sources) and times == sorted(times, reverse=True)
    return is_sorted and times[-1] < since - CLOCKS_DIFFER
