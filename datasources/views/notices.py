from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from core import throttle
from core.forms import changes
from core.vault import SecretUnreadable
from datasources import access, notices, stalled, tasks
from datasources.models import ApiKey, Outlet, OutletTest, Source, Timing
from datasources.models.notices import Topic
from datasources.notices import channels, timing
from datasources.notices.forms import OutletForm, TimingForm, WishForm
from datasources.sources.groups import reader_zone
from datasources.views.guards import FORM, POST, of_key, of_outlet, of_source
from datasources.views.pages import paged, render_page, render_problem, render_question, wants_fragment

OF_A_SOURCE = (Topic.PROCESSED, Topic.FAILED)


@login_required
@require_safe
def list_notices(request: HttpRequest) -> HttpResponse:
    context, status = paged(request, notices.of(request.user))
    return render_page(request, "notices/list.html", context, status)


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    notices.read(request.user)
    return redirect("notices:list")


@login_required
@require_safe
def unread(request: HttpRequest) -> HttpResponse:
    """The number beside the bell of every page."""
    return render(request, "notices/_unread.html")


@login_required
@require_safe
def choices(request: HttpRequest) -> HttpResponse:
    """The notification settings by key and channel."""
    return _choices(request, OutletForm())


@of_key(*POST)
def choose(request: HttpRequest, key: ApiKey) -> HttpResponse:
    form = WishForm(request.POST)
    if form.is_valid():
        ticked, unticked = changes(form, "topics")
        present = set(notices.wishes_of(request.user, [key])[key.pk])
        notices.choose(request.user, key, (present | ticked) - unticked)
        messages.success(request, f"Notification settings for {key.label} saved.")
    return redirect("notices:choices")


@of_source(*POST)
def follow(request: HttpRequest, source: Source) -> HttpResponse:
    """Subscribes to the end of this one source's processing, or unsubscribes."""
    wanted = OF_A_SOURCE if request.POST.get("on") == "1" else ()
    notices.choose(request.user, source.key, wanted, source)
    text = "You will be notified when processing ends." if wanted else "You will not be notified about this file."
    messages.success(request, text)
    return redirect(f"{reverse('sources:details', args=[source.datasource_id])}?{request.GET.urlencode()}".rstrip("?"))


@login_required
@require_POST
def add_outlet(request: HttpRequest) -> HttpResponse:
    form = OutletForm(request.POST)
    if form.is_valid():
        try:
            outlet = channels.save(request.user, form.cleaned_data["kind"], form.cleaned_data["url"])
        except channels.NotSent as error:
            form.add_error("url", str(error))
        else:
            messages.success(request, f"{outlet.get_kind_display()} added. Send a test to check it.")
            return redirect("notices:choices")
    return _choices(request, form, 422)


@login_required
@require_POST
def save_timing(request: HttpRequest) -> HttpResponse:
    """Quiet hours, and the rhythm of mail."""
    form = _timing_form(request, request.POST)
    if form.is_valid():
        form.instance.site = request.build_absolute_uri("/").rstrip("/")
        timing.save(form.instance)
        messages.success(request, "Quiet hours and mail settings saved.")
        return redirect("notices:choices")
    return _choices(request, OutletForm(), 422, timing_form=form)


@of_outlet(*FORM)
def remove_outlet(request: HttpRequest, outlet: Outlet) -> HttpResponse:
    if request.method != "POST":
        text = "Its address and secret are deleted. To use it again, add it again."
        back = reverse("notices:choices")
        return render_question(request, f"Remove {outlet.get_kind_display()}?", text, "Remove", back)
    outlet.delete()
    return redirect("notices:choices")


@of_outlet(*FORM)
def test_outlet(request: HttpRequest, outlet: Outlet) -> HttpResponse:
    """The test of a channel and its outcome. POST queues one, a few times a minute."""
    too_often = request.method == "POST" and throttle.is_held_up("test", str(request.user.pk), channels.TESTS_A_MINUTE)
    if request.method == "POST" and not too_often:
        tasks.start(channels.ask_test(outlet))
    status = 429 if too_often else 200
    if wants_fragment(request):
        return render(request, "notices/_test.html", _of_test(outlet) | {"too_often": too_often}, status=status)
    return _choices(request, OutletForm(), status, outlet) if too_often else redirect("notices:choices")


@of_outlet(*POST)
@never_cache
def outlet_secret(request: HttpRequest, outlet: Outlet) -> HttpResponse:
    """The signing secret of a webhook's messages, as plain text for the clipboard."""
    try:
        secret, _ = outlet.secret_and_address()
    except SecretUnreadable:
        return render_problem(request, 410, "Webhook can't be read", "Remove the webhook, then add it again.")
    return HttpResponse(secret, content_type="text/plain; charset=utf-8")


def _of_test(outlet: Outlet) -> dict[str, object]:
    test = OutletTest.objects.filter(outlet=outlet).first()
    return {"outlet": outlet, "test": test, "standing_still": stalled.among([test] if test else [])}


def _timing_form(request: HttpRequest, data: QueryDict | None = None) -> TimingForm:
    chosen = timing.of(request.user) or Timing(user=request.user, zone=reader_zone())
    return TimingForm(data, instance=chosen, auto_id="id_timing_%s")


def _choices(
    request: HttpRequest,
    form: OutletForm,
    status: int = 200,
    too_often: Outlet | None = None,
    timing_form: TimingForm | None = None,
) -> HttpResponse:
    keys = access.list_keys(request.user)
    wishes = notices.wishes_of(request.user, keys)
    for key in keys:
        key.form = WishForm(initial={"topics": wishes[key.pk]}, auto_id=f"id_{key.pk}_%s")
    ways = list(request.user.outlets.select_related("test").order_by("created_at"))
    tests = [outlet.test for outlet in ways if hasattr(outlet, "test")]
    context = {
        "keys": keys,
        "outlets": ways,
        "testing": [test for test in tests if test.is_under_way],
        "standing_still": stalled.among(tests),
        "too_often_with": too_often,
        "form": form,
        "timing_form": timing_form or _timing_form(request),
        "has_mail": bool(settings.EMAIL_URL),
    }
    return render_page(request, "notices/choices.html", context, status)
