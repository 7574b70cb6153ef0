"""Personal tokens of the command line: a name, a scope, an end; shown once, kept as a hash, ended with the roles."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound, NotSignedIn
from accessctl.services import attempts, signin
from accessctl.services.actor import Actor, Origin, actor_for, officer_named
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.sealing import token_hash
from accessctl.services.web_sessions import stated
from accessctl.store.models import AccessToken, Officer, SignInPlace

PREFIX = "acctl_"  # so that a token in the wrong place is recognised as one
LONGEST = 90  # days
MOST = 10  # in force, for one person
_SHOWN = timedelta(days=90)  # how long an ended one stays in the list
_TOLD = timedelta(hours=24)


class Scope(StrEnum):
    """What a token may do of what its owner may: only reading, or all of it."""

    READ = "read"
    USE = "use"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token as it is asked for."""

    name: str
    scope: str
    days: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A token as it is listed: `state` ∈ in_force, expired, ended."""

    id: int
    name: str
    scope: str
    state: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    used_from: str | None
    end_reason: str | None


def issue(rt: Runtime, actor: Actor, wanted: Wanted, password: str) -> str:
    """The new token, to be shown once, against the person's own password. Owns its transactions: failures count.

    Raises Invalid("token.*" or "auth.not_proven") and Conflict("token.too_many").
    """
    name = _named(wanted)
    signin.prove(rt, actor, actor.origin, password=password)
    token = PREFIX + secrets.token_urlsafe(32)
    with transaction(rt) as session:
        attempts.own_row(session, actor.id)  # two tabs take turns
        if sum(_state(line, actor, rt.now()) == "in_force" for line in _lines(rt, session, actor.id)) >= MOST:
            raise Conflict("token.too_many", most=MOST)
        made = AccessToken(
            token_hash=token_hash(token),
            officer_id=actor.id,
            name=name,
            scope=Scope(wanted.scope).value,
            roles=sorted(actor.roles),
            created_at=rt.now(),
            expires_at=rt.now() + timedelta(days=wanted.days),
        )
        session.add(made)
        details = {"name": name, "scope": made.scope, "expires": made.expires_at.isoformat()}
        record(rt, session, Event.TOKEN_ISSUED, actor=actor, details=details)
    return token


def _named(wanted: Wanted) -> str:
    if wanted.scope not in tuple(Scope):
        raise Invalid("token.scope")
    if not 1 <= wanted.days <= LONGEST:
        raise Invalid("token.days", longest=LONGEST)
    try:
        return one_line(wanted.name, limit=60)
    except BadText as error:
        code = "token.name_missing" if error.why == "empty" else f"input.{error.why}"
        raise Invalid(code, limit=error.limit) from None


def authenticate(rt: Runtime, token: str, origin: Origin, *, username: str | None = None) -> Actor:
    """The person behind a token, bound by its scope. Raises NotSignedIn("token.*"); owns its transaction.

    `username`, when given, must be the owner's. Who left, or lost a role since, has no token any more.
    """
    with transaction(rt) as session:
        outcome = _authenticated(rt, session, token, origin, username)
    if isinstance(outcome, NotSignedIn):
        outcome.recorded = True
        raise outcome
    return outcome


def _authenticated(
    rt: Runtime, session: Session, token: str, origin: Origin, username: str | None
) -> Actor | NotSignedIn:
    found = session.scalars(
        select(AccessToken).where(AccessToken.token_hash == token_hash(token)).with_for_update()
    ).first()
    if found is None:
        return _refused(rt, session, origin, "token.unknown", None)
    officer = session.get_one(Officer, found.officer_id, options=[selectinload(Officer.roles)])
    actor = actor_for(session, officer, origin, rt.now())
    about = {"username": officer.username, "token": found.name}
    if username is not None and username != officer.username:
        return _refused(rt, session, origin, "token.other_person", about)
    if officer.left_at is not None or (found.ended_at is None and not _held(found, actor)):
        _end(
            rt,
            session,
            found,
            "officer_left" if officer.left_at else "roles_lost",
            about=about,
            origin=origin,
        )
    state = _state(found, actor, rt.now())
    if state != "in_force":
        return _refused(rt, session, origin, f"token.{state}", about)
    found.used_at, found.used_from = rt.now(), origin.address
    actor = replace(actor, read_only=found.scope == Scope.READ)
    if _new_place(rt, session, actor, f"token:{found.id}"):
        record(
            rt, session, Event.TOKEN_USED, actor=actor, details={"token": found.name, "scope": found.scope}
        )
    return actor


def _refused(
    rt: Runtime, session: Session, origin: Origin, code: str, about: dict[str, str] | None
) -> NotSignedIn:
    record(rt, session, Event.TOKEN_USED, origin=origin, failed=True, reason=code, details=about)
    return NotSignedIn(code)


def _held(token: AccessToken, actor: Actor) -> bool:
    return set(token.roles) <= {role.value for role in actor.roles}


def _state(token: AccessToken, actor: Actor | None, now: datetime) -> str:
    if token.ended_at is not None or (actor is not None and not _held(token, actor)):
        return "ended"
    return "expired" if token.expires_at <= now else "in_force"


def tell_place(rt: Runtime, actor: Actor) -> None:
    """A password was used at the command line: told to the log once a day and address, not for each command."""
    with transaction(rt) as session:
        if _new_place(rt, session, actor, "password"):
            record(rt, session, Event.AUTH_LOGIN, actor=actor)


def _new_place(rt: Runtime, session: Session, actor: Actor, means: str) -> bool:
    key = {"officer_id": actor.id, "address": actor.origin.address or "local", "means": means}
    session.execute(insert(SignInPlace).values(**key, told_at=rt.now() - 2 * _TOLD).on_conflict_do_nothing())
    place = session.get_one(SignInPlace, tuple(key.values()), with_for_update=True, populate_existing=True)
    if rt.now() - place.told_at < _TOLD:
        return False
    place.told_at = rt.now()
    return True


def mine(rt: Runtime, session: Session, actor: Actor) -> list[Shown]:
    """The own tokens, the newest first; ended ones stay for a season."""
    return [_shown(line, actor, rt.now()) for line in _lines(rt, session, actor.id)]


def of(rt: Runtime, session: Session, actor: Actor, username: str) -> list[Shown]:
    """Another officer's tokens: for whom may end them."""
    officer = _other(rt, session, actor, username)
    owner = actor_for(session, officer, actor.origin, rt.now())
    return [_shown(line, owner, rt.now()) for line in _lines(rt, session, officer.id)]


def revoke_mine(rt: Runtime, session: Session, actor: Actor, token_id: int) -> str:
    """End one of the own tokens; returns its name. Raises NotFound("token.unknown_id"). The caller commits."""
    found = _one(session, actor.id, token_id)
    _end(rt, session, found, "by_owner", actor=actor)
    return found.name


def revoke_of(rt: Runtime, session: Session, actor: Actor, username: str, token_id: int, reason: str) -> str:
    """IT ends another officer's token, with a reason; returns its name. The caller commits."""
    officer = _other(rt, session, actor, username)
    found = _one(session, officer.id, token_id)
    about = {"officer": officer.username, "officer_name": officer.full_name}
    _end(
        rt,
        session,
        found,
        "by_it",
        actor=actor,
        about=about,
        reason=stated(reason),
        guest=officer.office_code,
    )
    return found.name


def end_all(rt: Runtime, session: Session, officer_id: int, why: str, actor: Actor | None = None) -> int:
    """End every token of a person: `why` ∈ reset, password_changed, … . Returns how many. The caller commits."""
    statement = select(AccessToken).where(
        AccessToken.officer_id == officer_id, AccessToken.ended_at.is_(None)
    )
    lines = session.scalars(statement.with_for_update()).all()
    for line in lines:
        _end(rt, session, line, why, actor=actor)
    return len(lines)


def _end(
    rt: Runtime,
    session: Session,
    found: AccessToken,
    why: str,
    *,
    actor: Actor | None = None,
    about: dict[str, str] | None = None,
    reason: str | None = None,
    **facts: Any,
) -> None:
    if found.ended_at is not None:
        return
    found.ended_at, found.end_reason = rt.now(), why
    details = {"token": found.name, "why": why, **(about or {})}
    record(rt, session, Event.TOKEN_REVOKED, actor=actor, reason=reason, details=details, **facts)


def _lines(rt: Runtime, session: Session, officer_id: int) -> Sequence[AccessToken]:
    since = rt.now() - _SHOWN
    statement = select(AccessToken).where(
        AccessToken.officer_id == officer_id, AccessToken.expires_at > since
    )
    return session.scalars(statement.order_by(AccessToken.id.desc())).all()


def _shown(line: AccessToken, owner: Actor, now: datetime) -> Shown:
    state = _state(line, owner, now)
    reason = line.end_reason or ("roles_lost" if state == "ended" else None)
    return Shown(
        line.id, line.name, line.scope, state, line.created_at, line.expires_at, line.used_at, line.used_from, reason
    )  # fmt: skip


def _one(session: Session, officer_id: int, token_id: int) -> AccessToken:
    statement = select(AccessToken).where(AccessToken.id == token_id, AccessToken.officer_id == officer_id)
    found = session.scalars(statement.with_for_update()).first()
    if found is None:
        raise NotFound("token.unknown_id")
    return found


def _other(rt: Runtime, session: Session, actor: Actor, username: str) -> Officer:
    officer = officer_named(session, username)
    case = "self" if officer.id == actor.id else "none"
    require(rt, actor, Permission.SESSION_END, officer.office_code, case=case)
    return officer
