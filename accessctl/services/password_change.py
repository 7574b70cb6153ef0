"""Changing one's own password: proven by the old one, counted as at the door, and nothing of before stays signed in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.errors import Invalid
from accessctl.services import attempts, passwords, signin, telling, tokens, web_sessions
from accessctl.services.actor import Actor, Origin
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import AccessToken, Officer


@dataclass(frozen=True, slots=True)
class Ends:
    """What a new password ends: other browsers that are signed in, and personal tokens. `mailed`: told by mail too."""

    sessions: int
    tokens: int
    mailed: bool


def before(rt: Runtime, session: Session, actor: Actor, token: str) -> Ends:
    """What would end, for the page that says so first; `token` is that of the present browser."""
    open_ = [line for line in web_sessions.mine(rt, session, actor, token) if not line.this]
    in_force = select(func.count()).where(
        AccessToken.officer_id == actor.id, AccessToken.ended_at.is_(None), AccessToken.expires_at > rt.now()
    )
    return Ends(len(open_), session.scalar(in_force) or 0, rt.settings.mails)


def change(rt: Runtime, actor: Actor, old: str, new: str, origin: Origin, *, keep: str = "") -> Ends:
    """Set the own new password and end everything signed in before, but the browser session `keep`; tell the owner.

    Owns its transactions, so that a wrong old password stays counted: five lock the sign-in. Raises
    Invalid("auth.old_password_wrong"), ("auth.locked") or ("auth.password_*").
    """
    signin.prove(rt, actor, origin, password=old, wrong="auth.old_password_wrong")
    with transaction(rt) as session:
        officer = attempts.own_row(session, actor.id)
        _still_proven(rt, officer, old, new)
        signin.keep_password(rt, session, officer, new)
        officer.must_change = False
        ended = Ends(
            sessions=len([line for line in web_sessions.mine(rt, session, actor, keep) if not line.this]),
            tokens=tokens.end_all(rt, session, actor.id, "password_changed", actor),
            mailed=rt.settings.mails,
        )
        signin.end_sessions(rt, session, actor.id, keep=keep)
        details = {"sessions": ended.sessions, "tokens": ended.tokens}
        record(rt, session, Event.AUTH_PASSWORD_CHANGED, actor=actor, origin=origin, details=details)
        telling.password_changed(rt, session, actor)
    return ended


def _still_proven(rt: Runtime, officer: Officer, old: str, new: str) -> None:
    """Nobody has reset it in this very moment, and the new one is another."""
    profile = rt.settings.password_profile
    if not passwords.matches(profile, old, officer.password_hash):
        minutes = int(attempts.rules(rt).locked_for.total_seconds() // 60)
        raise Invalid("auth.old_password_wrong", minutes=minutes)
    if passwords.matches(profile, new, officer.password_hash):
        raise Invalid("auth.password_same")
