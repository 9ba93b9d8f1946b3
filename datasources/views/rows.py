from django.http import HttpRequest, HttpResponse

from datasources import gateway, opened, standstill
from datasources import rows as room
from datasources.addresses import RowsForm
from datasources.cells import table_body
from datasources.claro import ClaroError, InvalidParameters, ProcessingInProgress, RateLimited
from datasources.gateway import KeyRefused
from datasources.middleware import say_when, status_of
from datasources.models import Source
from datasources.views.objects import READ, of_source
from datasources.views.pages import render_page

# The address names each column that is shown: of more it would become too long for what stands on the way.
CHOOSABLE = 200


@of_source(*READ)
def rows(request: HttpRequest, source: Source) -> HttpResponse:
    """The table of a source's rows: page, sort and filter stand in the address and go to Claro as they are."""
    opened.note(source, request.user)
    form = RowsForm(request.GET)
    state = form.state()
    context = {"source": source, "state": state, "limits": form.LIMITS, "complaints": form.complaints()}
    status = 400 if context["complaints"] else 200
    if source.is_processing or source.has_failed:
        context["problem"] = "failed" if source.has_failed else "processing"
        context["standstill"] = source.is_processing and standstill.of_keys([source.key])
        return render_page(request, "rows/page.html", "rows/_table.html", context, status)
    try:
        page = room.page(source, state["page"], state["limit"], form.query(state), request.user.pk)
    except room.StillLoading:
        context["problem"], status = "loading", 202
    except ProcessingInProgress:
        context["problem"] = "processing"
        return render_page(request, "rows/page.html", "rows/_table.html", context, status)
    except InvalidParameters as error:
        context |= {"problem": "refused", "error": error}
        status = 422
    except ClaroError as error:
        context |= {"problem": "trouble", "error": error, "key_is_refused": isinstance(error, KeyRefused)}
        if isinstance(error, RateLimited):
            context["left"] = gateway.calls_left(source.key)
        status = status_of(error)
    else:
        shown = room.only(page, state["column"])
        context |= _shown(page, state) | {"page": shown, "body": table_body(shown), "all_columns": page.columns}
        context["may_choose"] = 1 < len(page.columns) <= CHOOSABLE
        return render_page(request, "rows/page.html", "rows/_table.html", context, status)
    # Only what went wrong, for its place beside the filter: the last good table stays.
    response = render_page(request, "rows/page.html", "rows/_problem.html", context, status)
    return say_when(response, context.get("error"))


def _shown(page: room.Rows, state: dict) -> dict:
    """The numbers around the table: from 1, as people count."""
    pages = page.total and -(-page.total // state["limit"])
    return {"first": page.first + 1, "last": page.first + len(page.rows), "pages": pages}
