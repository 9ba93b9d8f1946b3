"""The Account page. It links to allauth's pages in the dashboard's layout (templates/account, mfa, socialaccount)."""

from datetime import timedelta

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import LoginView
from allauth.core.internal import ratelimit
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import devices, mfa, people, sessions
from accounts.forms import PersonNameForm
from core.visitors import network_of

# Sign-ins of one network, and of one browser that has signed in before.
OF_A_NETWORK, OF_A_DEVICE = "30/m/key", "20/m/key"
_sign_in = LoginView.as_view()


def sign_in(request: HttpRequest) -> HttpResponse:
    """allauth's page; attempts of a known browser are not counted with those of strangers in the same network."""
    if request.method == "POST" and (too_many := _too_many(request)):
        return too_many
    return _sign_in(request)


def _too_many(request: HttpRequest) -> HttpResponse | None:
    device = devices.any_name(request)
    key = device or network_of(get_adapter().get_client_ip(request))
    config = {"sign_in": OF_A_DEVICE if device else OF_A_NETWORK}
    return ratelimit.consume_or_429(request, app="accounts", action="sign_in", config=config, key=key)


@login_required
@never_cache
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    return _account(request, PersonNameForm(initial={"name": request.user.name}))


@login_required
@never_cache
@require_POST
def set_name(request: HttpRequest) -> HttpResponse:
    form = PersonNameForm(request.POST)
    if not form.is_valid():
        return _account(request, form, 422)
    people.rename(request.user, form.cleaned_data["name"])
    messages.success(request, "Name saved." if request.user.name else "Name removed.")
    return redirect("account")


def _account(request: HttpRequest, form: PersonNameForm, status: int = 200) -> HttpResponse:
    context = {"name_form": form, "sessions": sessions.sessions_of(request.user), **mfa.of(request.user)}
    context["single_sign_on"] = SocialAccount.objects.filter(user=request.user).first()
    return render(request, "account/index.html", context, status=status)


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keeps the theme in a cookie, as theme.js does, and leads back to the page."""
    answer = redirect(get_next_redirect_url(request) or settings.LOGIN_REDIRECT_URL)
    if (theme := request.POST.get("theme")) in ("light", "dark"):
        answer.set_cookie("theme", theme, max_age=timedelta(days=365), secure=request.is_secure(), samesite="Lax")
    else:
        answer.delete_cookie("theme", samesite="Lax")
    return answer


@login_required
@require_POST
def single_keys(request: HttpRequest) -> HttpResponse:
    """Switches the user's single-key shortcuts on (`on`=1) or off."""
    request.user.uses_single_keys = request.POST.get("on") == "1"
    request.user.save(update_fields=["uses_single_keys"])
    messages.success(request, f"Single-key shortcuts are {'on' if request.user.uses_single_keys else 'off'}.")
    return redirect("account")


@login_required
@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Signs out elsewhere: one session, or all but this one."""
    chosen = sessions.others(request.user, request.session.session_key)
    if pk := request.POST.get("session"):
        chosen = [get_object_or_404(chosen, pk=pk if pk.isdecimal() else None)]
    ended = sessions.sign_out_elsewhere(request.user, chosen)
    messages.success(request, f"Signed out on {ended:,} other device{'' if ended == 1 else 's'}.")
    return redirect("account")
