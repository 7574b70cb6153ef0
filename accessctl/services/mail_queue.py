"""The outbox as IT sees it: how many wait, since when, what went wrong last, what was given up; try again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError, Conflict
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.mailing import CLAIM, GIVEN_UP, LATE_AFTER, LEFT, WAITING
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Mail

SHOWN = 100


@dataclass(frozen=True, slots=True)
class MailView:
    """One mail: to whom, since when, how often tried; never what it says."""

    id: int
    full_name: str
    office: str
    email: str
    made_at: datetime
    digest: bool
    tries: int
    next_try_at: datetime
    error: str | None
    reply: int | None
    failed_at: datetime | None


@dataclass(frozen=True, slots=True)
class QueueView:
    """How mail stands. `on` False: none goes out; `trouble`: the settings are wrong, as a code with its facts."""

    on: bool
    trouble: AccessError | None
    server: str
    waiting: int
    oldest: datetime | None
    late: bool
    last_sent_at: datetime | None
    last_error: str | None
    last_error_reply: int | None
    last_error_at: datetime | None
    given_up: int
    waiting_rows: tuple[MailView, ...]
    given_up_rows: tuple[MailView, ...]


def look(rt: Runtime, session: Session, actor: Actor) -> QueueView:
    """The state of the outbox, for whoever deals with incidents: IT."""
    require(rt, actor, Permission.INCIDENT_HANDLE, actor.office)
    waiting, oldest = session.execute(
        select(func.count(), func.min(Mail.made_at)).where(Mail.state == WAITING)
    ).one()
    failed = session.execute(
        select(Mail.error, Mail.reply, Mail.failed_at)
        .where(Mail.failed_at.is_not(None), Mail.error.is_not(None))
        .order_by(Mail.failed_at.desc())
        .limit(1)
    ).one_or_none()
    server, trouble = _settings(rt)
    return QueueView(
        on=rt.settings.mails,
        trouble=trouble,
        server=server,
        waiting=waiting,
        oldest=oldest,
        late=oldest is not None and oldest < rt.now() - LATE_AFTER,
        last_sent_at=session.scalar(select(func.max(Mail.sent_at))),
        last_error=failed.error if failed else None,
        last_error_reply=failed.reply if failed else None,
        last_error_at=failed.failed_at if failed else None,
        given_up=session.scalar(select(func.count()).select_from(_given_up().subquery())) or 0,
        waiting_rows=_views(session.scalars(_waiting().limit(SHOWN)).all()),
        given_up_rows=_views(session.scalars(_given_up().limit(SHOWN)).all()),
    )


def _settings(rt: Runtime) -> tuple[str, AccessError | None]:
    if not rt.settings.mails:
        return "", None
    try:
        known = rt.settings.mail
    except AccessError as error:
        return "", error
    return f"{known.scheme}://{known.host}:{known.port}", None


def _waiting() -> Select[Mail]:
    rows = select(Mail).where(Mail.state == WAITING)
    return rows.order_by(Mail.made_at, Mail.id).options(joinedload(Mail.officer))


def _given_up() -> Select[Mail]:
    """What somebody can do something about: who has left needs no mail."""
    rows = select(Mail).where(Mail.state == GIVEN_UP, Mail.error != LEFT)
    return rows.order_by(Mail.id.desc()).options(joinedload(Mail.officer))


def _views(rows: Sequence[Mail]) -> tuple[MailView, ...]:
    return tuple(
        MailView(
            row.id, row.officer.full_name, row.officer.office_code, row.officer.email, row.made_at,
            row.digest_day is not None, row.tries, row.next_try_at, row.error, row.reply, row.failed_at,
        )
        for row in rows
    )  # fmt: skip


def retry(rt: Runtime, session: Session, actor: Actor, identity: int) -> Mail:
    """Put a mail that was given up back into the queue, with a fresh count and three more days.

    Raises Conflict("mail.not_given_up").
    """
    require(rt, actor, Permission.INCIDENT_HANDLE, actor.office)
    found = select(Mail).where(Mail.id == min(identity, 2**63 - 1), Mail.state == GIVEN_UP)
    mail = session.scalars(found.options(joinedload(Mail.officer)).with_for_update(of=Mail)).first()
    if mail is None:
        raise Conflict("mail.not_given_up")
    mail.state, mail.tries, mail.made_at, mail.next_try_at = WAITING, 0, rt.now(), rt.now()
    details = {"mail": mail.id, "officer": mail.officer.username}
    record(rt, session, Event.NOTICE_MAIL_RETRIED, actor=actor, details=details)
    return mail


def try_now(rt: Runtime, session: Session, actor: Actor) -> int:
    """Let what rests for long be tried at once: the server has been mended. Returns how many.

    What is due within the time of a claim is left alone: a worker may be sending it at this moment.
    """
    require(rt, actor, Permission.INCIDENT_HANDLE, actor.office)
    now = rt.now()
    resting = select(Mail).where(Mail.state == WAITING, Mail.next_try_at > now + CLAIM)
    rows = session.scalars(resting.with_for_update(skip_locked=True)).all()
    for mail in rows:
        mail.next_try_at = now
    if rows:
        record(rt, session, Event.NOTICE_MAIL_RETRIED, actor=actor, details={"count": len(rows)})
    return len(rows)
