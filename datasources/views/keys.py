from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.quotas import QuotaReached
from datasources import access, gateway, keys, stalled, tasks
from datasources.activity import log
from datasources.activity.words import What
from datasources.claro import AccessDenied, ClaroError, Unauthorized
from datasources.keys.forms import KeyEditForm, KeyForm, KeyShareForm
from datasources.mirror import webhooks
from datasources.models import ApiKey, Transfer
from datasources.uploads import queue
from datasources.views.guards import FORM, POST, of_own_key, space_of
from datasources.views.pages import render_page, render_question


@login_required
@require_safe
def list_keys(request: HttpRequest) -> HttpResponse:
    found = access.keys_for(request.user, space_of(request)).select_related("sync", "watch", "hook")
    shown = list(found.prefetch_related("shares__team"))
    for key in shown:
        key.left, key.history = gateway.calls_left(key), gateway.history(key)
    mine = [key for key in shown if key.owner_id == request.user.pk]
    unreadable = [key for key in mine if not key.is_readable]
    offered = {offer.key_id: offer for offer in Transfer.objects.open().filter(key__in=mine)}
    for key in mine:
        key.offer = offered.get(key.pk)
    context = {
        "offers": access.offers_to(request.user).open().exclude(key=None),
        "keys": mine,
        "shared_keys": [key for key in shown if key not in mine],
        "my_teams": {membership.team_id for membership in access.memberships_of(request.user)},
        "unreadable": unreadable,
        "standing_still": stalled.among(key.hook for key in shown if hasattr(key, "hook")),
        "hooks_why_not": webhooks.why_not(),
    }
    return render_page(request, "keys/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (state := _checked(request, form)):
        try:
            key = keys.add(request.user, form.cleaned_data["label"], form.cleaned_data["secret"], state)
        except IntegrityError:  # the same key came twice at once
            form.add_error("secret", "You already added this key.")
        except QuotaReached as error:
            form.add_error(None, str(error))
        else:
            tasks.start(key.sync)
            log.record(What.KEY_ADDED, request.user, key=key)
            messages.success(request, f"Key added: {key.label}. The dashboard is reading its data sources.")
            return redirect("sources:list")
    return _form(request, form)


@of_own_key(*FORM)
def edit(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Renames a key; a secret that is typed replaces the present one, an empty field keeps it."""
    initial = {"label": key.label, "calls_per_minute": key.calls_per_minute}
    form = KeyEditForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        before, secret = key.label, form.cleaned_data["secret"]
        changes = {name: form.cleaned_data[name] for name in ("label", "calls_per_minute") if name in form.changed_data}
        if not secret:
            keys.change(key, **changes)
            if before != key.label:
                log.record(What.KEY_RENAMED, request.user, key=key, before=before)
            messages.success(request, f"Saved {key.label}.")
            return redirect("keys:list")
        if state := _checked(request, form, key):
            for name, value in changes.items():
                setattr(key, name, value)
            if form.cleaned_data["other_account"]:
                queue.ask_again(key, "The key was replaced by one of another account.")
            keys.replace_secret(key, secret, state)
            tasks.start(key.sync)
            log.record(What.KEY_REPLACED, request.user, key=key)
            messages.success(request, f"Replaced the key in {key.label}. Paused work continues.")
            return redirect("keys:list")
    return _form(request, form, key=key)


@of_own_key(*POST)
def check(request: HttpRequest, key: ApiKey) -> HttpResponse:
    try:
        gateway.check_stored(key)
    except ClaroError as error:
        outcome = error.user_message
        messages.error(request, f"{key.label}: {outcome}")
    else:
        keys.go_on(key)
        outcome = f"Claro accepts {key.label}."
        messages.success(request, outcome)
    log.record(What.KEY_CHECKED, request.user, key=key, outcome=outcome)
    return redirect("keys:list")


@of_own_key(*FORM)
def share(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """With which teams the key is shared: they work through it, and nobody but its owner gets to see it."""
    form = KeyShareForm(request.user, key, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        shared, unshared = keys.share(key, *form.changed_teams())
        for what, teams in ((What.KEY_SHARED, shared), (What.KEY_UNSHARED, unshared)):
            for team in teams:
                log.record(what, request.user, key=key, teams=[team])
        messages.success(request, f"Sharing of {key.label} saved.")
        return redirect("keys:list")
    return render_page(request, "keys/share.html", {"form": form, "key": key})


@of_own_key(*FORM)
def copies(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Switches whole-table copies on (`on`=1) or off; off deletes those that there are, so it is asked first."""
    is_on = request.POST.get("on") == "1"
    if request.method != "POST":
        text = (
            "All copied tables of this key are deleted, for you and for its teams. Tables are then read live, 1,000 "
            "rows at a time. Nothing changes at Claro."
        )
        return render_question(request, f"Switch off copies of {key.label}?", text, "Switch off", reverse("keys:list"))
    gone = keys.switch_copies(key, is_on)
    log.record(What.COPIES_ON if is_on else What.COPIES_OFF, request.user, key=key)
    if is_on:
        messages.success(request, f"Tables of {key.label} can be copied.")
    else:
        deleted = f" {gone:,} {'copy is' if gone == 1 else 'copies are'} deleted." if gone else ""
        messages.success(request, f"Tables of {key.label} are no longer copied.{deleted}")
    return redirect("keys:list")


@of_own_key(*POST)
def export(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Switches the export of rows on (`on`=1) or off."""
    is_on = request.POST.get("on") == "1"
    keys.switch_export(key, is_on)
    log.record(What.EXPORT_ON if is_on else What.EXPORT_OFF, request.user, key=key)
    messages.success(request, f"Rows of {key.label} can {'be' if is_on else 'no longer be'} exported.")
    return redirect("keys:list")


@of_own_key(*FORM)
def delete(request: HttpRequest, key: ApiKey) -> HttpResponse:
    if request.method == "POST":
        log.record(What.KEY_DELETED, request.user, key=key)
        error = keys.delete(key)
        messages.success(request, f"Key deleted: {key.label}. Nothing changed at Claro.")
        if error:
            messages.warning(request, f"Its webhook at Claro was not removed. {error.user_message}")
        return redirect("keys:list")
    context = {"key": key, "goes_with": keys.goes_with(key)}
    return render_page(request, "keys/delete.html", context)


def _checked(request: HttpRequest, form: KeyForm, key: ApiKey | None = None) -> ApiKey.State | None:
    """The key's state after one call to Claro; None if it must not be stored, with the reason in the form."""
    secret = form.cleaned_data["secret"]
    if same := keys.same_secret(request.user, secret, other_than=key):
        form.add_error("secret", f"You already added this key as {same.label}.")
        return None
    try:
        listed = gateway.check(secret, request.user.pk)
    except (Unauthorized, AccessDenied) as error:
        form.add_error("secret", error.user_message)
        return None
    except ClaroError as error:
        if form.cleaned_data["keep_unchecked"]:
            return ApiKey.State.UNCHECKED
        form.could_not_check = True
        form.add_error("secret", f"The key was not checked. {error.user_message}")
        return None
    if key and not form.cleaned_data["other_account"] and (missing := keys.missing_from(key, listed)):
        form.files_missing = missing
        files = f"{missing:,} file{'' if missing == 1 else 's'} of {key.label}"
        form.add_error("secret", f"This key belongs to another account, it seems. Claro lists none of the {files}.")
        return None
    return ApiKey.State.VALID


def _form(request: HttpRequest, form: KeyForm, **context) -> HttpResponse:
    return render_page(request, "keys/form.html", {"form": form, **context}, 422 if form.errors else 200)
