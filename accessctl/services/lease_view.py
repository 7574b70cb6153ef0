"""A lease as its readers see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.domain.leases import RENEWALS, LeaseState
from accessctl.services.subjects import masked
from accessctl.store.models import Lease, Office, Officer, Subject


@dataclass(frozen=True, slots=True)
class LeaseView:
    """All times aware UTC; `position` from 1 while queued; `dsn` only in the answer that reveals the secret."""

    lease: str
    account: str
    kind: str
    guest: str
    host: str
    guest_name: str
    host_name: str
    dossier: str
    subject: str
    fields: tuple[str, ...]
    reason: str
    state: str
    holder: str
    holder_name: str
    requested_at: datetime
    opened_at: datetime | None
    expires_at: datetime | None
    limit_at: datetime | None
    renewals_left: int
    position: int | None
    end_reason: str | None
    end_note: str | None
    sessions_ended: int | None
    client: bool
    revealed: bool
    dsn: str | None = None
    closed_at: datetime | None = None


def position(session: Session, lease: Lease) -> int | None:
    """The place in the account's queue, from 1; None when it does not wait."""
    if lease.state_ is not LeaseState.QUEUED:
        return None
    ahead = select(func.count()).where(
        Lease.account_name == lease.account_name, Lease.state == LeaseState.QUEUED, Lease.place < lease.place
    )
    return (session.scalar(ahead) or 0) + 1


@dataclass(frozen=True, slots=True)
class Names:
    """What a lease does not say itself."""

    guest: str
    host: str
    holder: str
    bhxh_no: str | None


def view(session: Session, lease: Lease, *, dsn: str | None = None) -> LeaseView:
    """What may be shown of a lease: the subject's number only by its last digits."""
    offices = dict(session.execute(select(Office.code, Office.name)).all())
    subject = session.get(Subject, lease.subject)
    names = Names(
        offices.get(lease.guest, lease.guest),
        offices.get(lease.host, lease.host),
        session.get_one(Officer, lease.officer_id).username,
        subject.bhxh_no if subject else None,
    )
    return shown(lease, names, position=position(session, lease), dsn=dsn)


def shown(lease: Lease, names: Names, *, position: int | None = None, dsn: str | None = None) -> LeaseView:
    """The same for whoever has the names at hand."""
    over = lease.state_ not in (LeaseState.OPENING, LeaseState.ACTIVE)
    return LeaseView(
        lease=str(lease.id),
        account=lease.account_name,
        kind=lease.account_name.split("-")[0],
        guest=lease.guest,
        host=lease.host,
        guest_name=names.guest,
        host_name=names.host,
        dossier=lease.dossier,
        subject=masked(names.bhxh_no) if names.bhxh_no else "",
        fields=tuple(lease.fields),
        reason=lease.reason,
        state=lease.state,
        holder=names.holder,
        holder_name=lease.officer_name,
        requested_at=lease.requested_at,
        opened_at=lease.opened_at,
        expires_at=lease.expires_at,
        limit_at=lease.limit_at,
        renewals_left=0 if over else max(0, RENEWALS - lease.renewals),
        position=position,
        end_reason=lease.end_reason,
        end_note=lease.end_note,
        sessions_ended=lease.sessions_ended,
        client=lease.client,
        revealed=lease.revealed_at is not None,
        dsn=dsn,
        closed_at=lease.closed_at,
    )
