"""Handing one mail to a mail server (RFC 5321), and what may go wrong on the way, as stable codes."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.message import Message

from accessctl.config import MailSettings
from accessctl.errors import AccessError

PATIENCE = 20.0
"""Seconds that the server may take for each answer."""


class NotSent(AccessError):
    """The mail is still ours. `reply`: the server's three digits, if it gave any."""

    def __init__(self, code: str, reply: int | None = None, *, server: bool) -> None:
        super().__init__(code)
        self.reply = reply
        self.server = server
        """Nothing would go out just now, whatever the mail: leave the server alone for a while."""

    @property
    def for_good(self) -> bool:
        """The server will not take this mail at any time: an address that it refuses with 5yz, or that is none."""
        return self.code == "mail.address" or (
            self.code in ("mail.recipient", "mail.refused") and 500 <= (self.reply or 0) < 600
        )


Deliver = Callable[[Message, str], None]


def deliverer(settings: MailSettings, *, patience: float = PATIENCE) -> Deliver:
    """`deliver(message, address)`: returns once the server has taken it over; raises NotSent."""

    def deliver(message: Message, address: str) -> None:
        try:
            with _connected(settings, patience) as server:
                server.send_message(message, from_addr=_bare(settings.sender), to_addrs=[address])
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()  # it was taken over already: how the server says good-bye changes nothing
        except (smtplib.SMTPException, OSError) as error:
            raise _reason(error) from error

    return deliver


def _connected(settings: MailSettings, patience: float) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=settings.ca_file) if settings.scheme != "smtp" else None
    name = socket.gethostname() or "localhost"  # the resolver is not asked: it may take its time
    if settings.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, name, timeout=patience, context=context
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port, name, timeout=patience)
    try:
        if settings.scheme == "smtp+starttls":
            server.starttls(context=context)  # raises where the server has none: never in the clear instead
        if settings.user:
            server.login(settings.user, settings.password or "")
    except BaseException:
        server.close()
        raise
    return server


def _bare(sender: str) -> str:
    return sender.rpartition("<")[2].rstrip(">").strip()


def _reason(error: Exception) -> NotSent:
    """Order matters: smtplib's errors are OSErrors, and a broken connection says so in several ways."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        reply = next(iter(error.recipients.values()))[0] if error.recipients else None
        return NotSent("mail.recipient", reply, server=False)
    if isinstance(error, smtplib.SMTPSenderRefused):
        return NotSent("mail.sender", error.smtp_code, server=True)
    if isinstance(error, smtplib.SMTPDataError):
        return NotSent("mail.refused", error.smtp_code, server=False)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return NotSent("mail.login", error.smtp_code, server=True)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotSent("mail.tls" if "TLS" in str(error) else "mail.login", server=True)
    if isinstance(error, smtplib.SMTPResponseException):
        return NotSent("mail.unreachable", error.smtp_code, server=True)
    if isinstance(error, ssl.SSLError):
        return NotSent("mail.tls", server=True)
    if isinstance(error, TimeoutError):
        return NotSent("mail.hung", server=True)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return NotSent(_broken(error), server=True)
    return NotSent("mail.unreachable", server=True)


def _broken(error: Exception) -> str:
    """smtplib tells a time-out while reading as a lost connection; what was behind it says which."""
    cause = error.__context__
    return "mail.hung" if isinstance(cause, TimeoutError) or "timed out" in str(error) else "mail.dropped"
