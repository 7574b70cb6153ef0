"""Custodians: appointed by the unit head, answerable, known to all offices (R30–R34, S06–S08, S10, S12, S13)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.accounts import Kind
from accessctl.domain.custody import CUSTODY_DEPARTMENT, Person, objection
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.text import BadText, by_given_name, one_line
from accessctl.errors import Invalid, NotFound, Refused
from accessctl.services import accounts, admission
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, Office, Officer

SHARED = (Kind.TKCL, Kind.TKHCTT)
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


@dataclass(frozen=True, slots=True)
class Contact:
    """A line of the contact list (R34); `acknowledged` tells whether the custodian has confirmed."""

    office: str
    office_name: str
    kind: str
    username: str | None
    full_name: str | None
    title: str | None
    phone: str | None
    email: str | None
    since: datetime | None
    until: datetime | None
    acknowledged: bool
    decision_no: str | None


def appoint(rt: Runtime, session: Session, actor: Actor, appointment: Appointment) -> Custody:
    """Appoint a custodian; in force from the decision's date, acknowledged later. Raises Refused("custody.…")."""
    office = _office(session, appointment.office)
    require(rt, actor, Permission.CUSTODIAN_APPOINT, office.code)
    candidate = officer_named(session, appointment.username)
    period = _period(rt, appointment)
    code = objection(
        kind=appointment.kind,
        office=office.code,
        head=_head(actor, office.code, appointment.kind),
        head_is_provincial=office.level == "province",
        candidate=Person(candidate.id, candidate.office_code, candidate.department),
        holds_other_kind=_covers(session, office.code, _other(appointment.kind), period, candidate.id),
        already=_covers(session, office.code, appointment.kind, period),
    )
    if code is not None:
        raise Refused(code, officer=candidate.full_name, office=office.name, kind=appointment.kind)
    custody = Custody(
        office_code=office.code,
        kind=appointment.kind,
        officer_id=candidate.id,
        officer=candidate,
        period=period,
        decision_no=_decision(appointment.decision_no),
        appointed_by=actor.id,
    )
    try:
        with session.begin_nested():
            session.add(custody)
    except IntegrityError as error:
        raise Refused("custody.overlap", office=office.name, kind=appointment.kind) from error
    record(rt, session, Event.CUSTODIAN_ASSIGNED, actor=actor, guest=office.code, details=_told(custody))
    if rt.now() in period:
        accounts.settle_custody(rt, session, office.code, appointment.kind, covered=True)
    _publish(rt, session, actor, office)
    return custody


def _office(session: Session, code: str) -> Office:
    office = session.get(Office, code)
    if office is None:
        raise NotFound("office.unknown", office=code[:20])
    return office


def _head(actor: Actor, office: str, kind: Kind) -> Person:
    """Who decides: the unit head; the provincial director stands in for any of them (§7.1)."""
    if Role.DIRECTOR in actor.roles:
        return Person(actor.id, office, CUSTODY_DEPARTMENT[kind])
    return Person(actor.id, actor.office, actor.department)


def _period(rt: Runtime, appointment: Appointment) -> Range[datetime]:
    if appointment.since < rt.now() - _EARLIEST or (
        appointment.until and appointment.until <= appointment.since
    ):
        raise Invalid("custody.bad_period")
    return Range(appointment.since, appointment.until, bounds="[)")


def _decision(text: str) -> str:
    try:
        return one_line(text, limit=60)
    except BadText as error:
        raise Invalid(
            "custody.no_decision" if error.why == "empty" else f"input.{error.why}", limit=60
        ) from None


def _other(kind: Kind) -> Kind:
    return Kind.TKHCTT if kind is Kind.TKCL else Kind.TKCL


def _covers(
    session: Session, office: str, kind: Kind, period: Range[datetime], officer: int | None = None
) -> bool:
    found = select(Custody.id).where(
        Custody.office_code == office, Custody.kind == kind, Custody.period.overlaps(period)
    )
    if officer is not None:
        found = found.where(Custody.officer_id == officer)
    return session.scalars(found.limit(1)).first() is not None


def _told(custody: Custody) -> dict[str, object]:
    upper = custody.period.upper
    return {
        "kind": custody.kind,
        "custodian": custody.officer.username,
        "custodian_name": custody.officer.full_name,
        "decision_no": custody.decision_no,
        "since": rfc3339(custody.period.lower) if custody.period.lower else None,
        "until": rfc3339(upper) if upper else None,
    }


def _publish(rt: Runtime, session: Session, actor: Actor | None, office: Office) -> None:
    """The contact list changed: that is said, so that the other units know to look (R34)."""
    record(rt, session, Event.CONTACTLIST_PUBLISHED, actor=actor, guest=office.code)


def acknowledge(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind) -> Custody:
    """The custodian confirms the own appointment; confirming again changes nothing."""
    custody = session.scalars(
        select(Custody)
        .where(Custody.office_code == office, Custody.kind == kind, Custody.period.contains(rt.now()))
        .with_for_update(of=Custody)
    ).first()
    if custody is None:
        raise NotFound("custody.none", kind=kind, office=_office(session, office).name)
    require(rt, actor, Permission.CUSTODIAN_ACKNOWLEDGE, office)
    if custody.officer_id != actor.id:
        raise Refused("custody.not_yours")
    if custody.acknowledged_at is None:
        custody.acknowledged_at = rt.now()
        record(rt, session, Event.CUSTODIAN_ACKNOWLEDGED, actor=actor, guest=office, details=_told(custody))
    return custody


def end(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind, reason: str) -> list[str]:
    """End the assignment in force now. Old credentials are void; returns the leases that are ending (S10, S12)."""
    unit = _office(session, office)
    require(rt, actor, Permission.CUSTODIAN_END, office)
    if unit.level == "province" and _head(actor, office, kind).department != CUSTODY_DEPARTMENT[kind]:
        raise Refused("custody.by_function", office=unit.name, kind=kind)
    now = rt.now()
    custody = session.scalars(
        select(Custody)
        .where(Custody.office_code == office, Custody.kind == kind, Custody.period.contains(now))
        .with_for_update(of=Custody)
    ).first()
    if custody is None:
        raise NotFound("custody.none", kind=kind, office=unit.name)
    custody.period = Range(custody.period.lower, now, bounds="[)")
    return over(rt, session, custody, _decision(reason), actor)


def over(
    rt: Runtime, session: Session, custody: Custody, reason: str, actor: Actor | None = None
) -> list[str]:
    """An assignment has ended, by decision or because its time is up: recorded, published, handed on."""
    custody.end_reason = reason
    told, office = _told(custody), _office(session, custody.office_code)
    record(rt, session, Event.CUSTODIAN_ENDED, actor=actor, guest=office.code, reason=reason, details=told)
    _publish(rt, session, actor, office)
    return hand_on(rt, session, office.code, Kind(custody.kind), actor)


def hand_on(rt: Runtime, session: Session, office: str, kind: Kind, actor: Actor | None = None) -> list[str]:
    """After a custodian's end: void credentials, end the leases, suspend what nobody answers for."""
    own = session.scalars(
        select(Account).where(Account.guest == office, Account.kind == kind).with_for_update()
    ).all()
    for account in own:
        accounts.rotate(rt, session, account, actor)
    ending = accounts.end_leases(rt, session, [a.name for a in own], actor, "custody.changed")
    covered = admission.custodian_of(session, office, kind, rt.now()) is not None
    return ending + accounts.settle_custody(rt, session, office, kind, covered=covered)


def contact_list(rt: Runtime, session: Session, actor: Actor) -> list[Contact]:
    """Who answers for which accounts at each office now; gaps stand in it as such. For every officer (R34)."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    now = rt.now()
    custodies = {
        (c.office_code, c.kind): c
        for c in session.scalars(select(Custody).where(Custody.period.contains(now)))
    }
    offices = session.scalars(
        select(Office).where(Office.active).order_by(Office.level != "province", Office.name)
    )
    return [
        _contact(office, kind, custodies.get((office.code, kind.value)))
        for office in offices
        for kind in SHARED
    ]


def _contact(office: Office, kind: Kind, custody: Custody | None) -> Contact:
    person = custody.officer if custody else None
    return Contact(
        office=office.code,
        office_name=office.name,
        kind=kind.value,
        username=person.username if person else None,
        full_name=person.full_name if person else None,
        title=person.title if person else None,
        phone=person.phone if person else None,
        email=person.email if person else None,
        since=custody.period.lower if custody else None,
        until=custody.period.upper if custody else None,
        acknowledged=bool(custody and custody.acknowledged_at),
        decision_no=custody.decision_no if custody else None,
    )


def candidates(session: Session, office: str, kind: Kind) -> list[Officer]:
    """Whom the head may appoint: officers of the right department, by given name."""
    people = session.scalars(
        select(Officer).where(
            Officer.office_code == office,
            Officer.department == CUSTODY_DEPARTMENT[kind],
            Officer.left_at.is_(None),
        )
    )
    return sorted(people, key=lambda person: by_given_name(person.full_name))
