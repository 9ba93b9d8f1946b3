from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.vault import SecretUnreadable
from datasources import tasks
from datasources.activity import log
from datasources.activity.words import What
from datasources.claro import SIGNATURE_HEADER
from datasources.mirror import deliveries, webhooks
from datasources.models import ApiKey
from datasources.views.guards import POST, of_own_key

BODY_BYTES_MAX = settings.BODY_LIMITS["/hooks/"]


@of_own_key(*POST)
def switch(request: HttpRequest, key: ApiKey) -> HttpResponse:
    """Turns instant updates on or off; a task does it."""
    if request.POST.get("on") != "1":
        hook, what = webhooks.switch_off(key), What.HOOK_OFF
    elif trouble := webhooks.why_not():
        messages.error(request, trouble)
        return redirect("keys:list")
    else:
        hook, what = webhooks.switch_on(key), What.HOOK_ON
    log.record(what, request.user, key=key)
    if hook:
        tasks.start(hook)
    return redirect("keys:list")


@csrf_exempt
@require_POST
def receive(request: HttpRequest, token: str) -> HttpResponse:
    """Takes a delivery of Claro, without a session, in milliseconds: it is only noted here."""
    hook = webhooks.find(token)
    if hook is None:
        return HttpResponse(status=404)
    body = request.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        return HttpResponse(status=413)
    try:
        is_new = deliveries.receive(hook, body, request.headers.get(SIGNATURE_HEADER, ""))
    except deliveries.Forged:
        return HttpResponse(status=401)
    except SecretUnreadable:
        return HttpResponse(status=503)  # Claro sends it again
    if is_new:
        tasks.start(hook)
    return HttpResponse(status=204)
