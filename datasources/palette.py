"""The command palette: files, saved views, teams, pages and actions, found by a few letters of their names."""

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from django import forms
from django.urls import reverse

from core.folding import folded, words_of
from core.forms import QueryForm
from core.queries import Prepared
from datasources import access, recent
from datasources.access import READER
from datasources.models import SavedView

SHOWN = 20
LONGEST = 200  # characters of a search
# Of equal matches those of these kinds come first: a file is one of thousands.
KINDS = {kind: place for place, kind in enumerate(("page", "action", "team", "view", "file"))}


@dataclass(frozen=True)
class Item:
    """Something that the palette leads to. `icon` of a file is that of its content type."""

    kind: str
    name: str
    url: str = ""
    icon: str = ""
    content_type: str = ""
    # Further words that find it.
    words: str = ""
    # Whether the user opened it lately.
    is_recent: bool = False


class PaletteForm(QueryForm):
    q = forms.CharField(required=False, max_length=LONGEST)


class _Named(NamedTuple):
    """A row of access.names_for."""

    kind: str
    pk: str
    name: str
    # A file's content type, a view's page.
    sort: str
    # When a file was uploaded, as text; a view's source.
    about: str | None
    query: str
    team: str | None


_NAMES = Prepared(lambda: access.names_for(READER))


def find(user_id: int, text: str, places: Sequence[Item]) -> list[Item]:
    """The SHOWN best matches among `places` and what this user may open, recent ones first. One query."""
    return best(text, places, _NAMES.rows(reader=user_id), recent.of(user_id))


def best(text: str, places: Sequence[Item], rows: Sequence[tuple], opened: Sequence[tuple[str, UUID]]) -> list[Item]:
    """The SHOWN best matches among `places` and `rows` of access.names_for; `opened` (kind, id) come first."""
    words = words_of(text)
    # A database writes an id with or without hyphens.
    last = {(kind, pk): n for n, (kind, one) in enumerate(opened) for pk in (one.hex, str(one))}
    # A file is there once for each key that sees it.
    rows = sorted({row[:2]: row for row in rows}.values(), key=_uploaded_at, reverse=True)
    candidates = [(place.kind, place.url, folded(f"{place.name} {place.words}"), place) for place in places]
    candidates += [(row[0], row[1], folded(row[2] or row[1]), row) for row in rows]
    for word in words:
        candidates = [one for one in candidates if word in one[2]]
    starts = [re.compile(rf"(?<![^\W_]){re.escape(word)}").search for word in words]
    ranked = []
    for place, (kind, pk, name, found) in enumerate(candidates):
        inside = sum(not search(name) for search in starts)
        # The smaller, the better: recent, then by how many words begin no part of the name; `place` ends all ties.
        ranked.append((last.get((kind, pk), SHOWN), inside, KINDS[kind], place, found))
    first = ((found, recency < SHOWN) for recency, *_, found in heapq.nsmallest(SHOWN, ranked))
    return [one if isinstance(one, Item) else replace(_item(_Named(*one)), is_recent=was) for one, was in first]


def _uploaded_at(row: tuple) -> str:
    return row[4] or ""  # by place: there are thousands


def _item(row: _Named) -> Item:
    if row.kind == "file":
        source_id = UUID(row.pk)
        url = reverse("sources:details", args=[source_id])
        return Item("file", row.name or str(source_id), url, content_type=row.sort)
    if row.kind == "team":
        return Item("team", row.name, reverse("teams:team", args=[UUID(row.pk)]), "users")
    view = SavedView(page=row.sort, query=row.query)
    view.datasource_id = UUID(row.about) if row.about else None
    view.team_id = UUID(row.team) if row.team else None
    return Item("view", row.name, view.url, "bookmark")
