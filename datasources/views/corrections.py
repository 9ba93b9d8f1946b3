from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from datasources import moving
from datasources.models import Source
from datasources.uploads import corrections
from datasources.uploads.forms import MoveForm
from datasources.views.guards import FORM, of_source
from datasources.views.pages import render_page


@of_source(*FORM)
def move(request: HttpRequest, source: Source) -> HttpResponse:
    """Moves what the user chooses from the corrected file to this one, as far as they may change it."""
    correction = corrections.links_of(source, request.user).by_it
    if not correction:
        raise Http404("This file corrects no other.")
    found = moving.movable(request.user, correction, source)
    form = MoveForm(found.views, found.shares, request.POST if request.method == "POST" else None)
    back = reverse("sources:details", args=[source.datasource_id])
    if request.GET:
        back += f"?{request.GET.urlencode()}"
    if form.is_valid():
        chosen = form.cleaned_data
        names = moving.move(
            request.user,
            correction,
            found,
            history=chosen["history"],
            marked=chosen["marks"],
            views=chosen["view"],
            links=chosen["share"],
        )
        if names:
            messages.success(request, f"Moved to {source.name}: {', '.join(names)}.")
        else:
            messages.warning(request, "Nothing moved. It was changed or deleted meanwhile.")
        return redirect(back)
    context = {"source": source, "old": correction.old, "found": found, "form": form, "back": back}
    return render_page(request, "uploads/move.html", context, 422 if form.errors else 200)
