"""Giving the log away: a bundle that an outsider verifies without us (audit.md §3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditCheckpoint, AuditInbox, AuditLog
from audit.errors import ExportError
from audit.export import Written, write_bundle

_AT_ONCE = 2000
_SHORT = 20_000


def export(rt: Runtime, actor: Actor, folder: Path) -> Written:
    """Write everything that is under a checkpoint now, from one snapshot; the export itself is recorded after it."""
    require(rt, actor, Permission.LOG_EXPORT, actor.office)
    with rt.sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        waiting = session.scalar(select(func.count()).select_from(AuditInbox)) or 0
        try:
            written = write_bundle(
                folder,
                leaves=_leaves(session),
                checkpoints=_notes(session),
                verifier_key=rt.settings.need("ACCESSCTL_VERIFIER_KEY"),
                unsequenced=waiting,
                checkpoint_step=_step(session),
                at=rt.now(),
            )
        except ExportError as error:
            raise Conflict("audit.export_failed", folder=str(folder), why=str(error)) from error
    with transaction(rt) as session:
        details = {"size": written.size, "root": written.root.hex()}
        record(rt, session, Event.AUDIT_EXPORTED, actor=actor, details=details)
    return written


def _step(session: Session) -> int:
    """Every checkpoint of a short log, so that a fault is found to the record; one for 256 records of a long one."""
    size = session.scalar(select(func.max(AuditCheckpoint.size))) or 0
    return 1 if size <= _SHORT else 256


def _leaves(session: Session) -> Iterator[bytes]:
    rows = session.execute(
        select(AuditLog.leaf).order_by(AuditLog.idx), execution_options={"yield_per": _AT_ONCE}
    )
    return (bytes(leaf) for (leaf,) in rows)


def _notes(session: Session) -> Iterator[str]:
    rows = session.execute(
        select(AuditCheckpoint.note).order_by(AuditCheckpoint.size), execution_options={"yield_per": _AT_ONCE}
    )
    return (note for (note,) in rows)
