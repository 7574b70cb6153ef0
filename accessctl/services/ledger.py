"""Reading and changing rows of the lease ledger: locks, queue order, who answers for what."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import Kind
from accessctl.domain.custody import CUSTODY_DEPARTMENT, Department
from accessctl.domain.leases import HOLDS_ACCOUNT, LeaseState
from accessctl.domain.permissions import Role
from accessctl.errors import NotFound
from accessctl.services.actor import Actor
from accessctl.store.models import Account, Lease, Office

POOL_DEPARTMENT = CUSTODY_DEPARTMENT | {Kind.LOCAL_CL: Department.CARD, Kind.LOCAL_HC: Department.COLLECTION}


def lease_id(text: str) -> uuid.UUID:
    """A written lease id. Raises NotFound("lease.not_found") for anything else, as for an unknown one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFound("lease.not_found") from None


def find(session: Session, text: str, *, lock: bool = False) -> Lease:
    """The lease of this id, locked on request. Raises NotFound("lease.not_found")."""
    statement = select(Lease).where(Lease.id == lease_id(text))
    lease = session.scalars(statement.with_for_update(of=Lease) if lock else statement).first()
    if lease is None:
        raise NotFound("lease.not_found")
    return lease


def lock_account(session: Session, name: str) -> Account:
    """The account, locked until the transaction ends: two requests for it come one after the other (S28)."""
    account = session.scalars(select(Account).where(Account.name == name).with_for_update()).first()
    if account is None:
        raise NotFound("account.unknown", account=name[:60])
    return account


def held(session: Session, account: str) -> Lease | None:
    """The lease that has the account now, if any."""
    return session.scalars(
        select(Lease).where(Lease.account_name == account, Lease.state.in_(HOLDS_ACCOUNT))
    ).first()


def queue(session: Session, account: str) -> list[Lease]:
    """Who waits for the account, first come first; locked, for a place may be given up at this very moment."""
    waiting = select(Lease).where(Lease.account_name == account, Lease.state == LeaseState.QUEUED)
    return list(session.scalars(waiting.order_by(Lease.place).with_for_update(of=Lease)))


def queue_length(session: Session, account: str) -> int:
    """How many wait for the account."""
    waiting = select(func.count()).where(Lease.account_name == account, Lease.state == LeaseState.QUEUED)
    return session.scalar(waiting) or 0


def answers_for(session: Session, actor: Actor, kind: Kind, guest: str) -> bool:
    """Whether this officer answers for the office's accounts of the kind, beyond what the policy says of roles.

    Custodians: their own kind. Unit heads: both at a district; at the province the kind of their department (A2).
    IT: all, in an emergency.
    """
    if Role.IT_ADMIN in actor.roles:
        return True
    if actor.office != guest:
        return False
    if Role.UNIT_HEAD in actor.roles:
        provincial = session.get_one(Office, guest).level == "province"
        return not provincial or actor.department == POOL_DEPARTMENT[kind]
    return (kind is Kind.TKCL and Role.CUSTODIAN_TKCL in actor.roles) or (
        kind is Kind.TKHCTT and Role.CUSTODIAN_TKHCTT in actor.roles
    )
