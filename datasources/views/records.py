"""A whole row as a page, and as the part that the drawer beside the table shows."""

from functools import partial
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from datasources.claro import ApiError, ClaroError
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
    parameters = dict(request.GET.lists())
    carried = [(name, one) for name, values in parameters.items() if name not in records.PLACES for one in values]
    rows = reverse("sources:rows", args=[source.datasource_id])
    back = f"{rows}?{urlencode([*carried, ('go', number)])}"
    problem_page = partial(render_problem, request, to_rows=f"{rows}?{urlencode(carried)}".rstrip("?"))
    try:
        found = reading.read_row(source, versions.current(source), state, request.user.pk).rows
    except StillLoading:
        text = "Open the row again in a moment."
        return problem_page(503, "Claro is fetching this row", text, may_pass=True)
    except (NeedsCopy, *reading.UNANSWERED) as error:
        problem = problems.of(error)
        return problem_page(problem.status, problem.title, problem.text, may_pass=problem.is_passing)
    except ClaroError as error:
        title = "The row can't be read right now"
        may_pass = error.retryable or type(error) is ApiError  # an error without a meaning of its own
        return problem_page(status_of(error), title, error.user_message, may_pass=may_pass)
    if not found.rows:
        total = "" if found.total is None else f" {found.total:,} rows are found."
        return problem_page(404, f"There is no row {number:,}", f"The table ends before it.{total}")
    context = {
        "source": source,
        "number": number,
        "total": found.total,
        "has_next": found.has_next,
        "fields": records.fields(found.columns, found.rows[0], parameters),
        "carried": f"?{urlencode(carried)}",
        "back": back,
    }
    return render_page(request, "rows/record.html", context, part="rows/_record.html")
