"""Actions on several sources selected on the list."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import reverse

from accounts.roles import Action
from datasources import tasks
from datasources.deleting import bin
from datasources.deleting.forms import DeleteSeveralForm
from datasources.downloads import batches
from datasources.models import Deletion
from datasources.sharing import shares
from datasources.sources import selection
from datasources.sources.forms import SourceListForm
from datasources.sources.selection import MOST, Selection, SelectionForm, TooMany
from datasources.views import back
from datasources.views.guards import space_of
from datasources.views.pages import render_page, render_problem
from datasources.views.shares import form_of

View = Callable[[HttpRequest, Selection], HttpResponse]
# In the address of a page about a selection: the name under which it is kept.
CHOSEN = "chosen"


def of_selection(action: Action) -> Callable[[View], View]:
    """A view of what was chosen and may be acted on; a sentence where that is nothing, or too much."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponse]:
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if not request.user.is_authenticated:  # the way back is to the list: this address is that of a button
                return redirect_to_login(f"{reverse('sources:list')}?{request.GET.urlencode()}".rstrip("?"))
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            form = SelectionForm(request.POST)
            if form.is_valid():
                return _of_these(request, form.ids(), action, view)
            [text, *_] = [error for errors in form.errors.values() for error in errors]
            return render_problem(request, 422, "Nothing selected", text)

        return guarded

    return decorate


def page_of_selection(action: Action) -> Callable[[View], View]:
    """A page about what was chosen. The list's button leads to its address, so reloading and going back work."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponse]:
        @of_selection(action)
        def lead_to_page(request: HttpRequest, chosen: Selection) -> HttpResponse:
            asked = request.GET.copy()
            asked[CHOSEN] = selection.keep(request.session, chosen)
            return redirect(f"{request.path}?{asked.urlencode()}")

        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if CHOSEN not in request.GET or not request.user.is_authenticated:
                return lead_to_page(request)
            ids = selection.kept(request.session, request.GET[CHOSEN])
            if ids:
                return _of_these(request, ids, action, view)
            text = "This selection is no longer known. Select the files in the list again."
            return render_problem(request, 410, "Selection not found", text)

        return guarded

    return decorate


def _of_these(request: HttpRequest, ids: set[UUID] | None, action: Action, view: View) -> HttpResponse:
    state = SourceListForm(request.GET).state()
    try:
        chosen = selection.choose(request.user, space_of(request), state, ids, action)
    except TooMany as error:
        text = f"You selected {error.count:,} files. The limit is {MOST:,}. Filter the list first."
        return render_problem(request, 422, "Too many files", text)
    if chosen.sources:
        return view(request, chosen)
    if chosen.left_out:
        text = "You don't have permission for the selected files. Ask an owner of the team."
        return render_problem(request, 403, "Not allowed", text)
    text = "The selected files were deleted or are in the bin."
    return render_problem(request, 422, "Nothing selected", text)


@of_selection(Action.DOWNLOAD)
def download(request: HttpRequest, chosen: Selection) -> HttpResponse:
    """Leads to the page of these files, which states the cost of their links first."""
    return redirect("downloads:batch", batches.create(request.user, chosen.sources).pk)


@of_selection(Action.SHARE)
def share(request: HttpRequest, chosen: Selection) -> HttpResponse:
    """Leads to the form for a page with all of them; a share link belongs to one key."""
    first, *others = chosen.sources
    if any(source.key_id != first.key_id for source in others):
        text = "The selected files belong to several keys, but a share link to one. Filter the list by key first."
        return render_problem(request, 422, "Files of several keys", text)
    if len(chosen.sources) > shares.FILES_AT_MOST:
        text = f"You selected {len(chosen.sources):,} files. A share link holds up to {shares.FILES_AT_MOST}."
        return render_problem(request, 422, "Too many files", text)
    return redirect(form_of(first, *others))


@page_of_selection(Action.DELETE)
def delete(request: HttpRequest, chosen: Selection) -> HttpResponse:
    """Puts them into the bin together, once their number was typed."""
    form = DeleteSeveralForm(len(chosen.sources), chosen.gone, request.POST if "confirm" in request.POST else None)
    if form.is_valid():
        bin.put(chosen.sources, request.user, now=form.is_now)
        tasks.start_due(Deletion)
        return redirect(back.after_deleting(request, request.GET))
    context = {
        "chosen": chosen,
        "form": form,
        "dependents": bin.dependents(chosen.sources, request.user),
        "bin_time": settings.BIN_TIME,
    }
    return render_page(request, "sources/delete_chosen.html", context, 422 if form.errors else 200)
