"""To the provider, and back."""

import functools
from collections.abc import Callable

from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from requests import RequestException

from accounts.sso.provider import OidcAdapter


def _telling(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answers 404 without a provider, and shows an error if the provider does not answer."""

    @never_cache
    @require_safe
    @functools.wraps(view)
    def telling(request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_SERVER_URL:
            raise Http404
        try:
            return view(request)
        except (OAuth2Error, RequestException) as error:
            return render_authentication_error(request, OidcAdapter(request).get_provider(), exception=error)

    return telling


login = _telling(OAuth2LoginView.adapter_view(OidcAdapter))
callback = _telling(OAuth2CallbackView.adapter_view(OidcAdapter))
