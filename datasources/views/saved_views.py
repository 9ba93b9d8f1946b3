from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Team
from accounts.quotas import QuotaReached
from accounts.roles import Action, may
from datasources import access, saved_views
from datasources.activity import log
from datasources.activity.words import What
from datasources.keys import choice
from datasources.models import SavedView
from datasources.saved_views import FilesForm, MoveForm, SavedViewForm, UpdateForm, ViewNameForm
from datasources.views.guards import FORM, POST, READ, of_view, path_in_space, space_of
from datasources.views.pages import render_page, render_problem, render_question

# Files that a page lists.
FILES = 100
GONE = "The view was deleted or moved."


@login_required
@require_safe
def list_views(request: HttpRequest) -> HttpResponse:
    """All saved views that one can open here, to rename, move, order and delete."""
    views = access.views_for(request.user, space_of(request))
    return render_page(request, "views/list.html", {"views": list(views)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Saves the view of the page with the path and query in this URL."""
    view, space = _asked(request)
    form = SavedViewForm(_teams(request), request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        team = form.cleaned_data.get("team")
        view.name, view.team, view.owner = form.cleaned_data["name"], team or space.team, None if team else request.user
        try:
            saved_views.save(view)
        except QuotaReached as error:
            form.add_error(None, str(error))
        else:
            if team:
                log.record(What.VIEW_SAVED, request.user, about=view.name, teams=[team])
            messages.success(request, f"View saved: {view.name}.")
            return redirect(view.href)
    view.team = space.team
    context = {"form": form, "cancel": _address(request)}
    return render_page(request, "views/add.html", context, 422 if form.errors else 200)


@of_view(*FORM, action=Action.SAVE_VIEWS)
def update(request: HttpRequest, view: SavedView) -> HttpResponse:
    """Replaces what the view shows by the state of its page that is in this URL."""
    if "path" not in request.GET:
        return redirect(view.href)
    shown, space = _asked(request)
    if shown.path != view.path:
        raise Http404("This page is not the view's.")
    form, status = UpdateForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST" and form.is_valid():
        if saved_views.update(view, shown, space.team, form.cleaned_data["revision"]):
            whose = view.team.name if not view.owner_id else "their own"
            teams = [] if view.owner_id else [view.team]
            log.record(What.VIEW_UPDATED, request.user, about=view.name, teams=teams, whose=whose)
            messages.success(request, f"View updated: {view.name}.")
            return redirect(access.get_view(request.user, view.pk).href)
        form.add_error(None, "Another user updated this view in the meantime. Open it to see how, or replace it.")
        status = 409
    elif form.errors:
        status = 422
    context = {"form": form, "view": view, "cancel": _address(request)}
    return render_page(request, "views/update.html", context, status)


@of_view(*FORM, action=Action.SAVE_VIEWS)
def rename(request: HttpRequest, view: SavedView) -> HttpResponse:
    before = view.name
    form = ViewNameForm(request.POST if request.method == "POST" else None, instance=view)
    if request.method == "POST" and form.is_valid():
        try:
            saved_views.rename(view)
        except SavedView.DoesNotExist:
            raise Http404(GONE) from None
        messages.success(request, f"View renamed to {view.name}.")
        return redirect("views:list")
    context = {"form": form, "name": before}
    return render_page(request, "views/rename.html", context, 422 if form.errors else 200)


@of_view(*FORM, action=Action.SAVE_VIEWS)
def move(request: HttpRequest, view: SavedView) -> HttpResponse:
    """Gives the view to a team, or takes it from one."""
    before = None if view.owner_id else view.team
    initial = {"team": before and before.pk}
    form = MoveForm(_teams(request), request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            _move(request, view, before, form.cleaned_data.get("team"))
        except QuotaReached as error:
            form.add_error(None, str(error))
        except SavedView.DoesNotExist:
            raise Http404(GONE) from None
        else:
            return redirect("views:list")
    context = {"form": form, "name": view.name}
    return render_page(request, "views/move.html", context, 422 if form.errors else 200)


@of_view(*POST)
def place(request: HttpRequest, view: SavedView) -> HttpResponse:
    """Moves the view up or down (`to`) in the reader's own order."""
    by = {"up": -1, "down": 1}.get(request.POST.get("to", ""), 0)
    shown = access.views_for(request.user, space_of(request))
    if by and view in shown:
        saved_views.shift(list(access.views_for(request.user)), view, list(shown), by, request.user)
    return redirect(f"{path_in_space(request, 'views:list')}#view-{view.pk}")


@of_view(*READ)
def use(request: HttpRequest, view: SavedView) -> HttpResponse:
    """Other files, to open each with the filter, order and columns of a view of rows, or with its plot."""
    if not view.datasource_id:
        text = "Only views of rows and plots can be used for another file."
        return render_problem(request, 400, "Not for other files", text)
    form = FilesForm(request.GET)
    state = form.state()
    files = saved_views.files_for(view, request.user, state["q"])
    context = {"view": view, "files": files[:FILES], "more": len(files) > FILES, "state": state}
    context["complaints"] = form.complaints()
    context["query"] = view.url.partition("?")[2]
    return render_page(request, "views/use.html", context, 400 if context["complaints"] else 200)


@of_view(*FORM, action=Action.SAVE_VIEWS)
def delete(request: HttpRequest, view: SavedView) -> HttpResponse:
    if request.method != "POST":
        text = "It is deleted for the whole team." if view.team and not view.owner_id else "Only you can see it."
        return render_question(request, f"Delete the view {view.name}?", text, "Delete view", reverse("views:list"))
    view.delete()
    if not view.owner_id:
        log.record(What.VIEW_DELETED, request.user, about=view.name, teams=[view.team])
    messages.success(request, f"View deleted: {view.name}.")
    return redirect("views:list")


def _teams(request: HttpRequest) -> list[Team]:
    """The teams for which the reader may save views."""
    return [one.team for one in access.memberships_of(request.user) if may(one.role, Action.SAVE_VIEWS)]


def _move(request: HttpRequest, view: SavedView, before: Team | None, team: Team | None) -> None:
    if before == team:
        return
    saved_views.move(view, request.user, team)
    if before:
        log.record(What.VIEW_TAKEN_OUT, request.user, about=view.name, teams=[before])
    if team:
        log.record(What.VIEW_MOVED, request.user, about=view.name, teams=[team])
    messages.success(request, f"{view.name} is now {f'a view of {team.name}' if team else 'only for you'}.")


def _address(request: HttpRequest) -> str:
    """The page that is saved, as far as it is one of ours: `_asked` comes first."""
    query = request.GET.get("query", "")
    return request.GET["path"] + (f"?{query}" if query else "")


def _asked(request: HttpRequest) -> tuple[SavedView, access.Space]:
    """The view that the address asks for, and its space, as far as the reader reaches both. Raises Http404."""
    try:
        view, name = saved_views.read(request.GET.get("path", ""), request.GET.get("query", ""))
    except saved_views.CannotBeSaved:
        raise Http404("This page can't be saved as a view.") from None
    if view.datasource_id:
        choice.get_source(request.user, view.datasource_id)
    space = access.space(request.user, name)
    if space.name == access.Space.OWN:
        view.query = f"team={space.name}&{view.query}".rstrip("&")
    return view, space
