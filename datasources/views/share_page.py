"""The public page of a share link: no account, no session, and only the layout of the dashboard.

The response does not reveal whether the link is wrong, has ended or is paused, except to a visitor who has used it.
"""

import base64
import binascii
import re

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core import throttle
from core.guesses import TooManyGuesses
from datasources import access, stalled, tasks
from datasources.activity import log
from datasources.downloads import links
from datasources.models import ApiKey, DownloadLink, ShareLink
from datasources.sharing import shares, together
from datasources.views import share_cookies
from datasources.views.framed import fetching_files

# Who shows a preview of links, or reads along: no download, whatever they ask for. (A Cubot is a phone.)
PREVIEWS = re.compile(
    r"(?<!cu)bot\b|(?<!cu)bot[/ _-]|crawl|spider|preview|facebookexternalhit|facebookcatalog|^whatsapp|embedly|"
    r"iframely|slurp|slack-imgproxy|vkshare|google-|lighthouse|urlscan|validator",
    re.IGNORECASE,
)
RETRY_S = 2
PAUSE_S = 60


@csrf_exempt  # nothing happens that whoever has the link could not do; and no cookie is set for it
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a share link; `?dl=1` leads straight to its (first) file, for scripts."""
    response = _answer(request, token)
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _answer(request: HttpRequest, token: str) -> HttpResponse:
    address = log.origin.get().address
    if throttle.is_held_up("share", address, settings.SHARE_REQUESTS_A_MINUTE):
        return _too_often(request)
    if response := _quick(request, token):
        return response
    share = access.open_share(token)
    if share is None:
        # One query for all others, so that the time tells them nothing either.
        if not share_cookies.has_used(request):
            return _nothing(request)
        share = access.used_up_share(token)
        if share is None:
            return _ended(request)
        if not share_cookies.repeatable(request):
            return _none_left(request, share)
    if share.key.state == ApiKey.State.INVALID:
        return _not_for_the_moment(request)
    tried = _password(request)
    if share.password and (tried is not None or not share_cookies.is_unlocked(request, share)):
        if refused := _try(request, share, tried):
            return refused
        response = _unlocked(request, share)
        share_cookies.remember_password(request, response, share)
        return response
    return _unlocked(request, share)


def _try(request: HttpRequest, share: ShareLink, tried: str | None) -> HttpResponse | None:
    """None where the password is right. One that comes too early is not even checked."""
    if tried is None:
        return _ask_password(request)
    address = log.origin.get().address
    throttle.guessed("share", address)
    guess = shares.guess(share, address, share_cookies.device(request, share))
    try:
        next_waits = guess.count()
    except TooManyGuesses as error:
        return _ask_password(request, status=429, wait_s=error.wait_s)
    if check_password(tried, share.password):
        guess.was_right()
        return None
    if next_waits:
        shares.tell_of_guessing(share)
    return _ask_password(request, status=422)


def _quick(request: HttpRequest, token: str) -> HttpResponse | None:
    """The way of most downloads: to a file that is there, by a link that asks for nothing. None: look closer."""
    number = _number(request)
    if request.method != "GET" or number is None or _is_only_a_look(request):
        return None
    found = shares.quick(token, number)
    if not found:
        return None
    share, url = found
    return None if share.password else _counted(request, share, number, url)


def _counted(request: HttpRequest, share: ShareLink, number: int, url: str) -> HttpResponse:
    """To the file, once it is counted; one that was counted here a moment ago may have broken off, and is not."""
    response = HttpResponseRedirect(url)
    if share.most_uses is not None and number in share_cookies.repeatable(request):
        return response
    if not shares.use(share, number):
        return _none_left(request, share)
    if share.most_uses is not None:
        share_cookies.remember_download(request, response, number)
    share_cookies.remember_use(request, response)
    return response


def _number(request: HttpRequest) -> int | None:
    """Which file is asked for."""
    text = request.GET.get("dl", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None


def _unlocked(request: HttpRequest, share: ShareLink) -> HttpResponse:
    if "dl" in request.GET:
        return _file(request, share)
    if request.method == "POST":
        return HttpResponseRedirect(request.path)
    if "all" in request.GET and not _is_only_a_look(request):
        return _all(request, share)
    return _page(request, share)


def _all(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """The page that fetches one file after the other, and reloads its list while links are created."""
    files = list(share.files.present().select_related("source__key"))
    if not together.offers_all(share, files, share_cookies.repeatable(request)):
        return HttpResponseRedirect(request.path)
    lines = together.prepare(share, files)
    tasks.start_due(DownloadLink)
    context = {"lines": lines, "share_path": request.path}
    return fetching_files(lambda _: _render("shares/all.html", context))(request)


def _page(request: HttpRequest, share: ShareLink) -> HttpResponse:
    files = list(share.files.present().select_related("source"))
    repeatable = share_cookies.repeatable(request) if share.most_uses else set()
    if share.is_used_up:
        files = [file for file in files if file.number in repeatable]
    if not files:
        return _ended(request) if share_cookies.has_used(request) else _nothing(request)
    for file in files:
        file.is_open = file.number in repeatable or not file.is_used_up
    # A person who opens it is about to click: by then the link is there.
    if len(files) == 1 and not _is_only_a_look(request) and shares.target(share, files[0].number) is None:
        _start(shares.renew(share, files[0].number))
    context = {
        "share": share,
        "sender": shares.sender(share),
        "files": files,
        "offers_all": together.offers_all(share, files, repeatable),
        "is_repeated": any(file.number in repeatable for file in files),
        "repeat_min": share_cookies.REPEAT_WITHIN_S // 60,
    }
    return _render("shares/page.html", context)


def _file(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """The way to the file: counted, and open for as long as downloads are left."""
    if _is_prefetch(request):
        return HttpResponse(status=503)
    if _is_only_a_look(request):
        return _page(request, share)
    number = _number(request)
    if number is None:
        return _nothing(request)
    url, link = shares.target(share, number), None
    if url is None:
        link = shares.renew(share, number)
        if link is None:
            return _nothing(request)
        url = links.target(link)
    if url is None:
        _start(link)
        return _not_yet(request, link)
    return _counted(request, share, number, url)


def _start(link: DownloadLink | None) -> None:
    if link and link.is_pending:
        tasks.start(link)


def _not_yet(request: HttpRequest, link: DownloadLink) -> HttpResponse:
    """For browsers a page that continues automatically, for scripts a status with a time."""
    is_made = link.is_pending and not stalled.among([link])
    pause_s = RETRY_S if is_made else PAUSE_S
    if goes_on_at := link.goes_on_at:
        pause_s = min(max(round((goes_on_at - timezone.now()).total_seconds()), RETRY_S), PAUSE_S)
    if _is_a_person(request):
        context = {
            "pause_s": pause_s,
            "address": request.get_full_path(),
            "page": request.path,
            "has_failed": not is_made,
        }
        response = _render("shares/wait.html", context, 202 if link.is_pending else 503)
    else:
        response = _text("The file is being prepared. Try again in a few seconds.", 503)
    response["Retry-After"] = str(pause_s)
    return response


def _nothing(request: HttpRequest) -> HttpResponse:
    throttle.guessed("share", log.origin.get().address)
    if _is_a_person(request):
        return _render("shares/nothing.html", {}, 404)
    return _text("This link does not work.", 404)


def _none_left(request: HttpRequest, share: ShareLink) -> HttpResponse:
    """No guess: a visitor who has used the link should not look for a mistyped letter. Others learn nothing."""
    if not share_cookies.has_used(request):
        return _nothing(request)
    if _is_a_person(request):
        return _render("shares/limit_reached.html", {"sender": shares.sender(share)}, 410)
    return _text("Download limit reached.", 410)


def _ended(request: HttpRequest) -> HttpResponse:
    """For a visitor who has used the link."""
    if _is_a_person(request):
        return _render("shares/ended.html", {}, 404)
    return _text("This link no longer works.", 404)


def _not_for_the_moment(request: HttpRequest) -> HttpResponse:
    """Claro refuses the key behind the link, which may pass (refusals.py)."""
    if _is_a_person(request):
        response = _render("shares/not_now.html", {}, 503)
    else:
        response = _text("This link is not available right now. Try again in a few minutes.", 503)
    response["Retry-After"] = str(PAUSE_S)
    return response


def _too_often(request: HttpRequest) -> HttpResponse:
    if _is_a_person(request):
        response = _render("shares/too_often.html", {}, 429)
    else:
        response = _text("Too many attempts. Wait a minute, then try again.", 429)
    response["Retry-After"] = str(PAUSE_S)
    return response


def _ask_password(request: HttpRequest, *, status: int = 200, wait_s: int = 0) -> HttpResponse:
    """The form; 422 after a wrong password, 429 after one that came too early. Scripts get 401 instead of the form."""
    if _is_a_person(request):
        response = _render("shares/password.html", {"is_wrong": status == 422, "wait_s": wait_s}, status)
    elif wait_s:
        response = _text(f"Too many wrong passwords. Try again in {wait_s} s.", status)
    else:
        response = _text("This link needs a password.", 401)
        response["WWW-Authenticate"] = 'Basic realm="Share link", charset="UTF-8"'
    if wait_s:
        response["Retry-After"] = str(wait_s)
    return response


def _password(request: HttpRequest) -> str | None:
    """The submitted password, from the form or HTTP Basic; never from the URL, which browsers store in the history."""
    if request.method == "POST":
        return request.POST.get("password", "")
    kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _is_a_person(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _is_prefetch(request: HttpRequest) -> bool:
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"))
    return any("prefetch" in purpose or "prerender" in purpose or "preview" in purpose for purpose in purposes)


def _is_only_a_look(request: HttpRequest) -> bool:
    """Neither a download nor a person about to click."""
    is_a_preview = PREVIEWS.search(request.headers.get("User-Agent", "")) is not None
    return request.method == "HEAD" or is_a_preview or _is_prefetch(request)


def _render(template: str, context: dict, status: int = 200) -> HttpResponse:
    """Without the request: these pages know of no person, and ask nothing about one."""
    return HttpResponse(render_to_string(template, context), status=status)


def _text(words: str, status: int) -> HttpResponse:
    return HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")
