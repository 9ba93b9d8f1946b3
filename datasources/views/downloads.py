from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.roles import Action
from datasources import access, stalled, tasks
from datasources.activity import log
from datasources.activity.words import What
from datasources.deleting import viewers
from datasources.downloads import batches, links
from datasources.downloads.forms import DownloadForm
from datasources.models import DownloadLink, Source
from datasources.views.guards import POST, READ, of_link, of_source, space_of
from datasources.views.pages import paged, render_page, render_problem, wants_fragment


@of_source(*POST, action=Action.DOWNLOAD)
def ask(request: HttpRequest, source: Source) -> HttpResponse:
    """A link to the original file: the one that is alive, or one that a task makes while the button shows it."""
    form = DownloadForm(request.POST)
    if not form.is_valid():
        return render_problem(request, 422, "No link created", "Choose 5 minutes, 1 hour or 24 hours.")
    link = links.ask(source, request.user, form.cleaned_data["expires_in"], renew=form.cleaned_data["renew"])
    log.record(What.DOWNLOAD_ASKED, request.user, source=source)
    viewers.note(source, request.user)
    if link.is_pending:
        tasks.start(link)
    if wants_fragment(request):
        return _state(request, link)
    return redirect("downloads:state", link.pk)


@login_required
@require_safe
def list_downloads(request: HttpRequest) -> HttpResponse:
    found = (
        access.links_for(request.user, space_of(request))
        .select_related("source__key", "asked_by")
        .order_by("-created_at", "pk")
    )
    context, status = paged(request, found)
    pending = [link for link in context["page"] if link.is_pending]
    context |= {"pending": pending, "standing_still": stalled.among(pending), "choices": DownloadForm.CHOICES}
    context["being_made"] = found.filter(state=DownloadLink.State.PENDING).count()
    context["unfinished"] = batches.unfinished(request.user)
    return render_page(request, "downloads/list.html", context, status)


@of_link(*READ)
def state(request: HttpRequest, link: DownloadLink) -> HttpResponse:
    """One link: being made, ready, failed. While it is being made, a page without scripts reloads itself."""
    return _state(request, link)


@of_link("GET")
@never_cache
def file(request: HttpRequest, link: DownloadLink) -> HttpResponse:
    """Redirects to the file. The signed URL is a password, so it appears in this one header only."""
    if url := links.target(link):
        log.record(What.DOWNLOADED, request.user, source=link.source)
        return HttpResponseRedirect(url, headers={"Referrer-Policy": "no-referrer"})
    return _ended(request)


@of_link(*POST)
@never_cache
def url(request: HttpRequest, link: DownloadLink) -> HttpResponse:
    """The signed URL as plain text, for the clipboard."""
    if target := links.target(link):
        log.record(What.LINK_COPIED, request.user, source=link.source)
        return HttpResponse(target, content_type="text/plain; charset=utf-8")
    return _ended(request)


def _state(request: HttpRequest, link: DownloadLink) -> HttpResponse:
    context = {"link": link, "source": link.source, "standing_still": stalled.among([link])}
    return render_page(request, "downloads/state.html", context, part="downloads/_state.html")


def _ended(request: HttpRequest) -> HttpResponse:
    return render_problem(request, 410, "Link expired", "Create a new one from the list of data sources.")
