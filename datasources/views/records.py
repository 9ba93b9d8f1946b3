"""A whole row as a page, and as the part that the drawer beside the table shows."""

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from datasources.claro import ClaroError
from datasources.copies import versions
from datasources.models import Source
from datasources.rows import problems, reading, records
from datasources.rows.forms import RowsForm
from datasources.rows.pages import StillLoading
from datasources.rows.reading import NeedsCopy
from datasources.views.errors import status_of
from datasources.views.guards import READ, of_source
from datasources.views.pages import render_page, render_problem

# The largest number that the address of a row may hold.
NUMBER_MAX = 1_000_000_000


@of_source(*READ)
def row(request: HttpRequest, source: Source, number: int) -> HttpResponse:
    """The row of this number under the filter and sort order of the address."""
    if not 1 <= number <= NUMBER_MAX:
        raise Http404("No such row.")
    state = {**RowsForm(request.GET).state(), "row": number}
    try:
        found = reading.read_row(source, versions.current(source), state, request.user.pk).rows
    except StillLoading:
        return render_problem(request, 503, "Claro is fetching this row", "Open the row again in a moment.")
    except (NeedsCopy, *reading.UNANSWERED) as error:
        problem = problems.of(error)
        return render_problem(request, problem.status, problem.title, problem.text)
    except ClaroError as error:
        return render_problem(request, status_of(error), "The row can't be read right now", error.user_message)
    if not found.rows:
        total = "" if found.total is None else f" {found.total:,} rows are found."
        return render_problem(request, 404, f"There is no row {number:,}", f"The table ends before it.{total}")
    parameters = dict(request.GET.lists())
    carried = [(name, one) for name, values in parameters.items() if name not in records.PLACES for one in values]
    context = {
        "source": source,
        "number": number,
        "total": found.total,
        "has_next": found.has_next,
        "fields": records.fields(found.columns, found.rows[0], parameters),
        "carried": f"?{urlencode(carried)}",
        "back": f"{reverse('sources:rows', args=[source.datasource_id])}?{urlencode([*carried, ('go', number)])}",
    }
    return render_page(request, "rows/record.html", context, part="rows/_record.html")
