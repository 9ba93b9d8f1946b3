"""Helpers of all views: a page or its fragment from one context, and errors in the same layout."""

import hashlib
import re

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from core.forms import PageForm, QueryForm

PER_PAGE = 50
# What differs each time a part is rendered: how long ago something was, the masked form token.
PASSING = re.compile(rb'>[^<>]*</time>|name="csrfmiddlewaretoken" value="[^"]*"')


def wants_fragment(request: HttpRequest) -> bool:
    """Boosted links and history restores come through htmx too, but want the whole page."""
    return request.htmx.request_type == "partial"


def render_page(request: HttpRequest, page: str, context: dict, status: int = 200, *, part: str = "") -> HttpResponse:
    """The whole page, or the part that changed when htmx asks for it; caches must not mix the two up.

    The part is the page's block `content` (it extends `layout`), unless `part` names a template of its own.
    """
    partial = wants_fragment(request)
    context = {**context, "partial": partial, "layout": "_part.html" if partial else "base.html"}
    response = render(request, part if partial and part else page, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Request-Type"])
    if partial and status == 200 and request.headers.get("HX-Source", "").startswith("section"):
        return _if_changed(request, response)
    return response


def _if_changed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """304 for a part that looks at itself again and is what it was (htmx's ptag), but for the times and form tokens."""
    tag = hashlib.sha256(PASSING.sub(b"", response.content)).hexdigest()[:32]
    if request.headers.get("HX-PTag") == tag:
        return HttpResponse(status=304)
    response["HX-PTag"] = tag
    return response


def paged(request: HttpRequest, found: QuerySet) -> tuple[dict, int]:
    """The page of a list that the address asks for, as context, and its status: 404 and a sentence past the end."""
    form: QueryForm = PageForm(request.GET)
    pages, number = Paginator(found, PER_PAGE), form.state()["page"]
    complaints = form.complaints()
    status = 400 if complaints else 200
    if number > pages.num_pages:
        complaints, status, number = [f"There is no page {number:,}."], 404, 1
    return {"page": pages.page(number), "complaints": complaints}, status


def render_question(request: HttpRequest, title: str, text: str, act: str, back: str) -> HttpResponse:
    """Asks before something final. The button `act` posts to the same address; `back` is the way out."""
    context = {"title": title, "text": text, "act": act, "back": back}
    return render_page(request, "question.html", context)


def render_problem(
    request: HttpRequest, status: int, title: str, text: str, *, to_rows: str = "", may_pass: bool = False
) -> HttpResponse:
    """A sentence where the trouble is: an alert for a fragment, else a page.

    The page leads `to_rows` where there is such an address, and offers another try at what `may_pass`.
    """
    context = {"level": "danger", "title": title, "text": text, "status": status}
    context |= {"to_rows": to_rows, "may_pass": may_pass}
    return render_page(request, "errors/problem.html", context, status, part="_alert.html")
