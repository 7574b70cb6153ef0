"""Signed-in browsers: seen and ended by their owner, and by IT with a reason."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Invalid, NotFound
from accessctl.services import signin
from accessctl.services.actor import Actor, officer_named
from accessctl.services.attempts import rules
from accessctl.services.authorize import require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.sealing import token_hash
from accessctl.store.models import Officer, WebSession

REASON_LIMIT = 300  # characters


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One browser that is signed in. `key` names it to its owner and to IT; it is no secret and opens nothing."""

    key: str
    address: str | None
    browser: str | None
    since: datetime
    seen: datetime
    this: bool


def mine(rt: Runtime, session: Session, actor: Actor, token: str) -> list[OpenSession]:
    """Where the person is signed in, the present browser first."""
    found = [_shown(line, token) for line in _open(rt, session, actor.id)]
    return sorted(found, key=lambda line: not line.this)


def of(rt: Runtime, session: Session, actor: Actor, username: str) -> list[OpenSession]:
    """Where another officer is signed in: for whom may end it."""
    officer = _other(rt, session, actor, username)
    return [_shown(line, "") for line in _open(rt, session, officer.id)]


def end_mine(rt: Runtime, session: Session, actor: Actor, key: str) -> None:
    """Sign one of the own browsers out. Raises NotFound("session.unknown"). The caller commits."""
    _end(rt, session, actor, _named(rt, session, actor.id, key))


def end_my_others(rt: Runtime, session: Session, actor: Actor, token: str) -> int:
    """Sign every own browser out but this one. Returns how many. The caller commits."""
    others = [line for line in _open(rt, session, actor.id) if line.token_hash != token_hash(token)]
    for line in others:
        _end(rt, session, actor, line)
    return len(others)


def end_of(rt: Runtime, session: Session, actor: Actor, username: str, reason: str, *, key: str = "") -> int:
    """IT signs an officer out, everywhere or at one browser. Returns how many. The caller commits."""
    officer = _other(rt, session, actor, username)
    why = stated(reason)
    lines = [_named(rt, session, officer.id, key)] if key else _open(rt, session, officer.id)
    for line in lines:
        _end(rt, session, actor, line, officer=officer, reason=why)
    if not key:
        signin.end_sessions(rt, session, officer.id)  # also what stands half-way between its two pages
    return len(lines)


def stated(reason: str) -> str:
    """A reason as it goes into the log. Raises Invalid("session.reason_missing") or Invalid("input.*")."""
    try:
        return one_line(reason, limit=REASON_LIMIT)
    except BadText as error:
        code = "session.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Invalid(code, limit=error.limit) from None


def _other(rt: Runtime, session: Session, actor: Actor, username: str) -> Officer:
    officer = officer_named(session, username)
    case = "self" if officer.id == actor.id else "none"
    require(rt, actor, Permission.SESSION_END, officer.office_code, case=case)
    return officer


def _open(rt: Runtime, session: Session, officer_id: int) -> Sequence[WebSession]:
    """Neither ended nor past their time: one that nobody came back to ends at its next request."""
    now = rt.now()
    return session.scalars(
        select(WebSession)
        .where(
            WebSession.officer_id == officer_id,
            WebSession.ended_at.is_(None),
            WebSession.created_at > now - signin.LONGEST,
            WebSession.seen_at > now - rules(rt).idle,
        )
        .order_by(WebSession.seen_at.desc())
        .with_for_update()
    ).all()


def _named(rt: Runtime, session: Session, officer_id: int, key: str) -> WebSession:
    for line in _open(rt, session, officer_id):
        if key.isascii() and hmac.compare_digest(_key(line), key):
            return line
    raise NotFound("session.unknown")


def _key(line: WebSession) -> str:
    return line.token_hash.hex()[:16]


def _shown(line: WebSession, token: str) -> OpenSession:
    this = bool(token) and line.token_hash == token_hash(token)
    return OpenSession(_key(line), line.address, line.browser, line.created_at, line.seen_at, this)


def _end(
    rt: Runtime,
    session: Session,
    actor: Actor,
    line: WebSession,
    *,
    officer: Officer | None = None,
    reason: str | None = None,
) -> None:
    line.ended_at, line.end_reason = rt.now(), "session_ended"
    about = {"officer": officer.username, "officer_name": officer.full_name} if officer else {}
    details = {"from": line.address, **about}
    guest = officer.office_code if officer else None
    record(rt, session, Event.SESSION_ENDED, actor=actor, reason=reason, guest=guest, details=details)
