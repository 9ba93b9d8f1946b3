"""Real requests to a receiver on this machine, which private networks have to be allowed for."""

import contextlib
import hashlib
import hmac
import json
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from core import leases, semaphore
from core import mail as core_mail
from datasources import notices
from datasources.models import ApiKey, Outlet, OutletTest
from datasources.models.notices import Topic
from datasources.notices import channels
from tests.support.dripping import Dripping


class Receiver:
    """Takes what is posted to it; answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.headers = 204, {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(({**dict(self.headers), "path": self.path}, body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}/hook?token=abc"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.NOTIFY_PRIVATE_NETWORKS = True
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def something(alice, key) -> None:
    """There is something to tell, and it is time."""

    def happen(*names: str) -> None:
        notices.tell(key, Topic.FAILED, {uuid.uuid4(): name for name in names})

    return happen


def send(outlet: Outlet) -> str:
    Outlet.objects.filter(pk=outlet.pk).update(due_at=timezone.now() - timedelta(seconds=1), leased_until=None)
    word = channels.send(str(outlet.pk), leases.claim(Outlet, outlet.pk))
    outlet.refresh_from_db()
    return word


def test_a_webhook_gets_a_signed_message(alice, receiver, something):
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    something("a.csv", "b.csv")
    assert send(outlet) == "sent"
    [(headers, body)] = receiver.got
    assert (headers["path"], headers["Host"]) == ("/hook?token=abc", receiver.url.split("/")[2])
    stamp, code = (part.partition("=")[2] for part in headers[channels.SIGNATURE_HEADER].split(","))
    secret, _ = outlet.secret_and_address()
    assert hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == code
    message = json.loads(body)
    assert message["text"] == "Failed (Main): a.csv, b.csv"
    assert [(one["topic"], one["count"], one["names"]) for one in message["notices"]] == [
        ("failed", 2, ["a.csv", "b.csv"])
    ]


def test_slack_gets_text(alice, receiver, something):
    outlet = channels.save(alice, Outlet.Kind.SLACK, receiver.url)
    something("a.csv")
    send(outlet)
    assert json.loads(receiver.got[0][1]) == {"text": "Failed (Main): a.csv"}


HOSTILE = "<!channel> <https://evil.example|Invoice> & co.csv"


def test_slack_finds_no_markup_in_names(alice, key, receiver, something):
    ApiKey.objects.update(label="R&D <b>")
    outlet = channels.save(alice, Outlet.Kind.SLACK, receiver.url)
    something(HOSTILE, "&amp;.csv")
    send(outlet)
    assert json.loads(receiver.got[0][1])["text"] == (
        "Failed (R&amp;D &lt;b&gt;): &lt;!channel&gt; &lt;https://evil.example|Invoice&gt; &amp; co.csv, &amp;amp;.csv"
    )


@pytest.mark.parametrize("topic", Topic)
def test_slack_finds_no_markup_in_any_notice(alice, key, receiver, topic):
    ApiKey.objects.update(label=HOSTILE)
    notices.choose(alice, key, [topic])
    outlet = channels.save(alice, Outlet.Kind.SLACK, receiver.url)
    notices.tell(key, topic, {uuid.uuid4(): HOSTILE})
    send(outlet)
    text = json.loads(receiver.got[0][1])["text"]
    assert "&lt;!channel&gt;" in text
    assert not set("<>") & set(text)


def test_a_webhook_and_a_mail_get_names_as_they_are(alice, receiver, something):
    ApiKey.objects.update(label="R&D <b>")
    webhook, by_mail = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url), channels.save(alice, Outlet.Kind.MAIL)
    something(HOSTILE)
    send(webhook)
    send(by_mail)
    message = json.loads(receiver.got[0][1])
    assert (message["text"], message["notices"][0]["names"]) == (f"Failed (R&D <b>): {HOSTILE}", [HOSTILE])
    assert f"Failed (R&D <b>): {HOSTILE}" in mail.outbox[0].body


def test_mail_goes_to_the_address_one_signs_in_with(alice, something):
    outlet = channels.save(alice, Outlet.Kind.MAIL)
    something("a.csv")
    assert send(outlet) == "sent"
    [message] = mail.outbox
    assert (message.to, message.subject) == (["alice@example.com"], "Claro Dashboard: 1 new notice")
    assert "Failed (Main): a.csv" in message.body


def test_nothing_is_sent_twice_nor_what_was_before(alice, receiver, something):
    something("before.csv")
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    assert send(outlet) == "nothing to send"
    notices.read(alice)
    something("after.csv")
    assert [send(outlet), send(outlet)] == ["sent", "nothing to send"]
    assert len(receiver.got) == 1
    assert b"before.csv" not in receiver.got[0][1]


def test_what_fails_is_tried_again_ever_later_and_in_the_end_given_up(alice, receiver, something):
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    something("a.csv")
    receiver.status = 500
    words = [send(outlet) for _ in range(channels.ATTEMPTS)]
    assert words == ["put back"] * (channels.ATTEMPTS - 1) + ["given up"]
    assert outlet.problem == "localhost answered 500."
    assert (len(receiver.got), outlet.due_at) == (channels.ATTEMPTS, None)
    receiver.status = 200
    something("b.csv")
    assert send(outlet) == "sent"
    assert outlet.problem == ""


def test_a_redirect_is_not_followed(alice, receiver, something):
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    receiver.status, receiver.headers = 302, {"Location": receiver.url}
    something("a.csv")
    assert send(outlet) == "put back"
    assert len(receiver.got) == 1


def test_the_connection_goes_to_the_address_that_was_checked(alice, receiver, something, monkeypatch):
    """A name that leads elsewhere the second time it is asked gains nothing."""
    asked, real = [], socket.getaddrinfo

    def changing(host, *args, **kwargs):
        if host == "localhost":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "127.9.9.9"
        return real(host, *args, **kwargs)

    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    something("a.csv")
    monkeypatch.setattr(socket, "getaddrinfo", changing)
    assert send(outlet) == "sent"
    assert asked == ["localhost"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.1", "100.64.0.1", "224.0.0.1",
        "::1", "::", "fc00::1", "fe80::1", "::ffff:10.0.0.1", "2002:0a00:0001::", "fe80::1%eth0",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "::ffff:0:10.0.0.1", "fec0::1", "192.0.0.192", "2001:0:a00:1::",
    ],
)  # fmt: skip
def test_nothing_is_sent_into_private_networks(alice, something, monkeypatch, address):
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in ("93.184.216.34", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, "https://hooks.example.com/x")
    something("a.csv")
    assert send(outlet) == "put back"
    assert "is in a private network" in outlet.problem


@pytest.mark.parametrize(
    "url", ["", "ftp://example.com", "http://example.com", "https://", "//example.com", "https://a:b@example.com", "x"]
)
def test_what_is_no_whole_https_address_is_refused(alice, url):
    with pytest.raises(channels.NotSent):
        channels.save(alice, Outlet.Kind.WEBHOOK, url)
    assert not Outlet.objects.exists()


# --- Receivers that hold on to what they get ---


def test_a_receiver_that_never_ends_its_answer_is_given_up_before_the_lease_is(alice, receiver, something, monkeypatch):
    assert leases.LEASE.total_seconds() > max(channels.DEADLINE_S, core_mail.LIMITS.total_s) * 1.5
    monkeypatch.setattr(channels, "DEADLINE_S", 0.4)
    for kind in ("headers", "continue", "one header"):
        with Dripping(kind) as dripping:
            outlet = channels.save(alice, Outlet.Kind.WEBHOOK, dripping.url)
            something("a.csv")
            assert send(outlet) == "put back"
            assert "127.0.0.1 did not answer" in outlet.problem


def test_a_user_has_two_messages_under_way_and_all_have_four(still, alice, bob, receiver, something):
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    still.shift(1)
    something("a.csv")
    with contextlib.ExitStack() as under_way:
        for _ in range(2):
            assert under_way.enter_context(channels._place(alice.pk))
        assert not under_way.enter_context(channels._place(alice.pk))
        assert send(outlet) == "waits"
        assert outlet.due_at > timezone.now()
        assert (outlet.attempts, outlet.problem, outlet.leased_until) == (0, "", None)
        test = channels.ask_test(outlet)
        assert channels.send_test(str(outlet.pk), leases.claim(OutletTest, test.pk)) == "waits"
        others = [under_way.enter_context(channels._place(user)) for user in (bob.pk, bob.pk, 1000, 1001)]
        assert others == [True, True, False, False]
    assert receiver.got == []
    assert send(outlet) == "sent"


def test_a_place_whose_process_died_is_free_again(still):
    with semaphore.place({"x": 1}, 60) as is_free:
        assert is_free

        def enters() -> bool:
            with semaphore.place({"x": 1}, 5) as is_free:
                return is_free

        assert not enters()
        still.shift(61)
        assert enters()


# --- Tests ---


def test_a_test_is_sent_once_and_again_when_it_is_asked_for_again(alice, receiver):
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    for number in (1, 2):
        test = channels.ask_test(outlet)
        assert channels.send_test(str(outlet.pk), leases.claim(OutletTest, test.pk)) == "sent"
        assert leases.claim(OutletTest, test.pk) is None
        assert len(receiver.got) == number
        test.refresh_from_db()
        assert (test.is_under_way, test.problem) == (False, "")
    assert json.loads(receiver.got[0][1])["notices"] == []


def test_a_test_whose_worker_died_is_sent_by_another_and_not_for_ever(alice, receiver):
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    test = channels.ask_test(outlet)
    for _ in range(channels.TEST_ATTEMPTS):
        # As a worker that dies while it sends.
        leases.Held(OutletTest, test.pk, leases.claim(OutletTest, test.pk)).renew(attempts=F("attempts") + 1)
        OutletTest.objects.update(leased_until=timezone.now())
    assert channels.send_test(str(outlet.pk), leases.claim(OutletTest, test.pk)) == "not sent"
    test.refresh_from_db()
    assert "interrupted" in test.problem
    assert receiver.got == []


def test_a_long_host_name_is_no_trouble(alice, receiver, something):
    host = ".".join(["x" * 60] * 4)
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, f"http://{host}/")
    something("a.csv")
    assert send(outlet) == "put back"
    assert outlet.problem.startswith("x" * 60)
    assert len(outlet.problem) == 200


def test_the_address_is_kept_encrypted(alice, receiver):
    outlet = channels.save(alice, Outlet.Kind.SLACK, receiver.url)
    assert "token=abc" not in str(Outlet.objects.values().get())
    assert outlet.host == "localhost"


def test_who_is_deactivated_is_told_nothing_any_more(alice, receiver, something):
    outlet = channels.save(alice, Outlet.Kind.WEBHOOK, receiver.url)
    something("a.csv")
    alice.is_active = False
    alice.save()
    assert send(outlet) == "nothing to send"
