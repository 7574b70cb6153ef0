"""A forgotten password, a lost device: IT hands over a link that works once for a day, and never to oneself.

Whoever resets learns no password and holds no device; the officer and the unit head are told that it happened.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.custody import Department
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Invalid, NotFound
from accessctl.services import attempts, second_factor, signin, telling, tokens
from accessctl.services.actor import Actor, Origin, actor_for, officer_named
from accessctl.services.authorize import require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.sealing import token_hash
from accessctl.services.second_factor import Status
from accessctl.services.web_sessions import stated
from accessctl.store.models import Office, Officer, OfficerRole, ResetLink

STAYS = timedelta(hours=24)


class Purpose(StrEnum):
    """What a link is for."""

    PASSWORD = "password"  # noqa: S105 - a word, no secret
    SECOND_FACTOR = "second_factor"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What IT sees of how an officer signs in. `told`: who hears of a reset; `waiting`: links not used yet."""

    username: str
    full_name: str
    title: str
    office_name: str
    has_password: bool
    must_change: bool
    locked_until: datetime | None
    factor: Status
    told: tuple[str, ...]
    waiting: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class Issued:
    """A link's token, to be shown once and handed over."""

    token: str
    purpose: Purpose
    full_name: str
    expires_at: datetime
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the bearer of a link may do with it, and for whom."""

    username: str
    full_name: str
    purpose: Purpose
    expires_at: datetime
    second_factor: bool


def look(rt: Runtime, session: Session, actor: Actor, username: str) -> Credentials:
    """How an officer signs in, for whom may reset it."""
    officer = _other(rt, session, actor, username)
    who = actor_for(session, officer, actor.origin, rt.now())
    return Credentials(
        username=officer.username,
        full_name=officer.full_name,
        title=officer.title,
        office_name=session.get_one(Office, officer.office_code).name,
        has_password=officer.password_hash is not None,
        must_change=officer.must_change,
        locked_until=officer.locked_until if attempts.locked(rt, session, officer, username) else None,
        factor=second_factor.status(rt, session, officer.id, who.roles),
        told=tuple(person.full_name for person in concerned(session, officer)),
        waiting=tuple((link.purpose, link.expires_at) for link in _waiting(rt, session, officer.id)),
    )


def issue(rt: Runtime, session: Session, actor: Actor, username: str, purpose: str, reason: str) -> Issued:
    """A new link; an older one for the same purpose counts no more. The caller commits and shows it once."""
    officer = _other(rt, session, actor, username)
    if purpose not in tuple(Purpose):
        raise Invalid("reset.purpose")
    if purpose == Purpose.SECOND_FACTOR and second_factor.in_force(session, officer.id) is None:
        raise Invalid("reset.no_factor", officer=officer.full_name)
    why = stated(reason)
    for link in _waiting(rt, session, officer.id, lock=True):
        if link.purpose == purpose:
            link.over_at, link.outcome = rt.now(), "replaced"
    token, until = secrets.token_urlsafe(32), rt.now() + STAYS
    session.add(
        ResetLink(
            token_hash=token_hash(token),
            officer_id=officer.id,
            purpose=purpose,
            issued_by=actor.id,
            issued_at=rt.now(),
            expires_at=until,
        )
    )
    told = tell(rt, session, officer, Purpose(purpose), actor, step="issued", reason=why)
    return Issued(token, Purpose(purpose), officer.full_name, until, told)


def peek(rt: Runtime, session: Session, token: str) -> Waiting:
    """What a link is for. Raises NotFound("reset.not_valid") for one that is unknown, used, replaced or old."""
    link, officer = _found(rt, session, token)
    has_factor = second_factor.in_force(session, officer.id) is not None
    return Waiting(officer.username, officer.full_name, Purpose(link.purpose), link.expires_at, has_factor)


def use(rt: Runtime, session: Session, token: str, origin: Origin, *, password: str = "") -> Waiting:
    """Set the new password, or drop the second factor: what the link is for. The caller commits.

    Every session and token of the person ends. Raises NotFound("reset.not_valid") or Invalid("auth.password_*").
    """
    link, officer = _found(rt, session, token, lock=True)
    purpose = Purpose(link.purpose)
    done = Waiting(officer.username, officer.full_name, purpose, link.expires_at, second_factor=False)
    if purpose is Purpose.PASSWORD:
        signin.keep_password(rt, session, officer, password)
        officer.must_change = False
    else:
        factor = second_factor.remove(rt, session, officer.id)
        if factor is not None and factor.carries_password:
            officer.must_change = True  # eight characters do without a second factor no longer
    attempts.wiped(officer)
    link.over_at, link.outcome = rt.now(), "used"
    signin.end_sessions(rt, session, officer.id)
    who = actor_for(session, officer, origin, rt.now())
    tokens.end_all(rt, session, officer.id, "reset", who)
    tell(rt, session, officer, purpose, who, step="used")
    return done


def tell(
    rt: Runtime,
    session: Session,
    officer: Officer,
    purpose: Purpose,
    actor: Actor,
    *,
    step: str,
    reason: str | None = None,
) -> tuple[str, ...]:
    """Record a step of a reset, naming who is to hear of it: the officer and the unit head. Returns their names.

    The one place from which notices of a reset go out.
    """
    event = Event.AUTH_RESET_ISSUED
    if step == "used":
        event = Event.AUTH_PASSWORD_RESET if purpose is Purpose.PASSWORD else Event.MFA_RESET
    people = concerned(session, officer)
    about = {"officer": officer.username, "officer_name": officer.full_name, "purpose": purpose.value}
    details = {**about, "told": [person.username for person in people]}
    record(rt, session, event, actor=actor, reason=reason, guest=officer.office_code, details=details)
    telling.reset(rt, session, people, officer, purpose.value, actor, done=step == "used")
    return tuple(person.full_name for person in people)


def concerned(session: Session, officer: Officer) -> list[Officer]:
    """Who hears of a reset: the officer, and the heads of the unit (at the province those of the department)."""
    heads = session.scalars(
        select(Officer)
        .join(OfficerRole, OfficerRole.officer_id == Officer.id)
        .where(
            Officer.office_code == officer.office_code,
            Officer.left_at.is_(None),
            Officer.id != officer.id,
            OfficerRole.role == Role.UNIT_HEAD,
            OfficerRole.revoked_at.is_(None),
        )
        .order_by(Officer.username)
    ).all()
    same = [head for head in heads if head.department in (officer.department, Department.LEADERSHIP)]
    return [officer, *(same or _directors(session, officer))]


def _directors(session: Session, officer: Officer) -> Sequence[Officer]:
    """For departments of the province that no unit head stands over: the provincial director."""
    return session.scalars(
        select(Officer)
        .join(OfficerRole, OfficerRole.officer_id == Officer.id)
        .where(
            Officer.left_at.is_(None),
            Officer.id != officer.id,
            OfficerRole.role == Role.DIRECTOR,
            OfficerRole.revoked_at.is_(None),
        )
    ).all()


def _other(rt: Runtime, session: Session, actor: Actor, username: str) -> Officer:
    officer = officer_named(session, username)
    case = "self" if officer.id == actor.id else "none"
    require(rt, actor, Permission.CREDENTIAL_RESET, officer.office_code, case=case)
    return officer


def _waiting(rt: Runtime, session: Session, officer_id: int, *, lock: bool = False) -> Sequence[ResetLink]:
    statement = select(ResetLink).where(
        ResetLink.officer_id == officer_id, ResetLink.over_at.is_(None), ResetLink.expires_at > rt.now()
    )
    return session.scalars(statement.with_for_update() if lock else statement).all()


def _found(rt: Runtime, session: Session, token: str, *, lock: bool = False) -> tuple[ResetLink, Officer]:
    statement = select(ResetLink).where(ResetLink.token_hash == token_hash(token))
    link = session.scalars(statement.with_for_update() if lock else statement).first()
    if link is None or link.over_at is not None or link.expires_at <= rt.now():
        raise NotFound("reset.not_valid")
    wanted = select(Officer).where(Officer.id == link.officer_id).options(selectinload(Officer.roles))
    officer = session.scalars(wanted.with_for_update(key_share=True, of=Officer) if lock else wanted).one()
    if officer.left_at is not None:
        raise NotFound("reset.not_valid")
    return link, officer
