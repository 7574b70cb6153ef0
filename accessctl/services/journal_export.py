"""Taking a search away as a file: exactly what the filter shows, recorded before the first line leaves (log:export)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from accessctl.clock import rfc3339
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict, Invalid
from accessctl.services import journal
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.journal import JournalRow
from accessctl.services.journal_query import JournalQuery, indexes, people_named, tidy
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime

MOST = 50_000
"""Records in one file; a spreadsheet is no archive, the whole log is exported as a bundle that can be verified."""
FORMATS = ("csv", "xlsx")
_AT_ONCE = 1000
_NAMED = 5  # people whose user names stand in the record of the export


@dataclass(frozen=True, slots=True)
class SheetExport:
    """What will be handed out: the places, newest first; `cut` when there were more than `MOST`."""

    places: tuple[int, ...]
    cut: bool

    @property
    def count(self) -> int:
        """How many records."""
        return len(self.places)


def begin_export(rt: Runtime, actor: Actor, query: JournalQuery, form: str) -> SheetExport:
    """Decide, find, and record `audit.exported` with filters and count. Owns its transaction: a page streams after it.

    Raises Conflict("journal.nothing_to_export"), and so words that fit nobody never enter the log.
    """
    require(rt, actor, Permission.LOG_EXPORT, actor.office)
    if form not in FORMATS:
        raise Invalid("journal.export_format")
    with transaction(rt) as session:
        found = indexes(rt, session, actor, replace(query, before=None, after=None), limit=MOST + 1)
        if not found:
            raise Conflict("journal.nothing_to_export")
        made = SheetExport(tuple(found[:MOST]), len(found) > MOST)
        details: dict[str, Any] = {
            "format": form, "count": made.count, "cut": made.cut, "first": made.places[-1], "last": made.places[0],
            "filters": _said(query),
        }  # fmt: skip
        people = people_named(session, query.person or query.words) if query.person or query.words else []
        if people:
            details["people"] = people[:_NAMED] if len(people) <= _NAMED else len(people)
        record(rt, session, Event.AUDIT_EXPORTED, actor=actor, details=details)
    return made


def rows(rt: Runtime, made: SheetExport) -> Iterator[JournalRow]:
    """The records of an export that has begun, in its order; the log does not change, so no snapshot is held."""
    for start in range(0, made.count, _AT_ONCE):
        places = made.places[start : start + _AT_ONCE]
        with transaction(rt) as session:
            found = journal.rows_at(session, places)
        yield from (found[place] for place in places)


def _said(query: JournalQuery) -> dict[str, str]:
    """The filters in force as the log keeps them: people by user name, elsewhere, and no free words."""
    found: dict[str, str] = {}
    query = tidy(query) or query
    for part in fields(query):
        value = getattr(query, part.name)
        if value in ("", None) or part.name in ("words", "person", "before", "after"):
            continue
        found[part.name] = rfc3339(value) if isinstance(value, datetime) else str(value)
    return found
