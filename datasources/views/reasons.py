from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.roles import Action
from datasources.claro import FAILED
from datasources.sources import selection
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import reasons_of
from datasources.sources.selection import MOST, Selection, TooMany
from datasources.views import back
from datasources.views.bulk import page_of_selection
from datasources.views.guards import space_of
from datasources.views.pages import render_page, render_problem


@login_required
@require_safe
def of_all(request: HttpRequest) -> HttpResponse:
    """The reasons of all failed files that match the filters of the list, as text to copy."""
    state = SourceListForm(request.GET).state() | {"status": FAILED}
    try:
        chosen = selection.choose(request.user, space_of(request), state, None, Action.BROWSE)
    except TooMany as error:
        text = f"The list has {error.count:,} failed files. The limit is {MOST:,}. Filter the list first."
        return render_problem(request, 422, "Too many files", text)
    return _page(request, chosen)


@page_of_selection(Action.BROWSE)
def of_chosen(request: HttpRequest, chosen: Selection) -> HttpResponse:
    """The same for the failed ones among the selected files."""
    return _page(request, chosen)


def _page(request: HttpRequest, chosen: Selection) -> HttpResponse:
    context = {"lines": reasons_of(chosen.sources), "back": back.of_chosen(request)}
    return render_page(request, "sources/reasons.html", context)
