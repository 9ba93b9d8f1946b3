from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import Action, may
from core import live
from core.forms import QueryForm
from datasources import access, moving, notices, stalled, tasks
from datasources.claro import LIST_LIMIT_MAX, ClaroError
from datasources.deleting import bin, viewers
from datasources.deleting.forms import DeleteForm
from datasources.mirror import newest, readings, sync, watch
from datasources.models import ApiKey, Deletion, Source, TableCopy
from datasources.rows import pages
from datasources.rows.pages import StillLoading
from datasources.sources import contents, durations, groups, marks, selection, summary, tags
from datasources.sources.forms import SourceListForm
from datasources.sources.listing import FILTERED, failures, listing
from datasources.uploads import corrections, queue
from datasources.views import back, copies
from datasources.views.guards import FORM, READ, keys_in, of_source, space_of
from datasources.views.pages import render_page, render_problem

# So many of the last ones stand on a source's page.
EVENTS = 5


@login_required
@require_safe
def list_sources(request: HttpRequest) -> HttpResponse:
    """Every source of every key one may use, from our copy; an old copy is refreshed behind the page."""
    keys = _keys(request)
    _wake(keys, older_than=settings.SYNC_EVERY)
    _look(request, keys)
    return _list(request, keys, SourceListForm(request.GET))


@login_required
@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Requests a new copy; the list shows that until it is there. The page's parameters stay."""
    keys = _keys(request)
    _wake(keys)
    _look(request, keys)
    if request.htmx:
        return _list(request, keys, SourceListForm(request.GET))
    return redirect(f"{reverse('sources:list')}?{request.GET.urlencode()}")


@login_required
@require_POST
def favourite(request: HttpRequest) -> HttpResponse:
    """Sets or unsets the star of a file, and answers or leads to the page it was on."""
    pressed = marks.starred(request.POST)
    if not pressed:
        return render_problem(request, 422, "Nothing selected", "Press the star of a file in the list.")
    pk, is_one = pressed
    source = get_object_or_404(access.sources_for(request.user), pk=pk)
    marks.set_favourite(source, request.user, is_one=is_one)
    if request.POST.get("page") == "details":
        path = reverse("sources:details", args=[source.datasource_id])
        return redirect(f"{path}?{request.GET.urlencode()}".rstrip("?"))
    if request.htmx:
        return _list(request, _keys(request), SourceListForm(request.GET))
    return redirect(f"{reverse('sources:list')}?{request.GET.urlencode()}".rstrip("?"))


@login_required
@require_safe
def checks(request: HttpRequest) -> HttpResponse:
    """The banner above the list if nothing is being checked; an open page reloads it periodically."""
    context = {"standstill": stalled.of_keys(_keys(request))}
    return render_page(request, "sources/_checks.html", context)


@of_source(*READ)
def details(request: HttpRequest, source: Source) -> HttpResponse:
    return _details(request, source)


@of_source(*READ)
def first_rows(request: HttpRequest, source: Source) -> HttpResponse:
    """The details page after a call for the first rows, which the page requests if nothing shows them yet."""
    problem = None
    if contents.can_be_read(source) and not pages.cached_start(source, 1):
        try:
            pages.page(source, 1, contents.PREVIEW_ROWS, pages.Query(), request.user.pk)
        except StillLoading:
            pass  # the page asks again
        except ClaroError as error:
            problem = error
    return _details(request, source, problem)


def _details(request: HttpRequest, source: Source, rows_problem: ClaroError | None = None) -> HttpResponse:
    viewers.note(source, request.user)
    reading = readings.wake(source)
    if reading:
        tasks.start(reading)
    links = corrections.links_of(source, request.user)
    earlier = list(moving.earlier(links.by_it))
    ids = [one.datasource_id for one in (source, *earlier)]
    events = access.events_for(request.user).filter(datasource_id__in=ids)[:EVENTS]
    shares = access.shares_for(request.user).filter(files__source=source, ended_at=None)
    seen_tags = tags.seen(request.user, access.EVERYTHING)
    context = {
        "source": source,
        "reading": reading,
        "timeline": source.timeline(),
        "pace": durations.paces([source]).get(source.pk),
        "events": list(events),
        "is_favourite": bool(marks.favourites_among([source], request.user)),
        "tags": tags.of_sources([source], seen_tags).get(source.datasource_id, ()),
        "follows": source.is_processing and notices.follows(request.user, source),
        "shares": shares.prefetch_related("files__source"),
        "deletion": bin.holding(source),
        "corrections": links,
        "movable": moving.movable(request.user, links.by_it, source) if links.by_it else None,
        "earlier": [(one, one.timeline()) for one in earlier],
        "to_list": back.to_list(request),
        "rows_problem": rows_problem,
        **copies.context_of(request, source),
    }
    context |= _contents(request, source, context["copies"].current)
    if source.is_processing:
        context["standstill"] = stalled.of_keys([source.key])
    return render_page(request, "sources/details.html", context)


def _contents(request: HttpRequest, source: Source, copy: TableCopy | None) -> dict[str, object]:
    """The contents of the file as context; `contents` is None where nothing is known and no call may bring it."""
    found = contents.of(source, copy, request.user.pk)
    paths = [reverse(f"sources:{name}", args=[source.datasource_id]) for name in ("details", "first_rows")]
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    can_be_read = contents.can_be_read(source)
    is_shown = found.lines or found.preview or can_be_read
    return {
        "can_be_read": can_be_read,
        "contents": found if is_shown else None,
        "known": found,
        # Also for the page that the second of them answers.
        "page_path": paths[0] + query,
        "contents_path": paths[1] + query,
    }


@of_source(*FORM, action=Action.DELETE)
def delete(request: HttpRequest, source: Source) -> HttpResponse:
    """Puts a source into the bin, once its file's name was typed; from there it is deleted at Claro, for good."""
    if bin.holding(source):
        messages.info(request, f"{source.name} is already in the bin.")
        return redirect("bin:list")
    form = DeleteForm(source, request.POST if request.method == "POST" else None)
    if form.is_valid():
        bin.put([source], request.user, now=form.is_now)
        tasks.start_due(Deletion)
        return redirect(back.after_deleting(request, QueryDict(request.GET.get(back.NAME, ""))))
    context = {
        "source": source,
        "form": form,
        "dependents": bin.dependents([source], request.user),
        "bin_time": settings.BIN_TIME,
    }
    return render_page(request, "sources/delete.html", context, 422 if form.errors else 200)


def _keys(request: HttpRequest) -> list[ApiKey]:
    return keys_in(request, space_of(request))


def _wake(keys: list[ApiKey], **when) -> None:
    by_id = {key.pk: key for key in keys}
    for due in sync.wake(keys, **when):
        by_id[due.key_id].sync = due
        tasks.start(due)


def _look(request: HttpRequest, keys: list[ApiKey]) -> None:
    """The reader looks at the list, with or without JavaScript: what changes at Claro appears sooner."""
    if live.note_presence(request.user.pk):
        watch.bring_forward([key for key in keys if key.watch.due_at])
    for row in newest.wake(keys):
        tasks.start(row)


def _list(request: HttpRequest, keys: list[ApiKey], form: QueryForm) -> HttpResponse:
    state = form.state()
    found = listing(keys, state, request.user)
    all_tags = tags.seen(request.user, space_of(request))
    context = {
        "keys": keys,
        "state": state,
        "back_query": back.of_list(request.GET),
        "complaints": form.complaints(),
        "found": found,
        "list_summary": summary.of_keys([key.pk for key in keys if state["key"] in ("", key.pk)], found.totals),
        "groups": groups.of_page(found.sources, state["group"]),
        "group_names": groups.NAMES,
        "paces": durations.paces(found.sources),
        "failures": failures(found.sources),
        "favourites": marks.favourites_among(found.sources, request.user),
        "tags": tags.of_sources(found.sources, all_tags),
        "all_tags": all_tags,
        "past_the_end": found.page > found.pages,
        "limits": form.LIMITS,
        "upload_keys": queue.open_to_uploads(keys),
        "may_share": any(may(key.role, Action.SHARE) for key in keys),
        "may_delete": any(may(key.role, Action.DELETE) for key in keys),
        "most_at_once": selection.MOST,
        "filtered": any(state[name] for name in FILTERED),
        "first_sync": [key for key in keys if key.sync.finished_at is None],
        "syncing": [key for key in keys if key.sync.is_under_way],
        "standstill": stalled.of_keys(keys),
        **_ages(keys, found.total),
    }
    status = 400 if context["complaints"] else 404 if context["past_the_end"] else 200
    return render_page(request, "sources/list.html", context, status, part="sources/_list.html")


def _ages(keys: list[ApiKey], total: int) -> dict[str, datetime | None]:
    """The times at which the newest page and, if the list is longer, the whole list were last read."""
    swept = [key for key in keys if key.sync.finished_at]
    as_of = min(map(_newest_read_at, swept), default=None)
    all_as_of = min((key.sync.finished_at for key in swept), default=None)
    has_older = total > LIST_LIMIT_MAX and as_of != all_as_of
    return {"as_of": as_of, "all_as_of": all_as_of if has_older else None}


def _newest_read_at(key: ApiKey) -> datetime:
    return max(filter(None, [key.sync.finished_at, key.newest and key.newest.read_at]))
