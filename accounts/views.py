"""The Account page. What it leads to are allauth's own pages, in our look (templates/account, mfa, socialaccount)."""

from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import factors, sessions


@login_required
@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    context = {"sessions": sessions.sessions_of(request.user), **factors.of(request.user)}
    context["single_sign_on"] = SocialAccount.objects.filter(user=request.user).first()
    return render(request, "account/index.html", context)


@login_required
@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Signs out elsewhere: one session, or all but this one."""
    chosen = sessions.others(request.user, request.session.session_key)
    if pk := request.POST.get("session"):
        chosen = [get_object_or_404(chosen, pk=pk if pk.isdecimal() else None)]
    ended = sessions.sign_out_elsewhere(request.user, chosen)
    messages.success(request, f"Signed out in {ended} other place{'' if ended == 1 else 's'}.")
    return redirect("account")
