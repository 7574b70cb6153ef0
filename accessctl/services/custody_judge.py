"""Who may be custodian and who decides that, asked of the stored people and posts (R30–R33, A2, S06–S08, S13)."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from accessctl.domain.accounts import Kind
from accessctl.domain.custody import CUSTODY_DEPARTMENT, Person, WaivableRule, objection
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Invalid, NotFound, Refused
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.runtime import Runtime
from accessctl.store.models import Custody, Office, Officer, Waiver


def office_of(session: Session, code: str) -> Office:
    """The office. Raises NotFound("office.unknown")."""
    office = session.get(Office, code)
    if office is None:
        raise NotFound("office.unknown", office=code[:20])
    return office


def head_person(actor: Actor, office: str, kind: Kind) -> Person:
    """Who decides: the unit head; the provincial director stands in for any of them (§7.1)."""
    if Role.DIRECTOR in actor.roles:
        return Person(actor.id, office, CUSTODY_DEPARTMENT[kind])
    return Person(actor.id, actor.office, actor.department)


def by_function(actor: Actor, office: Office, kind: Kind) -> None:
    """At the province each head decides for the own function only (A2). Raises Refused("custody.by_function")."""
    department = head_person(actor, office.code, kind).department
    if office.level == "province" and department != CUSTODY_DEPARTMENT[kind]:
        raise Refused("custody.by_function", office=office.name, kind=kind)


def check(
    session: Session,
    actor: Actor | None,
    office: Office,
    kind: Kind,
    candidate: Officer,
    period: Range[datetime],
    *,
    instead: bool = False,
) -> tuple[Waiver, ...]:
    """Every rule of who may be custodian; `instead`: in another's place for a while, who answers until then.

    `actor` None: it is only proposed, and whoever decides is asked again. Returns the director's waivers on which
    the appointment rests, () for one that needs none; a substitute needs none or is refused. Raises
    Refused("custody.…").
    """
    nobody = Person(0, office.code, CUSTODY_DEPARTMENT[kind])
    asked = partial(
        objection,
        kind=kind,
        office=office.code,
        head=head_person(actor, office.code, kind) if actor else nobody,
        head_is_provincial=office.level == "province",
        candidate=Person(candidate.id, candidate.office_code, candidate.department),
        holds_other_kind=_covers(session, office.code, _other(kind), period, candidate.id),
        already=not instead and _covers(session, office.code, kind, period),
    )
    if asked() is None:
        return ()
    there = (
        () if instead or actor is None else waivers(session, office.code, kind, period.lower, candidate.id)
    )
    rules = {waiver.rule for waiver in there}
    if (code := asked(waived=rules)) is not None:
        raise Refused(code, officer=candidate.full_name, office=office.name, kind=kind)
    return tuple(waiver for waiver in there if asked(waived=rules - {waiver.rule}) is not None)


def waivers(
    session: Session, office: str, kind: Kind, at: datetime | None, officer: int | None = None
) -> list[Waiver]:
    """What the director has lifted at an instant for appointments of this kind at an office (S13)."""
    found = select(Waiver).where(
        Waiver.office_code == office,
        or_(Waiver.kind.is_(None), Waiver.kind == kind),
        Waiver.ended_at.is_(None),
        Waiver.opens <= at,
        Waiver.closes > at,
    )
    return list(session.scalars(found if officer is None else found.where(Waiver.officer_id == officer)))


def for_oneself(
    rt: Runtime, session: Session, actor: Actor, office: Office, kind: Kind, at: datetime | None
) -> None:
    """A head who names himself asks the policy in that case; without a waiver `check` says what is lacking."""
    if any(w.rule == WaivableRule.SELF for w in waivers(session, office.code, kind, at, actor.id)):
        require(rt, actor, Permission.CUSTODIAN_APPOINT, office.code, case="self_waived")


def _covers(
    session: Session, office: str, kind: Kind, period: Range[datetime], officer: int | None = None
) -> bool:
    found = select(Custody.id).where(
        Custody.office_code == office, Custody.kind == kind, Custody.period.overlaps(period)
    )
    if officer is not None:
        found = found.where(Custody.officer_id == officer)
    return session.scalars(found.limit(1)).first() is not None


def _other(kind: Kind) -> Kind:
    return Kind.TKHCTT if kind is Kind.TKCL else Kind.TKCL


def decision(text: str) -> str:
    """The number of a decision, or the reason: one line. Raises Invalid("custody.no_decision")."""
    try:
        return one_line(text, limit=60)
    except BadText as error:
        raise Invalid(
            "custody.no_decision" if error.why == "empty" else f"input.{error.why}", limit=60
        ) from None
