from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from datasources import access
from datasources import rows as room
from datasources.cells import table_body
from datasources.claro import ClaroError, InvalidParameters, ProcessingInProgress
from datasources.forms import KeyChoiceForm, RowsForm
from datasources.middleware import status_of
from datasources.views.pages import render_page


@login_required
@require_safe
def rows(request: HttpRequest, datasource_id: UUID) -> HttpResponse:
    """The table of a source's rows: page, sort and filter stand in the address and go to Claro as they are."""
    source = access.get_source(request.user, datasource_id, KeyChoiceForm(request.GET).state()["key"] or None)
    form = RowsForm(request.GET)
    state = form.state()
    context = {"source": source, "state": state, "limits": form.LIMITS, "complaints": form.complaints()}
    status = 400 if context["complaints"] else 200
    if not source.is_processing:
        try:
            page = room.page(source, state["page"], state["limit"], form.query(state))
        except room.StillLoading:
            context["loading"] = True
        except ProcessingInProgress:
            context["processing"] = True
        except InvalidParameters as error:
            context["refused"], status = error, 422
        except ClaroError as error:
            context["trouble"], status = error, status_of(error)
        else:
            context |= {"page": page, "body": table_body(page)}
    return render_page(request, "rows/page.html", "rows/_table.html", context, status)
