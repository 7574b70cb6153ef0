"""Who reads the contact lists for the departments of the head office that the dispatch addresses (R1, R34, ADR 25).

A department's unit head gives its receipt; beside the head, or where it has none, one officer of the department who was
named for it. Whoever moves or leaves is named no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.custody import ADDRESSED, CUSTODY_DEPARTMENT
from accessctl.domain.events import Event
from accessctl.domain.granting import headed
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Conflict, NotFound, Refused
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.staff import case_of
from accessctl.store.models import ContactReader, Office, Officer, OfficerRole


@dataclass(frozen=True, slots=True)
class Person:
    """An officer of a department."""

    username: str
    full_name: str
    title: str


@dataclass(frozen=True, slots=True)
class Post:
    """One department: its heads, who was named for it; `seen` is the number of that naming, 0 without one.

    `mine`: whoever looks may name somebody here, one of `candidates`.
    """

    department: str
    heads: tuple[Person, ...]
    named: Person | None
    named_at: datetime | None
    seen: int
    mine: bool
    candidates: tuple[Person, ...]


def head_office(session: Session) -> Office | None:
    """The provincial office while it serves."""
    return session.scalars(select(Office).where(Office.level == "province", Office.active)).first()


def is_head_office(office: Office) -> bool:
    """The same, of an office that was read already."""
    return office.level == "province" and office.active


def addressed(place: Office | None, publishing: str) -> list[str]:
    """The departments that are to read the list of an office; those that tell the head office's own are not."""
    if place is None:
        return []
    telling = set(CUSTODY_DEPARTMENT.values()) if publishing == place.code else set()
    return [part.value for part in ADDRESSED if part in place.departments and part not in telling]


def signs(rt: Runtime, session: Session, actor: Actor, place: Office | None) -> tuple[str | None, ...]:
    """For whom this person gives receipts: None is the own office, which its head does; else a department.

    `place`: the head office.
    """
    here = place is not None and actor.office == place.code and actor.department in addressed(place, "")
    if may(rt, actor, Permission.CONTACTLIST_ACKNOWLEDGE, actor.office):
        return (None, actor.department) if here else (None,)
    if not here or actor.read_only or not may(rt, actor, Permission.CUSTODIAN_VIEW, actor.office):
        return ()
    named = _in_force(session, actor.office).get(actor.department)
    return (actor.department,) if named is not None and named.officer_id == actor.id else ()


def awaited(session: Session, place: Office | None) -> dict[str, tuple[str, ...]]:
    """By department the full names of those who can give its receipt; nobody is said as ()."""
    if place is None:
        return {}
    heads, named = _heads(session, place.code), _in_force(session, place.code)
    found = {}
    for part in addressed(place, ""):
        people = [*heads.get(part, []), *([named[part].officer] if part in named else [])]
        found[part] = tuple(dict.fromkeys(person.full_name for person in people))
    return found


def posts(rt: Runtime, session: Session, actor: Actor) -> list[Post]:
    """Every addressed department, for the heads of the head office, who name the readers."""
    place = _for_heads(rt, session, actor)
    heads, staff = _heads(session, place.code), _staff(session, place)
    named = _in_force(session, place.code, moved=True)
    return [
        _post(part, heads.get(part, []), named.get(part), staff.get(part, []), actor)
        for part in addressed(place, "")
    ]


def name(rt: Runtime, session: Session, actor: Actor, department: str, username: str, *, seen: int) -> bool:
    """A head of the head office names who reads for a department, or with "" nobody; False when it is so already.

    The head of the department, where it has one (A2). Raises Refused("contactlist.by_function"), NotFound for a
    stranger, Conflict("contactlist.reader_changed") when somebody else was named meanwhile.
    """
    place = _for_heads(rt, session, actor)
    if department not in addressed(place, ""):
        raise NotFound("contactlist.no_department")
    if not _answers(actor, department):
        raise Refused("contactlist.by_function")
    old = _in_force(session, place.code, lock=True, moved=True).get(department)
    if (old.id if old else 0) != seen:
        raise Conflict("contactlist.reader_changed")
    chosen = _chosen(session, place, department, username) if username else None
    if chosen is not None:
        case = case_of(actor, chosen)
        require(rt, actor, Permission.CONTACTLIST_ACKNOWLEDGE, place.code, case=case)
    if (old.officer_id if old else None) == (chosen.id if chosen else None):
        return False
    if old is not None:
        old.ended_at, old.ended_by = rt.now(), actor.id
        session.flush()
    if chosen is not None:
        _add(rt, session, actor, place, department, chosen)
    _tell(rt, session, actor, department, chosen, old.officer if old else None)
    return True


def end_of(rt: Runtime, session: Session, officer: Officer, actor: Actor | None) -> None:
    """Who moves or leaves reads for no department any more."""
    rows = select(ContactReader).where(
        ContactReader.officer_id == officer.id, ContactReader.ended_at.is_(None)
    )
    for row in session.scalars(rows.with_for_update(of=ContactReader)).all():
        row.ended_at, row.ended_by = rt.now(), actor.id if actor else None
        _tell(rt, session, actor, row.department, None, officer)


def _for_heads(rt: Runtime, session: Session, actor: Actor) -> Office:
    place = head_office(session)
    require(rt, actor, Permission.CONTACTLIST_ACKNOWLEDGE, place.code if place else actor.office)
    if place is None:
        raise NotFound("contactlist.no_department")
    return place


def _answers(actor: Actor, department: str) -> bool:
    """Its own head's; a department that has none is any head's of the head office."""
    return actor.department == department or not headed(department, provincial=True)


def _chosen(session: Session, place: Office, department: str, username: str) -> Officer:
    officer = session.scalars(
        select(Officer).where(
            Officer.username == username[:60],
            Officer.office_code == place.code,
            Officer.department == department,
            Officer.left_at.is_(None),
        )
    ).first()
    if officer is None:
        raise NotFound("officer.unknown", officer=username[:60])
    return officer


def _add(
    rt: Runtime, session: Session, actor: Actor, place: Office, department: str, officer: Officer
) -> None:
    session.add(
        ContactReader(
            office_code=place.code,
            department=department,
            officer_id=officer.id,
            named_by=actor.id,
            named_at=rt.now(),
        )
    )
    try:
        session.flush()
    except IntegrityError as error:  # two heads at one instant
        raise Conflict("contactlist.reader_changed") from error


def _tell(
    rt: Runtime,
    session: Session,
    actor: Actor | None,
    department: str,
    new: Officer | None,
    old: Officer | None,
) -> None:
    told = {
        "department": department,
        "officer": new.username if new else None,
        "officer_name": new.full_name if new else None,
        "before": old.username if old else None,
    }
    details = {key: value for key, value in told.items() if value is not None}
    record(rt, session, Event.CONTACTLIST_DELEGATED, actor=actor, details=details)


def _post(
    department: str,
    heads: Sequence[Officer],
    named: ContactReader | None,
    staff: Sequence[Officer],
    actor: Actor,
) -> Post:
    leading, there = {head.id for head in heads}, {one.id for one in staff}
    serving = named if named is not None and named.officer_id in there else None
    return Post(
        department=department,
        heads=tuple(_person(head) for head in heads),
        named=_person(serving.officer) if serving else None,
        named_at=serving.named_at if serving else None,
        seen=named.id if named else 0,
        mine=_answers(actor, department),
        candidates=tuple(_person(one) for one in staff if one.id not in leading),
    )


def _person(officer: Officer) -> Person:
    return Person(officer.username, officer.full_name, officer.title)


def _in_force(
    session: Session, office: str, *, lock: bool = False, moved: bool = False
) -> Mapping[str, ContactReader]:
    """Who is named for which department; with `moved` also somebody who serves elsewhere by now."""
    rows = (
        select(ContactReader)
        .join(Officer, Officer.id == ContactReader.officer_id)
        .where(ContactReader.office_code == office, ContactReader.ended_at.is_(None))
        .options(joinedload(ContactReader.officer))
    )
    if not moved:
        rows = rows.where(
            Officer.left_at.is_(None),
            Officer.office_code == office,
            Officer.department == ContactReader.department,
        )
    found = session.scalars(rows.with_for_update(of=ContactReader) if lock else rows)
    return {row.department: row for row in found}


def _heads(session: Session, office: str) -> dict[str, list[Officer]]:
    people = session.scalars(
        select(Officer)
        .join(OfficerRole, OfficerRole.officer_id == Officer.id)
        .where(
            Officer.office_code == office,
            Officer.left_at.is_(None),
            OfficerRole.role == Role.UNIT_HEAD,
            OfficerRole.revoked_at.is_(None),
        )
        .order_by(Officer.sort_name)
    )
    return _by_department(people.all())


def _staff(session: Session, place: Office) -> dict[str, list[Officer]]:
    there = select(Officer).where(Officer.office_code == place.code, Officer.left_at.is_(None))
    return _by_department(session.scalars(there.order_by(Officer.sort_name)).all())


def _by_department(people: Sequence[Officer]) -> dict[str, list[Officer]]:
    found: dict[str, list[Officer]] = {}
    for person in people:
        found.setdefault(person.department, []).append(person)
    return found
