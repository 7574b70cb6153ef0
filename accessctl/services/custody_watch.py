"""What the passing of time does to custody: assignments that begin, pass on, run out or are not acknowledged (§4.7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.accounts import AccountState, Kind
from accessctl.services import accounts, contact_list, custody, findings, handover, substitution, waivers
from accessctl.services.custody_days import ends_soon, late
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, Office


def watch(rt: Runtime, session: Session) -> list[str]:
    """Bring the accounts in line with custody as of now; returns the leases that are ending.

    Cheap when nothing happens: no account is locked unless its state has to change.
    """
    now = rt.now()
    in_force = {(c.office_code, Kind(c.kind)): c for c in session.scalars(_at(now))}
    ending = _run_out(rt, session, now)
    waivers.run_out(rt, session)
    standing = _standing(session)
    for code in session.scalars(select(Office.code).where(Office.active)).all():
        for kind in custody.SHARED:
            states = standing.get((code, kind), set())
            if _out_of_line(states, covered=(code, kind) in in_force):
                ending += accounts.settle_custody(rt, session, code, kind, covered=(code, kind) in in_force)
            if states and (code, kind) not in in_force:
                _gap(rt, session, code, kind, now)
    for assignment in in_force.values():
        _begin(rt, session, assignment)
        _remind(rt, session, assignment, now)
    contact_list.settle(rt, session)
    return ending


def _at(now: datetime):  # type: ignore[no-untyped-def]
    return select(Custody).where(Custody.period.contains(now)).options(joinedload(Custody.officer))


def _standing(session: Session) -> dict[tuple[str, Kind], set[tuple[str, str | None]]]:
    """The states of each office's shared accounts, RETIRED ones aside."""
    rows = session.execute(
        select(Account.guest, Account.kind, Account.state, Account.reason)
        .where(Account.kind.in_(custody.SHARED), Account.state != AccountState.RETIRED)
        .distinct()
    )
    found: dict[tuple[str, Kind], set[tuple[str, str | None]]] = {}
    for guest, kind, state, reason in rows:
        found.setdefault((guest, Kind(kind)), set()).add((state, reason))
    return found


def _out_of_line(states: set[tuple[str, str | None]], *, covered: bool) -> bool:
    if not covered:
        return any(state == AccountState.ACTIVE for state, _ in states)
    waiting = {(AccountState.SUSPENDED.value, accounts.NO_CUSTODIAN)}
    return bool(states & waiting) or any(state == AccountState.PROVISIONED for state, _ in states)


def _run_out(rt: Runtime, session: Session, now: datetime) -> list[str]:
    """Assignments whose last moment has passed: sessions end and what was ever shown is void, successor or not.

    A substitution's beginning and end are no change of custodian: the sessions go on.
    """
    passed = select(Custody).where(Custody.end_reason.is_(None), func.upper(Custody.period) <= now)
    due = session.scalars(
        passed.order_by(func.upper(Custody.period)).with_for_update(of=Custody, skip_locked=True)
    )
    ending: list[str] = []
    for assignment in due.all():
        if not substitution.turn(rt, session, assignment):
            ending += custody.over(rt, session, assignment, "custody.period_over")
    return ending


def _begin(rt: Runtime, session: Session, assignment: Custody) -> None:
    """A custodian whose day has come takes over what there is; after a predecessor `hand_on` has done it."""
    if assignment.handover is None and assignment.substitutes is None:
        handover.take_over(rt, session, assignment, handover.before(session, assignment))


def _gap(rt: Runtime, session: Session, office: str, kind: Kind, now: datetime) -> None:
    findings.raise_finding(
        rt, session, findings.Kind.NO_CUSTODIAN, key=f"{office}:{kind}:{now.date()}", severity=2, office=office,
        details={"account_kind": kind.value}, count=False,
    )  # fmt: skip


def _remind(rt: Runtime, session: Session, assignment: Custody, now: datetime) -> None:
    """Late acknowledgement is an exception, not a suspension (R3); a coming gap is told five working days ahead."""
    told = {"custodian": assignment.officer.username, "account_kind": assignment.kind}
    if late(session, assignment, now):
        findings.raise_finding(
            rt, session, findings.Kind.CUSTODY_UNACKNOWLEDGED, key=str(assignment.id), severity=3,
            office=assignment.office_code, details=told, count=False,
        )  # fmt: skip
    until = assignment.period.upper
    if until is not None and ends_soon(session, assignment, now):
        findings.raise_finding(
            rt, session, findings.Kind.CUSTODY_ENDING, key=f"{assignment.id}:{until.date()}", severity=3,
            office=assignment.office_code, details=told, count=False,
        )  # fmt: skip
