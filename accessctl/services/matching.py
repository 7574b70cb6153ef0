"""What follows from evidence: a login explained by a lease, or a finding and a locked account (R43, S33, S57)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.events import Event
from accessctl.errors import NotFound
from accessctl.services import accounts, findings, ledger
from accessctl.services.actor import Origin
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, EvidenceMark, Lease, Login

CLOCKS = timedelta(seconds=5)
"""How far a host's clock may be from ours; a larger skew is refused at every opening."""
FAILURES = 5
WINDOW = timedelta(minutes=10)

TRIGGER, LOG = "trigger", "log"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a witness was read when a batch was fetched."""

    name: str
    position: int
    detail: str | None


def mark_of(session: Session, name: str) -> Mark:
    """Where to read on."""
    row = session.get(EvidenceMark, name)
    return Mark(name, row.position, row.detail) if row else Mark(name, 0, None)


def move_mark(
    session: Session, mark: Mark, position: int, detail: str | None = None, *, read_at: datetime
) -> bool:
    """Claim the batch that was read from `mark`; False when another process has taken it meanwhile.

    `read_at` is when the reading began: what was written later may not be in it.
    """
    values = {"position": position, "detail": detail, "read_at": read_at}
    stands = EvidenceMark.detail.is_not_distinct_from(mark.detail) & (EvidenceMark.position == mark.position)
    moved = update(EvidenceMark).where(EvidenceMark.name == mark.name, stands).values(values)
    if session.execute(moved.returning(EvidenceMark.name)).first() is not None:
        return True
    if mark.position or mark.detail:
        return False
    first = insert(EvidenceMark).values(name=mark.name, **values).on_conflict_do_nothing()
    return session.execute(first.returning(EvidenceMark.name)).first() is not None


def keep_logins(session: Session, values: Sequence[dict[str, Any]]) -> list[Login]:
    """Store logins, each once; those that are new."""
    if not values:
        return []
    statement = insert(Login).values(list(values)).on_conflict_do_nothing().returning(Login)
    return list(session.scalars(statement))


def explained_all(
    session: Session, seen: Iterable[tuple[str | None, str]]
) -> dict[tuple[str | None, str], Lease]:
    """The leases that logins or acts name, by (lease id, role): each only if it is one of this very account."""
    named = {}
    for identity, role in seen:
        with suppress(NotFound):
            named[identity, role] = ledger.lease_id(identity or "")
    if not named:
        return {}
    known = select(Lease).where(Lease.id.in_(set(named.values()))).options(joinedload(Lease.account))
    leases = {lease.id: lease for lease in session.scalars(known)}
    found = {key: leases[identity] for key, identity in named.items() if identity in leases}
    return {key: lease for key, lease in found.items() if lease.account.role == key[1] and lease.opened_at}


def explained(session: Session, lease_id: str | None, role: str) -> Lease | None:
    """The lease that a login names, if it is one of this very account."""
    if lease_id is None:
        return None
    try:
        identity = ledger.lease_id(lease_id)
    except NotFound:
        return None
    lease = session.get(Lease, identity)
    return lease if lease is not None and lease.account.role == role and lease.opened_at else None


def unexplained(rt: Runtime, session: Session, login: Login, *, why: str) -> None:
    """A login that no lease explains: severity 1, account locked, recorded for everyone who answers (S33)."""
    login.matched = False
    account = session.scalars(select(Account).where(Account.role == login.role)).first()
    details = {
        "why": why, "role": login.role, "host": login.host, "at": login.at.isoformat(), "pid": login.pid,
        "address": login.client_addr, "application": login.application, "witness": login.source,
    }  # fmt: skip
    origin = Origin("db", login.client_addr, login.client_port)
    record(
        rt,
        session,
        Event.DB_UNEXPLAINED_LOGIN,
        account=account,
        origin=origin,
        reason=f"db.{why}",
        details=details,
        host=None if account else login.host,
    )
    key = f"{login.server}:{login.pid}:{int(login.started.timestamp())}"
    findings.raise_finding(
        rt,
        session,
        findings.Kind.UNEXPLAINED_LOGIN,
        key=key,
        severity=1,
        account=account,
        office=None if account else login.host,
        details=details,
    )
    if account is not None:
        accounts.lock_for(rt, session, ledger.lock_account(session, account.name), "unexplained_login")


def failed_login(rt: Runtime, session: Session, login: Login, account: Account) -> None:
    """A wrong password: it counts against the account only while somebody holds it (S32)."""
    lease = holder_at(session, account, login.at)
    origin = Origin("db", login.client_addr, login.client_port)
    if lease is None:
        findings.raise_finding(
            rt,
            session,
            findings.Kind.FAILED_LOGINS_IDLE,
            key=f"{account.name}:{login.at:%Y-%m-%dT%H}",
            severity=3,
            account=account,
            details={"address": login.client_addr},
        )
        return
    login.lease_id = str(lease.id)
    record(rt, session, Event.DB_LOGIN_FAILED, lease=lease, origin=origin)
    failures = select(func.count()).where(
        Login.role == account.role, Login.outcome == "failed", Login.at > login.at - WINDOW,
        Login.lease_id == str(lease.id),
    )  # fmt: skip
    session.flush()
    count = session.scalar(failures) or 0
    if count < FAILURES:
        return
    findings.raise_finding(
        rt,
        session,
        findings.Kind.FAILED_LOGINS,
        key=str(lease.id),
        severity=2,
        account=account,
        lease=lease,
        details={"failures": count, "address": login.client_addr},
    )
    accounts.lock_for(rt, session, ledger.lock_account(session, account.name), "failed_logins")


def holder_at(session: Session, account: Account, at: datetime) -> Lease | None:
    """The lease under which the account was held at that moment; in doubt by the clocks' skew, nobody: no lock."""
    return session.scalars(
        select(Lease)
        .where(
            Lease.account_name == account.name,
            Lease.opened_at <= at,
            Lease.closed_at.is_(None) | (Lease.closed_at >= at),
        )
        .order_by(Lease.opened_at.desc())
    ).first()
