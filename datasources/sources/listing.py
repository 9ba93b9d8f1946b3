"""The list of sources as a person asked for it: filtered, counted, sorted, paged. Our copy only, no calls."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import (
    CharField,
    Count,
    DateTimeField,
    F,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    UUIDField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower

from accounts.models import User
from core.queries import Part, Parts, Prepared, Slot
from core.text import visible
from datasources import access
from datasources.access import READER
from datasources.claro import COMPLETED, FAILED
from datasources.deleting import bin
from datasources.models import ApiKey, Correction, Source, SourceCount
from datasources.sources import groups, marks, tags
from datasources.sources.search import Search, condition, condition_slots, search
from datasources.sources.summary import since

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

# What each field of the form narrows by, besides the search.
FILTERS = {
    "favourites": "datasource_id__in",
    "key": "key",
    "since": "uploaded_at__gte",
    "status": "status",
    "tag": "datasource_id__in",
    "type": "content_type",
}
FILTERED = (*(name for name in FILTERS if name != "key"), "q")
# Those that are no part of the stored counts.
COUNTED = ("favourites", "since", "tag")

SLOTS = {
    "favourites": marks.favourites_of(READER),
    "since": Slot("since", DateTimeField()),
    "status": Slot("status", CharField()),
    "tag": tags.tagged(Slot("tag", UUIDField()), READER),
    "type": Slot("type", CharField()),
}

# Fields that no list shows.
UNSHOWN = ("extra", "details", "details_at", "changed_at", "gone_at", "folded_name")

NEWEST_FIRST = ("uploaded", "desc")
ALL, FOUND = "all", "found"


@dataclass(frozen=True)
class Listing:
    """One page of sources, and how many there are: in all, as filtered, and by status and type within the filters."""

    sources: list[Source]
    total: int
    # By status in all, whatever the filters.
    totals: dict[str, int]
    matching: int
    statuses: list[tuple[str, int]]
    types: list[tuple[str, int]]
    page: int
    pages: int
    search: Search

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


def narrowed(sources: QuerySet[Source], state: dict[str, Any], reader: User) -> QuerySet[Source]:
    """The sources that match the search and the FILTERS of the state, at this moment."""
    values = {**state, "since": since(state["since"]), "favourites": marks.favourites_of(reader)}
    values["tag"] = tags.tagged(state["tag"] or None, reader)
    return _filtered(sources.filter(condition(state["q"])), values, *(name for name in FILTERS if state[name]))


def _filtered(sources: QuerySet[Source], values: Mapping[str, Any], *names: str) -> QuerySet[Source]:
    for name in names:  # several may be about one field
        sources = sources.filter(**{FILTERS[name]: values[name]})
    return sources


def listing(keys: Iterable[ApiKey], state: dict[str, Any], reader: User) -> Listing:
    """The page that `state` (SourceListForm.state) asks for, its sources with their key of `keys`. Three queries.

    A page past the end comes back empty.
    """
    key_of = {key.pk: key for key in keys if state["key"] in ("", key.pk)}
    asked = search(state["q"])
    if not key_of:
        return Listing([], 0, {}, 0, [], [], state["page"], 1, asked)
    scope = (len(key_of), bin.is_in_use())
    values = {f"key{place}": pk for place, pk in enumerate(key_of)} | asked.values
    first = (state["page"] - 1) * state["limit"]
    values |= {**state, "since": since(state["since"]), "reader": reader.pk}
    values |= {"first": first, "until": first + state["limit"]}
    narrow = tuple(name for name in COUNTED if state[name])
    filters = [name for name in SLOTS if state[name]]
    before = groups.Before(state["group"], groups.reader_zone() if state["group"] == "day" else "")
    shown = _page(*scope, asked.shape, before, *filters, sort=state["sort"], order=state["order"]).objects(**values)
    for source in shown:
        source.key = key_of[source.key_id]
    # If these found less than a page, nothing remains to be counted.
    is_less = len(filters) == len(narrow) and state["page"] == 1 and len(shown) < state["limit"]
    is_all = is_less and bool(asked.words or narrow)
    in_all, found = _counted(*scope, *((0, False), ()) if is_all else (asked.shape, narrow), values)
    if is_all:
        found = Counter((source.status, source.content_type) for source in shown)
    statuses = _sums((status, n) for (status, kind), n in found.items() if state["type"] in ("", kind))
    types = _sums((kind, n) for (status, kind), n in found.items() if state["status"] in ("", status))
    matching = sum(n for status, n in statuses if state["status"] in ("", status))
    return Listing(
        sources=shown,
        total=in_all.total(),
        totals=dict(_sums((status, n) for (status, _), n in in_all.items())),
        matching=matching,
        statuses=statuses,
        types=types,
        page=state["page"],
        pages=max(1, -(-matching // state["limit"])),
        search=asked,
    )


def _counted(
    keys: int, has_bin: bool, shape: tuple[int, bool], narrow: tuple[str, ...], values: dict[str, Any]
) -> tuple[Counter, Counter]:
    """How many sources there are, and how many the search and filters find, by status and content type. One query."""
    in_all, found = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for part, status, kind, n in sorted(_groups(keys, has_bin, shape, *narrow).rows(**values)):
        (found if part == FOUND else in_all)[status, kind] += n
    return +in_all, +found if shape[0] or narrow else +in_all


@lru_cache(maxsize=64)
def _groups(keys: int, has_bin: bool, shape: tuple[int, bool], *narrow: str) -> Prepared:
    """Numbers to add up by status and type: of all sources, and of those that are found.

    The few sources in the bin are taken off: to ask for each of the others whether it is there takes longer.
    """
    names = ("status", "content_type")

    def counts(part: str, sources: QuerySet, n: Combinable) -> QuerySet:
        # With several keys in the order of the index, which takes half the time.
        by = ("key", *names) if keys > 1 else names
        groups = sources.order_by().values(*by).annotate(part=Value(part, CharField()), n=n)
        return groups.values_list("part", *names, "n")

    def found_in(sources: QuerySet[Source]) -> QuerySet[Source]:
        return _filtered(sources.filter(condition_slots(*shape)), SLOTS, *narrow)

    def query() -> QuerySet:
        in_bin = bin.inside(_keys(keys))
        parts = [counts(ALL, SourceCount.objects.filter(key__pk__in=_keys(keys)), Sum("n"))]
        if has_bin:
            parts.append(counts(ALL, in_bin, -Count("*")))
        if shape[0] or narrow:
            parts.append(counts(FOUND, found_in(access.sources_behind(_keys(keys))), Count("*")))
            if has_bin:
                parts.append(counts(FOUND, found_in(in_bin), -Count("*")))
        return parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0]

    return Prepared(query)


@lru_cache(maxsize=256)
def _page(
    keys: int, has_bin: bool, shape: tuple[int, bool], before: groups.Before, *filters: str, sort: str, order: str
) -> Prepared:
    """The sources of a page."""

    def query() -> QuerySet[Source]:
        column = SORTS[sort]
        own = [column.desc(nulls_last=True) if order == "desc" else column.asc(nulls_last=True), "-pk"]
        # Files in the order of their upload are in that of its day.
        by = own if before.name == "day" and sort == "uploaded" else [*before.order(), *own]
        limit, first, until = (Slot(name, IntegerField()) for name in ("limit", "first", "until"))

        def ids(keys: Iterable[Slot]) -> QuerySet:
            # Ids are sorted, not whole rows: a far page of 10,000 takes a tenth of the time.
            found = _filtered(access.sources_behind(keys).filter(condition_slots(*shape)), SLOTS, *filters)
            return (bin.outside(found) if has_bin else found).order_by(*by).values("pk")

        if keys > 1 and (sort, order) == NEWEST_FIRST and by == own:
            # Of each key the newest ones: the index has them in order, but not those of several keys.
            each = [Part(ids([key]), until) for key in _keys(keys)]
            part = Part(Source.objects.filter(pk__in=Parts(each)).order_by(*by).values("pk"), limit, first)
        else:
            part = Part(ids(_keys(keys)), limit, first)
        return Source.objects.filter(pk__in=part).defer(*UNSHOWN).order_by(*by)

    return Prepared(query)


@dataclass(frozen=True)
class Failure:
    """Claro's reason, or ""; and the newest file in place of the failed one."""

    reason: str
    corrected_by: UUID | None
    corrected_name: str


def failures(sources: Iterable[Source]) -> dict[int, Failure]:
    """The failures of the failed ones, by primary key. One query, none if no source failed."""
    failed = [source.pk for source in sources if source.has_failed]
    if not failed:
        return {}
    newest = Correction.objects.filter(old=OuterRef("pk"), new__gone_at=None).order_by("-made_at", "-pk")
    found = Source.objects.filter(pk__in=failed).only("extra", "details", "details_at", "last_seen_at")
    found = found.annotate(by=Subquery(newest.values("new__datasource_id")[:1]))
    found = found.annotate(by_name=Subquery(newest.values("new__file_name")[:1]))
    return {source.pk: Failure(source.failure, source.by, source.by_name or str(source.by)) for source in found}


def reasons_of(sources: Iterable[Source]) -> list[str]:
    """A line for each failed one: its name and Claro's reason."""
    none = "Claro gave no reason."
    return [
        f"{visible(one.name)}: {visible(' '.join(one.failure.split())) or none}" for one in sources if one.has_failed
    ]


def _keys(keys: int) -> list[Slot]:
    return [Slot(f"key{place}", UUIDField()) for place in range(keys)]


def _sums(pairs) -> list[tuple[str, int]]:
    """The sums by name, the greatest first."""
    sums: Counter[str] = Counter()
    for name, n in pairs:
        sums[name] += n
    return sums.most_common()
