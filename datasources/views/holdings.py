from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import teams
from datasources.activity import takeover


@login_required
@never_cache
@require_safe
def holdings(request: HttpRequest) -> HttpResponse:
    """The objects of the account; after a takeover by single sign-on its owner is redirected here."""
    context = {**takeover.holdings(request.user), "invitations": teams.invitations_of(request.user)}
    return render(request, "account/holdings.html", context)
