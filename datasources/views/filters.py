"""Filters without syntax: links and forms that change one condition of an address, and the form of a column."""

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from core.forms import EachField, query_string
from datasources.copies import chips, opened, profile, versions
from datasources.copies.chips import CannotSay, Chip, Group, Operator
from datasources.copies.chips.model import WITH_LIST, WITH_TWO
from datasources.copies.opened import Busy, TooSlow
from datasources.copies.profile import ColumnProfile
from datasources.copies.schema import Column, Kind, named
from datasources.copies.store import CopyLost
from datasources.models import Source
from datasources.rows import conditions, heads, remembered
from datasources.rows.facets import FILTER_MAX, Links
from datasources.rows.forms import SORT_MAX
from datasources.views.guards import READ, of_source
from datasources.views.pages import render_page, render_problem

# Parameters of these addresses only; others are those of the rows.
OWN = ("do", "at", "c", "op", "v", "exact", "any")
# A change leads to the rows from the first one.
LEFT = ("page", "row", "place")


# Comparisons that a range does not hold, and the field and sign of those with one end.
_NO_RANGE = {
    "number": (Operator.IS, Operator.NOT),
    "date": (Operator.IS, Operator.NOT, Operator.GT, Operator.LT, Operator.CONTAINS, Operator.STARTS),
}
_FIELDS = {Operator.GTE: (0, ""), Operator.GT: (0, "> "), Operator.LTE: (1, ""), Operator.LT: (1, "< ")}


class ChangeForm(forms.Form):
    do = forms.ChoiceField(choices=[(name, name) for name in ("add", "set", "remove", "loosen")])
    # The place of a condition (chips/changes.py).
    at = forms.CharField(required=False, max_length=20)
    c = forms.CharField(required=False, max_length=SORT_MAX, strip=False)
    op = forms.ChoiceField(required=False, choices=[(one, one) for one in Operator if one is not Operator.TEXT])
    v = EachField(forms.CharField(required=False, max_length=FILTER_MAX, strip=False), required=False)
    exact = forms.BooleanField(required=False)
    any = forms.TypedChoiceField(required=False, choices=[("", ""), ("0", "0"), ("1", "1")], empty_value="")


@dataclass(frozen=True)
class _Table:
    """The columns of a copy and the profile of one; none where there is no copy, or it can't be asked now."""

    is_live: bool = True
    columns: list[Column] = field(default_factory=list)
    profile: ColumnProfile | None = None

    @property
    def names(self) -> list[str] | None:
        return [column.name for column in self.columns] or None

    def column(self, name: str) -> Column | None:
        if self.is_live:
            return None
        return next(iter(named(self.columns, name)), Column(0, name, Kind.TEXT))


@of_source(*READ)
def change(request: HttpRequest, source: Source) -> HttpResponse:
    """A redirect to the rows with one condition added, replaced, removed or loosened; 422 where that can't be."""
    form = ChangeForm(request.GET)
    table = _table(request, source)
    if not form.is_valid():
        problem = next(iter(form.errors.values()))[0]
        return _refused(request, source, table, f"The condition can't be used: {problem}")
    try:
        text = chips.text(_changed(form.cleaned_data, request.GET.get("filter", ""), table))
    except LookupError:
        return _refused(request, source, table, "This condition is no longer part of the filter. Open the rows again.")
    except (ValueError, CannotSay) as error:
        return _refused(request, source, table, str(error))
    if len(text) > FILTER_MAX:
        return _refused(request, source, table, f"The filter would be longer than {FILTER_MAX:,} characters.")
    address = _rows(source) + query_string(_kept(request), filter=text)
    return HttpResponseRedirect(remembered.shortened(request, source, address), status=303)


@of_source(*READ)
def form(request: HttpRequest, source: Source) -> HttpResponse:
    """The form for a condition on a column, by its kind; with the values of the condition at a place."""
    name = request.GET.get("c", "")
    if not name and not request.GET.get("at"):
        return render_problem(request, 400, "No column", "The address contains no column. Open one from the table.")
    if len(name) > SORT_MAX:
        raise Http404("No such column.")
    return _render(request, source, _table(request, source, name))


def _changed(asked: dict[str, Any], filter: str, table: _Table) -> Group:
    """The conditions after the change. Raises ValueError, LookupError and CannotSay."""
    group, at = chips.read(filter, table.names), asked["at"]
    if asked["do"] in ("remove", "loosen"):
        chip = chips.chip_at(group, at)
        looser = chips.loosened(chip) if chip and asked["do"] == "loosen" else None
        return chips.with_replaced(group, at, looser) if looser else chips.with_removed(group, at)
    if asked["do"] == "set" and not asked["op"] and asked["any"]:
        return chips.with_kind(group, chips.Kind.ANY if asked["any"] == "1" else chips.Kind.ALL, at)
    if not asked["op"]:
        raise ValueError("Choose a comparison.")
    column, operator, values = table.column(asked["c"]), Operator(asked["op"]), list(asked["v"])
    name = column.name if column else asked["c"]
    made = conditions.chip(name, operator, values, is_exact=asked["exact"], column=column)
    if asked["do"] == "set":
        return chips.with_replaced(group, at, made)
    if at and "." not in at and group.kind is chips.Kind.ANY:
        return chips.with_added(group, made, is_any=True)  # the filter is the group
    return chips.with_added(group, made, at, is_any=asked["any"] == "1")


def _table(request: HttpRequest, source: Source, name: str = "") -> _Table:
    """The columns of the copy, and the profile of one of them."""
    copy = versions.current(source)
    if not copy:
        return _Table()
    try:
        with opened.reader(copy, request.user.pk) as reader:
            places = [column.place for column in named(reader.columns, name)[:1]] if name else []
            found = profile.of(reader, places) if places else []
            return _Table(False, list(reader.columns), found[0] if found else None)
    except (CopyLost, Busy, TooSlow):
        return _Table(False)


def _refused(request: HttpRequest, source: Source, table: _Table, problem: str) -> HttpResponse:
    return _render(request, source, table, problem, status=422)


def _render(request: HttpRequest, source: Source, table: _Table, problem: str = "", status: int = 200) -> HttpResponse:
    context = _form_of(request, source, table, request.GET.get("c", ""), problem)
    return render_page(request, "rows/filter.html", context, status, part="rows/_filter_form.html")


def form_of(request: HttpRequest, source: Source, name: str) -> dict[str, Any]:
    """The context of rows/_filter_form.html for a column."""
    return _form_of(request, source, _table(request, source, name), name)


def _form_of(request: HttpRequest, source: Source, table: _Table, name: str, problem: str = "") -> dict[str, Any]:
    """With what was typed, or what the condition at the place has."""
    at = request.GET.get("at", "")
    beside = chips.chip_at(chips.read(request.GET.get("filter", ""), table.names), at) if at else None
    # With `do=add`, another condition is added beside the one at the place: either of them is enough.
    is_other = bool(at) and request.GET.get("do") == "add"
    chip = None if is_other else beside
    name = name or (beside.column if beside else "")
    if name and not (table.profile or table.is_live):
        table = _table(request, source, name)
    is_sent = "op" in request.GET
    typed = request.GET.getlist("v") if is_sent or not chip else list(chip.values)
    column, facts = table.column(name), table.profile.facts if table.profile else None
    kind, op = "text", request.GET.get("op") or (chip.operator if chip else "")
    if column and column.is_number:
        kind = "number"
    elif column and column.kind is Kind.BOOLEAN:
        kind = "boolean"
    elif facts and facts.are_dates:
        kind = "date"
    address = reverse("sources:filter", args=[source.datasource_id])
    has_boxes = bool(table.profile and table.profile.has_filters)
    base = {**_kept(request), "c": name, "do": "set" if at and not is_other else "add", "at": at}
    return {
        "source": source,
        "name": name,
        "kind": kind,
        "is_live": table.is_live,
        "problem": problem,
        "change": base["do"],
        "at": at,
        "beside": chips.words(beside) if beside and is_other else "",
        "edited": chips.words(chip) if chip else "",
        "others": table.names or [name] if chip and name else [],
        "op": op,
        "is_range": kind in ("number", "date") and op not in _NO_RANGE[kind] and (has_boxes or op not in WITH_LIST),
        "first": typed[0] if typed and op not in WITH_LIST else "",
        "to": typed[1] if op in WITH_TWO and len(typed) > 1 else "",
        "ends": _ends(op, typed),
        "several": list(enumerate(typed)) if op in WITH_LIST and not has_boxes else [],
        "histogram": _histogram(table.profile, _kept(request), _rows(source)) if kind == "number" else "",
        "is_exact": table.is_live or bool(request.GET.get("exact") or (chip and chip.is_exact)),
        "facts": facts,
        "tops": _tops(table, typed, chip, address, base) if kind in ("text", "date", "number") else [],
        "empties": [
            (words, address + query_string(base, op=op))
            for op, words in (
                ("empty", "Is empty"),
                ("null", "Is null"),
                ("blank_text", "Is empty text"),
                ("not_empty", "Is not empty"),
                # The kinds of columns are known from copies alone.
                *((("yes", "Is true"), ("no", "Is false")) if table.is_live else ()),
            )
        ],
        "truths": [(words, address + query_string(base, op=op)) for op, words in (("yes", "True"), ("no", "False"))],
        "back": _rows(source) + query_string(_kept(request), filter=request.GET.get("filter", "")),
    }


def _ends(op: str, values: list[str]) -> list[str]:
    """The text of the two fields of a range, for a comparison."""
    if op in WITH_TWO:
        return [*values, "", ""][:2]
    if not values or op not in _FIELDS:
        return ["", ""]
    at, sign = _FIELDS[op]
    return [sign + values[0], ""] if at == 0 else ["", sign + values[0]]


def _histogram(found: ColumnProfile | None, parameters: dict[str, Any], rows: str) -> SafeString:
    """The bars of a number column, as its header has them."""
    has_ranges = found and found.facts.bounds
    return SafeString(heads.chart(found, links=Links(parameters, rows)) if has_ranges else "")


def _tops(
    table: _Table, ticked: list[str], chip: Chip | None, address: str, base: dict[str, Any]
) -> list[tuple[str, int | None, bool, str]]:
    """The values to tick: the frequent ones with their rows, then those that the condition has besides; whether each is
    ticked, and the address of each alone."""
    if not table.profile or not table.profile.has_filters:
        return []
    counts: dict[str, int | None] = {
        bar.text: count
        for bar, (_, count) in zip(table.profile.tops, table.profile.facts.tops, strict=True)
        if bar.filter
    }
    if chip and chip.operator in WITH_LIST:
        counts = counts | {value: None for value in chip.values if value not in counts}
    return [
        (value, count, value in ticked, address + query_string(base, op="one_of", v=value))
        for value, count in counts.items()
    ]


def _kept(request: HttpRequest) -> dict[str, Any]:
    return {name: values for name, values in request.GET.lists() if name not in (*OWN, *LEFT)}


def _rows(source: Source) -> str:
    return reverse("sources:rows", args=[source.datasource_id])
