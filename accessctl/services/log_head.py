"""Whether the head of the log is sound, cheaply: the newest signed checkpoint against the log, and who looked last.

What is checked here is the head: signature, root and length. Every record is checked by `python -m audit verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

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
    last = session.execute(_NEWEST).first()
    now = session.execute(_STANDING).one()
    return LogHead(
        sound=_agrees(rt, last, now.length),
        size=last.size if last else 0,
        signed_at=last.at if last else None,
        waiting=now.waiting,
        late=now.oldest is not None and rt.now() - now.oldest > _LATE,
        verified_at=now.verified_at,
        verified_well=now.outcome == "ok",
    )


_NEWEST = (
    select(AuditCheckpoint.size, AuditCheckpoint.at, AuditCheckpoint.note, AuditCheckpoint.frontier)
    .order_by(AuditCheckpoint.size.desc())
    .limit(1)
)
_VERIFIED = (
    select(AuditIndex.at, AuditIndex.outcome)
    .where(AuditIndex.event.in_([Event.AUDIT_VERIFIED, f"{Event.AUDIT_VERIFIED}.failed"]))
    .order_by(AuditIndex.idx.desc())
    .limit(1)
    .subquery()
)
_STANDING = select(
    select(func.coalesce(func.max(AuditLog.idx) + 1, 0)).scalar_subquery().label("length"),
    select(func.count()).select_from(AuditInbox).scalar_subquery().label("waiting"),
    select(func.min(AuditInbox.at)).scalar_subquery().label("oldest"),
    select(_VERIFIED.c.at).scalar_subquery().label("verified_at"),
    select(_VERIFIED.c.outcome).scalar_subquery().label("outcome"),
)


def _agrees(rt: Runtime, last: Any, length: int) -> bool | None:
    """The checkpoint is signed by our key, and its size and root are those of the log. An empty log is sound."""
    known = rt.settings.env.get("ACCESSCTL_VERIFIER_KEY")
    if last is None or not known:
        return None if length else True
    return last.size <= length and _sound(known, last.note, bytes(last.frontier), last.size)


@lru_cache(maxsize=64)
def _sound(key: str, note: str, frontier: bytes, size: int) -> bool:
    """Of the same bytes always the same: a signature that many people look at is checked once."""
    try:
        signed = open_checkpoint(note, [Verifier.from_text(key)])
        seen = Frontier.from_bytes(frontier)
    except (AuditError, ValueError):
        return False
    return signed.size == seen.size == size and signed.root == seen.root()
