"""What a new custodian takes over: the accounts as they stood at that moment, for the minutes of §12.4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.accounts import AccountState
from accessctl.domain.leases import HOLDS_ACCOUNT
from accessctl.domain.permissions import Permission
from accessctl.errors import NotFound
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, Lease, Office, Officer


@dataclass(frozen=True, slots=True)
class HandedAccount:
    """One account of the sheet; `state` and `reason` as they were then."""

    account: str
    host_name: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The hand-over minutes as data. `outgoing` None: nobody answered before; `rotated_at` None: nothing was lent."""

    custody: int
    office: str
    office_name: str
    kind: str
    at: datetime | None
    incoming: str
    incoming_title: str
    outgoing: str | None
    outgoing_title: str | None
    head: str
    head_title: str
    decision_no: str
    accounts: tuple[HandedAccount, ...]
    open_leases: int
    ended_leases: int
    rotated_at: datetime | None


def take_over(
    rt: Runtime, session: Session, incoming: Custody, outgoing: Custody | None, *, ended: int = 0
) -> None:
    """Keep how the accounts stand as this custodian takes them over. Credentials were voided with the change."""
    incoming.handover = {
        "at": rfc3339(rt.now()),
        "outgoing": outgoing.officer_id if outgoing else None,
        "ended": ended,
        "open": _open(session, incoming),
        "rotated_at": rfc3339(outgoing.period.upper) if outgoing and outgoing.period.upper else None,
        "accounts": [
            {"account": account.name, "state": account.state, "reason": account.reason}
            for account in _own(session, incoming)
        ],
    }


def before(session: Session, custody: Custody) -> Custody | None:
    """Whoever of the own right answered last before this assignment, however long ago."""
    earlier = select(Custody).where(
        Custody.office_code == custody.office_code,
        Custody.kind == custody.kind,
        Custody.id != custody.id,
        Custody.substitutes.is_(None),
        func.upper(Custody.period) <= func.lower(custody.period),
    )
    return session.scalars(earlier.order_by(func.upper(Custody.period).desc()).limit(1)).first()


def sheet(rt: Runtime, session: Session, actor: Actor, custody_id: str) -> Sheet:
    """The minutes of one taking over. Raises NotFound("handover.none") while there is none."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    row = session.get(Custody, int(custody_id)) if custody_id.isascii() and custody_id.isdigit() else None
    if row is None or row.handover is None:
        raise NotFound("handover.none")
    require(rt, actor, Permission.ACCOUNT_VIEW, row.office_code)
    kept = row.handover
    outgoing = session.get(Officer, kept["outgoing"]) if kept["outgoing"] else None
    head = session.get_one(Officer, row.appointed_by)
    return Sheet(
        custody=row.id,
        office=row.office_code,
        office_name=session.get_one(Office, row.office_code).name,
        kind=row.kind,
        at=_instant(kept["at"]),
        incoming=row.officer.full_name,
        incoming_title=row.officer.title,
        outgoing=outgoing.full_name if outgoing else None,
        outgoing_title=outgoing.title if outgoing else None,
        head=head.full_name,
        head_title=head.title,
        decision_no=row.decision_no,
        accounts=_handed(session, kept["accounts"]),
        open_leases=kept["open"],
        ended_leases=kept["ended"],
        rotated_at=_instant(kept["rotated_at"]),
    )


def _handed(session: Session, kept: list[dict[str, Any]]) -> tuple[HandedAccount, ...]:
    names = dict(
        session.execute(select(Account.name, Office.name).join(Office, Office.code == Account.host)).all()
    )
    return tuple(
        HandedAccount(line["account"], names.get(line["account"], ""), line["state"], line["reason"])
        for line in kept
    )


def _own(session: Session, custody: Custody) -> list[Account]:
    rows = select(Account).where(
        Account.guest == custody.office_code,
        Account.kind == custody.kind,
        Account.state != AccountState.RETIRED,
    )
    return list(session.scalars(rows.order_by(Account.name)))


def _open(session: Session, custody: Custody) -> int:
    """Loans of these accounts that nobody has begun to end: none after a change of custodian."""
    living = (
        select(func.count())
        .select_from(Lease)
        .join(Account, Account.name == Lease.account_name)
        .where(
            Account.guest == custody.office_code,
            Account.kind == custody.kind,
            Lease.state.in_(HOLDS_ACCOUNT - {"CLOSING"}),
        )
    )
    return session.scalar(living) or 0


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
