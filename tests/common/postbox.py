"""Mail servers on loopback: one that takes mail, and some that a mail department has on a bad day."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from accessctl.config import Settings
from accessctl.jobs.mailer import Mailer
from accessctl.services.runtime import Runtime
from tests.common.world import World

SENDER = "Sổ tài khoản dùng chung <no-reply@bhxh.example>"


class Postbox:
    """A server's handler: keeps what was delivered; does as told with what comes next."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.seen: list[str] = []
        """The Message-ID of everything that was heard to its end, delivered or not."""
        self.refuse: dict[str, str] = {}
        """Recipient → the answer to RCPT."""
        self.drop = 0
        """How many of the next mails are heard to the end and answered by hanging up."""
        self.answer: str | None = None
        """The answer to DATA instead of taking it."""
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = email.message_from_bytes(cast(bytes, envelope.content), policy=email.policy.default)
        self.seen.append(str(mail["Message-ID"]))
        if self.drop:
            self.drop -= 1
            assert server.transport is not None
            server.transport.close()
            return "451 gone"
        if self.answer:
            return self.answer
        self.mails.append(cast(EmailMessage, mail))
        self.recipients += envelope.rcpt_tos
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """What was delivered to one address."""
        return [mail for mail, who in zip(self.mails, self.recipients, strict=True) if who == address]


class _Controller(Controller):
    """With a server name of its own: the resolver is not asked."""

    def factory(self) -> SMTP:
        self.SMTP_kwargs.setdefault("hostname", "mail.test")
        return super().factory()


@contextmanager
def postbox(*, tls: ssl.SSLContext | None = None, user: str = "", password: str = "") -> Iterator[Postbox]:
    """A mail server that works. `tls`: STARTTLS is demanded; with a user, so is signing in."""
    box = Postbox()

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    more: dict[str, Any] = {"tls_context": tls, "require_starttls": tls is not None}
    if user:
        more |= {"authenticator": known, "auth_required": True}
    server = _Controller(box, hostname="127.0.0.1", port=free_port(), **more)
    server.start()
    box.port = server.port
    try:
        yield box
    finally:
        server.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def take() -> None:
        while True:
            try:
                held.append(listening.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
        for connection in held:
            connection.close()


def free_port() -> int:
    """A port on which nobody listens at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def switch_on(world: World, port: int, **more: str) -> Runtime:
    """From now on this world mails through the server at this port."""
    env = {
        "ACCESSCTL_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "ACCESSCTL_MAIL_FROM": SENDER,
        "ACCESSCTL_URL": "https://tai-khoan.bhxh.example",
    }
    world.settings = Settings(dict(world.settings.env) | env | more)
    world.rt.settings = world.settings
    return world.rt


def deliver_all(world: World) -> None:
    """One turn of a worker's mail loop."""
    Mailer(world.rt, patience=2.0).turn()


def header(mail: EmailMessage, name: str) -> str:
    """A header decoded as RFC 2047 has it; Python's own address headers put blanks between encoded words."""
    raw = dict(mail.raw_items())[name]
    return str(make_header(decode_header(str(raw))))


def plain(mail: EmailMessage) -> str:
    """The text part, decoded."""
    part = mail.get_body(("plain",))
    assert part is not None
    return cast(EmailMessage, part).get_content()


def everything(mail: EmailMessage) -> str:
    """Every header and part, decoded: for looking for what must not be there."""
    parts = [str(value) for value in mail.values()]
    parts += [part.get_content() for part in mail.walk() if not part.is_multipart()]
    return "\n".join(parts)
