"""Lending an account: intent first and under a signed checkpoint, then the host, then the hand-over (access.md §4).

Opening fails closed: whatever goes wrong, nobody holds a credential that the ledger and the log do not know.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName
from accessctl.domain.dossiers import Field
from accessctl.domain.events import Event
from accessctl.domain.leases import LeaseState
from accessctl.errors import AccessError, Conflict, Refused, Unavailable
from accessctl.officedb.credentials import (
    PERSON_ITERATIONS,
    SERVICE_ITERATIONS,
    derive_secret,
    derive_subject_key,
    scram_verifier,
)
from accessctl.officedb.leases import OpenOrder, open_lease
from accessctl.services import admission, closing, findings, ledger, subjects
from accessctl.services.actor import Actor, Origin, actor_by_id
from accessctl.services.admission import LeaseRequest, Wanted
from accessctl.services.control import transaction
from accessctl.services.lease_view import LeaseView, view
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store import journal
from accessctl.store.models import Account, Lease, Office, Subject


def borrow(rt: Runtime, actor: Actor, request: LeaseRequest) -> LeaseView:
    """Lend the account, or put the request into its queue. Raises Refused, Conflict, Unavailable."""
    wanted = admission.understand(actor, request)
    try:
        with transaction(rt) as session:
            lease, inbox_id = _ask(rt, session, actor, wanted)
            queued = view(session, lease) if lease.state_ is LeaseState.QUEUED else None
            identity = lease.id
            rt.step("opening.asked")
    except Unavailable as error:
        _report(rt, None, error)
        raise
    return queued or carry_out(rt, identity, inbox_id, reveal=wanted.client)


def _ask(rt: Runtime, session: Session, actor: Actor, wanted: Wanted) -> tuple[Lease, int]:
    policy_version = admission.permit(rt, actor, wanted.account, client=wanted.client)
    account = ledger.lock_account(session, str(wanted.account))
    now = rt.now()
    admission.check_account(session, account, now)
    admission.check_separation(session, actor, wanted)
    admission.term(session, session.get_one(Office, actor.office), wanted.period, now)
    taken = ledger.held(session, account.name) or ledger.queue_length(session, account.name)
    lease = _new_lease(rt, session, actor, wanted, account, policy_version)
    lease.state = LeaseState.QUEUED if taken else LeaseState.OPENING
    if not taken:
        _start(session, lease, now)
    try:
        with session.begin_nested():
            session.add(lease)
    except IntegrityError as error:
        raise Conflict("lease.already_open") from error
    event = Event.LEASE_QUEUED if taken else Event.LEASE_REQUESTED
    return lease, record(rt, session, event, actor=actor, lease=lease, details=_terms(lease))


def _new_lease(
    rt: Runtime, session: Session, actor: Actor, wanted: Wanted, account: Account, policy_version: str
) -> Lease:
    return Lease(
        id=uuid.uuid4(),
        account_name=account.name,
        host=account.host,
        guest=account.guest,
        officer_id=actor.id,
        officer_name=actor.full_name,
        dossier=str(wanted.dossier),
        subject=subjects.remember(rt, session, wanted.subject),
        fields=list(wanted.fields),
        reason=wanted.reason,
        client=wanted.client,
        minutes=int(wanted.period.total_seconds() // 60),
        requested_at=rt.now(),
        renewals=0,
        tries=0,
        kid=rt.settings.lease_keys.current,
        nonce=secrets.token_bytes(16),
        epoch=account.epoch,
        correlation=actor.origin.correlation,
        policy_version=policy_version,
    )


def _start(session: Session, lease: Lease, now: datetime) -> None:
    """Set the clock of a lease that is about to open; the epoch is the account's of this moment."""
    guest = session.get_one(Office, lease.guest)
    term = admission.term(session, guest, timedelta(minutes=lease.minutes), now)
    lease.opened_at, lease.expires_at, lease.limit_at = term.opened, term.expires, term.limit


def _terms(lease: Lease) -> dict[str, object]:
    return {"client": lease.client, "fields": lease.fields, "minutes": lease.minutes}


def carry_out(rt: Runtime, identity: uuid.UUID, inbox_id: int, *, reveal: bool = False) -> LeaseView:
    """Take an OPENING lease to ACTIVE and hand it over; on any failure take it back.

    `reveal`: the holder is waiting for this very answer and gets the secret in it.
    """
    rt.step("opening.intended")
    try:
        journal.await_checkpoint(rt.sessions, inbox_id)
        rt.step("opening.awaited")
        _lend(rt, identity)
        rt.step("opening.lent")
        shown = _hand_over(rt, identity, reveal=reveal)
    except AccessError as error:
        closing.take_back(rt, identity, error.code)
        _report(rt, identity, error)
        raise
    rt.step("opening.handed_over")
    return shown


_FINDINGS = {
    "audit.late": findings.Kind.AUDIT_UNAVAILABLE,
    "audit.unavailable": findings.Kind.AUDIT_UNAVAILABLE,
    "officedb.clock_skew": findings.Kind.CLOCK_SKEW,
}


def _report(rt: Runtime, identity: uuid.UUID | None, error: AccessError) -> None:
    """Some failures are more than a refusal: one finding a day for each (S35)."""
    kind = _FINDINGS.get(error.code)
    if kind is None:
        return
    try:
        with transaction(rt) as session:
            lease = session.get(Lease, identity) if identity else None
            where = lease.host if lease else ""
            findings.raise_finding(
                rt,
                session,
                kind,
                key=f"{where}:{rt.now().date()}",
                severity=1,
                office=where or None,
                lease=lease,
                details={"why": error.code},
            )
    except Unavailable:
        rt.step("finding.not_written")


def _lend(rt: Runtime, identity: uuid.UUID) -> None:
    """The host's transaction: lease row and credential together."""
    with transaction(rt) as session:
        lease = session.get_one(Lease, identity)
        order = _order(rt, session, lease)
    with rt.offices.broker(lease.host) as connection:
        open_lease(connection, order, now=rt.now)


def _order(rt: Runtime, session: Session, lease: Lease) -> OpenOrder:
    now = rt.now()
    if lease.state_ is not LeaseState.OPENING or lease.expires_at is None or lease.expires_at <= now:
        raise Conflict("lease.over")
    name = AccountName.parse(lease.account_name)
    iterations = PERSON_ITERATIONS if lease.client else SERVICE_ITERATIONS
    return OpenOrder(
        lease_id=str(lease.id),
        role=name.role,
        officer=lease.officer.username,
        dossier=lease.dossier,
        subject=session.get_one(Subject, lease.subject).bhxh_no,
        subject_key=derive_subject_key(rt.settings.lease_keys.keys[lease.kid], str(lease.id)),
        fields=tuple(Field(name) for name in lease.fields),
        remaining=lease.expires_at - now,
        verifier=scram_verifier(secret_of(rt, lease), iterations),
    )


def secret_of(rt: Runtime, lease: Lease) -> str:
    """The lease's secret: derived anew each time, never stored."""
    key = rt.settings.lease_keys.keys[lease.kid]
    return derive_secret(key, str(lease.id), lease.account_name, lease.nonce, lease.epoch)


def _hand_over(rt: Runtime, identity: uuid.UUID, *, reveal: bool) -> LeaseView:
    """ACTIVE, released in the log, and the secret shown if that was asked for and recorded."""
    with transaction(rt) as session:
        lease = ledger.find(session, str(identity), lock=True)
        if lease.state_ is not LeaseState.OPENING:
            raise Conflict("lease.over")
        lease.state = LeaseState.ACTIVE
        holder = actor_by_id(
            session, lease.officer_id, Origin("worker", correlation=lease.correlation), rt.now()
        )
        record(rt, session, Event.LEASE_CHECKOUT, actor=holder, lease=lease, details=_terms(lease))
        shown = view(session, lease, dsn=_shown(rt, session, holder, lease) if reveal else None)
        rt.step("opening.handing_over")
        return shown


def show_secret(rt: Runtime, actor: Actor, identity: str) -> LeaseView:
    """The lease as its holder sees it, with the secret of an ACTIVE client lease the first time it is asked for."""
    with transaction(rt) as session:
        lease = ledger.find(session, identity, lock=True)
        if lease.officer_id != actor.id:
            raise Refused("lease.not_yours")
        fresh = lease.client and lease.state_ is LeaseState.ACTIVE and lease.revealed_at is None
        if fresh:
            admission.permit(rt, actor, AccountName.parse(lease.account_name), client=True)
        return view(session, lease, dsn=_shown(rt, session, actor, lease) if fresh else None)


def _shown(rt: Runtime, session: Session, holder: Actor, lease: Lease) -> str:
    lease.revealed_at = rt.now()
    record(rt, session, Event.LEASE_REVEALED, actor=holder, lease=lease)
    host, port, dbname = rt.offices.place(lease.host)
    login = f"{AccountName.parse(lease.account_name).role}:{secret_of(rt, lease)}"
    return f"postgresql://{login}@{host}:{port}/{quote(dbname)}?application_name={quote(application_name(lease))}"


def application_name(lease: Lease) -> str:
    """What the host sees as application: the lease's id ties the session to its request."""
    return f"accessctl:{lease.id}"


def promote(rt: Runtime, account: str) -> LeaseView | None:
    """Give the account to the first in its queue if it is free; None when there is nothing to do.

    The request is decided anew: what was allowed when it was queued may not be now (S27, openIMIS).
    """
    with transaction(rt) as session:
        ledger.lock_account(session, account)
        waiting = ledger.queue(session, account)
        if not waiting or ledger.held(session, account):
            return None
        lease, inbox_id, refusal = waiting[0], 0, None
        actor = actor_by_id(
            session, lease.officer_id, Origin("worker", correlation=lease.correlation), rt.now()
        )
        try:
            inbox_id = _admit_queued(rt, session, actor, lease)
        except Refused as error:
            lease.state, lease.end_reason, lease.closed_at = LeaseState.DENIED, None, rt.now()
            lease.end_note, refusal = error.code, error
            record(rt, session, Event.LEASE_DENIED, actor=actor, lease=lease, reason=error.code)
    if refusal is not None:
        return promote(rt, account)
    return carry_out(rt, lease.id, inbox_id)


def _admit_queued(rt: Runtime, session: Session, actor: Actor, lease: Lease) -> int:
    account = lease.account
    lease.policy_version = admission.permit(rt, actor, account.parsed, client=lease.client)
    admission.check_account(session, account, rt.now())
    _start(session, lease, rt.now())
    lease.state, lease.epoch = LeaseState.OPENING, account.epoch
    lease.seen_at = rt.now()  # a turn that nobody takes goes on to the next in line, as an abandoned lease
    return record(rt, session, Event.LEASE_REQUESTED, actor=actor, lease=lease, details=_terms(lease))
