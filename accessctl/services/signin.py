"""Signing in: named people only, locked after five failures, idle sessions ended, a first password changed."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.events import Event
from accessctl.domain.permissions import Role
from accessctl.errors import Invalid, NotSignedIn
from accessctl.services import passwords
from accessctl.services.actor import Actor, Origin, actor_for
from accessctl.services.control import transaction
from accessctl.services.recording import quoted, record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Officer, WebSession

FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
IDLE = timedelta(minutes=15)
IDLE_ADMIN = timedelta(minutes=5)
LONGEST = timedelta(hours=12)
_TOUCH = timedelta(seconds=5)  # how stale `seen_at` may be before it is written again


def authenticate(rt: Runtime, username: str, password: str, origin: Origin) -> Actor:
    """The person behind name and password. Raises NotSignedIn; owns its transactions, so that failures stay.

    An unknown name, a wrong password and a person without one are told apart by nobody outside.
    """
    locked = False
    with transaction(rt) as session:
        officer = _known(session, username)
        now = rt.now()
        locked = bool(officer and officer.locked_until and officer.locked_until > now)
        stored = officer.password_hash if officer and not locked else None
    right = passwords.matches(rt.settings.password_profile, password, stored)
    with transaction(rt) as session:
        officer = _known(session, username, lock=True)
        if officer is not None and right and not (officer.locked_until and officer.locked_until > rt.now()):
            officer.failures, officer.locked_until, officer.failed_at = 0, None, None
            return actor_for(session, officer, origin, rt.now())
        locked = _failed(rt, session, officer, origin, locked=locked, username=username)
    refusal = NotSignedIn(
        "auth.locked" if locked else "auth.bad_credentials", minutes=LOCKED_FOR.seconds // 60
    )
    refusal.recorded = True  # as auth.login.failed, above
    raise refusal


def _known(session: Session, username: str, *, lock: bool = False) -> Officer | None:
    if "\x00" in username:  # no text in PostgreSQL can hold it, so nobody is called that
        return None
    statement = (
        select(Officer)
        .where(Officer.username == username[:60], Officer.left_at.is_(None))
        .options(selectinload(Officer.roles))
    )
    return session.scalars(statement.with_for_update(of=Officer) if lock else statement).first()


def _failed(
    rt: Runtime, session: Session, officer: Officer | None, origin: Origin, *, locked: bool, username: str
) -> bool:
    """Count and record the failure; True when the person is locked out now."""
    now = rt.now()
    details = {"username": quoted(username, 60)}
    if officer is None:
        record(
            rt,
            session,
            Event.AUTH_LOGIN,
            origin=origin,
            failed=True,
            reason="auth.unknown_person",
            details=details,
        )
        return False
    code = "auth.locked" if locked else "auth.bad_credentials"
    record(
        rt,
        session,
        Event.AUTH_LOGIN,
        origin=origin,
        failed=True,
        reason=code,
        office=officer.office_code,
        details=details,
    )
    if locked:
        return True
    fresh = officer.failed_at is None or now - officer.failed_at > LOCKED_FOR
    officer.failures = 1 if fresh else officer.failures + 1
    officer.failed_at = now
    if officer.failures < FAILURES:
        return False
    officer.locked_until, officer.failures = now + LOCKED_FOR, 0
    record(rt, session, Event.AUTH_LOCKOUT, origin=origin, office=officer.office_code, details=details)
    return True


def sign_in(rt: Runtime, session: Session, username: str, password: str, origin: Origin) -> tuple[Actor, str]:
    """Authenticate and open a browser session; returns the actor and the session's token. The caller commits."""
    actor = authenticate(rt, username, password, origin)
    token = secrets.token_urlsafe(32)
    now = rt.now()
    session.add(
        WebSession(
            token_hash=_hash(token), officer_id=actor.id, created_at=now, seen_at=now, address=origin.address
        )
    )
    record(rt, session, Event.AUTH_LOGIN, actor=actor)
    return actor, token


def resume(rt: Runtime, session: Session, token: str, origin: Origin) -> Actor | None:
    """The person behind a session token, with the roles of this moment; None for an unknown token.

    Raises NotSignedIn("auth.idle") or ("auth.session_ended"). The caller commits.
    """
    found = session.get(WebSession, _hash(token))
    if found is None:
        return None
    if found.ended_at is not None:
        raise NotSignedIn(f"auth.{found.end_reason}" if found.end_reason == "idle" else "auth.session_ended")
    officer = session.get_one(Officer, found.officer_id, options=[selectinload(Officer.roles)])
    now = rt.now()
    actor = actor_for(session, officer, origin, now)
    idle = IDLE_ADMIN if Role.IT_ADMIN in actor.roles else IDLE
    if officer.left_at is not None or now - found.created_at > LONGEST:
        _end(found, rt, "session_ended")
        record(rt, session, Event.SESSION_ENDED, actor=actor, reason="auth.session_ended")
        session.commit()
        raise NotSignedIn("auth.session_ended")
    if now - found.seen_at > idle:
        _end(found, rt, "idle")
        record(rt, session, Event.SESSION_ENDED, actor=actor, reason="auth.idle")
        session.commit()
        raise NotSignedIn("auth.idle", minutes=int(idle.total_seconds() // 60))
    if now - found.seen_at > _TOUCH:
        found.seen_at = now
    return actor


def _end(found: WebSession, rt: Runtime, why: str) -> None:
    found.ended_at, found.end_reason = rt.now(), why


def sign_out(rt: Runtime, session: Session, token: str, origin: Origin) -> None:
    """End the session of this token; an unknown or ended one is left as it is. The caller commits."""
    found = session.get(WebSession, _hash(token), with_for_update=True)
    if found is None or found.ended_at is not None:
        return
    _end(found, rt, "signed_out")
    officer = session.get_one(Officer, found.officer_id, options=[selectinload(Officer.roles)])
    record(rt, session, Event.AUTH_LOGOUT, actor=actor_for(session, officer, origin, rt.now()))


def change_password(rt: Runtime, session: Session, actor: Actor, old: str, new: str, origin: Origin) -> None:
    """Set the own new password; `end_other_sessions` is the caller's next step. The caller commits."""
    profile = rt.settings.password_profile
    officer = session.get_one(Officer, actor.id, with_for_update=True)
    if not passwords.matches(profile, old, officer.password_hash):
        raise Invalid("auth.old_password_wrong")
    if passwords.matches(profile, new, officer.password_hash):
        raise Invalid("auth.password_same")
    officer.password_hash = passwords.hashed(profile, new, username=officer.username)
    officer.must_change = False
    record(rt, session, Event.AUTH_PASSWORD_CHANGED, actor=actor, origin=origin)


def end_other_sessions(rt: Runtime, session: Session, actor: Actor, token: str) -> int:
    """After a change of password: every other browser of the person is signed out. Returns how many."""
    return end_sessions(rt, session, actor.id, keep=token)


def end_sessions(rt: Runtime, session: Session, officer_id: int, *, keep: str = "") -> int:
    """Sign a person out everywhere, but for the session of the token `keep`. Returns how many ended."""
    others = session.scalars(
        select(WebSession).where(
            WebSession.officer_id == officer_id,
            WebSession.ended_at.is_(None),
            WebSession.token_hash != _hash(keep),
        )
    ).all()
    for other in others:
        _end(other, rt, "session_ended")
    return len(others)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
