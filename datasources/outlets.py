"""Sends notices out of the dashboard: by mail, to a webhook of somebody's, to Slack.

The address comes from a person, so the request it leads to must not reach into the network that we stand in: the name
is resolved once, every address behind it must be public, and the connection goes to the one that was checked. No
redirect is followed. A webhook's body is signed like Claro's own (claro-api.md, webhooks).
"""

import hashlib
import hmac
import ipaddress
import json
import secrets
import smtplib
import socket
from datetime import timedelta
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone
from requests.adapters import HTTPAdapter

from accounts.models import User
from datasources import leases, master_key, notices
from datasources.claro import ClaroError
from datasources.leases import Held
from datasources.models import Notice, Outlet
from datasources.vault import SecretUnreadable

TIMEOUT_S = (3, 5)
ATTEMPTS = 6
FIRST_RETRY = timedelta(seconds=30)
AT_MOST = 50  # notices in one message
SIGNATURE_HEADER = "X-Claro-Dashboard-Signature"


class NotSent(Exception):
    """In words for the person whose outlet it is."""


def save(user: User, kind: Outlet.Kind, url: str = "") -> Outlet:
    """Somebody's one outlet of this kind, with this address. Raises NotSent for one that can't be."""
    outlet = Outlet(user=user, kind=kind)
    if kind != Outlet.Kind.MAIL:
        master_key.leave_canary()
        outlet.host = _host(url)
        outlet.seal(f"{secrets.token_urlsafe(32)} {url}")
    Outlet.objects.filter(user=user, kind=kind).delete()
    outlet.save(force_insert=True)
    return outlet


def _give_up(held: Held, error: ClaroError) -> None:
    """What comes next tries anew."""
    held.finish(None, attempts=0, problem=error.user_message, sent_until=timezone.now())


@leases.work(Outlet, _give_up)
def send(held: Held) -> str:
    """Sends what came since the last time, in one message; tries again later, and in the end says why not."""
    outlet: Outlet = held.work
    until = timezone.now()
    found = notices.of(outlet.user).filter(at__gt=outlet.sent_until, at__lte=until)
    news = list(found[:AT_MOST]) if outlet.user.is_active else []
    if news:
        try:
            deliver(outlet, news)
        except NotSent as error:
            return _failed(held, str(error))
    held.finish(None, attempts=0, problem="", sent_until=until, last_sent_at=until if news else outlet.last_sent_at)
    return "sent" if news else "nothing to send"


def deliver(outlet: Outlet, news: list[Notice]) -> None:
    """One message about these; none: a test. Raises NotSent."""
    text = render_to_string("notices/message.txt", {"notices": news}).strip()
    if outlet.kind == Outlet.Kind.MAIL:
        _mail(outlet.user, news, text)
    elif outlet.kind == Outlet.Kind.SLACK:
        _post(outlet, {"text": text})
    else:
        _post(outlet, {"text": text, "notices": [_as_json(notice) for notice in news]})


def _mail(user: User, news: list[Notice], text: str) -> None:
    number = sum(notice.count for notice in news)
    subject = f"Claro Dashboard: {number} new" if news else "Claro Dashboard: a test"
    try:
        send_mail(subject, text, None, [user.email])
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent("The mail server did not take it.") from error


def _post(outlet: Outlet, content: dict[str, object]) -> None:
    try:
        secret, url = outlet.secret_and_address()
    except SecretUnreadable:
        raise NotSent("The address can't be read any more. Enter it again.") from None
    body = json.dumps(content).encode()
    stamp = int(timezone.now().timestamp())
    code = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: f"t={stamp},v1={code}"}
    with requests.Session() as session:
        session.trust_env = False
        session.mount(url.partition("://")[0] + "://", _Pinned(_checked_address(_host(url))))
        try:
            answer = session.post(
                url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
            )
            answer.close()
        except requests.RequestException as error:
            raise NotSent(f"{outlet.host} does not answer ({type(error).__name__}).") from None
    if not 200 <= answer.status_code < 300:
        raise NotSent(f"{outlet.host} answered {answer.status_code}.")


def _host(url: str) -> str:
    """The host of an address that may be sent to. Raises NotSent."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    schemes = ("https", "http") if settings.NOTIFY_PRIVATE_NETWORKS else ("https",)
    if not host or parts.scheme not in schemes or parts.username or parts.password:
        raise NotSent("This must be a whole https address, without a user name.")
    return host


def _checked_address(host: str) -> str:
    """An address of the host's, all of which must be public (RFC 6890). Raises NotSent."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise NotSent(f"{host} is not found.") from None
    public = all(_is_public(address) for address in found)
    if not found or not (public or settings.NOTIFY_PRIVATE_NETWORKS):
        raise NotSent(f"{host} leads into a private network; that is not allowed.")
    return sorted(found, key=lambda address: ":" in address)[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (inner is None or inner.is_global)


class _Pinned(HTTPAdapter):
    """Connects to the address that was checked, whatever the name leads to by now; TLS still asks for the name."""

    def __init__(self, address: str):
        self._address = address
        super().__init__()

    def build_connection_pool_key_attributes(self, request, verify, cert=None):
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            pool |= {"server_hostname": host["host"], "assert_hostname": host["host"]}
        return host | {"host": self._address}, pool

    def send(self, request, **kwargs):
        request.headers["Host"] = urlsplit(request.url).netloc
        return super().send(request, **kwargs)


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
        "key": notice.key.label,
        "names": notice.names,
        "count": notice.count,
        "datasourceId": str(notice.datasource_id) if notice.datasource_id else None,
        "at": notice.at.isoformat(),
    }
