"""Old notices go: what they tell of stands in the audit log, where nothing ever goes.

Read ones some months after they were read, unread ones a year after they were written. A notice whose mail has not
gone out stays, and so does, for that year, one that keeps its reader from being told the same again.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, delete, exists, or_, select

from accessctl.config import NoticesStay
from accessctl.services.control import transaction
from accessctl.services.mailing import SENT
from accessctl.services.runtime import Runtime
from accessctl.store.models import Mail, Notice

BATCH = 500
"""Rows in one transaction: a reader never waits for it."""


def prune(rt: Runtime) -> int:
    """Take away one batch of notices, then the sent mails that told of nothing else; returns how many notices."""
    stay = rt.settings.notices_stay
    return _notices(rt, stay) or _mails(rt, stay)


def _notices(rt: Runtime, stay: NoticesStay) -> int:
    now = rt.now()
    read, unread = now - timedelta(days=stay.read), now - timedelta(days=stay.unread)
    unsent = exists().where(Mail.id == Notice.mail_id, Mail.state != SENT)
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


def _mails(rt: Runtime, stay: NoticesStay) -> int:
    """What was given up stays in sight."""
    told = exists().where(Notice.mail_id == Mail.id)
    old = (
        select(Mail.id)
        .where(Mail.sent_at < rt.now() - timedelta(days=stay.read), Mail.state == SENT, ~told)
        .order_by(Mail.sent_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    with transaction(rt) as session:
        return len(session.execute(delete(Mail).where(Mail.id.in_(old)).returning(Mail.id)).all())
