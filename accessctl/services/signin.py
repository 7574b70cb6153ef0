"""Signing in: named people only, password then code, locked after five failures, idle sessions ended."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import bindparam, exists, select, text, update
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.events import Event
from accessctl.domain.permissions import Role
from accessctl.errors import AccessError, Invalid, NotSignedIn
from accessctl.services import attempts, passwords, second_factor
from accessctl.services.actor import PERSON, Actor, Origin, actor_for, actor_of
from accessctl.services.attempts import Failure, rules
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.sealing import token_hash
from accessctl.store.models import Office, Officer, SecondFactor, SignInStep, WebSession

LONGEST = timedelta(hours=12)
STEP_STAYS = timedelta(minutes=5)  # between the page of the password and the page of the code
_TOUCH = timedelta(seconds=5)  # how stale `seen_at` may be before it is written again
_BROWSER = 200  # characters kept of what a browser calls itself
_SEEN = text(
    "UPDATE web_session SET seen_at = :at FROM (SELECT set_config('synchronous_commit', 'off', true)) AS no_wait"
    " WHERE token_hash = :token AND seen_at < :at AND ended_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Begun:
    """After the right password: either somebody, or a step that waits for the code and opens no page."""

    actor: Actor | None
    step: str | None


def begin(rt: Runtime, username: str, password: str, origin: Origin) -> Begun:
    """The first page. Raises NotSignedIn; owns its transactions, so that failures stay.

    An unknown name, a wrong password and a person without one are told apart by nobody outside.
    """
    with transaction(rt) as session:
        officer = attempts.known(session, username)
        locked = attempts.locked(rt, session, officer, username)
        stored = officer.password_hash if officer and not locked else None
    right = passwords.matches(rt.settings.password_profile, password, stored)
    with transaction(rt) as session:
        officer = attempts.known(session, username, lock=True)
        if officer is not None and right and not attempts.locked(rt, session, officer, username):
            return _begun(rt, session, officer, origin)
        reason = "auth.unknown_person" if officer is None else "auth.bad_credentials"
        locked = attempts.failed(rt, session, officer, origin, Failure(username, reason))
    raise attempts.refusal(rt, "auth.bad_credentials", is_locked=locked)


def _begun(rt: Runtime, session: Session, officer: Officer, origin: Origin) -> Begun:
    if second_factor.in_force(session, officer.id) is None:
        attempts.wiped(officer)
        return Begun(_somebody(rt, session, officer, origin), None)
    step = secrets.token_urlsafe(
        32
    )  # failures are wiped by the code only: else the password would buy more tries
    session.add(
        SignInStep(token_hash=token_hash(step), officer_id=officer.id, at=rt.now(), address=origin.address)
    )
    return Begun(None, step)


def _somebody(rt: Runtime, session: Session, officer: Officer, origin: Origin) -> Actor:
    actor = actor_for(session, officer, origin, rt.now())
    return replace(actor, must_enrol=second_factor.must_enrol(rt, session, actor))


def finish(rt: Runtime, step: str, code: str, origin: Origin) -> Actor:
    """The second page: a code of the device, or a recovery code. Raises NotSignedIn; owns its transaction."""
    with transaction(rt) as session:
        outcome = _finished(rt, session, step, code, origin)
    if isinstance(outcome, AccessError):
        raise outcome
    return outcome


def _finished(rt: Runtime, session: Session, step: str, code: str, origin: Origin) -> Actor | NotSignedIn:
    found = session.get(SignInStep, token_hash(step), with_for_update=True)
    if found is None or found.over_at is not None or rt.now() - found.at > STEP_STAYS:
        return NotSignedIn("auth.step_over")
    officer = attempts.own_row(session, found.officer_id)
    refused = _code_refused(rt, session, officer, code, origin)
    if refused is None:
        found.over_at = rt.now()
        attempts.wiped(officer)
        actor = _somebody(rt, session, officer, origin)
        record(rt, session, Event.MFA_VERIFIED, actor=actor)
        return actor
    if refused.code in ("auth.locked", "auth.step_over"):
        found.over_at = rt.now()
    return refused


def _code_refused(
    rt: Runtime, session: Session, officer: Officer, code: str, origin: Origin
) -> NotSignedIn | None:
    """None for a right code of a person who may go on; otherwise the failure stands counted."""
    factor = second_factor.in_force(session, officer.id, lock=True)
    if factor is None or officer.left_at is not None:
        return NotSignedIn("auth.step_over")
    minutes = 0
    reason = "auth.locked"
    if not attempts.locked(rt, session, officer, officer.username):
        judged = second_factor.use(rt, session, factor, code)
        if judged.why == "ok":
            return None
        reason, minutes = f"auth.code_{judged.why}", abs(judged.minutes)
    failure = Failure(officer.username, reason, Event.MFA_VERIFIED)
    locked = attempts.failed(rt, session, officer, origin, failure)
    return attempts.refusal(rt, reason, is_locked=locked, off=minutes)


def authenticate(
    rt: Runtime, username: str, password: str, origin: Origin, *, code: str | None = None
) -> Actor:
    """Both pages at once, for the command line. Raises NotSignedIn("auth.code_needed") without a needed code."""
    begun = begin(rt, username, password, origin)
    if begun.actor is not None:
        return begun.actor
    if code is None or begun.step is None:
        raise NotSignedIn("auth.code_needed")
    return finish(rt, begun.step, code, origin)


def prove(
    rt: Runtime,
    actor: Actor,
    origin: Origin,
    *,
    password: str = "",
    code: str | None = None,
    wrong: str = "auth.not_proven",
) -> None:
    """The person at this session once more: by password or, when `code` is given, by the second factor.

    Raises Invalid(`wrong`) or what the code is wrong about; failures count. Owns its transactions.
    """
    stored = _stored_password(rt, actor.id) if code is None else None
    right = code is None and passwords.matches(rt.settings.password_profile, password, stored)
    with transaction(rt) as session:
        officer = attempts.own_row(session, actor.id)
        if code is not None:
            refused = _code_refused(rt, session, officer, code, origin)
        elif right and not attempts.locked(rt, session, officer, officer.username):
            refused = None
        else:
            failure = Failure(officer.username, "auth.bad_credentials")
            locked = attempts.failed(rt, session, officer, origin, failure)
            refused = attempts.refusal(rt, wrong, is_locked=locked)
    if refused is not None:
        proof = Invalid(refused.code, **refused.facts)
        proof.recorded = refused.recorded
        raise proof


def renew_codes(rt: Runtime, actor: Actor, code: str) -> tuple[str, ...]:
    """Ten new recovery codes against a code of the device; the old ones count no more. Owns its transactions.

    Raises Invalid("mfa.none" or "auth.code_*").
    """
    with transaction(rt) as session:
        if second_factor.in_force(session, actor.id) is None:
            raise Invalid("mfa.none")
    prove(rt, actor, actor.origin, code=code)
    with transaction(rt) as session:
        factor = second_factor.in_force(session, actor.id, lock=True)
        if factor is None:  # reset in this very moment
            raise Invalid("mfa.none")
        return second_factor.new_codes(rt, session, factor, actor)


def _stored_password(rt: Runtime, officer_id: int) -> str | None:
    with transaction(rt) as session:
        return session.get_one(Officer, officer_id).password_hash


def sign_in(
    rt: Runtime, session: Session, username: str, password: str, origin: Origin, *, code: str | None = None
) -> tuple[Actor, str]:
    """Authenticate and open a browser session; returns the actor and the session's token. The caller commits."""
    actor = authenticate(rt, username, password, origin, code=code)
    return actor, open_session(rt, session, actor, origin)


def open_session(rt: Runtime, session: Session, actor: Actor, origin: Origin, *, browser: str = "") -> str:
    """A browser session for somebody who has signed in completely; returns its token. The caller commits."""
    token = secrets.token_urlsafe(32)
    now = rt.now()
    session.add(
        WebSession(
            token_hash=token_hash(token),
            officer_id=actor.id,
            created_at=now,
            seen_at=now,
            address=origin.address,
            browser="".join(sign for sign in browser if sign.isprintable())[:_BROWSER] or None,
        )
    )
    record(rt, session, Event.AUTH_LOGIN, actor=actor)
    return token


_BEHIND = (
    select(
        *PERSON, Officer.left_at, WebSession.created_at, WebSession.seen_at, WebSession.ended_at,
        WebSession.end_reason,
        exists().where(SecondFactor.officer_id == Officer.id, SecondFactor.removed_at.is_(None)).label("factor"),
    )
    .join_from(WebSession, Officer, Officer.id == WebSession.officer_id)
    .join(Office, Office.code == Officer.office_code)
    .where(WebSession.token_hash == bindparam("token"))
)  # fmt: skip
"""Asked at every request: one trip for all there is to know."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The person behind a session. `over`: why it no longer counts; `unseen`: the sign of life is to be kept."""

    actor: Actor
    over: str | None
    ended: bool
    unseen: bool
    idle: timedelta


def behind(rt: Runtime, session: Session, token: str, origin: Origin) -> Behind | None:
    """Who holds this token, with the roles of this moment, and whether the session still counts. Changes nothing."""
    now = rt.now()
    row = session.connection().execute(_BEHIND, {"token": token_hash(token), "now": now}).first()
    if row is None:
        return None
    actor = actor_of(row, origin)
    actor = replace(actor, must_enrol=not row.factor and second_factor.required(rt, actor.roles))
    idle = rules(rt).idle_admin if Role.IT_ADMIN in actor.roles else rules(rt).idle
    over = None
    if row.ended_at is not None:
        over = "auth.idle" if row.end_reason == "idle" else "auth.session_ended"
    elif row.left_at is not None or now - row.created_at > LONGEST:
        over = "auth.session_ended"
    elif now - row.seen_at > idle:
        over = "auth.idle"
    return Behind(actor, over, row.ended_at is not None, now - row.seen_at > _TOUCH, idle)


def resume(rt: Runtime, session: Session, token: str, origin: Origin) -> Actor | None:
    """The person behind a session token, with the roles of this moment; None for an unknown token.

    Raises NotSignedIn("auth.idle") or ("auth.session_ended"). The caller commits.
    """
    found = behind(rt, session, token, origin)
    if found is None:
        return None
    if found.over is not None:
        raise _over(rt, session, token, found)
    if found.unseen:
        seen(rt, session, token)
    return found.actor


def _over(rt: Runtime, session: Session, token: str, found: Behind) -> NotSignedIn:
    """What to say to somebody whose session counts no more; the first time it is ended, and that is kept."""
    over = str(found.over)
    if not found.ended:
        _end(session.get_one(WebSession, token_hash(token)), rt, over.removeprefix("auth."))
        record(rt, session, Event.SESSION_ENDED, actor=found.actor, reason=over)
        session.commit()
    minutes = int(found.idle.total_seconds() // 60)
    return NotSignedIn(over, minutes=minutes) if over == "auth.idle" else NotSignedIn(over)


def seen(rt: Runtime, session: Session, token: str) -> None:
    """A sign of life. It waits for no disk: lost with the machine, the session is idle some seconds earlier."""
    session.execute(_SEEN, {"token": token_hash(token), "at": rt.now()})


def owner_of(session: Session, token: str) -> int | None:
    """The officer id of a session token, living or ended; None for an unknown one."""
    found = session.get(WebSession, token_hash(token)) if token else None
    return found.officer_id if found else None


def _end(found: WebSession, rt: Runtime, why: str) -> None:
    found.ended_at, found.end_reason = rt.now(), why


def sign_out(rt: Runtime, session: Session, token: str, origin: Origin) -> None:
    """End the session of this token; an unknown or ended one is left as it is. The caller commits."""
    found = session.get(WebSession, token_hash(token), with_for_update=True)
    if found is None or found.ended_at is not None:
        return
    _end(found, rt, "signed_out")
    officer = session.get_one(Officer, found.officer_id, options=[selectinload(Officer.roles)])
    record(rt, session, Event.AUTH_LOGOUT, actor=actor_for(session, officer, origin, rt.now()))


def keep_password(rt: Runtime, session: Session, officer: Officer, password: str) -> None:
    """Hash and keep a password that the profile accepts for this person. Raises Invalid("auth.password_*")."""
    factor = second_factor.in_force(session, officer.id, lock=True)
    officer.password_hash = passwords.hashed(
        rt.settings.password_profile,
        password,
        username=officer.username,
        names=(officer.full_name, session.get_one(Office, officer.office_code).name),
        second_factor=factor is not None,
    )
    if factor is not None:
        factor.carries_password = len(password) < rules(rt).shortest


def end_sessions(rt: Runtime, session: Session, officer_id: int, *, keep: str = "") -> int:
    """Sign a person out everywhere, but for the session of the token `keep`. Returns how many ended."""
    others = session.scalars(
        select(WebSession).where(
            WebSession.officer_id == officer_id,
            WebSession.ended_at.is_(None),
            WebSession.token_hash != token_hash(keep),
        )
    ).all()
    for other in others:
        _end(other, rt, "session_ended")
    half_way = (SignInStep.officer_id == officer_id, SignInStep.over_at.is_(None))
    session.execute(update(SignInStep).where(*half_way).values(over_at=rt.now()))
    return len(others)
