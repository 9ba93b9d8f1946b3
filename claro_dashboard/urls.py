from django.urls import include, path

from operations import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("operations/", health.operations, name="operations"),
    path("accounts/", include("accounts.urls")),
    path("", include("datasources.urls")),
]

handler400 = "claro_dashboard.errors.bad_request"
handler403 = "claro_dashboard.errors.forbidden"
handler404 = "claro_dashboard.errors.not_found"
handler429 = "claro_dashboard.errors.too_many_requests"
handler500 = "claro_dashboard.errors.server_error"
