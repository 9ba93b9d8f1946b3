"""A filter without syntax: a link adds one condition to the filter of its address, and leads to the rows."""

import re

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.forms import query_string
from datasources.copies import versions
from datasources.copies.histograms import name, quoted
from datasources.models import Source
from datasources.rows import facets
from datasources.rows.forms import SORT_MAX
from datasources.views.guards import READ, of_source
from datasources.views.pages import render_problem

# "Not" keeps rows whose cell is empty.
EXPRESSIONS = {
    "is": "{name} = {value}",
    "not": "({name} <> {value} OR {name} IS NULL)",
    "gt": "{name} > {value}",
    "lt": "{name} < {value}",
    "null": "{name} IS NULL",
    "blank_text": "{name} = ''",
    "not_empty": "{name} IS NOT NULL AND {name} <> ''",
    "yes": "{name} = true",
    "no": "{name} = false",
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


class ConditionForm(forms.Form):
    do = forms.ChoiceField(choices=[("add", "add")])
    c = forms.CharField(max_length=SORT_MAX, strip=False)
    op = forms.ChoiceField(choices=[(name, name) for name in EXPRESSIONS])
    v = forms.CharField(required=False, max_length=facets.FILTER_MAX, strip=False)
    exact = forms.BooleanField(required=False)


@of_source(*READ)
def change(request: HttpRequest, source: Source) -> HttpResponse:
    """The rows of the address, with the condition added to their filter."""
    form = ConditionForm(request.GET)
    if not form.is_valid():
        return render_problem(
            request, 422, "No condition", "The address contains no condition. Choose one in the table."
        )
    asked = form.cleaned_data
    # A copy knows by the column how a quoted value compares; Claro takes numbers bare.
    is_bare = not versions.current(source) and _NUMBER.fullmatch(asked["v"])
    value = asked["v"] if is_bare else quoted(asked["v"])
    added = EXPRESSIONS[asked["op"]].format(name=name(asked["c"]), value=value)
    present = facets.conditions(request.GET.get("filter", ""))
    text = " AND ".join(present if added in present else [*present, added])
    if len(text) > facets.FILTER_MAX:
        return render_problem(request, 422, "The filter is too long", f"It may have {facets.FILTER_MAX:,} characters.")
    kept = {key: values for key, values in request.GET.lists() if key not in form.fields}
    rows = reverse("sources:rows", args=[source.datasource_id])
    return HttpResponseRedirect(rows + query_string(kept, filter=text), status=303)
