from django.urls import include, path
from django.views.generic import RedirectView

from accounts import views

# What allauth has lists of stands on the Account page; its own pages for them lead there.
to_account = RedirectView.as_view(pattern_name="account")

urlpatterns = [
    path("", views.account, name="account"),
    path("sessions/", to_account),
    path("sessions/end/", views.end_sessions, name="end_sessions"),
    path("", include("allauth.urls")),
]
