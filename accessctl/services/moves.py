"""An officer moves to another office or department, or leaves: what was held ends at once (S11).

Each event has one place: `transfer` and `leave`. Whoever else must be told, hooks in there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict
from accessctl.services import accounts, contact_readers, roles, signin, substitution, telling
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import require
from accessctl.services.officer_view import Ties, ties
from accessctl.services.runtime import Runtime
from accessctl.services.staff import case_of, locked, of_version, place_of, tell, title_of, why
from accessctl.store.models import AccessToken, Office, Officer, Posting, ResetLink


@dataclass(frozen=True, slots=True)
class Transfer:
    """A decision that sends an officer elsewhere; `version` is that of the page it was typed on."""

    username: str
    office: str
    department: str
    title: str
    decision_no: str
    version: int


@dataclass(frozen=True, slots=True)
class Before:
    """An officer who is to move or leave, and all that would end with it."""

    officer: Officer
    office_name: str
    ties: Ties


def before_transfer(rt: Runtime, session: Session, actor: Actor, username: str) -> Before:
    """What ends with a transfer; refused for whoever may not transfer this officer."""
    return _before(rt, session, actor, username, Permission.OFFICER_TRANSFER)


def before_leave(rt: Runtime, session: Session, actor: Actor, username: str) -> Before:
    """What ends when the officer leaves; refused for whoever may not record it."""
    return _before(rt, session, actor, username, Permission.OFFICER_LEAVE)


def _before(rt: Runtime, session: Session, actor: Actor, username: str, permission: Permission) -> Before:
    officer = officer_named(session, username)
    require(rt, actor, permission, officer.office_code, case=case_of(actor, officer))
    place = session.get_one(Office, officer.office_code)
    return Before(officer, place.name, ties(session, officer, rt.now()))


def transfer(rt: Runtime, session: Session, actor: Actor, wanted: Transfer) -> list[str]:
    """Move an officer; roles and custody of the old place end with everything held. Returns the leases that end.

    Earlier acts keep the old office; the roles of the new place are proposed and entered anew.
    """
    officer = locked(session, wanted.username)
    case = case_of(actor, officer)
    require(rt, actor, Permission.OFFICER_TRANSFER, officer.office_code, case=case)
    require(rt, actor, Permission.OFFICER_TRANSFER, wanted.office, case=case)
    of_version(officer, wanted.version)
    place = place_of(session, wanted.office, wanted.department)
    title, decision_no = title_of(wanted.title), why(wanted.decision_no)
    old = officer.office_code
    if (old, officer.department) == (place.code, wanted.department):
        raise Conflict("officer.there_already", officer=officer.full_name, office=place.name)
    ending = _uproot(rt, session, officer, actor, "officer.moved")
    officer.office_code, officer.department, officer.title = place.code, wanted.department, title
    officer.version += 1
    post(rt, session, officer, actor, decision_no)
    told = {"from": old, "to": place.code, "department": wanted.department, "decision_no": decision_no}
    tell(
        rt, session, Event.OFFICER_TRANSFERRED, officer, actor, told,
        reason=decision_no, guest=old, host=place.code,
    )  # fmt: skip
    telling.transferred(rt, session, officer, old)
    return ending


def leave(
    rt: Runtime, session: Session, actor: Actor, username: str, reason: str, *, version: int
) -> list[str]:
    """An officer leaves for good: everything ends now, the name stays. Returns the leases that are ending."""
    officer = locked(session, username)
    case = case_of(actor, officer)
    require(rt, actor, Permission.OFFICER_LEAVE, officer.office_code, case=case)
    of_version(officer, version)
    said = why(reason)
    ending = _uproot(rt, session, officer, actor, "officer.left")
    _end_keys(rt, session, officer, actor)
    now = rt.now()
    officer.left_at, officer.password_hash = now, None
    officer.version += 1
    _close_posting(session, officer, now)
    tell(rt, session, Event.OFFICER_LEFT, officer, actor, {}, reason=said)
    return ending


def _uproot(rt: Runtime, session: Session, officer: Officer, actor: Actor, code: str) -> list[str]:
    """End what an officer has because of the place: loans and places in queues, roles, custody, sessions."""
    ending = accounts.end_leases_of(rt, session, officer.id, code)
    ending += substitution.end_all_of(rt, session, officer.id, code, actor)
    roles.end(rt, session, officer, actor, code)
    roles.lapse(rt, session, officer, actor, code)
    contact_readers.end_of(rt, session, officer, actor)
    if ended := signin.end_sessions(rt, session, officer.id):
        tell(rt, session, Event.SESSION_ENDED, officer, actor, {"sessions": ended}, reason=code)
    return ending


def _end_keys(rt: Runtime, session: Session, officer: Officer, actor: Actor) -> None:
    """Personal tokens of the command line and links that were not used yet open nothing any more."""
    now = rt.now()
    tokens = select(AccessToken).where(AccessToken.officer_id == officer.id, AccessToken.ended_at.is_(None))
    for token in session.scalars(tokens.with_for_update()).all():
        token.ended_at, token.end_reason = now, "officer.left"
        tell(rt, session, Event.TOKEN_REVOKED, officer, actor, {"token": token.name}, reason="officer.left")
    links = select(ResetLink).where(ResetLink.officer_id == officer.id, ResetLink.over_at.is_(None))
    for link in session.scalars(links.with_for_update()).all():
        link.over_at, link.outcome = now, "officer.left"


def post(
    rt: Runtime, session: Session, officer: Officer, actor: Actor | None, decision_no: str | None
) -> None:
    """From now on the officer serves where the row says; the earlier posting ends and stays."""
    now = rt.now()
    _close_posting(session, officer, now)
    session.add(
        Posting(
            officer_id=officer.id,
            office_code=officer.office_code,
            department=officer.department,
            title=officer.title,
            since=now,
            decision_no=decision_no,
            entered_by=actor.id if actor else None,
        )
    )


def _close_posting(session: Session, officer: Officer, now: datetime) -> None:
    open_one = select(Posting).where(Posting.officer_id == officer.id, Posting.until.is_(None))
    for posting in session.scalars(open_one).all():
        posting.until = now
    session.flush()
