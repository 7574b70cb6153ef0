"""Custodians: appointed by the unit head, answerable, known to all offices (R30–R34, S06–S08, S10, S12, S13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.accounts import Kind
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import accounts, admission, contact_list, custody_judge, handover, telling
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, Office, Officer, Substitution

SHARED = contact_list.SHARED
NEVER: Range[datetime] = Range(empty=True)
"""The period of an assignment that was called off before it began."""
_EARLIEST = timedelta(days=31)  # a decision may reach IT late, not years late


@dataclass(frozen=True, slots=True)
class Appointment:
    """A unit head's decision: `since` is its date, `until` is excluded (None: until ended)."""

    office: str
    kind: Kind
    username: str
    decision_no: str
    since: datetime
    until: datetime | None = None


def appoint(rt: Runtime, session: Session, actor: Actor, appointment: Appointment) -> Custody:
    """Appoint a custodian; in force from the decision's date, acknowledged later. Raises Refused("custody.…")."""
    office = custody_judge.office_of(session, appointment.office)
    require(rt, actor, Permission.CUSTODIAN_APPOINT, office.code)
    candidate, period = officer_named(session, appointment.username), _period(rt, appointment)
    if candidate.id == actor.id:
        custody_judge.for_oneself(rt, session, actor, office, appointment.kind, period.lower)
    custody = _enter(session, actor, office, appointment, candidate, period)
    _assigned(rt, session, actor, custody)
    telling.appointed(rt, session, custody)
    if rt.now() in custody.period:
        accounts.settle_custody(rt, session, office.code, appointment.kind, covered=True)
        handover.take_over(rt, session, custody, handover.before(session, custody))
    contact_list.republish(rt, session, actor, office)
    return custody


def replace(
    rt: Runtime, session: Session, actor: Actor, appointment: Appointment, *, seen: int
) -> tuple[Custody, list[str]]:
    """The next custodian takes over without a gap (S12); returns the assignment and the leases that are ending.

    `seen`: the assignment that the head had before the eyes; raises Conflict("custody.changed") when another is in
    force by now. A date to come is entered now and takes effect by itself.
    """
    office, now = custody_judge.office_of(session, appointment.office), rt.now()
    require(rt, actor, Permission.CUSTODIAN_APPOINT, office.code)
    outgoing = in_force(session, office.code, appointment.kind, now)
    if outgoing is None or outgoing.id != seen:
        raise Conflict("custody.changed", office=office.name, kind=appointment.kind)
    if outgoing.substitutes is not None:
        raise Refused("custody.in_substitution", officer=outgoing.officer.full_name)
    candidate = officer_named(session, appointment.username)
    if candidate.id == outgoing.officer_id:
        raise Refused("custody.same_person", officer=candidate.full_name)
    period, before = _period(rt, appointment), outgoing.period
    begins = max(period.lower or now, now)
    if candidate.id == actor.id:
        custody_judge.for_oneself(rt, session, actor, office, appointment.kind, begins)
    at_once = begins <= max(now, rt.now())
    if later(session, outgoing):
        raise Refused("custody.planned_already", office=office.name, kind=appointment.kind)
    outgoing.period = Range(before.lower, begins, bounds="[)")
    session.flush()
    custody = _enter(
        session, actor, office, appointment, candidate, Range(begins, period.upper, bounds="[)"), cut=before
    )
    _assigned(rt, session, actor, custody)
    telling.appointed(rt, session, custody)
    ending = over(rt, session, outgoing, custody.decision_no, actor) if at_once else []
    return custody, ending


def _enter(
    session: Session,
    actor: Actor,
    office: Office,
    wanted: Appointment,
    candidate: Officer,
    period: Range[datetime],
    cut: Range[datetime] | None = None,
) -> Custody:
    rests_on = custody_judge.check(session, actor, office, wanted.kind, candidate, period)
    ends = [at for at in (period.upper, *(waiver.closes for waiver in rests_on)) if at is not None]
    custody = Custody(
        office_code=office.code,
        kind=wanted.kind,
        officer_id=candidate.id,
        officer=candidate,
        period=Range(period.lower, min(ends, default=None), bounds="[)"),
        waivers=[waiver.id for waiver in rests_on] or None,
        cut=cut,
        decision_no=custody_judge.decision(wanted.decision_no),
        appointed_by=actor.id,
    )
    add(session, custody, office)
    return custody


def _assigned(rt: Runtime, session: Session, actor: Actor, custody: Custody) -> None:
    """Record an appointment, and that it rests on the director's word where it does (S13)."""
    office, said = custody.office_code, told(custody)
    record(rt, session, Event.CUSTODIAN_ASSIGNED, actor=actor, guest=office, details=said)
    for number in custody.waivers or ():
        details = {**said, "waiver": number}
        record(rt, session, Event.WAIVER_USED, actor=actor, guest=office, details=details)


def add(session: Session, custody: Custody, office: Office) -> None:
    """Write a row; two heads at one instant make one custodian. Raises Refused("custody.overlap")."""
    try:
        with session.begin_nested():
            session.add(custody)
    except IntegrityError as error:
        raise Refused("custody.overlap", office=office.name, kind=custody.kind) from error


def _period(rt: Runtime, appointment: Appointment) -> Range[datetime]:
    if appointment.since < rt.now() - _EARLIEST or (
        appointment.until and appointment.until <= appointment.since
    ):
        raise Invalid("custody.bad_period")
    return Range(appointment.since, appointment.until, bounds="[)")


def told(custody: Custody) -> dict[str, object]:
    """An assignment as a record tells it."""
    lower, upper = custody.period.lower, custody.period.upper
    said: dict[str, object] = {
        "kind": custody.kind,
        "custodian": custody.officer.username,
        "custodian_name": custody.officer.full_name,
        "decision_no": custody.decision_no,
        "since": rfc3339(lower) if lower else None,
        "until": rfc3339(upper) if upper else None,
    }
    return said | ({"substitutes": custody.principal.username} if custody.principal else {})


def in_force(session: Session, office: str, kind: Kind, now: datetime) -> Custody | None:
    """The one assignment in force, locked until the transaction ends."""
    return session.scalars(
        select(Custody)
        .where(Custody.office_code == office, Custody.kind == kind, Custody.period.contains(now))
        .with_for_update(of=Custody)
    ).first()


def later(session: Session, custody: Custody) -> list[Custody]:
    """The assignments that begin when this one ends, or after it; in order."""
    if custody.period.upper is None:
        return []
    rows = select(Custody).where(
        Custody.office_code == custody.office_code,
        Custody.kind == custody.kind,
        func.lower(Custody.period) >= custody.period.upper,
    )
    return list(session.scalars(rows.order_by(func.lower(Custody.period)).with_for_update(of=Custody)))


def acknowledge(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind) -> Custody:
    """The custodian confirms the own appointment; confirming again changes nothing."""
    custody = in_force(session, office, kind, rt.now())
    if custody is None:
        raise NotFound("custody.none", kind=kind, office=custody_judge.office_of(session, office).name)
    require(rt, actor, Permission.CUSTODIAN_ACKNOWLEDGE, office)
    if custody.officer_id != actor.id:
        raise Refused("custody.not_yours")
    if custody.acknowledged_at is None:
        custody.acknowledged_at = rt.now()
        record(rt, session, Event.CUSTODIAN_ACKNOWLEDGED, actor=actor, guest=office, details=told(custody))
        telling.acknowledged(rt, session, custody, actor)
    return custody


def end(
    rt: Runtime,
    session: Session,
    actor: Actor,
    office: str,
    kind: Kind,
    reason: str,
    *,
    seen: int | None = None,
) -> list[str]:
    """End the assignment in force now. Old credentials are void; returns the leases that are ending (S10, S12).

    During a substitution both end, the substitute and whoever is stood in for. `seen` as in `replace`.
    """
    unit = custody_judge.office_of(session, office)
    require(rt, actor, Permission.CUSTODIAN_END, office)
    custody_judge.by_function(actor, unit, kind)
    now = rt.now()
    custody = in_force(session, office, kind, now)
    if custody is None:
        raise NotFound("custody.none", kind=kind, office=unit.name)
    if seen is not None and custody.id != seen:
        raise Conflict("custody.changed", office=unit.name, kind=kind)
    return finish(rt, session, custody, custody_judge.decision(reason), actor)


def finish(rt: Runtime, session: Session, custody: Custody, reason: str, actor: Actor | None) -> list[str]:
    """End an assignment in force at this moment, with what a substitution has left of it for later."""
    rest = _rest(session, custody)
    custody.period = Range(custody.period.lower, rt.now(), bounds="[)")
    _stood_in(session, custody, reason)
    for row in rest:
        call_off_row(rt, session, row, reason, actor)
    return over(rt, session, custody, reason, actor)


def _stood_in(session: Session, row: Custody, reason: str) -> None:
    """The substitution that this row is, if it is one, is over before its time."""
    if row.substitutes is not None:
        given = update(Substitution).where(Substitution.stands == row.id, Substitution.state == "GIVEN")
        session.execute(given.values(state="ENDED", note=reason))


def _rest(session: Session, custody: Custody) -> list[Custody]:
    """What follows without a gap and belongs to the same person: planned substitutions and the returns after them."""
    principal, end_at, rest = custody.substitutes or custody.officer_id, custody.period.upper, []
    for row in later(session, custody):
        ours = principal in (row.substitutes, row.officer_id)
        if row.period.lower != end_at or not ours:
            break
        rest.append(row)
        end_at = row.period.upper
    return rest


def call_off(rt: Runtime, session: Session, actor: Actor, custody_id: str, reason: str) -> Custody:
    """Withdraw an appointment that has not begun; whoever was cut short for it goes on as before.

    Raises NotFound("custody.unknown"), Conflict("custody.begun").
    """
    row = session.get(Custody, int(custody_id)) if custody_id.isascii() and custody_id.isdigit() else None
    if row is None:
        raise NotFound("custody.unknown")
    unit = custody_judge.office_of(session, row.office_code)
    require(rt, actor, Permission.CUSTODIAN_END, unit.code)
    custody_judge.by_function(actor, unit, row.kind_)
    session.refresh(row, with_for_update={"of": Custody})
    begins, cut = row.period.lower, row.cut
    if begins is None or begins <= rt.now() or row.substitutes is not None or continues(session, row):
        raise Conflict("custody.begun", officer=row.officer.full_name)
    call_off_row(rt, session, row, custody_judge.decision(reason), actor)
    if cut is not None:
        give_back(session, row, begins, cut)
    contact_list.republish(rt, session, actor, unit)
    return row


def continues(session: Session, row: Custody) -> bool:
    """Whether this row is the return of a custodian after a substitution."""
    before = select(Custody.id).where(
        Custody.office_code == row.office_code,
        Custody.kind == row.kind,
        Custody.substitutes == row.officer_id,
        func.upper(Custody.period) == row.period.lower,
    )
    return session.scalars(before.limit(1)).first() is not None


def call_off_row(rt: Runtime, session: Session, row: Custody, reason: str, actor: Actor | None) -> None:
    """Nobody will answer by this row; that is recorded with the dates it had."""
    said = told(row)
    row.period, row.end_reason = NEVER, reason
    session.flush()
    _stood_in(session, row, reason)
    record(
        rt, session, Event.CUSTODIAN_ENDED, actor=actor, guest=row.office_code, reason=reason, details=said
    )
    telling.custody_ended(rt, session, row, actor)


def give_back(session: Session, gone: Custody, begins: datetime, cut: Range[datetime]) -> None:
    """The assignment that ended at `begins` because of the row that is gone has its earlier end again."""
    session.flush()
    earlier = select(Custody).where(
        Custody.office_code == gone.office_code,
        Custody.kind == gone.kind,
        func.upper(Custody.period) == begins,
    )
    found = session.scalars(earlier.with_for_update(of=Custody)).first()
    if found is not None:
        found.period = Range(found.period.lower, cut.upper, bounds="[)")
        session.flush()


def over(
    rt: Runtime, session: Session, custody: Custody, reason: str, actor: Actor | None = None
) -> list[str]:
    """An assignment has ended, by decision or because its time is up: recorded, published, handed on."""
    custody.end_reason = reason
    office = custody_judge.office_of(session, custody.office_code)
    record(
        rt,
        session,
        Event.CUSTODIAN_ENDED,
        actor=actor,
        guest=office.code,
        reason=reason,
        details=told(custody),
    )
    telling.custody_ended(rt, session, custody, actor)
    contact_list.republish(rt, session, actor, office)
    return hand_on(rt, session, custody, actor)


def hand_on(rt: Runtime, session: Session, outgoing: Custody, actor: Actor | None = None) -> list[str]:
    """After a custodian's end: void credentials, end the leases, suspend what nobody answers for."""
    office, kind = outgoing.office_code, outgoing.kind_
    own = session.scalars(
        select(Account).where(Account.guest == office, Account.kind == kind).with_for_update()
    ).all()
    for account in own:
        accounts.rotate(rt, session, account, actor)
    ending = accounts.end_leases(rt, session, [a.name for a in own], actor, "custody.changed")
    now, upper = rt.now(), outgoing.period.upper
    at = max(now, upper) if upper else now  # a clock that was set back meanwhile makes no gap
    incoming = admission.custodian_of(session, office, kind, at)
    ending += accounts.settle_custody(rt, session, office, kind, covered=incoming is not None)
    if incoming is not None:
        handover.take_over(rt, session, incoming, outgoing, ended=len(ending))
    return ending
