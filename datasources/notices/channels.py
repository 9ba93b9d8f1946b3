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
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
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
from datasources.notices import timing
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
    _let_go(held, error.user_message)


def _let_go(held: Held, problem: str) -> None:
    """Ends the attempts. The next digest has these notices too; other channels start with the next notice."""
    outlet, now = held.work, timezone.now()
    if timing.is_digest(outlet):
        held.finish(timing.due_at(outlet, now, now), attempts=0, problem=problem)
    else:
        held.finish(None, attempts=0, problem=problem, sent_until=now)


@retry.work(Outlet, _give_up)
def send(held: Held) -> str:
    """Sends everything since the last message in one, when it is due; retries later, and finally stores the error."""
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
    if (taken := _take(held)) is None:
        return "waits"
    news, until = taken
    if news:
        try:
            deliver(outlet, _merged(news), until)
        except NotSent as error:
            return _failed(held, _problem(error))
    _end(held, until, until if news else outlet.last_sent_at)
    return "sent" if news else "nothing to send"


def _take(held: Held) -> tuple[list[Notice], datetime] | None:
    """The notices of the next message, and their last moment; None: it is not due yet.

    After an interrupted attempt these are the same notices again, so that the mail has the same Message-ID.
    """
    outlet: Outlet = held.work
    with transaction.atomic():
        held.renew()  # locks the row: a notice is either here already, or later than `now` (notices._outlets)
        now = timezone.now()
        until = outlet.taken if outlet.taken > outlet.sent_until else max(now, outlet.taken)
        news = list(_since(outlet).filter(at__lte=until)) if outlet.user.is_active else []
        if news and (due_at := timing.due_at(outlet, min(notice.began_at for notice in news), now)) > now:
            held.finish(due_at)
            return None
        held.renew(taken_until=until)
    return news, until


def _end(held: Held, until: datetime, last_sent_at: datetime | None) -> None:
    """Notes what was sent. The row is due again if there are newer notices."""
    outlet: Outlet = held.work
    with transaction.atomic():
        held.renew(sent_until=until)
        due_at = timezone.now() + notices.GATHER if _since(outlet).exists() else None
        held.finish(due_at, attempts=0, problem="", last_sent_at=last_sent_at)


def _since(outlet: Outlet) -> QuerySet[Notice]:
    return notices.of(outlet.user).filter(at__gt=outlet.sent_until)


def _merged(news: list[Notice]) -> list[Notice]:
    """One notice for each topic and key, the newest first. Those of teams and offers stay alone."""
    found: dict[object, Notice] = {}
    for notice in news:
        first = found.setdefault((notice.topic, notice.key_id or notice), notice)
        if first is not notice:
            first.count += notice.count
            first.names = [*first.names, *notice.names][: notices.NAMED]
            first.datasource_id = None
    return list(found.values())


def deliver(outlet: Outlet, news: list[Notice], until: datetime | None = None) -> None:
    """One message about these, which end at `until`; none: a test. Raises NotSent."""
    if outlet.kind == Outlet.Kind.MAIL:
        _mail(outlet, news, until)
        return
    text = _text(news)
    if outlet.kind == Outlet.Kind.SLACK:
        _post(outlet, {"text": _for_slack(text)})
    else:
        _post(outlet, {"text": text, "notices": [_as_json(notice) for notice in news]})


def _text(news: list[Notice], **context: object) -> str:
    return render_to_string("notices/message.txt", {"notices": news} | context).strip()


def _mail(outlet: Outlet, news: list[Notice], until: datetime | None) -> None:
    number, when = sum(notice.count for notice in news), timing.of(outlet.user)
    subject = f"Claro Dashboard: {number:,} new notice{'' if number == 1 else 's'}" if news else "Claro Dashboard: test"
    is_digest = bool(news) and timing.is_digest(outlet)
    if is_digest:
        subject = f"Claro Dashboard: {when.rhythm} digest, {number:,} event{'' if number == 1 else 's'}"
    text = _text(news, site=when.site if when else "", is_digest=is_digest)
    headers = {}
    if until:  # the same for a mail that is sent again, which mail servers and programs recognise by it
        domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ")
        headers["Message-ID"] = f"<{outlet.pk.hex}.{until:%Y%m%d%H%M%S%f}@{domain}>"
    try:
        EmailMessage(subject, text, None, [outlet.user.email], headers=headers).send()
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
        _let_go(held, problem)
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
