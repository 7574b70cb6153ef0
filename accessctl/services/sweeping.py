"""What no person has to ask for: leases that ran out, were left alone or are half done; queues whose turn has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import aliased

from accessctl.domain.accounts import AccountName
from accessctl.domain.leases import ABANDONED_AFTER, HOLDS_ACCOUNT, EndReason, LeaseState
from accessctl.errors import AccessError
from accessctl.officedb.leases import open_roles
from accessctl.services import checkout, closing, findings
from accessctl.services.control import transaction
from accessctl.services.runtime import Runtime
from accessctl.store.models import Lease

STUCK_AFTER = timedelta(seconds=12)
"""An OPENING older than this has no process that carries it out: await gives up after 5 s, the host after 5."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a loop needs to end a lease alone, without asking anybody."""

    lease: str
    host: str
    role: str
    expires_at: datetime


def watched(rt: Runtime) -> list[Watched]:
    """Every lease that may have a login in some host."""
    with transaction(rt) as session:
        rows = session.execute(
            select(Lease.id, Lease.host, Lease.account_name, Lease.expires_at).where(
                Lease.state.in_([LeaseState.OPENING, LeaseState.ACTIVE])
            )
        )
        return [
            Watched(str(identity), host, AccountName.parse(account).role, expires)
            for identity, host, account, expires in rows
            if expires is not None
        ]


def standing_open(rt: Runtime, host: str) -> list[Watched]:
    """The same as the host itself knows it: what a loop goes by when the control database is out of reach."""
    with rt.offices.broker(host) as connection:
        return [Watched(row.lease_id, host, row.role, row.expires_at) for row in open_roles(connection)]


def _half_done(now: datetime) -> ColumnElement[bool]:
    due = (Lease.state == LeaseState.CLOSING) & (Lease.next_try_at <= now)
    return due | ((Lease.state == LeaseState.OPENING) & (Lease.opened_at < now - STUCK_AFTER))


def hosts_with_unfinished(rt: Runtime) -> set[str]:
    """Where `unfinished` would find something: one look for all hosts."""
    with transaction(rt) as session:
        return set(session.scalars(select(Lease.host).where(_half_done(rt.now())).distinct()))


def unfinished(rt: Runtime, host: str) -> list[str]:
    """Leases of a host whose end is due: CLOSING to be tried, OPENING that nobody carries out."""
    now = rt.now()
    with transaction(rt) as session:
        waiting = select(Lease).where(Lease.host == host, _half_done(now))
        found = session.scalars(waiting.with_for_update(skip_locked=True, of=Lease))
        identities = []
        for lease in found:
            if lease.state_ is LeaseState.OPENING:
                closing.intend(rt, session, lease, EndReason.ABANDONED, None, "lease.opening_stuck")
            lease.next_try_at = now + timedelta(seconds=10)  # ours for that long
            identities.append(str(lease.id))
        return identities


def abandoned(rt: Runtime) -> list[str]:
    """Leases whose holder has given a sign of life before and none for too long (S31)."""
    with transaction(rt) as session:
        found = select(Lease.id).where(
            Lease.state == LeaseState.ACTIVE, Lease.seen_at < rt.now() - ABANDONED_AFTER
        )
        return [str(identity) for identity in session.scalars(found)]


def waiting_turns(rt: Runtime) -> list[str]:
    """Accounts that are free and have somebody waiting."""
    holder = aliased(Lease)
    with transaction(rt) as session:
        taken = exists().where(holder.account_name == Lease.account_name, holder.state.in_(HOLDS_ACCOUNT))
        found = select(Lease.account_name).where(Lease.state == LeaseState.QUEUED, ~taken).distinct()
        return list(session.scalars(found))


def take_turns(rt: Runtime) -> None:
    """Open the next lease of every queue that can move; one that fails leaves the others their turn."""
    for account in waiting_turns(rt):
        try:
            checkout.promote(rt, account)
        except AccessError as error:
            rt.step(f"promotion.failed:{error.code}")


def end_abandoned(rt: Runtime) -> None:
    """End what was left alone."""
    for identity in abandoned(rt):
        closing.close(rt, identity, reason=EndReason.ABANDONED, note="lease.abandoned")


def unknown(rt: Runtime, host: str, open_now: list[Watched]) -> list[Watched]:
    """Of the leases that the host has, those that the ledger does not have, or has as over."""
    if not open_now:
        return []
    with transaction(rt) as session:
        held = select(Lease.id).where(Lease.host == host, Lease.state.in_(HOLDS_ACCOUNT))
        known = set(map(str, session.scalars(held)))
    return [entry for entry in open_now if entry.lease not in known]


def report_orphan(rt: Runtime, entry: Watched) -> None:
    """A lease in a host that nobody answers for: somebody wrote it there, or the ledger was restored."""
    with transaction(rt) as session:
        details = {"role": entry.role, "lease": entry.lease}
        findings.raise_finding(
            rt,
            session,
            findings.Kind.ORPHAN_LEASE,
            key=entry.lease,
            severity=1,
            office=entry.host,
            details=details,
        )
