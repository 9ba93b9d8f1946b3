"""Tags: putting them on files, and renaming and deleting them."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Team
from accounts.quotas import QuotaReached
from accounts.roles import Action, may
from datasources import access
from datasources.models import Source, Tag
from datasources.sources import tags
from datasources.sources.selection import Selection
from datasources.sources.tags import NameTaken, NewTagForm, TagNameForm
from datasources.views import back
from datasources.views.bulk import page_of_selection
from datasources.views.guards import FORM, RoleTooLow, of_source, of_tag
from datasources.views.pages import render_page, render_question


@login_required
@require_safe
def list_tags(request: HttpRequest) -> HttpResponse:
    """All tags that the user sees, to filter by, rename and delete."""
    return render_page(request, "tags/list.html", {"tags": list(access.tags_for(request.user))})


@of_source(*FORM)
def of_file(request: HttpRequest, source: Source) -> HttpResponse:
    """The tags of one file; POST adds or removes one."""
    form, status = _changed(request, [source])
    if request.method == "POST" and status == 200:
        return redirect(request.get_full_path())
    path = reverse("sources:details", args=[source.datasource_id])
    context = {"done": f"{path}?{request.GET.urlencode()}".rstrip("?"), "title": source.name}
    return _assign(request, [source], form, status, context)


@page_of_selection(Action.BROWSE)
def of_chosen(request: HttpRequest, chosen: Selection) -> HttpResponse:
    """The tags of the files that were ticked; POST adds or removes one."""
    sources = chosen.sources
    form, status = _changed(request, sources)
    if request.method == "POST" and status == 200:
        return redirect(request.get_full_path())
    context = {
        "done": back.of_chosen(request),
        "title": sources[0].name if len(sources) == 1 else f"{len(sources):,} files",
    }
    return _assign(request, sources, form, status, context)


@of_tag(*FORM, action=Action.TAG)
def rename(request: HttpRequest, tag: Tag) -> HttpResponse:
    form = TagNameForm(request.POST if request.method == "POST" else None, initial={"name": tag.name})
    if form.is_valid():
        before = tag.name
        try:
            tags.rename(tag, form.cleaned_data["name"], request.user)
        except NameTaken:
            form.add_error("name", "There is another tag of this name.")
            tag.name = before
        else:
            messages.success(request, f"Tag renamed to {tag.name}.")
            return redirect("tags:list")
    return render_page(request, "tags/rename.html", {"form": form, "tag": tag}, 422 if form.errors else 200)


@of_tag(*FORM, action=Action.TAG)
def delete(request: HttpRequest, tag: Tag) -> HttpResponse:
    if request.method != "POST":
        text = "It is taken off all files, for the whole team." if tag.team else "It is taken off all files."
        return render_question(request, f"Delete the tag {tag.name}?", text, "Delete tag", reverse("tags:list"))
    tags.delete(tag, request.user)
    messages.success(request, f"Tag deleted: {tag.name}.")
    return redirect("tags:list")


def _changed(request: HttpRequest, sources: Sequence[Source]) -> tuple[NewTagForm, int]:
    """Adds, removes or creates a tag. Gives the form for a new tag, with errors, and the status. Raises RoleTooLow."""
    teams = _teams(request)
    for name, act in (("add", tags.put), ("remove", tags.take)):
        if name not in request.POST:
            continue
        try:
            act(_tag(request, request.POST[name]), sources, request.user)
        except Http404:
            # The files that were chosen are still there.
            messages.warning(request, "This tag no longer exists.")
            return NewTagForm(teams), 404
    if "new" not in request.POST:
        return NewTagForm(teams), 200
    form = NewTagForm(teams, request.POST)
    if form.is_valid():
        try:
            tag = tags.named(form.cleaned_data["name"], request.user, form.cleaned_data.get("team"))
        except QuotaReached as error:
            form.add_error("name", str(error))
        else:
            tags.put(tag, sources, request.user)
            return NewTagForm(teams), 200
    return form, 422


def _tag(request: HttpRequest, tag_id: str) -> Tag:
    try:
        tag = access.get_tag(request.user, UUID(tag_id))
    except ValueError:
        raise Http404("No such tag.") from None
    if not may(tag.role, Action.TAG):
        raise RoleTooLow(Action.TAG, tag.team)
    return tag


def _assign(
    request: HttpRequest, sources: Sequence[Source], form: NewTagForm, status: int, context: dict
) -> HttpResponse:
    shown = list(access.tags_for(request.user))
    counts = tags.counts(shown, sources)
    for tag in shown:
        tag.count = counts.get(tag.pk, 0)
        tag.is_on_all = tag.count == len(sources)
    context |= {"tags": shown, "sources": sources, "number": len(sources), "form": form}
    return render_page(request, "tags/assign.html", context, status)


def _teams(request: HttpRequest) -> list[Team]:
    """The teams whose tags the user may set."""
    return [one.team for one in access.memberships_of(request.user) if may(one.role, Action.TAG)]
