from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import teams
from accounts.models import Invitation
from accounts.roles import Role
from datasources.activity import log
from datasources.activity.words import What
from datasources.views.pages import render_page, render_problem


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The invitation page. A signed-in user accepts it here. Other visitors sign in or up first, and return."""
    found = teams.find_invitation(token)
    if not found:
        raise Http404("No such invitation.")
    if not teams.is_open(found):
        return _ended(request)
    if request.user.is_authenticated and teams.has_lost_since(found, request.user):
        return _made_before_leaving(request, found)
    if request.method == "POST" and request.user.is_authenticated:
        return _accept(request, found)
    if not request.user.is_authenticated:
        request.session[teams.SESSION_NAME] = str(found.pk)
    context = {
        "invitation": found,
        "for_somebody_else": request.user.is_authenticated and found.email not in ("", request.user.email),
        "next": reverse("invitation", args=[token]),
    }
    return render_page(request, "teams/invitation.html", context, part="teams/_invitation.html")


def _accept(request: HttpRequest, found: Invitation) -> HttpResponse:
    try:
        membership = teams.accept(found, request.user)
    except teams.InvitationEnded:
        return _ended(request)
    except teams.MadeBeforeLeaving:
        return _made_before_leaving(request, found)
    except teams.ForSomebodyElse:
        text = f"It is for {found.email}, but you are signed in as {request.user.email}."
        return render_problem(request, 403, "This invitation is for another user", text)
    request.session.pop(teams.SESSION_NAME, None)
    team, role = membership.team, Role(membership.role)
    log.record(What.JOINED, request.user, about=team.name, teams=[team], role=role.label)
    messages.success(request, f"You joined {team} as {role.in_a_sentence}.")
    return redirect(f"{reverse('sources:list')}?team={team.pk}")


def _ended(request: HttpRequest) -> HttpResponse:
    text = "It was used, cancelled or expired. Ask for a new one."
    return render_problem(request, 410, "Invitation no longer valid", text)


def _made_before_leaving(request: HttpRequest, found: Invitation) -> HttpResponse:
    text = f"You left {found.team}, were removed, or got a lower role after it was created. Ask for a new one."
    return render_problem(request, 410, "Invitation no longer valid", text)
