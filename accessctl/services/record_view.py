"""One record with everything about it: who, what, with what, its proof, and the records beside it (AU-1, AU-2)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from accessctl.domain.permissions import Permission
from accessctl.errors import NotFound
from accessctl.services import journal
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.journal import JournalRow
from accessctl.services.journal_query import JournalQuery, indexes
from accessctl.services.record_proof import RecordProof, proof_of
from accessctl.services.runtime import Runtime

STORY = 20
"""Records of the same lease, or of the same request, shown beside the record."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """One record, its proof, the story it belongs to (oldest first), and its neighbours in what this person sees.

    `files` says whether proof and exact bytes may be taken away (`log:verify`); `leases` whether the lease's own
    page may be opened.
    """

    row: JournalRow
    proof: RecordProof
    story: tuple[JournalRow, ...]
    previous: int | None
    next: int | None
    files: bool
    leases: bool


def record_view(rt: Runtime, session: Session, actor: Actor, index: int) -> RecordView:
    """The record at a place of the log. Raises NotFound("journal.no_record") for one this person may not see, too."""
    place, leaf = _found(rt, session, actor, index)
    row = journal.row_of(place, leaf)
    below = indexes(rt, session, actor, JournalQuery(before=place), limit=1)
    above = indexes(rt, session, actor, JournalQuery(after=place), limit=1)
    return RecordView(
        row=row,
        proof=proof_of(rt, session, place, leaf),
        story=_story(rt, session, actor, row),
        previous=below[0] if below else None,
        next=above[0] if above else None,
        files=may(rt, actor, Permission.LOG_VERIFY, actor.office),
        leases=row.lease is not None and may(rt, actor, Permission.LOG_VIEW, row.guest or ""),
    )


def leaf_file(rt: Runtime, session: Session, actor: Actor, index: int) -> bytes:
    """The exact bytes that were hashed, for `python -m audit` or anybody's own tool."""
    require(rt, actor, Permission.LOG_VERIFY, actor.office)
    return _found(rt, session, actor, index)[1]


def proof_file(rt: Runtime, session: Session, actor: Actor, index: int) -> str:
    """The C2SP tlog-proof of a record. Raises NotFound when none could be made."""
    require(rt, actor, Permission.LOG_VERIFY, actor.office)
    place, leaf = _found(rt, session, actor, index)
    proof = proof_of(rt, session, place, leaf)
    if not proof.sound:
        raise NotFound("journal.no_proof", index=place)
    return proof.text


def _found(rt: Runtime, session: Session, actor: Actor, index: int) -> tuple[int, bytes]:
    found = journal.visible_record(rt, session, actor, index) if index < 2**62 else None
    if found is None:
        raise NotFound("journal.no_record", index=str(index)[:20])
    return found


def _story(rt: Runtime, session: Session, actor: Actor, row: JournalRow) -> tuple[JournalRow, ...]:
    """What this person sees of the same lease, else of the same request; nothing when the record stands alone."""
    correlation = row.said.get("correlation") or ""
    query = JournalQuery(lease=row.lease) if row.lease else JournalQuery(correlation=correlation)
    if not (row.lease or correlation):
        return ()
    around = indexes(rt, session, actor, query, limit=STORY * 10)
    here = around.index(row.index) if row.index in around else 0
    first = max(0, min(here - STORY // 2, len(around) - STORY))
    shown = around[first : first + STORY]
    rows = journal.rows_at(session, shown)
    return tuple(rows[index] for index in sorted(shown)) if len(shown) > 1 else ()
