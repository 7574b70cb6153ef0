"""The people of a demo: one password for all, custodians appointed by their heads and acknowledged. Demo only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.accounts import Kind
from accessctl.domain.custody import CUSTODY_DEPARTMENT
from accessctl.domain.permissions import Role
from accessctl.errors import Refused
from accessctl.services import admission, contact_readers, custody, passwords
from accessctl.services.actor import Actor, Origin, actor_for
from accessctl.services.control import transaction
from accessctl.services.runtime import Runtime
from accessctl.store.models import Office, Officer

DECISION = "01/QĐ-BHXH"


def give_passwords(rt: Runtime, password: str) -> None:
    """Everybody who has no password gets this one, with no change forced. Refused outside a demo."""
    if not rt.settings.demo:
        raise Refused("demo.only")
    with transaction(rt) as session:
        hashed = passwords.unchecked(rt.settings.password_profile, password)
        for officer in session.scalars(select(Officer).where(Officer.password_hash.is_(None))):
            officer.password_hash, officer.must_change = hashed, False


def appoint_custodians(rt: Runtime, tick: Callable[[str, int, int], None]) -> None:
    """Each unit head appoints the second officer of the right department; the custodian acknowledges (18 in all)."""
    with transaction(rt) as session:
        codes = list(session.scalars(select(Office.code).order_by(Office.code)))
    pairs = [(code, kind) for code in codes for kind in custody.SHARED]
    for number, (code, kind) in enumerate(pairs, start=1):
        with transaction(rt) as session:
            if admission.custodian_of(session, code, kind, rt.now()) is None:
                _appoint(rt, session, code, kind)
        tick(code, number, len(pairs))


def name_contact_readers(rt: Runtime) -> None:
    """The head of the card department names who reads contact lists for a department that has no head."""
    with transaction(rt) as session:
        place = contact_readers.head_office(session)
        if place is None:
            return
        head = _head(rt, session, place.code, Kind.TKCL)
        for post in contact_readers.posts(rt, session, head):
            if post.mine and not post.heads and not post.seen and post.candidates:
                chosen = post.candidates[0].username
                contact_readers.name(rt, session, head, post.department, chosen, seen=post.seen)


def _appoint(rt: Runtime, session: Session, office: str, kind: Kind) -> None:
    head = _head(rt, session, office, kind)
    chosen = custody_candidate(session, office, kind)
    wanted = custody.Appointment(office, kind, chosen.username, DECISION, rt.now())
    custody.appoint(rt, session, head, wanted)
    session.flush()
    custody.acknowledge(rt, session, actor_for(session, chosen, Origin("cli"), rt.now()), office, kind)


def _head(rt: Runtime, session: Session, office: str, kind: Kind) -> Actor:
    people = session.scalars(
        select(Officer).where(Officer.office_code == office).options(selectinload(Officer.roles))
    ).all()
    actors = [actor_for(session, person, Origin("cli"), rt.now()) for person in people]
    heads = [actor for actor in actors if Role.UNIT_HEAD in actor.roles]
    return next((head for head in heads if head.department == CUSTODY_DEPARTMENT[kind]), heads[0])


_SERVES = {Kind.TKCL: Role.CARD, Kind.TKHCTT: Role.COLLECTION}


def custody_candidate(session: Session, office: str, kind: Kind) -> Officer:
    """The second of those who serve with the kind, by user name: the first goes on at the counter."""
    people = session.scalars(
        select(Officer)
        .where(Officer.office_code == office, Officer.department == CUSTODY_DEPARTMENT[kind])
        .options(selectinload(Officer.roles))
        .order_by(Officer.username)
    ).all()
    return [p for p in people if any(r.role == _SERVES[kind] for r in p.roles)][1]


def described(rt: Runtime, password: str) -> list[dict[str, Any]]:
    """Everybody for demo.json: user name, password, the role shown first, all roles in force, office."""
    with transaction(rt) as session:
        people = session.scalars(
            select(Officer).options(selectinload(Officer.roles)).order_by(Officer.id)
        ).all()
        actors = [actor_for(session, person, Origin("cli"), rt.now()) for person in people]
    return [
        {
            "username": actor.username,
            "password": password,
            "role": (actor.role or sorted(actor.roles)[0]).value,
            "roles": sorted(role.value for role in actor.roles),
            "office": actor.office,
            "full_name": actor.full_name,
        }
        for actor in actors
    ]
