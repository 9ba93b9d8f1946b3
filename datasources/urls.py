from django.urls import include, path
from django.views.generic import RedirectView

from datasources.views import (
    activity,
    bin,
    bulk,
    column_menu,
    columns,
    compare,
    context,
    copies,
    downloads,
    exports,
    filters,
    holdings,
    invitations,
    keys,
    notices,
    rows,
    saved_views,
    share_page,
    shares,
    sources,
    teams,
    webhooks,
)

keys_urls = [
    path("", keys.list_keys, name="list"),
    path("add/", keys.add, name="add"),
    path("low/", context.above, name="low"),
    path("<uuid:key_id>/check/", keys.check, name="check"),
    path("<uuid:key_id>/edit/", keys.edit, name="edit"),
    path("<uuid:key_id>/hook/", webhooks.switch, name="hook"),
    path("<uuid:key_id>/share/", keys.share, name="share"),
    path("<uuid:key_id>/delete/", keys.delete, name="delete"),
    path("<uuid:key_id>/copies/", keys.copies, name="copies"),
    path("<uuid:key_id>/export/", keys.export, name="export"),
]
sources_urls = [
    path("", sources.list_sources, name="list"),
    path("checks/", sources.checks, name="checks"),
    path("refresh/", sources.refresh, name="refresh"),
    path("chosen/download/", bulk.download, name="download_chosen"),
    path("chosen/share/", bulk.share, name="share_chosen"),
    path("chosen/delete/", bulk.delete, name="delete_chosen"),
    path("<uuid:datasource_id>/", sources.details, name="details"),
    path("<uuid:datasource_id>/rows/", rows.rows, name="rows"),
    path("<uuid:datasource_id>/rows/filter/", filters.change, name="filter"),
    path("<uuid:datasource_id>/rows/filter/form/", filters.form, name="filter_form"),
    path("<uuid:datasource_id>/rows/cell/", rows.cell, name="cell"),
    path("<uuid:datasource_id>/rows/heads/", columns.heads, name="heads"),
    path("<uuid:datasource_id>/rows/column/", columns.column, name="column"),
    path("<uuid:datasource_id>/rows/menu/", column_menu.column_menu, name="column_menu"),
    path("<uuid:datasource_id>/rows/export/", exports.export, name="export"),
    path("<uuid:datasource_id>/copy/", copies.copy, name="copy"),
    path("<uuid:datasource_id>/compare/", compare.compare, name="compare"),
    path("<uuid:datasource_id>/download/", downloads.ask, name="download"),
    path("<uuid:datasource_id>/share/", shares.share, name="share"),
    path("<uuid:datasource_id>/delete/", sources.delete, name="delete"),
    path("<uuid:datasource_id>/follow/", notices.follow, name="follow"),
]
downloads_urls = [
    path("", downloads.list_downloads, name="list"),
    path("<uuid:link_id>/", downloads.state, name="state"),
    path("<uuid:link_id>/file/", downloads.file, name="file"),
    path("<uuid:link_id>/url/", downloads.url, name="url"),
]
exports_urls = [
    path("", exports.list_exports, name="list"),
    path("<uuid:export_id>/", exports.receipt, name="receipt"),
    path("<uuid:export_id>/file/", exports.file, name="file"),
]
activity_urls = [
    path("", activity.list_activity, name="list"),
    path("export/", activity.export, name="export"),
]
shares_urls = [
    path("", shares.list_shares, name="list"),
    path("<uuid:share_id>/", shares.details, name="details"),
    path("<uuid:share_id>/edit/", shares.edit, name="edit"),
    path("<uuid:share_id>/link/", shares.link, name="link"),
    path("<uuid:share_id>/qr/", shares.qr, name="qr"),
    path("<uuid:share_id>/pause/", shares.pause, name="pause"),
    path("<uuid:share_id>/resume/", shares.resume, name="resume"),
    path("<uuid:share_id>/rotate/", shares.rotate, name="rotate"),
    path("<uuid:share_id>/end/", shares.end, name="end"),
]
views_urls = [
    path("", saved_views.list_views, name="list"),
    path("add/", saved_views.add, name="add"),
    path("<uuid:view_id>/rename/", saved_views.rename, name="rename"),
    path("<uuid:view_id>/delete/", saved_views.delete, name="delete"),
]
bin_urls = [
    path("", bin.list_bin, name="list"),
    path("bar/", context.above, name="bar"),
    path("<uuid:deletion_id>/undo/", bin.undo, name="undo"),
    path("<uuid:deletion_id>/now/", bin.now, name="now"),
]
teams_urls = [
    path("", teams.list_teams, name="list"),
    path("<uuid:team_id>/", teams.team, name="team"),
    path("<uuid:team_id>/rename/", teams.rename, name="rename"),
    path("<uuid:team_id>/delete/", teams.delete, name="delete"),
    path("<uuid:team_id>/leave/", teams.leave, name="leave"),
    path("<uuid:team_id>/people/<int:membership_id>/role/", teams.set_role, name="role"),
    path("<uuid:team_id>/people/<int:membership_id>/remove/", teams.remove, name="remove"),
    path("<uuid:team_id>/invitations/<uuid:invitation_id>/link/", teams.invitation_link, name="link"),
    path("<uuid:team_id>/invitations/<uuid:invitation_id>/revoke/", teams.revoke, name="revoke"),
    path("<uuid:team_id>/keys/<uuid:key_id>/unshare/", teams.unshare, name="unshare"),
]
notices_urls = [
    path("", notices.list_notices, name="list"),
    path("read/", notices.read, name="read"),
    path("unread/", notices.unread, name="unread"),
    path("choices/", notices.choices, name="choices"),
    path("choices/<uuid:key_id>/", notices.choose, name="choose"),
    path("outlets/", notices.add_outlet, name="add_outlet"),
    path("outlets/<uuid:outlet_id>/remove/", notices.remove_outlet, name="remove_outlet"),
    path("outlets/<uuid:outlet_id>/test/", notices.test_outlet, name="test_outlet"),
    path("outlets/<uuid:outlet_id>/secret/", notices.outlet_secret, name="outlet_secret"),
]
urlpatterns = [
    path("d/<str:token>/", share_page.share, name="share"),  # first: it is used most
    path("", RedirectView.as_view(pattern_name="sources:list"), name="home"),
    path("accounts/holdings/", holdings.holdings, name="holdings"),
    path("above/", context.above, name="above"),
    path("keys/", include((keys_urls, "keys"))),
    path("sources/", include((sources_urls, "sources"))),
    path("downloads/", include((downloads_urls, "downloads"))),
    path("exports/", include((exports_urls, "exports"))),
    path("activity/", include((activity_urls, "activity"))),
    path("notices/", include((notices_urls, "notices"))),
    path("shares/", include((shares_urls, "shares"))),
    path("views/", include((views_urls, "views"))),
    path("bin/", include((bin_urls, "bin"))),
    path("teams/", include((teams_urls, "teams"))),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("hooks/<str:token>/", webhooks.receive, name="hook"),
]
