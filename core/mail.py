"""Django's SMTP backend with one deadline for everything sent over one connection."""

import smtplib
import socket
import ssl
from functools import cached_property

from django.core.mail.backends import smtp

from core import database, outgoing

LIMITS = outgoing.Limits(total_s=10.0)


class _SMTP(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """As smtplib.SMTP_SSL does, this makes the connection in another way."""
        return outgoing.connect(host, port, outgoing.Exchange(LIMITS))


class _SMTP_SSL(smtplib.SMTP_SSL, _SMTP):
    pass


class EmailBackend(smtp.EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SMTP_SSL if self.use_ssl else _SMTP

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        return outgoing.tls_context()

    def open(self) -> bool | None:
        database.release()
        return super().open()
