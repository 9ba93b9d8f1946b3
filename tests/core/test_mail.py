"""Mail to small servers on this machine: one that takes it, and some that never come to an end."""

import contextlib
import smtplib
import socketserver
import threading
from collections.abc import Iterator

import pytest
from django.core import mail

from core import mail as core_mail
from core.outgoing import Limits
from tests.support.dripping import Dripping


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 here")
        with contextlib.suppress(OSError):
            while line := self.rfile.readline():
                word = line.split()[0].upper()
                self._answer(word)
                if word == b"QUIT":
                    break
        self.connection.close()

    def _answer(self, word: bytes) -> None:
        if word == b"EHLO":
            self._say("250-here\r\n250 STARTTLS")
        elif word == b"STARTTLS":
            self._say("220 go ahead")
            self.connection = self.server.certificate.context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        elif word == b"DATA":
            self._say("354 go ahead")
            lines = iter(self.rfile.readline, b".\r\n")
            self.server.taken.append(b"".join(lines))
            self._say("250 taken")
        else:
            self._say("250 fine")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.certificate, self.taken = certificate, []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def mail_server(certificate) -> Iterator[MailServer]:
    running = MailServer(certificate)
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def send(settings):
    """Sends a mail through this port of this machine."""
    settings.EMAIL_BACKEND = "core.mail.EmailBackend"
    settings.EMAIL_HOST = "localhost"

    def send(port: int, **more: bool) -> None:
        settings.EMAIL_PORT = port
        for name, value in more.items():
            setattr(settings, name, value)
        mail.send_mail("Hello", "A mail.", "a@example.com", ["b@example.com"])

    return send


@pytest.mark.parametrize("more", [{}, {"EMAIL_USE_TLS": True}])
def test_a_mail_is_sent(mail_server, send, more):
    send(mail_server.server_address[1], **more)
    [taken] = mail_server.taken
    assert b"Subject: Hello" in taken


def test_a_mail_is_sent_where_the_connection_begins_with_tls(mail_server, certificate, send):
    mail_server.socket = certificate.context.wrap_socket(mail_server.socket, server_side=True)
    send(mail_server.server_address[1], EMAIL_USE_SSL=True)
    assert len(mail_server.taken) == 1


@pytest.mark.parametrize(("kind", "more"), [("mail", {}), ("tls", {"EMAIL_USE_SSL": True})])
def test_a_mail_server_that_never_ends_its_answer_is_given_up_at_the_deadline(send, monkeypatch, kind, more):
    monkeypatch.setattr(core_mail, "LIMITS", Limits(total_s=0.4))
    with Dripping(kind) as dripping:

        def ask() -> None:
            with pytest.raises((OSError, smtplib.SMTPException)):
                send(dripping.port, **more)

        dripping.meets(ask)
