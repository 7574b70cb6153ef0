"""Ending a lease: intent, the host, outcome. Closing never waits for control, log or policy (access.md §4).

What cannot be proven closed is quarantined, seen by IT and director, and tried for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName, AccountState
from accessctl.domain.events import Event
from accessctl.domain.leases import HOLDS_ACCOUNT, EndReason, LeaseState
from accessctl.domain.notices import NoticeKind
from accessctl.errors import AccessError, Unavailable
from accessctl.officedb.leases import CloseOrder, close_lease
from accessctl.services import findings, ledger, telling
from accessctl.services.actor import Actor
from accessctl.services.control import transaction
from accessctl.services.lease_view import LeaseView, view
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Lease

QUARANTINE_AFTER = 4
"""Failed tries (about 15 s) after which the account counts as not provably closed."""
_LONGEST_PAUSE = 60


def close(
    rt: Runtime, identity: str, *, reason: EndReason, actor: Actor | None = None, note: str | None = None
) -> LeaseView:
    """End a lease that holds its account and say how it stands: CLOSED, or CLOSING when the host is out of reach.

    When the intent cannot be recorded (log not writable) the host's part is done all the same; the ledger is
    settled later from the host's own `lease_end`.
    """
    try:
        begin(rt, identity, reason=reason, actor=actor, note=note)
    except Unavailable:
        return _unrecorded(rt, identity, reason)
    rt.step("closing.intended")
    return finish(rt, identity)


def _unrecorded(rt: Runtime, identity: str, reason: EndReason) -> LeaseView:
    with transaction(rt) as session:
        lease = ledger.find(session, identity)
        shown = view(session, lease)
        host, role, open_now = (
            lease.host,
            AccountName.parse(lease.account_name).role,
            lease.state_ in HOLDS_ACCOUNT,
        )
    if not open_now:
        return shown
    ended = in_office(rt, host, role, identity, reason)
    return replace(shown, state=LeaseState.CLOSED, end_reason=reason, sessions_ended=ended, renewals_left=0)


def begin(
    rt: Runtime, identity: str, *, reason: EndReason, actor: Actor | None = None, note: str | None = None
) -> bool:
    """Write the intent; False when the lease was being closed or was over already."""
    with transaction(rt) as session:
        lease = ledger.find(session, identity, lock=True)
        if lease.state_ not in (LeaseState.OPENING, LeaseState.ACTIVE):
            return False
        intend(rt, session, lease, reason, actor, note)
        rt.step("closing.asked")
        return True


def intend(
    rt: Runtime, session: Session, lease: Lease, reason: EndReason, actor: Actor | None, note: str | None
) -> None:
    """Write the intent to end this (locked) lease in the caller's transaction; the host's part follows."""
    lease.state, lease.end_reason, lease.end_note = LeaseState.CLOSING, reason, note
    lease.ended_by = actor.id if actor else None
    lease.next_try_at = rt.now()
    details = {"end_reason": reason.value, "note": note}
    record(rt, session, Event.LEASE_CLOSING, actor=actor, lease=lease, details=details)
    if reason is EndReason.REVOKED:
        telling.revoked(rt, session, lease, actor)


def finish(rt: Runtime, identity: str) -> LeaseView:
    """Close in the host and settle the ledger; a host out of reach leaves CLOSING, to be tried again."""
    with transaction(rt) as session:
        lease = ledger.find(session, identity)
        if lease.state_ is not LeaseState.CLOSING:
            return view(session, lease)
        host, role = lease.host, AccountName.parse(lease.account_name).role
        reason = lease.end_reason or EndReason.ABANDONED
    try:
        ended = in_office(rt, host, role, identity, EndReason(reason))
    except AccessError as error:
        return _failed(rt, identity, error)
    rt.step("closing.ended")
    shown = settle(rt, identity, ended)
    rt.step("closing.settled")
    return shown


def finish_all(rt: Runtime, identities: Iterable[str]) -> None:
    """Carry out intents that an edge has just committed; what fails here the worker finishes."""
    for identity in identities:
        finish(rt, identity)


def in_office(rt: Runtime, host: str, role: str, identity: str, reason: EndReason) -> int:
    """The host's part alone; needs nothing but the host. Returns how many sessions were ended."""
    with rt.offices.broker(host) as connection:
        return close_lease(connection, CloseOrder(identity, role, reason)).sessions_ended


def settle(rt: Runtime, identity: str, sessions_ended: int, reason: EndReason | None = None) -> LeaseView:
    """Write the outcome. Also makes up for an intent that could not be written while control was down."""
    with transaction(rt) as session:
        lease = ledger.find(session, identity, lock=True)
        if lease.state_ in (LeaseState.OPENING, LeaseState.ACTIVE):
            intend(rt, session, lease, reason or EndReason.EXPIRED, None, None)
        if lease.state_ is not LeaseState.CLOSING:
            return view(session, lease)
        lease.state, lease.closed_at, lease.next_try_at = LeaseState.CLOSED, rt.now(), None
        lease.sessions_ended = sessions_ended
        _release(rt, session, ledger.lock_account(session, lease.account_name))
        details = {"end_reason": lease.end_reason, "sessions_ended": lease.sessions_ended}
        record(rt, session, Event.LEASE_CLOSED, lease=lease, details=details)
        rt.step("closing.settling")
        return view(session, lease)


def _release(rt: Runtime, session: Session, account: Account) -> None:
    if account.state != AccountState.QUARANTINED:
        return
    account.state, account.state_before = account.state_before or AccountState.SUSPENDED, None
    account.reason = None
    record(rt, session, Event.ACCOUNT_RELEASED, account=account)
    telling.account(rt, session, NoticeKind.ACCOUNT_RELEASED, account, None)


def _failed(rt: Runtime, identity: str, error: AccessError) -> LeaseView:
    with transaction(rt) as session:
        lease = ledger.find(session, identity, lock=True)
        if lease.state_ is not LeaseState.CLOSING:
            return view(session, lease)
        lease.tries += 1
        pause = min(2 ** min(lease.tries, 10), _LONGEST_PAUSE)
        lease.next_try_at = rt.now() + timedelta(seconds=pause)
        if lease.tries == 1:
            details = {"end_reason": lease.end_reason}
            record(
                rt, session, Event.LEASE_CLOSED, lease=lease, failed=True, reason=error.code, details=details
            )
        if lease.tries >= QUARANTINE_AFTER:
            _quarantine(rt, session, lease, error)
        return view(session, lease)


def _quarantine(rt: Runtime, session: Session, lease: Lease, error: AccessError) -> None:
    account = ledger.lock_account(session, lease.account_name)
    if account.state == AccountState.QUARANTINED:
        return
    account.state_before, account.state, account.reason = account.state, AccountState.QUARANTINED, error.code
    record(rt, session, Event.ACCOUNT_QUARANTINED, account=account, lease=lease, reason=error.code)
    findings.raise_finding(
        rt,
        session,
        findings.Kind.QUARANTINED,
        key=f"{lease.id}",
        severity=1,
        account=account,
        lease=lease,
        details={"why": error.code},
    )


def take_back(rt: Runtime, lease: Lease, code: str) -> None:
    """An opening went wrong: nobody has the credential; close whatever may stand in the host.

    Where control itself is lost, the host is closed all the same; the worker finds the lease OPENING, or the
    host's own `lease_end`, and settles the ledger.
    """
    try:
        if begin(rt, str(lease.id), reason=EndReason.ABANDONED, note=code):
            finish(rt, str(lease.id))
    except Unavailable:
        rt.step("opening.left_to_worker")
        _close_alone(rt, lease)


def _close_alone(rt: Runtime, lease: Lease) -> None:
    role = AccountName.parse(lease.account_name).role
    try:
        in_office(rt, lease.host, role, str(lease.id), EndReason.ABANDONED)
    except AccessError:
        rt.step("opening.host_left_to_worker")
