from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import sessions
from accounts.roles import Action, may
from core.forms import QueryForm, query_string
from datasources import access
from datasources.activity import filters, search, words
from datasources.activity.forms import ActivityForm
from datasources.models import ApiKey, AuditEvent
from datasources.views.guards import space_of
from datasources.views.pages import render_page


@login_required
@never_cache
@require_safe
def list_activity(request: HttpRequest) -> HttpResponse:
    """The user's activity log, the newest first, filtered by the query string."""
    form: QueryForm = ActivityForm(request.GET)
    state = form.state()
    page = search.page(_events(request, state), state["before"], state["after"])
    _complete(request, page.events)
    keys = [key for key in access.list_keys(request.user, space_of(request)) if may(key.role, Action.LOG)]
    context = {
        "page": page,
        "state": state,
        "complaints": form.complaints(),
        "choices": words.choices(),
        "keys": keys,
        "key_is_gone": state["key"] and state["key"] not in {key.pk for key in keys},
        "chips": _chips(request, state, keys),
        "periods": _periods(request),
    }
    return render_page(request, "activity/list.html", context, 400 if context["complaints"] else 200)


@login_required
@never_cache
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The same as CSV: all that the address asks for, from the newest to the oldest."""
    lines = search.csv_lines(_events(request, ActivityForm(request.GET).state()))
    return StreamingHttpResponse(
        lines,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="activity-{timezone.localdate()}.csv"'},
    )


def _events(request: HttpRequest, state: dict):
    return search.narrowed(access.events_for(request.user, space_of(request)), state)


def _chips(request: HttpRequest, state: dict, keys: list[ApiKey]) -> list[dict[str, str]]:
    """The filters in words, each with the address of the same page without it."""
    label = next((key.label for key in keys if key.pk == state["key"]), "that is gone or not yours")
    return [
        {"words": text, "name": names[0], "href": _address(request, **dict.fromkeys(names, ""))}
        for text, names in filters.chips(state, label)
    ]


def _periods(request: HttpRequest) -> list[tuple[str, str]]:
    periods = filters.periods(timezone.localdate())
    return [(name, _address(request, since=str(first), until=str(last))) for name, (first, last) in periods.items()]


def _address(request: HttpRequest, **changes: str) -> str:
    return query_string(dict(request.GET.lists()), **changes, before="", after="")


def _complete(request: HttpRequest, events: list[AuditEvent]) -> None:
    """Adds what a line shows beside its words: whether the source is still there for the reader, and the device."""
    asked = {event.datasource_id for event in events if event.datasource_id}
    there = set()
    if asked:
        mine = access.sources_for(request.user).filter(datasource_id__in=asked)
        there = set(mine.values_list("key", "datasource_id"))
    for event in events:
        if (event.key_uuid, event.datasource_id) in there:
            event.href = f"{reverse('sources:details', args=[event.datasource_id])}?key={event.key_uuid}"
        event.device = sessions.device(event.agent) if event.agent else ""
