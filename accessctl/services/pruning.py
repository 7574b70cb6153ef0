"""Old notices go: what they tell of stands in the audit log, where nothing ever goes.

Read ones some months after they were read, unread ones a year after they were written. A notice whose mail may still
go out stays: it waits, or was given up lately and can be tried again. So does, for that year, a notice that keeps its
reader from being told the same again. A mail goes with its last notice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, delete, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from accessctl.config import NoticesStay
from accessctl.services.control import transaction
from accessctl.services.mailing import GIVEN_UP, SENT, WAITING
from accessctl.services.runtime import Runtime
from accessctl.store.models import Mail, Notice

BATCH = 500
"""Rows in one transaction: a reader never waits for it."""


def prune(rt: Runtime) -> int:
    """Take away one batch of notices, then the mails that told of nothing else; returns how many rows."""
    stay = rt.settings.notices_stay
    return (
        _notices(rt, stay)
        or _mails(rt, stay, SENT, Mail.sent_at)
        or _mails(rt, stay, GIVEN_UP, Mail.failed_at)
    )


def _notices(rt: Runtime, stay: NoticesStay) -> int:
    now = rt.now()
    read, unread = now - timedelta(days=stay.read), now - timedelta(days=stay.unread)
    waits = or_(Mail.state == WAITING, and_(Mail.state == GIVEN_UP, Mail.failed_at >= read))
    unsent = exists().where(Mail.id == Notice.mail_id, waits)
    done = or_(Notice.at < unread, and_(Notice.read_at < read, Notice.once.is_(None)))
    old = (
        select(Notice.id)
        .where(Notice.at < read, done, ~unsent)
        .order_by(Notice.at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    with transaction(rt) as session:
        return len(session.execute(delete(Notice).where(Notice.id.in_(old)).returning(Notice.id)).all())


def _mails(rt: Runtime, stay: NoticesStay, state: str, since: InstrumentedAttribute[datetime | None]) -> int:
    """Those that came to this end as long ago as a read notice stays."""
    told = exists().where(Notice.mail_id == Mail.id)
    old = (
        select(Mail.id)
        .where(since < rt.now() - timedelta(days=stay.read), Mail.state == state, ~told)
        .order_by(since)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    with transaction(rt) as session:
        return len(session.execute(delete(Mail).where(Mail.id.in_(old)).returning(Mail.id)).all())
