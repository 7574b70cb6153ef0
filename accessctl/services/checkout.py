"""Lending an account: intent first and under a signed checkpoint, then the host, then the hand-over (access.md §4).

Opening fails closed: whatever goes wrong, nobody holds a credential that the ledger and the log do not know.
"""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from urllib.parse import quote, urlencode

from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName
from accessctl.domain.custody import CUSTODY_DEPARTMENT
from accessctl.domain.dossiers import Field
from accessctl.domain.events import Event
from accessctl.domain.leases import LeaseState, Term
from accessctl.errors import AccessError, Conflict, Refused, Unavailable
from accessctl.officedb.connection import parts
from accessctl.officedb.credentials import (
    PERSON_ITERATIONS,
    SERVICE_ITERATIONS,
    derive_secret,
    derive_subject_key,
    scram_verifier,
)
from accessctl.officedb.leases import OpenOrder, open_lease
from accessctl.services import (
    admission,
    approvals,
    closing,
    drift,
    findings,
    ledger,
    subjects,
    telling,
)
from accessctl.services.actor import Actor, Origin, actor_by_id
from accessctl.services.admission import LeaseRequest, Wanted
from accessctl.services.control import transaction
from accessctl.services.lease_view import LeaseView, Names, shown, view
from accessctl.services.recording import described, record
from accessctl.services.runtime import Runtime
from accessctl.store import journal, lending
from accessctl.store.models import Lease, Subject


@dataclass(frozen=True, slots=True)
class Opening:
    """A lease on its way from OPENING to ACTIVE, with all that its opening needs: nothing is read a second time."""

    lease: Lease
    holder: Actor
    names: Names
    bhxh_no: str
    inbox_id: int
    """The record of the intent."""
    woken_at: float | None = None
    """When the sequencer was told of it (time.monotonic()), if it was as the record was written."""
    waited: bool = False
    """Whether it is a turn in a queue, given by the service while its officer did something else."""


def borrow(rt: Runtime, actor: Actor, request: LeaseRequest) -> LeaseView:
    """Lend the account, or put the request into its queue. Raises Refused, Conflict, Unavailable."""
    wanted = admission.understand(actor, request)
    policy_version = admission.permit(rt, actor, wanted.account, client=wanted.client)
    try:
        with transaction(rt) as session:
            opening = _ask(rt, session, actor, wanted, policy_version)
            queued = opening.lease.state_ is LeaseState.QUEUED
            waiting = view(session, session.get_one(Lease, opening.lease.id)) if queued else None
            rt.step("opening.asked")
    except Unavailable as error:
        _report(rt, None, error)
        raise
    return waiting or carry_out(rt, opening, reveal=wanted.client)


def _ask(rt: Runtime, session: Session, actor: Actor, wanted: Wanted, policy_version: str) -> Opening:
    """Decide under the account's lock; write the loan, or the place in the queue, together with its record."""
    now, dossier = rt.now(), str(wanted.dossier)
    ground = admission.ground(session, wanted.account, actor, dossier=dossier, at=now, hold=True)
    admission.check_account(ground)
    admission.check_policy(ground, policy_version)
    admission.check_separation(ground, dossier)
    term = admission.term(session, ground, wanted.period, now)
    approval = admission.check_rule(session, ground, dossier=dossier, officer=actor.id, at=now)
    lease = _new_lease(rt, actor, wanted, ground.epoch, policy_version)
    lease.state = LeaseState.QUEUED if ground.taken else LeaseState.OPENING
    if not ground.taken:
        _start(lease, term)
    event = Event.LEASE_QUEUED if ground.taken else Event.LEASE_REQUESTED
    said = journal.leaf(now, described(rt, event, actor=actor, lease=lease, details=_terms(lease)))
    loan = {column: getattr(lease, column) for column in lending.COLUMNS}
    inbox_id = lending.enter(session, loan, wanted.subject, at=now, leaf=said, awaited=not ground.taken)
    if not ground.taken:
        approvals.lent(rt, session, actor, lease, approval)
    names = Names(ground.guest.name, ground.host_name, actor.username, wanted.subject)
    return Opening(lease, actor, names, wanted.subject, inbox_id, woken_at=time.monotonic())


def _new_lease(rt: Runtime, actor: Actor, wanted: Wanted, epoch: int, policy_version: str) -> Lease:
    return Lease(
        id=uuid.uuid4(),
        account_name=str(wanted.account),
        host=wanted.account.host,
        guest=wanted.account.guest,
        officer_id=actor.id,
        officer_name=actor.full_name,
        dossier=str(wanted.dossier),
        subject=subjects.pseudonym(rt, wanted.subject),
        fields=list(wanted.fields),
        reason=wanted.reason,
        client=wanted.client,
        minutes=int(wanted.period.total_seconds() // 60),
        requested_at=rt.now(),
        renewals=0,
        tries=0,
        kid=rt.settings.lease_keys.current,
        nonce=secrets.token_bytes(16),
        epoch=epoch,
        correlation=actor.origin.correlation,
        policy_version=policy_version,
    )


def _start(lease: Lease, term: Term) -> None:
    """Set the clock of a lease that is about to open."""
    lease.opened_at, lease.expires_at, lease.limit_at = term.opened, term.expires, term.limit


def _terms(lease: Lease) -> dict[str, object]:
    return {"client": lease.client, "fields": lease.fields, "minutes": lease.minutes}


def carry_out(rt: Runtime, opening: Opening, *, reveal: bool = False) -> LeaseView:
    """Take an OPENING lease to ACTIVE and hand it over; on any failure take it back.

    `reveal`: the holder is waiting for this very answer and gets the secret in it.
    """
    lease = opening.lease
    rt.step("opening.intended")
    try:
        _lend(rt, opening)
        rt.step("opening.lent")
        handed = _hand_over(rt, opening, reveal=reveal)
    except AccessError as error:
        closing.take_back(rt, lease, error.code)
        if error.code == "officedb.drift":
            error.facts["office"] = opening.names.host
            drift.look(rt, lease.host)
        _report(rt, lease.id, error)
        raise
    rt.step("opening.handed_over")
    return handed


HELD_AT_MOST = 0.25
"""Seconds that the host's transaction stays open for the log; a log that is slower is waited for with nothing held."""


def _lend(rt: Runtime, opening: Opening) -> None:
    """Write the loan at the host while the sequencer works; commit it once the intent is under a checkpoint."""
    order = _order(rt, opening)

    def sealed(patience: float) -> None:
        journal.await_checkpoint(rt.sessions, opening.inbox_id, patience=patience, woken_at=opening.woken_at)
        rt.step("opening.awaited")

    with rt.offices.broker(opening.lease.host) as connection:
        try:
            open_lease(connection, order, now=rt.now, before_commit=partial(sealed, HELD_AT_MOST))
        except Unavailable as error:
            if error.code != "audit.late":
                raise
        else:
            return
    sealed(journal.LATE_AFTER)
    with rt.offices.broker(opening.lease.host) as connection:
        open_lease(connection, replace(order, remaining=_remaining(rt, opening.lease)), now=rt.now)


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


def _remaining(rt: Runtime, lease: Lease) -> timedelta:
    left = (lease.expires_at or rt.now()) - rt.now()
    if left <= timedelta():
        raise Conflict("lease.over")
    return left


def _order(rt: Runtime, opening: Opening) -> OpenOrder:
    lease = opening.lease
    return OpenOrder(
        lease_id=str(lease.id),
        role=AccountName.parse(lease.account_name).role,
        officer=opening.holder.username,
        dossier=lease.dossier,
        subject=opening.bhxh_no,
        subject_key=derive_subject_key(rt.settings.lease_keys.keys[lease.kid], str(lease.id)),
        fields=tuple(Field(name) for name in lease.fields),
        remaining=_remaining(rt, lease),
        verifier=scram_verifier(
            secret_of(rt, lease), PERSON_ITERATIONS if lease.client else SERVICE_ITERATIONS
        ),
    )


def secret_of(rt: Runtime, lease: Lease) -> str:
    """The lease's secret: derived anew each time, never stored."""
    key = rt.settings.lease_keys.keys[lease.kid]
    return derive_secret(key, str(lease.id), lease.account_name, lease.nonce, lease.epoch)


def _hand_over(rt: Runtime, opening: Opening, *, reveal: bool) -> LeaseView:
    """ACTIVE, released in the log, and the secret shown if that was asked for and recorded: one statement."""
    lease, now = opening.lease, rt.now()
    words = [described(rt, Event.LEASE_CHECKOUT, actor=opening.holder, lease=lease, details=_terms(lease))]
    if reveal:
        words.append(described(rt, Event.LEASE_REVEALED, actor=opening.holder, lease=lease))
    leaves = [journal.leaf(now, fields) for fields in words]
    with transaction(rt) as session:
        if not lending.activate(
            session,
            lease.id,
            at=now,
            leaves=leaves,
            revealed_at=now if reveal else None,
            told=_told(rt, opening),
        ):
            raise Conflict("lease.over")
    lease.state, lease.revealed_at = LeaseState.ACTIVE, now if reveal else None
    return shown(lease, opening.names, dsn=_dsn(rt, lease) if reveal else None)


def _told(rt: Runtime, opening: Opening) -> lending.Told:
    """Notices go out with the hand-over: what was not handed over is told to nobody."""
    kind = AccountName.parse(opening.lease.account_name).kind
    return lending.Told(
        about=telling.loan(opening.lease, opening.holder.full_name),
        mails=rt.settings.mails,
        department=CUSTODY_DEPARTMENT.get(kind, ""),
        waited=opening.waited,
    )


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
    return _dsn(rt, lease)


def _dsn(rt: Runtime, lease: Lease) -> str:
    """What a person's own client needs, as a URL; TLS as strict as ours."""
    role = AccountName.parse(lease.account_name).role
    known = parts(rt.offices.account_dsn(lease.host, role))
    options = {"application_name": application_name(lease)}
    options |= {name: known[name] for name in ("sslmode", "sslrootcert") if name in known}
    place = f"{known['host']}:{known.get('port', '5432')}/{quote(known['dbname'])}"
    return f"postgresql://{role}:{secret_of(rt, lease)}@{place}?{urlencode(options)}"


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
        lease = waiting[0]
        origin = Origin("worker", correlation=lease.correlation)
        actor = actor_by_id(session, lease.officer_id, origin, rt.now())
        opening = _admit_or_deny(rt, session, actor, lease)
    return promote(rt, account) if opening is None else carry_out(rt, opening)


def _admit_or_deny(rt: Runtime, session: Session, actor: Actor, lease: Lease) -> Opening | None:
    try:
        return _admit_queued(rt, session, actor, lease)
    except Refused as error:
        lease.state, lease.end_reason, lease.closed_at = LeaseState.DENIED, None, rt.now()
        lease.end_note = error.code
        record(rt, session, Event.LEASE_DENIED, actor=actor, lease=lease, reason=error.code)
        telling.revoked(rt, session, lease, None)
        return None


def _admit_queued(rt: Runtime, session: Session, actor: Actor, lease: Lease) -> Opening:
    now, account = rt.now(), lease.account
    lease.policy_version = admission.permit(rt, actor, account.parsed, client=lease.client)
    ground = admission.ground(session, account.parsed, actor, dossier=lease.dossier, at=now, hold=False)
    admission.check_account(ground)
    admission.check_policy(ground, lease.policy_version)
    term = admission.term(session, ground, timedelta(minutes=lease.minutes), now)
    approval = admission.check_rule(session, ground, dossier=lease.dossier, officer=actor.id, at=now)
    _start(lease, term)  # last: a request that is denied was never opened
    lease.state, lease.epoch = LeaseState.OPENING, account.epoch
    lease.seen_at = now  # a turn that nobody takes goes on to the next in line, as an abandoned lease
    bhxh_no = session.get_one(Subject, lease.subject).bhxh_no
    names = Names(ground.guest.name, ground.host_name, actor.username, bhxh_no)
    inbox_id = record(rt, session, Event.LEASE_REQUESTED, actor=actor, lease=lease, details=_terms(lease))
    approvals.lent(rt, session, actor, lease, approval)
    return Opening(lease, actor, names, bhxh_no, inbox_id, waited=True)
