from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from datasources import access, links, tasks
from datasources.forms import AddressForm, DownloadForm, KeyChoiceForm, PageForm
from datasources.models import DownloadLink
from datasources.views.pages import render_page, render_problem, wants_fragment

PER_PAGE = 50


@login_required
@require_POST
def ask(request: HttpRequest, datasource_id: UUID) -> HttpResponse:
    """A link to the original file: the one that is alive, or one that a task makes while the button shows it."""
    source = access.get_source(request.user, datasource_id, KeyChoiceForm(request.GET).state()["key"] or None)
    form = DownloadForm(request.POST)
    if not form.is_valid():
        return render_problem(request, 422, "No link was made", "Choose 5 minutes, 1 hour or 24 hours.")
    link = links.ask(source, request.user, form.cleaned_data["expires_in"], renew=form.cleaned_data["renew"])
    if link.is_pending:
        tasks.start(link)
    if wants_fragment(request):
        return _state(request, link)
    return redirect("downloads:state", link.pk)


@login_required
@require_safe
def list_downloads(request: HttpRequest) -> HttpResponse:
    form: AddressForm = PageForm(request.GET)
    found = access.links_for(request.user).select_related("source__key", "asked_by").order_by("-created_at", "pk")
    page = Paginator(found, PER_PAGE).get_page(form.state()["page"])
    context = {"page": page, "complaints": form.complaints(), "choices": DownloadForm.CHOICES}
    status = 400 if context["complaints"] else 200
    return render_page(request, "downloads/list.html", "downloads/_list.html", context, status)


@login_required
@require_safe
def state(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """One link: being made, ready, failed. While it is being made, a page without scripts reloads itself."""
    return _state(request, access.get_link(request.user, link_id))


@login_required
@require_GET
@never_cache
def file(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Sends the browser to the file. The signed URL is a password: it stands in this one header and nowhere else."""
    if url := links.target(access.get_link(request.user, link_id)):
        return HttpResponseRedirect(url, headers={"Referrer-Policy": "no-referrer"})
    return _ended(request)


@login_required
@require_POST
@never_cache
def url(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """The signed URL as plain text, for the clipboard."""
    if target := links.target(access.get_link(request.user, link_id)):
        return HttpResponse(target, content_type="text/plain; charset=utf-8")
    return _ended(request)


def _state(request: HttpRequest, link: DownloadLink) -> HttpResponse:
    return render_page(request, "downloads/state.html", "downloads/_state.html", {"link": link, "source": link.source})


def _ended(request: HttpRequest) -> HttpResponse:
    return render_problem(request, 410, "This link has ended", "Ask for a new one from the list of sources.")
