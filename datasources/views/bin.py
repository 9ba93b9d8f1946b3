from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.roles import Action
from datasources import access, tasks
from datasources.deleting import bin
from datasources.models import Deletion
from datasources.views.guards import FORM, POST, of_deletions, space_of
from datasources.views.pages import paged, render_page, render_question, wants_fragment


@login_required
@require_safe
def list_bin(request: HttpRequest) -> HttpResponse:
    """The sources to be deleted, and those that Claro did not delete."""
    found = access.deletions_for(request.user, space_of(request)).select_related("source", "asked_by")
    context, status = paged(request, found.order_by(F("due_at").asc(nulls_first=True), "source__file_name", "pk"))
    context["bin_time"] = settings.BIN_TIME
    return render_page(request, "bin/list.html", context, status)


@of_deletions(*POST, action=Action.SHARE)
def undo(request: HttpRequest, deletions: list[Deletion]) -> HttpResponse:
    kept, late = bin.keep(deletions, request.user)
    words, trouble = [], []
    if kept:
        words.append(f"{_named(kept)} restored.")
    if any(one.state == Deletion.State.ASKED for one in kept):
        trouble.append("Claro may already have deleted it. If so, it disappears from the list soon.")
    if late:
        trouble.append(f"Too late to restore {_named(late, is_='')}. Claro is already deleting it.")
    return _answer(request, words, trouble)


@of_deletions(*FORM, action=Action.DELETE)
def now(request: HttpRequest, deletions: list[Deletion]) -> HttpResponse:
    """Without waiting until its time is up, once that was confirmed; or once more after Claro has refused."""
    if request.method != "POST":
        names = deletions[0].source.name if len(deletions) == 1 else f"these {len(deletions):,} files"
        text = "Claro deletes the file and its rows permanently, for everyone."
        return render_question(request, f"Delete {names} now?", text, "Delete permanently", reverse("bin:list"))
    bin.hurry(deletions, request.user)
    tasks.start_due(Deletion)
    return _answer(request, [f"{_named(deletions)} being deleted."], [])


def _answer(request: HttpRequest, words: list[str], trouble: list[str]) -> HttpResponse:
    """The current banner with the result as an announcement; without scripts, the bin shows the result."""
    if wants_fragment(request):
        return render(request, "bin/_answer.html", {"words": words, "trouble": trouble})
    for text in words:
        messages.success(request, text)
    for text in trouble:
        messages.warning(request, text)
    return redirect("bin:list")


def _named(deletions: list[Deletion], is_: str | None = None) -> str:
    """Which they are, with the verb that they take."""
    if len(deletions) == 1:
        return f"{deletions[0].source.name}{' is' if is_ is None else is_}"
    return f"{len(deletions):,} files{' are' if is_ is None else is_}"
