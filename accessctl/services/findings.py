"""Findings: what does not add up, with a severity, until somebody has dealt with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.accounts import Kind as AccountKind
from accessctl.domain.events import Event
from accessctl.domain.findings import FindingState, Step
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Unavailable
from accessctl.services import telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.office_names import office_names as kept_names
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Finding, FindingRemark, Lease, Office, Officer


class Kind(StrEnum):
    """What may be found; the words for each stand in messages.toml as `finding.<kind>`."""

    UNEXPLAINED_LOGIN = "unexplained_login"
    UNEXPLAINED_ACT = "unexplained_act"
    FAILED_LOGINS = "failed_logins"
    FAILED_LOGINS_IDLE = "failed_logins_idle"
    QUARANTINED = "quarantined"
    NO_CUSTODIAN = "no_custodian"
    ORPHAN_LEASE = "orphan_lease"
    CUSTODY_UNACKNOWLEDGED = "custody_unacknowledged"
    CUSTODY_ENDING = "custody_ending"
    POLICY_BROKEN = "policy_broken"
    DRIFT = "drift"
    TRIGGER_TOUCHED = "trigger_touched"
    AUDIT_UNAVAILABLE = "audit_unavailable"
    AUDIT_DAMAGED = "audit_damaged"
    CLOCK_SKEW = "clock_skew"
    SELF_CHANGE = "self_change"
    SERVER_LOG_GAP = "server_log_gap"
    RECORD_CLOCK = "record_clock"
    INTENT_WITHOUT_OUTCOME = "intent_without_outcome"
    MAIL_LATE = "mail_late"
    MAIL_GIVEN_UP = "mail_given_up"


_ABOUT_MAIL = frozenset({Kind.MAIL_LATE, Kind.MAIL_GIVEN_UP})
"""Of a mail that does not go out nobody is told by mail."""


STANDING = frozenset(
    {
        Kind.DRIFT,
        Kind.NO_CUSTODIAN,
        Kind.CUSTODY_UNACKNOWLEDGED,
        Kind.CUSTODY_ENDING,
        Kind.POLICY_BROKEN,
        Kind.AUDIT_UNAVAILABLE,
    }
)
"""Kinds that tell of a state and not of an event: as long as it lasts, it cannot be closed for good."""


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding for a list; severity 1 (worst) to 3."""

    id: int
    kind: str
    severity: int
    office: str | None
    office_name: str | None
    account: str | None
    lease: str | None
    details: dict[str, Any]
    times: int
    first_at: datetime
    last_at: datetime
    state: str
    owner: str | None = None
    """The full name of who deals with it."""
    version: int = 1
    closed_at: datetime | None = None


def raise_finding(
    rt: Runtime,
    session: Session,
    kind: Kind,
    *,
    key: str,
    severity: int,
    account: Account | None = None,
    lease: Lease | None = None,
    office: str | None = None,
    details: Mapping[str, Any] | None = None,
    count: bool = True,
) -> bool:
    """Write a finding and its audit record, once for each key; a repeat only counts up. True when it is new (again).

    `count=False` for what is looked at again and again: the same thing seen twice is not two. What was closed and
    happens again, or still stands (`STANDING`), is open again: closing is no way to make a thing go away.
    """
    now = rt.now()
    values = {
        "key": f"{kind}:{key}",
        "kind": kind.value,
        "severity": severity,
        "office": office or (account.guest if account else None),
        "account": account.name if account else None,
        "lease_id": str(lease.id) if lease else None,
        "details": dict(details or {}),
        "times": 1,
        "first_at": now,
        "last_at": now,
        "state": FindingState.OPEN.value,
    }
    again = (count or kind in STANDING) and _open_again(session, values["key"], now)
    identity = again or _written(session, values, now, count=count)
    if identity is None:
        return False
    told = {"finding": identity, "kind": kind.value, "severity": severity, **dict(details or {})}
    try:
        with session.begin_nested():
            inbox_id = record(
                rt,
                session,
                Event.FINDING_RAISED,
                account=account,
                lease=lease,
                reason=f"finding.{kind}",
                details=told | ({"again": True} if again else {}),
                guest=None if account else office,
            )
        changes: dict[str, Any] = {"inbox_id": inbox_id}
    except Unavailable:  # the log itself may be what is broken: the finding stands all the same, and says so
        changes = {"details": {**told, "unrecorded": True}}
    session.execute(update(Finding).where(Finding.id == identity).values(changes))
    telling.finding(
        rt, session, identity, kind.value, severity, office=office, account=account.name if account else None,
        account_kind=told.get("account_kind"), mails=kind not in _ABOUT_MAIL,
    )  # fmt: skip
    return True


def _open_again(session: Session, key: Any, now: datetime) -> int | None:
    """A closed finding that is seen again is open again, without an owner; its number, None when it was not closed."""
    closed = update(Finding).where(Finding.key == key, Finding.state == FindingState.CLOSED.value)
    changes = {
        "state": FindingState.OPEN.value, "owner_id": None, "closed_at": None, "last_at": now,
        "times": Finding.times + 1, "version": Finding.version + 1,
    }  # fmt: skip
    identity = session.execute(closed.values(changes).returning(Finding.id)).scalar()
    if identity is not None:
        session.add(FindingRemark(finding_id=identity, at=now, what=Step.AGAIN.value, words=""))
        session.flush()
    return identity


def _written(session: Session, values: dict[str, Any], now: datetime, *, count: bool) -> int | None:
    """Write the finding, or count a repeat; its number when it is new."""
    new = insert(Finding).values(values)
    statement = (
        new.on_conflict_do_update(index_elements=["key"], set_={"times": Finding.times + 1, "last_at": now})
        if count
        else new.on_conflict_do_nothing(index_elements=["key"])
    )
    row = session.execute(statement.returning(Finding.id, Finding.times)).one_or_none()
    return row.id if row is not None and row.times == 1 else None


def recent(rt: Runtime, session: Session, actor: Actor, *, limit: int = 200) -> list[FindingView]:
    """The findings this person may see, open ones first, the worst and newest before others."""
    closed = Finding.state == FindingState.CLOSED.value
    rows = session.execute(
        select(Finding, Officer.full_name)
        .outerjoin(Officer, Officer.id == Finding.owner_id)
        .where(visible(rt, actor))
        .order_by(closed, Finding.severity, Finding.last_at.desc(), Finding.id.desc())
        .limit(limit)
    )
    names = {code: name.vi for code, name in kept_names(rt).items()}
    return [view(row, names, owner) for row, owner in rows]


def visible(rt: Runtime, actor: Actor) -> ColumnElement[bool]:
    """Which findings the policy shows this person (`finding:view`); a custodian those of accounts of the own kind."""
    known = rt.office_codes()
    offices = sorted(code for code in known if may(rt, actor, Permission.FINDING_VIEW, code))
    if known and set(offices) >= known:
        return true()
    place = Finding.office.in_(offices)
    if actor.roles & _WIDER:
        return place
    kinds = [kind for role, kind in _CUSTODIANS.items() if role in actor.roles]
    return and_(place, or_(Finding.account.is_(None), *(Finding.account.like(f"{kind}-%") for kind in kinds)))


_WIDER = {Role.UNIT_HEAD, Role.IT_ADMIN, Role.AUDITOR, Role.DIRECTOR, Role.DEPUTY_DIRECTOR}
_CUSTODIANS = {Role.CUSTODIAN_TKCL: AccountKind.TKCL, Role.CUSTODIAN_TKHCTT: AccountKind.TKHCTT}


def office_names(session: Session) -> dict[str, str]:
    """Code → name of every office there ever was."""
    return dict(session.execute(select(Office.code, Office.name)).all())


def view(row: Finding, names: Mapping[str, str], owner: str | None = None) -> FindingView:
    """A finding as its readers see it."""
    return FindingView(
        id=row.id,
        kind=row.kind,
        severity=row.severity,
        office=row.office,
        office_name=names.get(row.office or ""),
        account=row.account,
        lease=row.lease_id,
        details=row.details,
        times=row.times,
        first_at=row.first_at,
        last_at=row.last_at,
        state=row.state,
        owner=owner,
        version=row.version,
        closed_at=row.closed_at,
    )
