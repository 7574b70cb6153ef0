"""Whether the head of the log is sound, cheaply: the newest signed checkpoint against the log, and who looked last.

What is checked here is the head: signature, root and length. Every record is checked by `python -m audit verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditCheckpoint, AuditInbox, AuditIndex, AuditLog
from audit.checkpoint import open_checkpoint
from audit.errors import AuditError
from audit.merkle import Frontier
from audit.note import Verifier

_LATE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class LogHead:
    """`sound`: signature, root and length agree; None where the key to check by is not set.

    `size` records stand under the checkpoint of `signed_at`; `waiting` do not yet.
    """

    sound: bool | None
    size: int
    signed_at: datetime | None
    waiting: int
    late: bool
    verified_at: datetime | None
    verified_well: bool


def log_head(rt: Runtime, session: Session) -> LogHead:
    """How the log stands. Decides nothing and shows no record: whoever calls has asked the policy for its page."""
    last = session.scalars(select(AuditCheckpoint).order_by(AuditCheckpoint.size.desc()).limit(1)).first()
    length = session.scalar(select(func.coalesce(func.max(AuditLog.idx) + 1, 0))) or 0
    waiting, oldest = session.execute(select(func.count(), func.min(AuditInbox.at))).one()
    verified = session.execute(
        select(AuditIndex.at, AuditIndex.outcome)
        .where(AuditIndex.event.in_([Event.AUDIT_VERIFIED, f"{Event.AUDIT_VERIFIED}.failed"]))
        .order_by(AuditIndex.idx.desc())
        .limit(1)
    ).first()
    return LogHead(
        sound=_agrees(rt, last, length),
        size=last.size if last else 0,
        signed_at=last.at if last else None,
        waiting=waiting,
        late=oldest is not None and rt.now() - oldest > _LATE,
        verified_at=verified.at if verified else None,
        verified_well=bool(verified and verified.outcome == "ok"),
    )


def _agrees(rt: Runtime, last: AuditCheckpoint | None, length: int) -> bool | None:
    """The checkpoint is signed by our key, and its size and root are those of the log. An empty log is sound."""
    known = rt.settings.env.get("ACCESSCTL_VERIFIER_KEY")
    if last is None or not known:
        return None if length else True
    try:
        key = Verifier.from_text(known)
        signed = open_checkpoint(last.note, [key])
        frontier = Frontier.from_bytes(bytes(last.frontier))
    except (AuditError, ValueError):
        return False
    return signed.size == frontier.size == last.size <= length and signed.root == frontier.root()
