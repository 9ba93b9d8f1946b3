"""Saved views: what of a page's address is kept under a name."""

from urllib.parse import urlencode

from django import forms
from django.db import transaction
from django.http import QueryDict
from django.urls import Resolver404, resolve

from accounts.models import Team
from accounts.quotas import require_room
from core.forms import NameField, NamesField, PageForm, QueryForm
from datasources.activity.forms import ActivityForm
from datasources.models import SavedView
from datasources.rows.forms import RowsForm
from datasources.sources.forms import SourceListForm

# The pages that can be saved, each with what its address may hold.
FORMS: dict[str, type[QueryForm]] = {
    SavedView.Page.SOURCES: SourceListForm,
    SavedView.Page.ROWS: RowsForm,
    SavedView.Page.DOWNLOADS: PageForm,
    SavedView.Page.ACTIVITY: ActivityForm,
}
# Where in a list somebody was is no part of how they set it up.
PLACES = frozenset({"page", "go", "row", "before", "after", "back"})


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
    mine = (
        SavedView.objects.filter(owner=view.owner)
        if view.owner
        else SavedView.objects.filter(team=view.team, owner=None)
    )
    with transaction.atomic():
        require_room(view.owner or view.team, "saved_views", mine)
        view.save(force_insert=True)


def is_shown(view: SavedView, path: str, parameters: QueryDict) -> bool:
    """Whether this address shows the view, on whichever of its pages."""
    here = {name: values for name, values in parameters.lists() if name not in PLACES and _says(name, parameters)}
    return view.path == path and view.parameters == here


def _says(name: str, given: QueryDict) -> bool:
    """Whether a parameter is not empty; `column=` is the column without a name."""
    return any(given.getlist(name)) or (name == "column" and name in given)


def _given(form: QueryForm, name: str) -> str | list[str]:
    """The parameters as given; a single-valued one keeps its last value."""
    return form.cleaned_data[name] if isinstance(form.fields[name], NamesField) else form.data[name]


class ViewNameForm(forms.ModelForm):
    name = NameField()

    class Meta:
        model = SavedView
        fields = ("name",)


class SavedViewForm(ViewNameForm):
    """A new view: for oneself, or for one of `teams`."""

    team = forms.ModelChoiceField(Team.objects.none(), required=False, label="Visible to", empty_label="Only me")

    def __init__(self, teams: list[Team], *args, **kwargs):
        super().__init__(*args, **kwargs)
        if teams:
            self.fields["team"].queryset = Team.objects.filter(pk__in=[team.pk for team in teams])
        else:
            del self.fields["team"]
