from allauth.mfa.recovery_codes.views import view_recovery_codes
from allauth.mfa.totp.views import activate_totp
from django.urls import include, path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from accounts import views

# What allauth has lists of stands on the Account page; its own pages for them lead there.
to_account = RedirectView.as_view(pattern_name="account")

urlpatterns = [
    path("", views.account, name="account"),
    path("login/", views.sign_in, name="account_login"),
    path("sessions/", to_account),
    path("2fa/", to_account),
    path("2fa/webauthn/", to_account),
    path("3rdparty/", to_account),
    path("3rdparty/signup/", RedirectView.as_view(pattern_name="account_login")),
    # These show secrets: no browser keeps them.
    path("2fa/totp/activate/", never_cache(activate_totp)),
    path("2fa/recovery-codes/", never_cache(view_recovery_codes)),
    path("sessions/end/", views.end_sessions, name="end_sessions"),
    path("name/", views.set_name, name="account_name"),
    path("theme/", views.set_theme, name="theme"),
    path("single-keys/", views.single_keys, name="single_keys"),
    path("", include("allauth.urls")),
]
