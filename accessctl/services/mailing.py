"""The outbox: each mail is claimed by one worker, handed to the server, and only then counted as sent.

A claim is a date in the future (`next_try_at`), committed before the server is talked to: no transaction waits for a
mail server, and a worker that dies leaves a mail that is tried again. The Message-ID stays the same at every try, so
that a mail which the server had taken over before the connection broke is known as a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from email.message import Message

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from accessctl.config import MailSettings
from accessctl.services import findings, mail_text
from accessctl.services.control import transaction
from accessctl.services.runtime import Runtime
from accessctl.services.smtp import Deliver, NotSent
from accessctl.store.models import Mail, Notice

WAITING, SENT, GIVEN_UP = "WAITING", "SENT", "GIVEN_UP"
CLAIM = timedelta(minutes=5)
"""Longer than a conversation can take: some ten answers of `smtp.PATIENCE` each."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
LATE_AFTER = timedelta(hours=1)
LEFT = "mail.left"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is ours to send. `tries` tells our claim apart from a later one."""

    id: int
    tries: int


def send_next(rt: Runtime, settings: MailSettings, deliver: Deliver) -> bool:
    """Send one mail that is due; False when there is none. Raises NotSent where the server itself is in trouble."""
    claimed = _claim(rt)
    if claimed is None:
        return False
    try:
        message, address = _composed(rt, settings, claimed)
        rt.step("mail.claimed")
        deliver(message, address)
        rt.step("mail.delivered")
    except NotSent as error:
        _failed(rt, claimed, error)
        if error.server:
            raise
        return True
    except (
        Exception
    ):  # a mail that cannot be written must not be tried in silence for ever: said here, and in the log
        _failed(rt, claimed, NotSent("mail.text", server=False))
        raise
    _settle(rt, claimed, {"state": SENT, "sent_at": rt.now(), "error": None, "reply": None})
    return True


def _claim(rt: Runtime) -> Claimed | None:
    now = rt.now()
    due = (
        select(Mail.id)
        .where(Mail.state == WAITING, Mail.next_try_at <= now)
        .order_by(Mail.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    ours = (
        update(Mail)
        .where(Mail.id == due)
        .values(tries=Mail.tries + 1, next_try_at=now + CLAIM)
        .returning(Mail.id, Mail.tries)
    )
    with transaction(rt) as session:
        row = session.execute(ours).one_or_none()
    return Claimed(row.id, row.tries) if row else None


def _composed(rt: Runtime, settings: MailSettings, claimed: Claimed) -> tuple[Message, str]:
    with transaction(rt) as session:
        mail = session.get_one(Mail, claimed.id, options=[joinedload(Mail.officer)])
        if mail.officer.left_at is not None:
            raise NotSent(LEFT, server=False)
        about = select(Notice).where(Notice.mail_id == mail.id)
        rows = session.scalars(about.order_by(Notice.kind, Notice.id).limit(mail_text.MOST)).all()
        waiting = len(rows)
        if waiting == mail_text.MOST:
            waiting = session.scalar(select(func.count()).where(Notice.mail_id == mail.id)) or 0
        message = mail_text.compose(rt, settings, mail, rows, waiting)
        return message, mail_text.address_of(mail.officer.email)


def _failed(rt: Runtime, claimed: Claimed, error: NotSent) -> None:
    """Try again later, longer each time; what the server will never take, or has not for days, is given up in sight."""
    now = rt.now()
    with transaction(rt) as session:
        mail = session.scalars(
            select(Mail)
            .where(Mail.id == claimed.id)
            .options(joinedload(Mail.officer))
            .with_for_update(of=Mail)
        ).one()
        if mail.tries != claimed.tries or mail.state != WAITING:
            return
        mail.error, mail.reply, mail.failed_at = error.code, error.reply, now
        over = error.for_good or error.code == LEFT or mail.made_at < now - GIVE_UP_AFTER
        if not over:
            mail.next_try_at = now + pause_after(mail.tries)
            return
        mail.state = GIVEN_UP
        if error.code != LEFT:
            _report(rt, session, mail)


def pause_after(tries: int) -> timedelta:
    """1, 2, 4 … minutes, at most an hour."""
    return min(FIRST_PAUSE * 2 ** min(tries - 1, 10), LONGEST_PAUSE)


def _settle(rt: Runtime, claimed: Claimed, values: dict[str, object]) -> None:
    """Sent is sent, even where the claim had run out meanwhile."""
    with transaction(rt) as session:
        session.execute(update(Mail).where(Mail.id == claimed.id).values(values))


def _report(rt: Runtime, session: Session, mail: Mail) -> None:
    details = {"officer": mail.officer.username, "why": mail.error}
    findings.raise_finding(
        rt, session, findings.Kind.MAIL_GIVEN_UP, key=f"{mail.officer_id}:{rt.now().date()}", severity=3,
        details=details, count=False,
    )  # fmt: skip


def watch(rt: Runtime) -> None:
    """A queue that does not move is a finding, one a day; who looks at the pages only would not know."""
    with transaction(rt) as session:
        oldest = session.scalar(select(func.min(Mail.made_at)).where(Mail.state == WAITING))
        if oldest is None or oldest > rt.now() - LATE_AFTER:
            return
        findings.raise_finding(
            rt, session, findings.Kind.MAIL_LATE, key=f"{rt.now().date()}", severity=2, count=False
        )
