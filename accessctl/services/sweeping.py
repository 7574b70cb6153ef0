"""What no person has to ask for: leases that ran out, were left alone or are half done; queues whose turn has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from accessctl.domain.accounts import AccountName
from accessctl.domain.leases import ABANDONED_AFTER, HOLDS_ACCOUNT, OVER, EndReason, LeaseState
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


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at the ledger tells every loop."""

    open: tuple[Watched, ...]
    """Every lease that may have a login in some host."""
    unfinished: frozenset[str]
    """Hosts where `unfinished` would find something."""
    turns: frozenset[str]
    """Accounts that are free and have somebody waiting."""


_HALF_DONE = ((Lease.state == LeaseState.CLOSING) & (Lease.next_try_at <= bindparam("now"))) | (
    (Lease.state == LeaseState.OPENING) & (Lease.opened_at < bindparam("stuck"))
)
_LIVING = select(
    Lease.id, Lease.host, Lease.account_name, Lease.state, Lease.expires_at, _HALF_DONE.label("half_done")
).where(Lease.state.not_in(sorted(OVER)))


def _at(now: datetime) -> dict[str, datetime]:
    return {"now": now, "stuck": now - STUCK_AFTER}


def look(rt: Runtime) -> Looked:
    """Read every lease that is not over: one statement for all hosts and all loops."""
    with transaction(rt) as session:
        living = session.connection().execute(_LIVING, _at(rt.now())).all()
    held = {lease.account_name for lease in living if lease.state in HOLDS_ACCOUNT}
    return Looked(
        open=tuple(
            Watched(str(lease.id), lease.host, AccountName.parse(lease.account_name).role, lease.expires_at)
            for lease in living
            if lease.state in _MAY_HAVE_LOGIN and lease.expires_at is not None
        ),
        unfinished=frozenset(lease.host for lease in living if lease.half_done),
        turns=frozenset(
            lease.account_name
            for lease in living
            if lease.state == LeaseState.QUEUED and lease.account_name not in held
        ),
    )


_MAY_HAVE_LOGIN = (LeaseState.OPENING, LeaseState.ACTIVE)


def standing_open(rt: Runtime, host: str) -> list[Watched]:
    """The same as the host itself knows it: what a loop goes by when the control database is out of reach."""
    with rt.offices.broker(host) as connection:
        return [Watched(row.lease_id, host, row.role, row.expires_at) for row in open_roles(connection)]


def unfinished(rt: Runtime, host: str) -> list[str]:
    """Leases of a host whose end is due: CLOSING to be tried, OPENING that nobody carries out."""
    now = rt.now()
    with transaction(rt) as session:
        waiting = select(Lease).where(Lease.host == host, _HALF_DONE)
        found = session.scalars(waiting.with_for_update(skip_locked=True, of=Lease), _at(now))
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


def take_turns(rt: Runtime, accounts: Iterable[str] | None = None) -> None:
    """Open the next lease of every queue that can move; one that fails leaves the others their turn."""
    for account in sorted(look(rt).turns if accounts is None else accounts):
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
