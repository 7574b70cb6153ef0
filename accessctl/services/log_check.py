"""Checking every event of the log inside the service: asked for by an auditor, or done once a day; always recorded.

The walk itself is the worker's. Whoever trusts nobody here exports the log and verifies it on another machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.services import findings
from accessctl.services.actor import Actor, Origin, actor_by_id
from accessctl.services.authorize import acts, require
from accessctl.services.control import transaction
from accessctl.services.log_walk import Walked, walk
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.staff import names_of
from accessctl.store.models import AuditCheck, AuditCheckpoint, Province

EVERY = timedelta(days=1)
SILENT = timedelta(minutes=2)
"""A worker that has not said how far it is for so long has died; another takes the check over."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check. `by` None: the worker by itself. `finished_at` None: it waits, or is at `done` of `size`."""

    by: str | None
    asked_at: datetime
    finished_at: datetime | None
    done: int
    size: int | None
    sound: bool | None
    root: str | None
    bad_from: int | None
    bad_to: int | None


def look(rt: Runtime, session: Session, actor: Actor) -> list[CheckView]:
    """The latest checks, the newest first (log:verify)."""
    require(rt, actor, Permission.LOG_VERIFY, actor.office)
    rows = session.scalars(select(AuditCheck).order_by(AuditCheck.id.desc()).limit(SHOWN)).all()
    names = names_of(session, [row.asked_by for row in rows])
    return [
        CheckView(
            names.get(row.asked_by or 0), row.asked_at, row.finished_at, row.done, row.size, row.sound, row.root,
            row.bad_from, row.bad_to,
        )
        for row in rows
    ]  # fmt: skip


def ask(rt: Runtime, session: Session, actor: Actor) -> bool:
    """Let the worker check now; False when one is under way already, which is as good. The caller commits."""
    acts(actor)
    require(rt, actor, Permission.LOG_VERIFY, actor.office)
    session.scalar(select(Province.code).limit(1).with_for_update())  # two who ask at once take turns
    if session.scalar(select(AuditCheck.id).where(AuditCheck.finished_at.is_(None)).limit(1)) is not None:
        return False
    session.add(AuditCheck(asked_by=actor.id, asked_at=rt.now(), done=0))
    return True


def turn(rt: Runtime) -> Walked | None:
    """One turn of the worker: carry out the check that waits, or the day's; None when there is nothing to do.

    A worker without the key to check by leaves it to another.
    """
    claimed = _claim(rt) if rt.settings.env.get("ACCESSCTL_VERIFIER_KEY") else None
    if claimed is None:
        return None

    def told(done: int, size: int) -> None:
        with transaction(rt) as session:
            row = session.get_one(AuditCheck, claimed)
            row.done, row.size, row.beat_at = done, size, rt.now()

    found = walk(rt, told)
    _settle(rt, claimed, found)
    return found


def _claim(rt: Runtime) -> int | None:
    now = rt.now()
    free = or_(AuditCheck.beat_at.is_(None), AuditCheck.beat_at < now - SILENT)
    waiting = select(AuditCheck).where(AuditCheck.finished_at.is_(None)).order_by(AuditCheck.id).limit(1)
    with transaction(rt) as session:
        row = session.scalars(waiting.where(free).with_for_update(skip_locked=True)).first()
        if row is None:
            if session.scalar(select(Province.code).limit(1).with_for_update(skip_locked=True)) is None:
                return None  # no province yet, or another worker is at it
            newest = session.scalar(select(AuditCheck.asked_at).order_by(AuditCheck.id.desc()).limit(1))
            if newest is not None and now - newest < EVERY:
                return None
            if newest is None and session.scalar(select(func.max(AuditCheckpoint.size))) in (None, 0):
                return (
                    None  # founded a moment ago, nothing sealed yet: "sound up to record 0" would say nothing
                )
            row = AuditCheck(asked_at=now, done=0)
            session.add(row)
        row.beat_at, row.done = now, 0
        session.flush()
        return row.id


def _settle(rt: Runtime, identity: int, found: Walked) -> None:
    """The outcome, its record, and a finding where something is wrong: in one transaction."""
    with transaction(rt) as session:
        row = session.get_one(AuditCheck, identity, with_for_update=True)
        if row.finished_at is not None:
            return
        row.finished_at, row.size, row.sound, row.root = rt.now(), found.size, found.sound, found.root
        row.bad_from, row.bad_to = found.bad_from, found.bad_to
        asked = actor_by_id(session, row.asked_by, Origin("worker"), rt.now()) if row.asked_by else None
        details = {"size": found.size, "root": found.root}
        if not found.sound:
            details |= {"n": found.bad_from, "last": found.bad_to}
            key = f"{found.bad_from}-{found.bad_to}"
            findings.raise_finding(
                rt, session, findings.Kind.AUDIT_DAMAGED, key=key, severity=1, details=details
            )
        record(
            rt, session, Event.AUDIT_VERIFIED, actor=asked, failed=not found.sound,
            reason=None if found.sound else "audit.damaged", details=details,
        )  # fmt: skip
