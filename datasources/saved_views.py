"""Saved views: what of a page's address is kept under a name."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import QueryDict
from django.urls import Resolver404, resolve

from accounts.models import Team, User
from accounts.quotas import require_room
from core.forms import OF_COLUMNS, NameField, NamesField, PageForm, QueryForm
from datasources import access
from datasources.activity.forms import ActivityForm
from datasources.claro import COMPLETED
from datasources.copies import filters
from datasources.models import SavedView, Source, ViewPlace
from datasources.rows import remembered
from datasources.rows.forms import RowsForm
from datasources.rows.plots import PLOTTED, PlotForm
from datasources.sources import contents
from datasources.sources.forms import SourceListForm
from datasources.sources.search import condition

# The pages that can be saved, each with what its address may hold.
FORMS: dict[str, type[QueryForm]] = {
    SavedView.Page.SOURCES: SourceListForm,
    SavedView.Page.ROWS: RowsForm,
    SavedView.Page.PLOT: PlotForm,
    SavedView.Page.DOWNLOADS: PageForm,
    SavedView.Page.ACTIVITY: ActivityForm,
}
# Where in a list somebody was is no part of how they set it up, nor is the view that they opened.
OPENED = "view"
PLACES = frozenset({"page", "go", "before", "after", "back", "row", OPENED})


# Of so many files, the newest ones, the columns are compared with those of a view.
CONSIDERED = 500


@dataclass(frozen=True)
class File:
    """A file for which a view may be used, and the columns of the view that it lacks."""

    source: Source
    # Whether its columns are known.
    is_known: bool
    missing: list[str]


class CannotBeSaved(Exception):
    """No page of ours, or one that has nothing to save."""


def read(path: str, query: str) -> tuple[SavedView, str]:
    """The view, not stored yet, that an address shows, and the name of its space. Raises CannotBeSaved.

    Only what the page knows and can use is kept. The rows of a source are seen through whichever key is best then.
    """
    try:
        found = resolve(path)
    except Resolver404:
        raise CannotBeSaved from None
    if found.view_name not in FORMS:
        raise CannotBeSaved
    given = QueryDict(query)
    form = FORMS[found.view_name](given)
    form.full_clean()
    kept = {name: _given(form, name) for name in form.cleaned_data if name not in PLACES and _says(name, given)}
    text = urlencode(kept, doseq=True)
    view = SavedView(page=found.view_name, datasource_id=found.kwargs.get("datasource_id"), query=text)
    return view, given.get("team", "")


def save(view: SavedView) -> None:
    """Stores a new view. Raises QuotaReached: a person's own count for them, a team's for the team."""
    with transaction.atomic():
        _require_room(view)
        view.save(force_insert=True)


def update(view: SavedView, shown: SavedView, space: Team | None, seen: int) -> bool:
    """Stores the state that `shown` has; False if the view was updated since its revision `seen`.

    A user's own view moves to the space in which it is updated; a team's stays with the team.
    """
    team, query = (space, shown.query) if view.owner_id else (view.team, _without_space(shown.query))
    changes = {"query": query, "team": team, "revision": F("revision") + 1}
    return bool(SavedView.objects.filter(pk=view.pk, revision=seen).update(**changes))


def rename(view: SavedView) -> None:
    """Stores the name of a view. Raises SavedView.DoesNotExist as `move` does."""
    if not _unmoved(view).update(name=view.name):
        raise SavedView.DoesNotExist


def move(view: SavedView, user: User, team: Team | None) -> None:
    """Gives a view to a team, or to the user alone. Raises QuotaReached.

    Raises SavedView.DoesNotExist where it was deleted or moved meanwhile: the user may have no right to it any more.
    """
    with transaction.atomic():
        view.refresh_from_db(from_queryset=_unmoved(view).select_for_update(no_key=True))
        view.owner, view.team = (None, team) if team else (user, None)
        view.query = _without_space(view.query)
        _require_room(view)
        view.save(update_fields=["owner", "team", "query"])


def give_file(view: SavedView, source: Source) -> bool:
    """Makes it a view of another source; False if it was moved or deleted meanwhile."""
    if reference := view.parameters.get("columns", [""])[-1]:
        remembered.carry(reference, source)
    changes = {"datasource_id": source.datasource_id, "revision": F("revision") + 1}
    return bool(_unmoved(view).filter(datasource_id=view.datasource_id).update(**changes))


def shift(views: Sequence[SavedView], view: SavedView, shown: Sequence[SavedView], by: int, user: User) -> None:
    """Moves a view among those `shown`, by -1 or 1, in the user's order of all their `views`."""
    order, place = list(shown), list(shown).index(view)
    if not 0 <= place + by < len(order):
        return
    neighbour = order[place + by]
    others = [one for one in views if one != view]
    others.insert(others.index(neighbour) + (by > 0), view)
    with transaction.atomic():
        # One that was deleted meanwhile has no place.
        kept = SavedView.objects.filter(pk__in=[one.pk for one in others]).order_by("pk").select_for_update(no_key=True)
        there = set(kept.values_list("pk", flat=True))
        rows = [ViewPlace(user=user, view=one, place=at) for at, one in enumerate(others) if one.pk in there]
        told = {"update_conflicts": True, "unique_fields": ["user", "view"], "update_fields": ["place"]}
        ViewPlace.objects.bulk_create(rows, **told)


def _unmoved(view: SavedView) -> QuerySet[SavedView]:
    """The row of the view, while it belongs to whom it did when it was read."""
    return SavedView.objects.filter(pk=view.pk, owner=view.owner_id, team=view.team_id)


def of_address(views: Iterable[SavedView], path: str, parameters: QueryDict) -> SavedView | None:
    """The view that a page shows, or from which its user came: the one that the address names, else an equal one."""
    here = [view for view in views if view.path == path]
    named = (view for view in here if str(view.pk) == parameters.get(OPENED))
    return next(named, None) or next((view for view in here if is_shown(view, path, parameters)), None)


def is_changed(view: SavedView, parameters: QueryDict) -> bool:
    """Whether the page of the view has another state now. The space is no part of a team's view."""
    shown, space = read(view.path, parameters.urlencode())
    here, stored = shown.parameters, view.parameters
    if space:
        here["team"] = [space]
    if not view.owner_id:
        here.pop("team", None)
        stored.pop("team", None)
    return here != stored


def missing(view: SavedView, known: Collection[str]) -> list[str]:
    """The columns that a view names (shown, sorted by, filtered or plotted) and that are not among the known ones."""
    return _missing(*_named(view), known)


def _named(view: SavedView) -> tuple[list[str], list[str]]:
    """The columns that a view names, and those of its filter, in which case does not count."""
    given = view.parameters
    if reference := given.get("columns", [""])[-1]:
        given = {**given, **remembered.named(view.datasource_id, reference)}
    others = [name for parameter in ("sort", *PLOTTED) for name in given.get(parameter, ()) if name]
    return [*given.get("column", ()), *others], filters.names(given.get("filter", [""])[-1])


def _missing(named: Collection[str], filtered: Collection[str], known: Collection[str]) -> list[str]:
    exact, loose = set(known), {name.lower() for name in known}
    gone = [name for name in named if name not in exact]
    gone += [name for name in filtered if name.lower() not in loose]
    return list(dict.fromkeys(gone))


def files_for(view: SavedView, user: User, words: str) -> list[File]:
    """Other files that the user may open, those that have all columns of the view first; of the newest ones.

    Files whose columns are unknown come last. A search for `words` finds them.
    """
    sources = access.sources_for(user).filter(condition(words), status=COMPLETED)
    sources = sources.exclude(datasource_id=view.datasource_id).select_related("key").order_by("-uploaded_at", "-pk")
    newest = {source.datasource_id: source for source in reversed(sources[:CONSIDERED])}
    known, named = contents.known_columns([*newest.values()]), _named(view)
    found = [
        File(source, source.pk in known, _missing(*named, known[source.pk]) if source.pk in known else [])
        for source in reversed(newest.values())
    ]
    return sorted(found, key=lambda file: (not file.is_known, len(file.missing)))


def _without_space(query: str) -> str:
    given = QueryDict(query, mutable=True)
    given.pop("team", None)
    return given.urlencode()


def _require_room(view: SavedView) -> None:
    owned = {"owner": view.owner} if view.owner else {"team": view.team, "owner": None}
    require_room(view.owner or view.team, "saved_views", SavedView.objects.filter(**owned))


def is_shown(view: SavedView, path: str, parameters: QueryDict) -> bool:
    """Whether this address shows the view, on whichever of its pages."""
    here = {name: values for name, values in parameters.lists() if name not in PLACES and _says(name, parameters)}
    return view.path == path and view.parameters == here


def _says(name: str, given: QueryDict) -> bool:
    """Whether a parameter is not empty; an empty name is that of a column without a name."""
    return any(given.getlist(name)) or (name in OF_COLUMNS and name in given)


def _given(form: QueryForm, name: str) -> str | list[str]:
    """The parameters as given; a single-valued one keeps its last value."""
    return form.cleaned_data[name] if isinstance(form.fields[name], NamesField) else form.data[name]


class ViewNameForm(forms.ModelForm):
    name = NameField()

    class Meta:
        model = SavedView
        fields = ("name",)


class MoveForm(forms.Form):
    """The audience of a view: the user alone, or one of `teams`."""

    team = forms.ModelChoiceField(Team.objects.none(), required=False, label="Visible to", empty_label="Only me")

    def __init__(self, teams: list[Team], *args, **kwargs):
        super().__init__(*args, **kwargs)
        if teams:
            self.fields["team"].queryset = Team.objects.filter(pk__in=[team.pk for team in teams])
        else:
            del self.fields["team"]


class SavedViewForm(MoveForm, ViewNameForm):
    """A new view: for oneself, or for one of `teams`."""

    field_order = ("name", "team")


class UpdateForm(forms.Form):
    """The revision of the view that the user saw."""

    revision = forms.IntegerField(min_value=1, max_value=2**31 - 1)


class FilesForm(QueryForm):
    """Files to use a view for: their names contain `q`."""

    q = forms.CharField(required=False, max_length=200)
