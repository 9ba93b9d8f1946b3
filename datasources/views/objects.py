"""The first line of a view about one thing: is it the reader's, and is it asked for with a method there is?

In this order: another's thing is not there (404) with any method.
"""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from datasources import access
from datasources.forms import KeyChoiceForm
from datasources.models import ApiKey, DownloadLink, Source

READ = ("GET", "HEAD")
FORM = ("GET", "HEAD", "POST")
POST = ("POST",)

View = Callable[..., HttpResponse]


def of_key(*methods: str) -> Callable[[View], View]:
    """A view of one key, which it gets instead of the id in its path."""
    return _of(methods, _key)


def of_source(*methods: str) -> Callable[[View], View]:
    """A view of one source, seen through the key of the address where it names one."""
    return _of(methods, _source)


def of_link(*methods: str) -> Callable[[View], View]:
    """A view of one download link."""
    return _of(methods, _link)


def _of(methods: tuple[str, ...], find: Callable[[HttpRequest, UUID], object]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        answer = require_http_methods(methods)(view)

        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, **path: UUID) -> HttpResponse:
            (object_id,) = path.values()
            return answer(request, find(request, object_id))

        return guarded

    return decorate


def _key(request: HttpRequest, key_id: UUID) -> ApiKey:
    return access.get_key(request.user, key_id)


def _source(request: HttpRequest, datasource_id: UUID) -> Source:
    form = KeyChoiceForm(request.GET)
    key_id = form.state()["key"] or None
    if form.errors:
        raise Http404("No such key.")
    return access.get_source(request.user, datasource_id, key_id)


def _link(request: HttpRequest, link_id: UUID) -> DownloadLink:
    return access.get_link(request.user, link_id)
