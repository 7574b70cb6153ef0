"""Findings: what does not add up, with a severity, until somebody has dealt with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.accounts import Kind as AccountKind
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Unavailable
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Finding, Lease, Office


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
    CLOCK_SKEW = "clock_skew"
    SELF_CHANGE = "self_change"
    SERVER_LOG_GAP = "server_log_gap"
    RECORD_CLOCK = "record_clock"
    INTENT_WITHOUT_OUTCOME = "intent_without_outcome"


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
    """Write a finding and its audit record, once for each key; a repeat only counts up. True when it is new.

    `count=False` for what is looked at again and again: the same thing seen twice is not two.
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
        "state": "OPEN",
    }
    new = insert(Finding).values(values)
    again = {"times": Finding.times + 1, "last_at": now}
    statement = (
        new.on_conflict_do_update(index_elements=["key"], set_=again)
        if count
        else new.on_conflict_do_nothing(index_elements=["key"])
    )
    row = session.execute(statement.returning(Finding.id, Finding.times)).one_or_none()
    if row is None or row.times > 1:
        return False
    told = {"finding": row.id, "kind": kind.value, "severity": severity, **dict(details or {})}
    try:
        with session.begin_nested():
            record(
                rt,
                session,
                Event.FINDING_RAISED,
                account=account,
                lease=lease,
                reason=f"finding.{kind}",
                details=told,
                guest=None if account else office,
            )
    except Unavailable:  # the log itself may be what is broken: the finding stands all the same, and says so
        session.execute(
            update(Finding).where(Finding.id == row.id).values(details={**told, "unrecorded": True})
        )
    return True


def recent(rt: Runtime, session: Session, actor: Actor, *, limit: int = 200) -> list[FindingView]:
    """The findings this person may see: where the policy gives `finding:view`; custodians their own kind."""
    rows = session.scalars(
        select(Finding).order_by(Finding.state.desc(), Finding.severity, Finding.last_at.desc())
    )
    names = dict(session.execute(select(Office.code, Office.name)).all())
    visible = {code for code in names if may(rt, actor, Permission.FINDING_VIEW, code)}
    province = visible == set(names)
    shown: list[FindingView] = []
    for row in rows:
        if (row.office in visible or (row.office is None and province)) and _own_kind(actor, row):
            shown.append(_view(row, names))
        if len(shown) == limit:
            break
    return shown


def _own_kind(actor: Actor, row: Finding) -> bool:
    """A custodian without a wider role sees findings of the accounts he answers for."""
    custodian = {
        AccountKind.TKCL: Role.CUSTODIAN_TKCL,
        AccountKind.TKHCTT: Role.CUSTODIAN_TKHCTT,
    }
    wider = {Role.UNIT_HEAD, Role.IT_ADMIN, Role.AUDITOR, Role.DIRECTOR, Role.DEPUTY_DIRECTOR}
    if actor.roles & wider or row.account is None:
        return True
    return custodian.get(AccountKind(row.account.split("-")[0])) in actor.roles


def _view(row: Finding, names: Mapping[str, str]) -> FindingView:
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
    )
