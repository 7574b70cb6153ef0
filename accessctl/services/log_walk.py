"""Every event of the log from the first to the last under a checkpoint, hashed anew and held against what was signed.

Reads one snapshot in blocks, with memory for one block; trusts no stored hash (audit.md §3). What it cannot see is
a log that was written anew with the key: for that an outsider needs an older checkpoint and `python -m audit verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditCheckpoint, AuditLog
from audit.checkpoint import open_checkpoint
from audit.errors import AuditError
from audit.merkle import Frontier, leaf_hash
from audit.note import Verifier

_BLOCK = 2000
_SHORT = 20_000  # events: every signature of a short log is checked, so that a fault is found to the event
_SIGNED_EACH = (
    256  # of a long one: a signature costs as much as fifty events; every frontier is compared all the same
)


@dataclass(frozen=True, slots=True)
class Walked:
    """`size` events stand under checkpoints; a wrong one is among `bad_from`…`bad_to` (both included)."""

    size: int
    root: str | None
    bad_from: int | None = None
    bad_to: int | None = None

    @property
    def sound(self) -> bool:
        """Nothing wrong was found."""
        return self.bad_from is None


def walk(rt: Runtime, progress: Callable[[int, int], None]) -> Walked:
    """Check all that is under a checkpoint now. `progress` gets events done and in all, after each block.

    Raises Invalid("config.missing") without the verifier key.
    """
    key = Verifier.from_text(rt.settings.need("ACCESSCTL_VERIFIER_KEY"))
    with rt.sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        size = session.scalar(select(func.max(AuditCheckpoint.size))) or 0
        head = _Head(key, Frontier.empty(), step=1 if size <= _SHORT else _SIGNED_EACH)
        for start in range(0, size, _BLOCK):
            if not head.takes(session, start, min(start + _BLOCK, size), last=size):
                return Walked(size, None, head.good, head.bad)
            progress(head.frontier.size, size)
        return Walked(size, head.frontier.root().hex())


@dataclass(slots=True)
class _Head:
    """How far the walk has come: up to `good` a signature has confirmed it; `bad` is where it stopped."""

    key: Verifier
    frontier: Frontier
    step: int
    good: int = 0
    bad: int = 0

    def takes(self, session: Session, start: int, stop: int, *, last: int) -> bool:
        """Go through the events `start`…`stop`-1; False at the first that is missing or leads elsewhere."""
        marks = _marks(session, start, stop)
        for index, leaf in _events(session, start, stop):
            if index != self.frontier.size:
                break
            self.frontier.append(leaf_hash(leaf))
            mark = marks.get(self.frontier.size)
            if mark is not None and not self._agrees(*mark, last=last):
                self.bad = self.frontier.size - 1
                return False
        if self.frontier.size < stop:
            self.good = self.bad = self.frontier.size
            return False
        return True

    def _agrees(self, stored: bytes, note: str, *, last: int) -> bool:
        size = self.frontier.size
        if stored != self.frontier.to_bytes():
            return False
        if size - self.good < self.step and size != last:
            return True
        try:
            signed = open_checkpoint(note, [self.key])
        except AuditError:
            return False
        if (signed.size, signed.root) != (size, self.frontier.root()):
            return False
        self.good = size
        return True


def _events(session: Session, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    rows = session.execute(
        select(AuditLog.idx, AuditLog.leaf)
        .where(AuditLog.idx >= start, AuditLog.idx < stop)
        .order_by(AuditLog.idx)
    )
    return ((index, bytes(leaf)) for index, leaf in rows)


def _marks(session: Session, start: int, stop: int) -> dict[int, tuple[bytes, str]]:
    rows = session.execute(
        select(AuditCheckpoint.size, AuditCheckpoint.frontier, AuditCheckpoint.note).where(
            AuditCheckpoint.size > start, AuditCheckpoint.size <= stop
        )
    )
    return {size: (bytes(stored), note) for size, stored, note in rows}
