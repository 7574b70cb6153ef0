"""Reading the log: searching what a person may see, newest first, a page at a time (AU-1)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.events import label
from accessctl.services import journal_scope
from accessctl.services.actor import Actor
from accessctl.services.journal_query import JournalQuery, indexes
from accessctl.services.recording import record_refusal
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditIndex, AuditLog, Office

__all__ = ["PAGE", "JournalPage", "JournalQuery", "JournalRow", "record_refusal", "search", "visible_record"]

PAGE = 50


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One record as its readers see it; `index` is its place in the log, `said` the whole record."""

    index: int
    at: datetime
    event: str
    event_label_vi: str
    event_label_en: str
    outcome: str
    reason: str | None
    actor: str
    actor_name: str
    office: str | None
    account: str | None
    lease: str | None
    dossier: str | None
    guest: str | None
    host: str | None
    address: str | None
    details: dict[str, Any] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class JournalPage:
    """One page, newest first. `older` and `newer` are the cursors to go on from; None where nothing follows."""

    rows: tuple[JournalRow, ...]
    older: int | None = None
    newer: int | None = None

    @property
    def whole(self) -> bool:
        """Whether this page holds all that fits."""
        return self.older is None and self.newer is None


def search(rt: Runtime, session: Session, actor: Actor, query: JournalQuery) -> JournalPage:
    """The records that fit the query and that this person may see, `PAGE` at a time.

    Nothing is counted and nothing is skipped over: a page costs the same in a log of any length.
    """
    found = indexes(rt, session, actor, query, limit=PAGE + 1)
    more = len(found) > PAGE
    if query.after is not None:
        if not more:  # the newest page: shown in full, as it is to whoever comes without a cursor
            return search(rt, session, actor, replace(query, after=None))
        found = found[-PAGE:]
        return JournalPage(_rows(session, found), older=found[-1], newer=found[0])
    found = found[:PAGE]
    newer = found[0] if found and query.before is not None else None
    return JournalPage(_rows(session, found), older=found[-1] if more else None, newer=newer)


def visible_record(rt: Runtime, session: Session, actor: Actor, index: int) -> tuple[int, bytes] | None:
    """Place and exact bytes of one record that this person may see; None for any other, there or not."""
    found = session.execute(
        select(AuditLog.idx, AuditLog.leaf)
        .join(AuditIndex, AuditIndex.idx == AuditLog.idx)
        .where(AuditLog.idx == index, journal_scope.visible(rt, actor))
    ).first()
    return (found.idx, bytes(found.leaf)) if found else None


def rows_at(session: Session, wanted: Iterable[int]) -> dict[int, JournalRow]:
    """The records at these places; whoever asks has decided who may see them."""
    found = session.execute(select(AuditLog.idx, AuditLog.leaf).where(AuditLog.idx.in_(list(wanted))))
    return {idx: row_of(idx, bytes(leaf)) for idx, leaf in found}


def _rows(session: Session, found: list[int]) -> tuple[JournalRow, ...]:
    rows = rows_at(session, found)
    return tuple(rows[index] for index in found)


def row_of(index: int, leaf: bytes) -> JournalRow:
    """One record as its readers see it."""
    said = json.loads(leaf)
    return JournalRow(
        index=index,
        at=datetime.fromisoformat(said["at"]),
        event=said["event"],
        event_label_vi=label(said["event"], "vi"),
        event_label_en=label(said["event"], "en"),
        outcome=said["outcome"],
        reason=said.get("reason"),
        actor=said.get("actor", "system"),
        actor_name=said.get("actor_name", said.get("actor", "system")),
        office=said.get("office"),
        account=said.get("account"),
        lease=said.get("lease"),
        dossier=said.get("dossier"),
        guest=said.get("guest"),
        host=said.get("host"),
        address=said.get("address"),
        details=said.get("details") or {},
        said=said,
    )


def office_names(session: Session) -> dict[str, str]:
    """Code → name of every office there ever was."""
    return dict(session.execute(select(Office.code, Office.name)).all())
