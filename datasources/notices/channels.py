"""Sends notices out of the dashboard: by mail, to a user's webhook, to Slack.

A user supplies the URL, so the request must not reach the internal network: only public addresses are used, and no
redirect is followed (core/outgoing.py). A receiver may be slow or silent, so few messages are in flight. The others
wait as due rows, without a thread. A webhook's body is signed like Claro's own (docs/claro-api.md, webhooks).
"""

import hashlib
import hmac
import json
import random
import secrets
import smtplib
from contextlib import AbstractContextManager
from datetime import timedelta
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone
from urllib3.exceptions import NameResolutionError

from accounts.models import User
from core import leases, live, outgoing, semaphore
from core.leases import Held
from core.vault import SecretUnreadable
from datasources import notices
from datasources.claro import ClaroError
from datasources.gateway import retry
from datasources.models import Notice, Outlet, OutletTest
from datasources.models.notices import PROBLEM_LENGTH
from datasources.security import master_key

# For a message as a whole. Shorter than a lease, so that no other worker sends it meanwhile.
DEADLINE_S = 10.0
ANSWER_BYTES = 2**16
# Messages under way, in all processes together.
AT_ONCE_OF_USER, AT_ONCE = 2, 4
ATTEMPTS = 6
TESTS_A_MINUTE = 5
# A test whose worker died is sent again, so often.
TEST_ATTEMPTS = 3
FIRST_RETRY = timedelta(seconds=30)
AT_MOST = 50  # notices in one message
SIGNATURE_HEADER = "X-Claro-Dashboard-Signature"


class NotSent(Exception):
    """The message was not sent; the text is for the channel's user."""


def save(user: User, kind: Outlet.Kind, url: str = "") -> Outlet:
    """Stores the user's one channel of this kind, with this address. Raises NotSent for an invalid one."""
    outlet = Outlet(user=user, kind=kind)
    if kind != Outlet.Kind.MAIL:
        master_key.leave_canary()
        outlet.host = _host(url)
        outlet.seal(f"{secrets.token_urlsafe(32)} {url}")
    Outlet.objects.filter(user=user, kind=kind).delete()
    outlet.save(force_insert=True)
    return outlet


def _give_up(held: Held, error: ClaroError) -> None:
    """Ends the attempts; the next notice starts them again."""
    held.finish(None, attempts=0, problem=error.user_message, sent_until=timezone.now())


@retry.work(Outlet, _give_up)
def send(held: Held) -> str:
    """Sends everything since the last message at once; retries later, and finally stores the error."""
    with _place(held.work.user_id) as is_free:
        return _send(held) if is_free else _wait(held)


def ask_test(outlet: Outlet) -> OutletTest:
    """A message without news, due at once; the one that is under way, where there is one."""
    now = timezone.now()
    anew = {"asked_at": now, "due_at": now, "leased_until": None, "attempts": 0, "ended_at": None, "problem": ""}
    test, is_new = OutletTest.objects.get_or_create(outlet=outlet, defaults=anew)
    if not is_new and OutletTest.objects.filter(pk=test.pk).exclude(ended_at=None).update(**anew):
        test.refresh_from_db()
    return test


def _give_up_test(held: Held, error: ClaroError) -> None:
    _end_test(held, error.user_message)


@retry.work(OutletTest, _give_up_test)
def send_test(held: Held) -> str:
    """Sends the test, and notes for the page what became of it."""
    outlet = held.work.outlet
    with _place(outlet.user_id) as is_free:
        if not is_free:
            return _wait(held)
        problem = _tried(held, outlet)
    _end_test(held, problem)
    return "not sent" if problem else "sent"


def _end_test(held: Held, problem: str) -> None:
    outlet = held.work.outlet
    held.finish(None, ended_at=timezone.now(), problem=problem)
    live.publish([outlet.user_id], f"test-{outlet.pk}")


def _tried(held: Held, outlet: Outlet) -> str:
    """Why the test could not be sent; empty where it was."""
    if held.work.attempts >= TEST_ATTEMPTS:
        return "The dashboard was interrupted at every attempt."
    held.renew(attempts=held.work.attempts + 1)
    try:
        deliver(outlet, [])
    except NotSent as error:
        return _problem(error)
    return ""


def _place(user_id: int) -> AbstractContextManager[bool]:
    limits = {f"messages:{user_id}": AT_ONCE_OF_USER, "messages": AT_ONCE}
    return semaphore.place(limits, leases.LEASE.total_seconds())


def _wait(held: Held) -> str:
    """At random, so that those who wait have the same chance of the next place."""
    held.finish(timezone.now() + timedelta(seconds=random.uniform(1, 3)))  # noqa: S311 - spreads load, guards nothing
    return "waits"


def _send(held: Held) -> str:
    outlet: Outlet = held.work
    until = timezone.now()
    found = notices.of(outlet.user).filter(at__gt=outlet.sent_until, at__lte=until)
    news = list(found[:AT_MOST]) if outlet.user.is_active else []
    if news:
        try:
            deliver(outlet, news)
        except NotSent as error:
            return _failed(held, _problem(error))
    held.finish(None, attempts=0, problem="", sent_until=until, last_sent_at=until if news else outlet.last_sent_at)
    return "sent" if news else "nothing to send"


def deliver(outlet: Outlet, news: list[Notice]) -> None:
    """One message about these; none: a test. Raises NotSent."""
    text = render_to_string("notices/message.txt", {"notices": news}).strip()
    if outlet.kind == Outlet.Kind.MAIL:
        _mail(outlet.user, news, text)
    elif outlet.kind == Outlet.Kind.SLACK:
        _post(outlet, {"text": _for_slack(text)})
    else:
        _post(outlet, {"text": text, "notices": [_as_json(notice) for notice in news]})


def _mail(user: User, news: list[Notice], text: str) -> None:
    number = sum(notice.count for notice in news)
    subject = f"Claro Dashboard: {number:,} new notice{'' if number == 1 else 's'}" if news else "Claro Dashboard: test"
    try:
        send_mail(subject, text, None, [user.email])
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent("The mail server refused the mail.") from error


def _post(outlet: Outlet, content: dict[str, object]) -> None:
    try:
        secret, url = outlet.secret_and_address()
    except SecretUnreadable:
        raise NotSent("The address can't be read. Remove the channel, then add it again.") from None
    body = json.dumps(content).encode()
    stamp = int(timezone.now().timestamp())
    code = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: f"t={stamp},v1={code}"}
    _host(url)
    limits = outgoing.Limits(DEADLINE_S, max_bytes=ANSWER_BYTES, public_only=not settings.NOTIFY_PRIVATE_NETWORKS)
    with outgoing.Session(limits) as session:
        try:
            answer = session.post(url, data=body, headers=headers, stream=True)
            answer.close()
        except outgoing.NotPublic:
            raise NotSent(f"{outlet.host} is in a private network, which is not allowed.") from None
        except requests.RequestException as error:
            if _is_unknown_name(error):
                raise NotSent(f"{outlet.host} was not found.") from None
            raise NotSent(f"{outlet.host} did not answer ({type(error).__name__}).") from None
    if not 200 <= answer.status_code < 300:
        raise NotSent(f"{outlet.host} answered {answer.status_code}.")


def _for_slack(text: str) -> str:
    """Names in it are no markup: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_unknown_name(error: requests.RequestException) -> bool:
    reason = error.args[0] if error.args else None
    return isinstance(getattr(reason, "reason", None), NameResolutionError)


def _host(url: str) -> str:
    """The host of an address that may be sent to. Raises NotSent."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    schemes = ("https", "http") if settings.NOTIFY_PRIVATE_NETWORKS else ("https",)
    if not host or parts.scheme not in schemes or parts.username or parts.password:
        raise NotSent("Enter a full https address, without a user name.")
    return host


def _problem(error: NotSent) -> str:
    """As much as is stored: a host alone may have 253 characters."""
    return str(error)[:PROBLEM_LENGTH]


def _failed(held: Held, problem: str) -> str:
    outlet: Outlet = held.work
    if outlet.attempts + 1 >= ATTEMPTS:
        # What comes next tries anew.
        held.finish(None, attempts=0, problem=problem, sent_until=timezone.now())
        return "given up"
    held.finish(timezone.now() + FIRST_RETRY * 2**outlet.attempts, attempts=outlet.attempts + 1, problem=problem)
    return "put back"


def _as_json(notice: Notice) -> dict[str, object]:
    return {
        "topic": notice.topic,
        "key": notice.key.label if notice.key else None,
        "names": notice.names,
        "count": notice.count,
        "datasourceId": str(notice.datasource_id) if notice.datasource_id else None,
        "at": notice.at.isoformat(),
    }
