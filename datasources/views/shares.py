"""Share links for the users who manage them. share_page.py is their public side."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import qrcode
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from qrcode.image.svg import SvgPathFillImage

from accounts.quotas import QuotaReached
from accounts.roles import Action
from core.vault import SecretUnreadable
from datasources import access
from datasources.activity import log
from datasources.activity.words import What
from datasources.models import ShareLink, Source
from datasources.sharing import shares, undo
from datasources.sharing.forms import ShareEditForm, ShareForm
from datasources.views import shown_once
from datasources.views.guards import FORM, POST, READ, of_share, of_source, space_of
from datasources.views.pages import paged, render_page, render_question, wants_fragment

UNDO = f" You can undo this for {undo.OFFERED_FOR.seconds} s."


@of_source(*FORM, action=Action.SHARE)
def share(request: HttpRequest, source: Source) -> HttpResponse:
    """Shares the source, with those that the address names beside it (`with`, several) as one page."""
    sources, missing = _with_others(request, source)
    if "generate" in request.POST:
        form = ShareForm.with_new_password(request.user, len(sources), **_typed(request))
    else:
        typed = request.POST if request.method == "POST" else None
        form = ShareForm(request.user, len(sources), typed, missing=missing)
    if form.is_bound and form.is_valid():
        try:
            made = shares.make(request.user, source.key, sources, **form.settings())
        except QuotaReached as error:
            form.add_error(None, str(error))
        else:
            _record(What.SHARE_MADE, request, made, ends=form.cleaned_data["ends"], has_password=bool(made.password))
            messages.success(request, "Link created. Copy it and send it.")
            return _to_its_page(made, form)
    # Without those that are missing: the next press shares what is left.
    action = form_of(source, *sources[1:])
    context = {"source": source, "sources": sources, "missing": missing, "form": form, "action": action}
    return _form_page(request, "shares/make.html", context)


@login_required
@require_safe
def list_shares(request: HttpRequest) -> HttpResponse:
    """All share links of the user's keys, by any user."""
    found = access.shares_for(request.user, space_of(request)).prefetch_related("files__source")
    context, status = paged(request, found)
    context["undo_offers"] = undo.offers(request.user)
    return render_page(request, "shares/list.html", context, status)


@of_share(*READ)
def details(request: HttpRequest, share: ShareLink) -> HttpResponse:
    prefetch_related_objects([share], "files__source")
    context = {
        "share": share,
        "files": share.files.all(),
        "can_change": shares.may_change(share, request.user),
        "undo_offers": undo.offers(request.user),
        "new_password": "" if wants_fragment(request) else shown_once.carried(request, share),
    }
    response = render_page(request, "shares/details.html", context)
    if context["new_password"]:
        shown_once.forget(response, share)
    return response


@of_share(*FORM, action=Action.END_SHARES)
def edit(request: HttpRequest, share: ShareLink) -> HttpResponse:
    if share.ended_at:
        return _too_late(request, share)
    if "generate" in request.POST:
        form = ShareEditForm.with_new_password(request.user, share, **_typed(request))
    else:
        form = ShareEditForm(request.user, share, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        changed = form.settings()
        shares.change(share, **changed)
        _record(What.SHARE_CHANGED, request, share, changed=sorted(changed))
        messages.success(request, "Saved.")
        return _to_its_page(share, form)
    return _form_page(request, "shares/edit.html", {"share": share, "form": form})


@of_share(*POST, action=Action.SHARE)
@never_cache
def link(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """The share link as plain text, for the clipboard."""
    if address := _address(request, share):
        return HttpResponse(address, content_type="text/plain; charset=utf-8")
    return HttpResponse("This link can't be read. Replace it.\n", status=410, content_type="text/plain; charset=utf-8")


@of_share(*POST, action=Action.SHARE)
@never_cache
def address(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """The share link as text and QR code. A page by POST only: no history, cache or preview shows it again."""
    context = {"share": share, "address": _address(request, share)}
    status = 200 if context["address"] else 410
    return render_page(request, "shares/address.html", context, status, part="shares/_address.html")


@of_share(*READ, action=Action.SHARE)
@never_cache
def qr(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """The share link as a picture for a phone's camera."""
    address = _address(request, share)
    if not address:
        return HttpResponse(status=410)
    picture = qrcode.make(address, image_factory=SvgPathFillImage).to_string(encoding="unicode")
    return HttpResponse(picture, content_type="image/svg+xml")


@of_share(*POST, action=Action.END_SHARES)
def pause(request: HttpRequest, share: ShareLink) -> HttpResponse:
    shares.pause(share, on=True)
    _record(What.SHARE_PAUSED, request, share)
    messages.success(request, "Link paused. It does not work until you resume it.")
    return redirect("shares:details", share.pk)


@of_share(*POST, action=Action.END_SHARES)
def resume(request: HttpRequest, share: ShareLink) -> HttpResponse:
    shares.pause(share, on=False)
    _record(What.SHARE_RESUMED, request, share)
    messages.success(request, "Link resumed.")
    return redirect("shares:details", share.pk)


@of_share(*FORM, action=Action.END_SHARES)
def rotate(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """Replaces the link, once that was confirmed: the present one is final for everyone who holds it."""
    if request.method != "POST":
        text = "The current link stops working immediately, for everyone. The new one has the same settings."
        text += UNDO
        return _question(request, share, "Replace this share link?", text, "Replace link")
    undo.rotate(share, request.user)
    _record(What.SHARE_ROTATED, request, share)
    return redirect("shares:details", share.pk)


@of_share(*FORM, action=Action.END_SHARES)
def end(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """Ends a link, once that was confirmed."""
    if request.method != "POST":
        text = "It stops working immediately, for everyone. To stop it temporarily, pause it." + UNDO
        return _question(request, share, "Revoke this share link?", text, "Revoke link")
    undo.end(share, request.user)
    _record(What.SHARE_ENDED, request, share)
    return redirect("shares:list")


@of_share(*POST, action=Action.END_SHARES)
def undo_last(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """Restores a link that this user revoked or replaced a moment ago."""
    try:
        if undo.undo(share, request.user):
            _record(What.SHARE_UNDONE, request, share)
            messages.success(request, "Link restored. It works as before.")
        else:
            messages.warning(request, "Too late to undo. Create a new link.")
    except QuotaReached as error:
        messages.warning(request, str(error))
    return redirect("shares:details", share.pk)


def _typed(request: HttpRequest) -> dict[str, Any]:
    """For a generated password. In a form that stays, the user may type elsewhere by now."""
    return {"typed": request.POST, "has_focus": not wants_fragment(request)}


def _form_page(request: HttpRequest, page: str, context: dict) -> HttpResponse:
    """The form, or its password field alone after Generate; nothing stores a password that it shows."""
    response = render_page(request, page, context, 422 if context["form"].errors else 200, part="shares/_password.html")
    add_never_cache_headers(response)
    return response


def _to_its_page(share: ShareLink, form: ShareForm) -> HttpResponse:
    """The link's page, which shows a new password once."""
    response = redirect("shares:details", share.pk)
    if share.password and (password := form.settings().get("password")):
        shown_once.carry(response, share, password)
    return response


def _question(request: HttpRequest, share: ShareLink, title: str, text: str, act: str) -> HttpResponse:
    if share.ended_at:
        return _too_late(request, share)
    back = reverse("shares:details", args=[share.pk])
    names = ", ".join(file.source.name for file in share.files.select_related("source"))
    return render_question(request, title, f"{names}. {text}", act, back)


def _too_late(request: HttpRequest, share: ShareLink) -> HttpResponse:
    messages.info(request, "This link is already revoked or expired. Nothing was changed.")
    return redirect("shares:details", share.pk)


def form_of(source: Source, *others: Source) -> str:
    """The address of the form that shares the source with the others as one page."""
    query = {"key": source.key_id, "with": [other.datasource_id for other in others]}
    return f"{reverse('sources:share', args=[source.datasource_id])}?{urlencode(query, doseq=True)}"


def _with_others(request: HttpRequest, source: Source) -> tuple[list[Source], int]:
    """The source and the others for the same page, all of one key, and how many are not there. Raises Http404."""
    try:
        wanted = {UUID(text) for text in request.GET.getlist("with")} - {source.datasource_id}
    except ValueError:
        raise Http404("No such source.") from None
    others = source.key.sources.present().filter(datasource_id__in=wanted).order_by("file_name", "pk")
    if len(wanted) >= shares.FILES_AT_MOST:
        raise Http404("No such source.")
    return [source, *others], len(wanted) - len(others)


def _address(request: HttpRequest, share: ShareLink) -> str | None:
    try:
        return request.build_absolute_uri(reverse("share", args=[share.unseal()]))
    except SecretUnreadable:
        return None


def _record(what: What, request: HttpRequest, share: ShareLink, **details: object) -> None:
    names = [file.source.name for file in share.files.select_related("source")]
    log.record(what, request.user, key=share.key, about=", ".join(names), share=str(share.pk), **details)
