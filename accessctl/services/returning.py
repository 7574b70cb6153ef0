"""An officer who had left comes back: the same person under the same name, with nothing of what was held before.

Names are never given to anybody else, so that the log stays readable; whoever returns is entered again, not anew.
Roles are proposed and entered as for a newcomer, and separation of duties is judged then (roles.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict
from accessctl.services import moves, resets, second_factor, telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.resets import Issued, Purpose
from accessctl.services.runtime import Runtime
from accessctl.services.staff import found, locked, of_version, place_of, tell, title_of, why
from accessctl.store.models import Office, Officer

CODE = "officer.returned"


@dataclass(frozen=True, slots=True)
class Return:
    """Where and as what the officer serves again; `version` is that of the page it was typed on."""

    username: str
    office: str
    department: str
    title: str
    reason: str
    version: int


@dataclass(frozen=True, slots=True)
class BeforeReturn:
    """An officer who has left; `told`: the heads who hear of a return to the place of old."""

    officer: Officer
    office_name: str
    left_at: datetime
    factor: bool
    told: tuple[str, ...]


def before_return(rt: Runtime, session: Session, actor: Actor, username: str) -> BeforeReturn:
    """What returning would do; refused for whoever may not enter officers at the place of old."""
    officer = found(session, username)
    require(rt, actor, Permission.OFFICER_ADD, officer.office_code)
    left_at = _gone(officer)
    name = session.get_one(Office, officer.office_code).name
    factor = second_factor.in_force(session, officer.id) is not None
    return BeforeReturn(officer, name, left_at, factor, tuple(h.full_name for h in _heads(session, officer)))


def come_back(rt: Runtime, session: Session, actor: Actor, wanted: Return) -> Issued:
    """Enter an officer again, without roles, and issue the link for a new password, to be shown once.

    Asked of the old place and of the new one. An old second factor is dropped. Raises Conflict("officer.in_service"),
    ("officer.changed_meanwhile"), Invalid, NotFound("office.unknown").
    """
    officer = locked(session, wanted.username, left=True)
    require(rt, actor, Permission.OFFICER_ADD, officer.office_code)
    require(rt, actor, Permission.OFFICER_ADD, wanted.office)
    left_at = _gone(officer)
    of_version(officer, wanted.version)
    place, said = place_of(session, wanted.office, wanted.department), why(wanted.reason)
    old = officer.office_code
    officer.title = title_of(wanted.title)
    officer.office_code, officer.department = place.code, wanted.department
    officer.left_at, officer.password_hash, officer.must_change = None, None, True
    officer.failures, officer.locked_until = 0, None
    officer.version += 1
    moves.post(rt, session, officer, actor, said)
    more = {"since": rfc3339(left_at), "to": place.code, "department": wanted.department}
    tell(rt, session, Event.OFFICER_RETURNED, officer, actor, more, reason=said, guest=old, host=place.code)
    if second_factor.remove(rt, session, officer.id) is not None:
        tell(rt, session, Event.MFA_RESET, officer, actor, {}, reason=CODE)
    telling.returned(rt, session, _heads(session, officer), officer, actor)
    return resets.issue(rt, session, actor, officer.username, Purpose.PASSWORD, said)


def _gone(officer: Officer) -> datetime:
    if officer.left_at is None:
        raise Conflict("officer.in_service", officer=officer.full_name)
    return officer.left_at


def _heads(session: Session, officer: Officer) -> list[Officer]:
    """Those who hear of a reset: the heads of the unit, at the province of the department, else the director."""
    return [person for person in resets.concerned(session, officer) if person.id != officer.id]
