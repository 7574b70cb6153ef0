"""The month in figures, for the director's page: use by office, refusals, and who has not acknowledged in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from accessctl.clock import local
from accessctl.domain.accounts import Kind
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.custody_days import late
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditIndex, Custody, Finding, Lease, Office, Waiver

_KEPT = 30.0  # seconds: a month's figures


@dataclass(frozen=True, slots=True)
class OfficeMonth:
    """One office: what its people borrowed, by kind, what was done in its database by others, what was refused."""

    code: str
    tkcl: int
    tkhctt: int
    own: int
    as_host: int
    denied: int


@dataclass(frozen=True, slots=True)
class Exceptional:
    """Open findings of one kind."""

    kind: str
    severity: int
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Unacknowledged:
    """A custodian who has not acknowledged the appointment in time."""

    office: str
    kind: str
    full_name: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Month:
    """Since local midnight of the first of this month. `square`: (guest, host) → shared accounts lent."""

    since: datetime
    offices: tuple[OfficeMonth, ...]
    square: Mapping[tuple[str, str], int]
    exceptions: tuple[Exceptional, ...]
    overdue: tuple[Unacknowledged, ...]
    waivers: int
    """Waivers of the director in force now (S13)."""

    @property
    def most(self) -> int:
        """The largest count of the square: the darkest shade."""
        return max(self.square.values(), default=0)


def month(rt: Runtime, session: Session, actor: Actor) -> Month:
    """The province's month. For whoever may see every office's log."""
    for code in rt.office_codes():
        require(rt, actor, Permission.LOG_VIEW, code)
    return rt.kept("month", _KEPT, lambda: _count(rt, session))


def _count(rt: Runtime, session: Session) -> Month:
    first = local(rt.now()).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    lent = session.execute(
        select(Lease.account_name, Lease.guest, Lease.host, func.count())
        .where(Lease.opened_at >= first)
        .group_by(Lease.account_name, Lease.guest, Lease.host)
    ).all()
    by_kind: Counter[tuple[str, str]] = Counter()
    square: Counter[tuple[str, str]] = Counter()
    hosts: Counter[str] = Counter()
    for account, guest, host, count in lent:
        kind = account.partition("-")[0]
        by_kind[guest, kind] += count
        if Kind(kind).shared:
            square[guest, host] += count
            hosts[host] += count
    denied = dict(
        session.execute(
            select(AuditIndex.office, func.count())
            .where(AuditIndex.event == Event.LEASE_DENIED, AuditIndex.at >= first)
            .group_by(AuditIndex.office)
        ).all()
    )
    offices = session.scalars(
        select(Office.code)
        .where(Office.active)
        .order_by(Office.level != "province", Office.gso_code, Office.code)
    )
    return Month(
        since=first,
        offices=tuple(
            OfficeMonth(
                code,
                tkcl=by_kind[code, Kind.TKCL],
                tkhctt=by_kind[code, Kind.TKHCTT],
                own=by_kind[code, Kind.LOCAL_CL] + by_kind[code, Kind.LOCAL_HC],
                as_host=hosts[code],
                denied=denied.get(code, 0),
            )
            for code in offices
        ),
        square=dict(square),
        exceptions=_exceptions(session),
        overdue=_overdue(session, rt.now()),
        waivers=_waivers(session, rt.now()),
    )


def _exceptions(session: Session) -> tuple[Exceptional, ...]:
    worst = func.min(Finding.severity)
    rows = session.execute(
        select(Finding.kind, worst, func.count(), func.max(Finding.last_at))
        .where(Finding.closed_at.is_(None))
        .group_by(Finding.kind)
        .order_by(worst, func.count().desc())
    )
    return tuple(Exceptional(*row) for row in rows)


def _waivers(session: Session, now: datetime) -> int:
    living = select(func.count()).where(Waiver.ended_at.is_(None), Waiver.opens <= now, Waiver.closes > now)
    return session.scalar(living) or 0


def _overdue(session: Session, now: datetime) -> tuple[Unacknowledged, ...]:
    waiting = session.scalars(
        select(Custody)
        .where(Custody.period.contains(now), Custody.acknowledged_at.is_(None))
        .options(joinedload(Custody.officer))
        .order_by(Custody.office_code, Custody.kind)
    )
    return tuple(
        Unacknowledged(c.office_code, c.kind, c.officer.full_name, c.period.lower)
        for c in waiting
        if late(session, c, now)
    )
