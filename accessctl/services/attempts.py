"""Failed attempts to sign in: counted, recorded, and locked after five, for people and for names nobody bears alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.events import Event
from accessctl.domain.passwords import PasswordProfile
from accessctl.errors import NotSignedIn
from accessctl.services import passwords, sealing
from accessctl.services.actor import Origin
from accessctl.services.recording import quoted, record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Officer, SignInStranger


@dataclass(frozen=True, slots=True)
class Failure:
    """What was tried under which name: `reason` is the code that the log keeps, which may say more than the answer."""

    username: str
    reason: str
    event: Event = Event.AUTH_LOGIN


def rules(rt: Runtime) -> PasswordProfile:
    """The password profile in force."""
    return passwords.profile(rt.settings.password_profile)


def known(session: Session, username: str, *, lock: bool = False) -> Officer | None:
    """The officer of this name who has not left."""
    if "\x00" in username:  # no text in PostgreSQL can hold it, so nobody is called that
        return None
    statement = (
        select(Officer)
        .where(Officer.username == username[:60], Officer.left_at.is_(None))
        .options(selectinload(Officer.roles))
    )
    return session.scalars(
        statement.with_for_update(key_share=True, of=Officer) if lock else statement
    ).first()


def own_row(session: Session, officer_id: int) -> Officer:
    """Somebody's own row, as of now and locked: the own acts take turns with each other and with leaving.

    FOR NO KEY UPDATE, as in `known`: nobody waits with a sign-in for a transaction that writes what only refers to
    the person, such as a thousand notices.
    """
    return session.get_one(Officer, officer_id, with_for_update={"key_share": True}, populate_existing=True)


def locked(rt: Runtime, session: Session, officer: Officer | None, username: str) -> bool:
    """Whether this name is locked out now, whoever bears it."""
    if officer is None:
        stranger = session.get(SignInStranger, _name(rt, username))
        return stranger is not None and _is_locked(stranger.locked_until, rt.now())
    return _is_locked(officer.locked_until, rt.now())


def _is_locked(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now


def failed(rt: Runtime, session: Session, officer: Officer | None, origin: Origin, failure: Failure) -> bool:
    """Record and count one failure; True when the name is locked out now. The caller commits."""
    was_locked = locked(rt, session, officer, failure.username)
    reason = "auth.locked" if was_locked and officer is not None else failure.reason
    _tell(rt, session, failure.event, officer, origin, failure, reason=reason)
    if was_locked:
        return True
    counted = officer if officer is not None else _stranger(rt, session, failure.username)
    if not _count(rules(rt), counted, rt.now()):
        return False
    _tell(rt, session, Event.AUTH_LOCKOUT, officer, origin, failure, reason=None)
    return True


def _tell(
    rt: Runtime,
    session: Session,
    event: Event,
    officer: Officer | None,
    origin: Origin,
    failure: Failure,
    *,
    reason: str | None,
) -> None:
    record(
        rt,
        session,
        event,
        origin=origin,
        failed=reason is not None,
        reason=reason,
        office=officer.office_code if officer else None,
        details={"username": quoted(failure.username, 60)},
    )


def _count(profile: PasswordProfile, counted: Officer | SignInStranger, now: datetime) -> bool:
    last: datetime | None = counted.failed_at
    fresh = last is None or now - last > profile.locked_for
    counted.failures = 1 if fresh else counted.failures + 1
    counted.failed_at = now
    if counted.failures < profile.failures:
        return False
    counted.locked_until, counted.failures = now + profile.locked_for, 0
    return True


def _stranger(rt: Runtime, session: Session, username: str) -> SignInStranger:
    name = _name(rt, username)
    session.execute(
        insert(SignInStranger)
        .values(name_hash=name, failures=0, failed_at=rt.now() - timedelta(days=1))
        .on_conflict_do_nothing()
    )
    return session.get_one(SignInStranger, name, with_for_update=True, populate_existing=True)


def _name(rt: Runtime, username: str) -> bytes:
    plain = username[:200].encode("utf-8", "replace").decode()
    return sealing.keyed_hash(rt.settings.lease_keys, sealing.Purpose.STRANGER, plain)


def wiped(officer: Officer) -> None:
    """A complete sign-in forgets the failures before it."""
    officer.failures, officer.locked_until, officer.failed_at = 0, None, None


def refusal(rt: Runtime, code: str, *, is_locked: bool, **facts: object) -> NotSignedIn:
    """The answer to a failure that was recorded where it was counted."""
    minutes = int(rules(rt).locked_for.total_seconds() // 60)
    error = NotSignedIn("auth.locked", minutes=minutes) if is_locked else NotSignedIn(code, **facts)
    error.facts.setdefault("minutes", minutes)
    error.recorded = True
    return error
