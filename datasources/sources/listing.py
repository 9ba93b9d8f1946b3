"""The list of sources as a person asked for it: filtered, counted, sorted, paged. Our copy only, no calls."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet
from django.db.models.functions import Lower

from datasources.claro import COMPLETED, FAILED
from datasources.models import ApiKey, Source

# What each column sorts by. The id breaks ties, so that pages never overlap.
SORTS = {
    "name": Lower("file_name"),
    "type": F("content_type"),
    "size": F("size_bytes"),
    "status": F("status"),
    "uploaded": F("uploaded_at"),
    "processed": F("processed_at"),
    "key": Lower("key__label"),
}

# What each field of the form narrows by.
FILTERS = {"key": "key", "q": "file_name__icontains", "status": "status", "type": "content_type"}

# Fields that no list shows.
UNSHOWN = ("extra", "details", "details_at", "changed_at", "gone_at")


@dataclass(frozen=True)
class Listing:
    """One page of sources, and how many there are: in all, as filtered, and by status and type within the filters."""

    sources: list[Source]
    total: int
    matching: int
    statuses: list[tuple[str, int]]
    types: list[tuple[str, int]]
    page: int
    pages: int

    @property
    def has_next(self) -> bool:
        return self.page < self.pages

    @property
    def all_statuses(self) -> int:
        return sum(n for _, n in self.statuses)

    @property
    def running(self) -> int:
        """How many are being processed; a status that we don't know counts."""
        return sum(n for status, n in self.statuses if status not in (COMPLETED, FAILED))

    @property
    def type_names(self) -> list[str]:
        return [name for name, _ in self.types]


def narrowed(sources: QuerySet[Source], state: dict[str, Any], *names: str) -> QuerySet[Source]:
    """The sources that match these FILTERS."""
    return sources.filter(**{FILTERS[name]: state[name] for name in names if state[name]})


def listing(sources: QuerySet[Source], state: dict[str, Any], keys: Iterable[ApiKey]) -> Listing:
    """The page that `state` (SourceListForm.state) asks for, its sources with their key of `keys`. Up to three queries.

    A page past the end comes back empty.
    """
    sources = narrowed(sources, state, "key")
    groups = _groups(sources)
    total = sum(n for *_, n in groups)
    if state["q"]:
        sources = narrowed(sources, state, "q")
        groups = _groups(sources)
    statuses = _sums((status, n) for status, kind, n in groups if state["type"] in ("", kind))
    types = _sums((kind, n) for status, kind, n in groups if state["status"] in ("", status))
    sources = narrowed(sources, state, "status", "type")
    matching = sum(n for status, n in statuses if state["status"] in ("", status))
    column = SORTS[state["sort"]]
    order = (column.desc(nulls_last=True) if state["order"] == "desc" else column.asc(nulls_last=True), "-pk")
    first = (state["page"] - 1) * state["limit"]
    # Ids are sorted, not whole rows: a far page of 10,000 takes a tenth of the time.
    ids = sources.order_by(*order).values("pk")[first : first + state["limit"]]
    shown = list(Source.objects.filter(pk__in=ids).defer(*UNSHOWN).order_by(*order))
    key_of = {key.pk: key for key in keys}
    for source in shown:
        source.key = key_of[source.key_id]
    return Listing(
        sources=shown,
        total=total,
        matching=matching,
        statuses=statuses,
        types=types,
        page=state["page"],
        pages=max(1, -(-matching // state["limit"])),
    )


def _groups(sources: QuerySet[Source]) -> list[tuple[str, str, int]]:
    return list(sources.order_by().values_list("status", "content_type").annotate(n=Count("*")))


def _sums(pairs) -> list[tuple[str, int]]:
    """The sums by name, the greatest first."""
    sums: Counter[str] = Counter()
    for name, n in pairs:
        sums[name] += n
    return sums.most_common()
