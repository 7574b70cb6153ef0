"""Custody and working days: who is late to acknowledge, which gap is near (§4.7)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.clock import PROVINCE_TIME
from accessctl.services import hours
from accessctl.store.models import Custody

WARNING = 5
"""Working days before a gap at which head and IT are warned."""
_TO_ACKNOWLEDGE = 1


def late(session: Session, assignment: Custody, now: datetime) -> bool:
    """Whether the custodian has not acknowledged after one working day."""
    begun = assignment.period.lower
    if assignment.acknowledged_at is not None or begun is None:
        return False
    return now > _later(session, begun, _TO_ACKNOWLEDGE)


def ends_soon(session: Session, assignment: Custody, now: datetime) -> bool:
    """Whether nobody answers for the accounts in five working days or less, as things stand."""
    until = assignment.period.upper
    if until is None or until > now + timedelta(days=40):  # no calendar has five working days so far apart
        return False
    return _later(session, now, WARNING) >= until and not _successor(session, assignment)


def _later(session: Session, at: datetime, count: int) -> datetime:
    """The same time of day `count` working days later."""
    while count:
        at += timedelta(days=1)
        count -= hours.is_working_day(session, at.astimezone(PROVINCE_TIME).date())
    return at


def _successor(session: Session, assignment: Custody) -> bool:
    following = select(Custody.id).where(
        Custody.office_code == assignment.office_code,
        Custody.kind == assignment.kind,
        func.lower(Custody.period) == assignment.period.upper,
    )
    return session.scalars(following.limit(1)).first() is not None
