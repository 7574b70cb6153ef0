"""The life of a lease, the same for web, command line and loops: borrow, renew, return, revoke, look.

The one named exception to "the edge commits": each function owns its transactions, since work in an office
database never sits inside one of the control database (architecture.md §2).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName, BadAccountName
from accessctl.domain.dossiers import BadDossier, DossierNo
from accessctl.domain.events import Event
from accessctl.domain.leases import HOLDS_OFFICER, OVER, EndReason, LeaseState, NotRenewable, Term
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import AccessError, Conflict, Refused
from accessctl.officedb.leases import renew_lease as renew_in_office
from accessctl.services import checkout, closing, ledger, telling
from accessctl.services.actor import Actor
from accessctl.services.admission import REASON_LIMIT, LeaseRequest
from accessctl.services.authorize import acts, may, require
from accessctl.services.control import transaction
from accessctl.services.lease_view import LeaseView, view
from accessctl.services.recording import record, record_refusal
from accessctl.services.runtime import Runtime
from accessctl.store.models import Lease

__all__ = [
    "BeforeRevoke",
    "LeaseRequest",
    "LeaseView",
    "before_revoke",
    "cancel_queued",
    "close_lease",
    "current_lease",
    "heartbeat",
    "open_lease",
    "renew_lease",
    "revoke_lease",
    "show_lease",
]


def open_lease(rt: Runtime, actor: Actor, request: LeaseRequest) -> LeaseView:
    """Borrow an account for one dossier; QUEUED with a position when somebody has it.

    Asked for twice, it is the lease that the first request opened. A refusal is recorded as `lease.denied` with
    its reason, whatever edge it came from (S25).
    """
    try:
        return checkout.borrow(rt, actor, request)
    except AccessError as error:
        if error.code == "lease.already_open" and (same := _asked_before(rt, actor, request)):
            return same
        facts = _asked_for(request)
        record_refusal(rt, actor, actor.origin, error, what="lease.open", event=Event.LEASE_DENIED, **facts)
        raise


def _asked_before(rt: Runtime, actor: Actor, request: LeaseRequest) -> LeaseView | None:
    """The same request sent twice, at the same instant or after a lost answer, is one: the lease it has led to."""
    asked, held = _asked_for(request), current_lease(rt, actor)
    same = held is not None and (held.account, held.dossier) == (request.account, asked.get("dossier"))
    return held if same else None


def _asked_for(request: LeaseRequest) -> dict[str, object]:
    """What a denied request was about; words that are no account or dossier might name a person and stay out."""
    facts: dict[str, object] = {}
    with suppress(BadAccountName):
        facts["account"] = AccountName.parse(request.account)
    with suppress(BadDossier):
        facts["dossier"] = str(DossierNo.parse(request.dossier))
    return facts


def close_lease(rt: Runtime, actor: Actor, identity: str, reason: str = "") -> LeaseView:
    """The holder returns the account; returning what is over already says how it ended."""
    with transaction(rt) as session:
        lease = _own(ledger.find(session, identity), actor)
        waiting = lease.state_ is LeaseState.QUEUED
    if waiting:
        return cancel_queued(rt, actor, identity)
    return closing.close(
        rt, identity, reason=EndReason.RETURNED, actor=actor, note=_note(reason, needed=False)
    )


@dataclass(frozen=True, slots=True)
class BeforeRevoke:
    """What revoking would do now: whose lease, how many others wait for the account, who of them is next."""

    lease: LeaseView
    waiting: int
    next: str | None


def before_revoke(rt: Runtime, actor: Actor, identity: str) -> BeforeRevoke:
    """The consequence, for whoever may revoke. Raises what revoking would raise, and Conflict("lease.over")."""
    with transaction(rt) as session:
        lease = _revocable(rt, session, actor, identity)
        if lease.state_ in OVER:
            raise Conflict("lease.over")
        others = [one for one in ledger.queue(session, lease.account_name) if one.id != lease.id]
        first = others[0].officer_name if others else None
        return BeforeRevoke(view(session, lease), len(others), first)


def _revocable(rt: Runtime, session: Session, actor: Actor, identity: str) -> Lease:
    lease = ledger.find(session, identity)
    require(rt, actor, Permission.LEASE_REVOKE, lease.guest)
    if not ledger.answers_for(session, actor, AccountName.parse(lease.account_name).kind, lease.guest):
        raise Refused("lease.other_kind", account=lease.account_name)
    return lease


def revoke_lease(rt: Runtime, actor: Actor, identity: str, reason: str) -> LeaseView:
    """Custodian, unit head or IT take the account back; the reason goes into the log."""
    note = _note(reason, needed=True)
    with transaction(rt) as session:
        lease = _revocable(rt, session, actor, identity)
        waiting = lease.state_ is LeaseState.QUEUED
    if waiting:
        return _cancel(rt, actor, identity, note)
    return closing.close(rt, identity, reason=EndReason.REVOKED, actor=actor, note=note)


def cancel_queued(rt: Runtime, actor: Actor, identity: str) -> LeaseView:
    """The officer gives the place in the queue up."""
    with transaction(rt) as session:
        _own(ledger.find(session, identity), actor)
    return _cancel(rt, actor, identity, None)


def _cancel(rt: Runtime, actor: Actor, identity: str, note: str | None) -> LeaseView:
    with transaction(rt) as session:
        lease = ledger.find(session, identity, lock=True)
        if lease.state_ is not LeaseState.QUEUED:
            raise Conflict("lease.no_longer_queued")
        lease.state, lease.closed_at, lease.end_note = LeaseState.CANCELLED, rt.now(), note
        lease.ended_by = actor.id
        record(rt, session, Event.LEASE_CANCELLED, actor=actor, lease=lease, reason=note)
        telling.revoked(rt, session, lease, actor)
        return view(session, lease)


def renew_lease(rt: Runtime, actor: Actor, identity: str) -> LeaseView:
    """The one renewal: recorded first, then given at the host. Raises Refused("lease.not_renewable.<why>")."""
    with transaction(rt) as session:
        lease = _own(ledger.find(session, identity, lock=True), actor)
        term = _renewed(rt, lease)
        earlier = lease.expires_at
        lease.expires_at, lease.renewals = term.expires, term.renewals
        record(rt, session, Event.LEASE_RENEWED, actor=actor, lease=lease)
        host = lease.host
    try:
        with rt.offices.broker(host) as connection:
            renew_in_office(connection, identity, term.expires - rt.now())
    except AccessError as error:
        with transaction(rt) as session:
            lease = ledger.find(session, identity, lock=True)
            lease.expires_at, lease.renewals = earlier, term.renewals - 1
            record(rt, session, Event.LEASE_RENEWED, actor=actor, lease=lease, failed=True, reason=error.code)
        raise
    with transaction(rt) as session:
        return view(session, ledger.find(session, identity))


def _renewed(rt: Runtime, lease: Lease) -> Term:
    if lease.state_ is not LeaseState.ACTIVE or not (lease.opened_at and lease.expires_at and lease.limit_at):
        raise Refused("lease.not_renewable.over")
    term = Term(lease.opened_at, lease.expires_at, lease.limit_at, lease.renewals)
    try:
        return term.renewed(rt.now())
    except NotRenewable as error:
        raise Refused(f"lease.not_renewable.{error.why}") from None


def show_lease(rt: Runtime, actor: Actor, identity: str) -> LeaseView:
    """How a lease stands. Looking at one's own place in the queue takes the turn when it has come."""
    with transaction(rt) as session:
        lease = ledger.find(session, identity)
        own, account = lease.officer_id == actor.id, lease.account_name
        queued = lease.state_ is LeaseState.QUEUED
        if not own:
            require(rt, actor, Permission.LOG_VIEW, lease.guest)
            return view(session, lease)
    if queued:
        checkout.promote(rt, account)
    return checkout.show_secret(rt, actor, identity)


def current_lease(rt: Runtime, actor: Actor) -> LeaseView | None:
    """What the officer holds or waits for now; at most one. Never reveals a secret."""
    with transaction(rt) as session:
        lease = session.scalars(
            select(Lease).where(Lease.officer_id == actor.id, Lease.state.in_(HOLDS_OFFICER))
        ).first()
        if lease is None:
            return None
        if lease.state_ is not LeaseState.QUEUED:
            return view(session, lease)
        identity, account = lease.id, lease.account_name
    checkout.promote(rt, account)
    with transaction(rt) as session:
        return view(session, session.get_one(Lease, identity))


def heartbeat(rt: Runtime, actor: Actor, identity: str) -> LeaseView:
    """A page of the holder says that it is still there (S31); once it has, silence ends the lease."""
    with transaction(rt) as session:
        lease = _own(ledger.find(session, identity, lock=True), actor)
        if lease.state_ is LeaseState.ACTIVE and not lease.client:
            lease.seen_at = rt.now()
        return view(session, lease)


def may_revoke(rt: Runtime, actor: Actor, shown: LeaseView) -> bool:
    """Whether this person may end this lease, which is still open: for offering it."""
    with transaction(rt) as session:
        lease = ledger.find(session, shown.lease)
        return lease.state in HOLDS_OFFICER and _may_revoke(rt, session, actor, lease)


def _may_revoke(rt: Runtime, session: Session, actor: Actor, lease: Lease) -> bool:
    kind = AccountName.parse(lease.account_name).kind
    return may(rt, actor, Permission.LEASE_REVOKE, lease.guest) and ledger.answers_for(
        session, actor, kind, lease.guest
    )


def _own(lease: Lease, actor: Actor) -> Lease:
    acts(actor)
    if lease.officer_id != actor.id:
        raise Refused("lease.not_yours")
    return lease


def _note(reason: str, *, needed: bool) -> str | None:
    try:
        return one_line(reason, limit=REASON_LIMIT, empty_ok=not needed) or None
    except BadText as error:
        code = "lease.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Refused(code, limit=error.limit) from None
