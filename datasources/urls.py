from django.urls import include, path
from django.views.generic import RedirectView

from datasources.views import downloads, hooks, keys, rows, sources

keys_urls = [
    path("", keys.list_keys, name="list"),
    path("add/", keys.add, name="add"),
    path("low/", keys.low, name="low"),
    path("<uuid:key_id>/check/", keys.check, name="check"),
    path("<uuid:key_id>/edit/", keys.edit, name="edit"),
    path("<uuid:key_id>/hook/", hooks.switch, name="hook"),
    path("<uuid:key_id>/delete/", keys.delete, name="delete"),
]
sources_urls = [
    path("", sources.list_sources, name="list"),
    path("refresh/", sources.refresh, name="refresh"),
    path("<uuid:datasource_id>/", sources.details, name="details"),
    path("<uuid:datasource_id>/rows/", rows.rows, name="rows"),
    path("<uuid:datasource_id>/download/", downloads.ask, name="download"),
    path("<uuid:datasource_id>/delete/", sources.delete, name="delete"),
]
downloads_urls = [
    path("", downloads.list_downloads, name="list"),
    path("<uuid:link_id>/", downloads.state, name="state"),
    path("<uuid:link_id>/file/", downloads.file, name="file"),
    path("<uuid:link_id>/url/", downloads.url, name="url"),
]
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="sources:list"), name="home"),
    path("keys/", include((keys_urls, "keys"))),
    path("sources/", include((sources_urls, "sources"))),
    path("downloads/", include((downloads_urls, "downloads"))),
    path("hooks/<str:token>/", hooks.receive, name="hook"),
]
