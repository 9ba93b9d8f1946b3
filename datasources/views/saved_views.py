from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.quotas import QuotaReached
from accounts.roles import Action, may
from datasources import access, saved_views
from datasources.activity import log
from datasources.activity.words import What
from datasources.keys import choice
from datasources.models import SavedView
from datasources.saved_views import SavedViewForm, ViewNameForm
from datasources.views.guards import FORM, of_view, space_of
from datasources.views.pages import render_page, render_question


@login_required
@require_safe
def list_views(request: HttpRequest) -> HttpResponse:
    """All saved views that one can open here, to rename and delete."""
    views = access.views_for(request.user, space_of(request))
    return render_page(request, "views/list.html", {"views": list(views)})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Saves the view of the page with the path and query in this URL."""
    view, space = _asked(request)
    teams = [one.team for one in access.memberships_of(request.user) if may(one.role, Action.SAVE_VIEWS)]
    form = SavedViewForm(teams, request.POST if request.method == "POST" else None)
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
            return redirect(view.url)
    view.team = space.team
    context = {"form": form, "view": view}
    return render_page(request, "views/add.html", context, 422 if form.errors else 200)


@of_view(*FORM, action=Action.SAVE_VIEWS)
def rename(request: HttpRequest, view: SavedView) -> HttpResponse:
    before = view.name
    form = ViewNameForm(request.POST if request.method == "POST" else None, instance=view)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, f"View renamed to {view.name}.")
        return redirect("views:list")
    context = {"form": form, "name": before}
    return render_page(request, "views/rename.html", context, 422 if form.errors else 200)


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
