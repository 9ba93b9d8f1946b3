"""Several sources chosen on the list: those that were ticked, or all that match what the list is filtered by."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import get_random_string

from accounts.models import User
from accounts.roles import Action
from datasources import access
from datasources.access import Space
from datasources.deleting import bin
from datasources.keys import choice
from datasources.models import Source
from datasources.sources import listing

# At once; more is narrowed down first.
MOST = 1000
# In the session, which each request reads: up to 40 kB a selection.
KEPT = "chosen"
KEPT_AT_MOST = 3


class SelectionForm(forms.Form):
    """The selection on the list: sources by their ids, or all that match the filters."""

    all = forms.BooleanField(required=False)
    source = forms.CharField(required=False, widget=forms.MultipleHiddenInput)

    def clean_source(self) -> set[UUID]:
        try:
            return {UUID(word) for word in self.data.getlist("source")}
        except ValueError:
            raise forms.ValidationError("The selection contains an invalid file.") from None

    def clean(self) -> None:
        if not self.errors and not self.cleaned_data["all"] and not self.cleaned_data["source"]:
            raise forms.ValidationError("Select files in the list first.")

    def ids(self) -> set[UUID] | None:
        """None where all are meant."""
        return None if self.cleaned_data["all"] else self.cleaned_data["source"]


class TooMany(Exception):
    """More than MOST were chosen."""

    def __init__(self, count: int):
        super().__init__(f"{count} sources were chosen.")
        self.count = count


@dataclass(frozen=True)
class Selection:
    """The sources to act on, each once and through the best key; how many lack permission, and are not there.

    `ids` names all that were meant, so that later the same are: what comes meanwhile and would match as well is not.
    """

    sources: list[Source]
    left_out: int
    gone: int
    ids: frozenset[UUID]


def choose(user: User, space: Space, state: dict[str, Any], ids: set[UUID] | None, action: Action) -> Selection:
    """The sources of these ids, or all (`ids` None) that match the list's state; none of the bin. Raises TooMany."""
    found = bin.outside(access.sources_for(user, space))
    if ids is None:
        found = listing.narrowed(found, state, user)
    else:
        found = found.filter(datasource_id__in=ids, **({"key": state["key"]} if state["key"] else {}))
    count = len(ids) if ids else found.values("datasource_id").distinct().count()
    if count > MOST:
        raise TooMany(count)
    all_of_them, permitted = choice.get_sources(user, found, action)
    gone = len(ids) - len(all_of_them) if ids else 0
    meant = frozenset(ids or (source.datasource_id for source in all_of_them))
    return Selection(permitted, len(all_of_them) - len(permitted), gone, meant)


def keep(session: SessionBase, chosen: Selection) -> str:
    """Keeps which sources are meant, for a page about them that can be reloaded and gone back to. Gives its name."""
    name = get_random_string(8)
    kept = [*session.get(KEPT, []), [name, [str(one) for one in chosen.ids]]]
    session[KEPT] = kept[-KEPT_AT_MOST:]
    return name


def kept(session: SessionBase, name: str) -> set[UUID]:
    """The sources that were meant; none where later selections took the place of this one."""
    return {UUID(one) for one in dict(session.get(KEPT, [])).get(name, [])}
