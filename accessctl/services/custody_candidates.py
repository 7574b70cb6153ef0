"""Whom a head may appoint or a custodian propose, and of everybody else of the office why not (R32, S06–S08, S13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import Kind
from accessctl.domain.custody import CUSTODY_DEPARTMENT, Person, objection
from accessctl.domain.permissions import Permission
from accessctl.domain.text import by_given_name
from accessctl.services import custody_judge
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.runtime import Runtime
from accessctl.store.models import Custody, Office, Officer, Waiver


@dataclass(frozen=True, slots=True)
class Candidate:
    """An officer of the office for the picker; `objection`: why not, as a code."""

    username: str
    full_name: str
    title: str
    department: str
    objection: str | None
    waived_until: datetime | None = None
    """Only by the director's waiver, and not past this instant (S13)."""


def candidates(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind) -> list[Candidate]:
    """The officers of the office for the head's picker: first who may be appointed, then the others and why not."""
    unit = custody_judge.office_of(session, office)
    require(rt, actor, Permission.CUSTODIAN_APPOINT, office)
    lifted = custody_judge.waivers(session, office, kind, rt.now())
    return _candidates(rt, session, unit, kind, custody_judge.head_person(actor, office, kind), lifted)


def substitutes(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind) -> list[Candidate]:
    """The same for whoever proposes or orders a substitution."""
    unit = custody_judge.office_of(session, office)
    if not may(rt, actor, Permission.CUSTODIAN_APPOINT, office):
        require(rt, actor, Permission.CUSTODIAN_PROPOSE, office)
        return _candidates(rt, session, unit, kind, Person(0, office, CUSTODY_DEPARTMENT[kind]))
    return _candidates(rt, session, unit, kind, custody_judge.head_person(actor, office, kind))


def _candidates(
    rt: Runtime, session: Session, unit: Office, kind: Kind, head: Person, lifted: Sequence[Waiver] = ()
) -> list[Candidate]:
    now = rt.now()
    held = {
        (row.officer_id, row.kind)
        for row in session.scalars(
            select(Custody).where(Custody.office_code == unit.code, Custody.period.contains(now))
        )
    }
    people = session.scalars(
        select(Officer).where(Officer.office_code == unit.code, Officer.left_at.is_(None))
    )
    other = Kind.TKHCTT if kind is Kind.TKCL else Kind.TKCL
    found = [
        _candidate(
            person,
            unit,
            kind,
            head,
            [waiver for waiver in lifted if waiver.officer_id == person.id],
            both=(person.id, other) in held,
            same=(person.id, kind) in held,
        )
        for person in people
    ]
    return sorted(found, key=lambda one: (one.objection is not None, by_given_name(one.full_name)))


def _candidate(
    person: Officer,
    unit: Office,
    kind: Kind,
    head: Person,
    lifted: Sequence[Waiver],
    *,
    both: bool,
    same: bool,
) -> Candidate:
    asked = partial(
        objection,
        kind=kind,
        office=unit.code,
        head=head,
        head_is_provincial=unit.level == "province",
        candidate=Person(person.id, person.office_code, person.department),
        holds_other_kind=both,
        already=False,
    )
    code, until = "custody.same_person" if same else asked(), None
    if code and lifted and not same and asked(waived={waiver.rule for waiver in lifted}) is None:
        code, until = None, min(waiver.closes for waiver in lifted)
    return Candidate(person.username, person.full_name, person.title, person.department, code, until)
