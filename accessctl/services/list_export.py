"""A list taken away as a file leaves a record, as the export of the journal does: which list, how many, what was asked.

The lists of accounts, leases and officers name people and say who holds what; whoever may see one may take it away
(ui.md, principle 7), but never unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.events import Event
from accessctl.errors import Invalid
from accessctl.services.actor import Actor
from accessctl.services.journal_query import people_named
from accessctl.services.recording import quoted, record
from accessctl.services.runtime import Runtime

MOST = 50_000
"""Lines in one file, as in one of the journal."""
FORMATS = ("csv", "xlsx")
_NAMED = 5  # people whose user names stand in the record
_LONGEST = 60  # characters of a filter


class Taken(StrEnum):
    """Which list was taken away."""

    ACCOUNTS = "accounts"
    LEASES = "leases"
    OFFICERS = "officers"


def known_format(form: str) -> str:
    """The kind of file. Raises Invalid("journal.export_format") for any other."""
    if form not in FORMATS:
        raise Invalid("journal.export_format")
    return form


def taken(
    rt: Runtime,
    session: Session,
    actor: Actor,
    what: Taken,
    *,
    form: str,
    count: int,
    filters: Mapping[str, Any],
    words: str = "",
    cut: bool = False,
) -> None:
    """Record `audit.exported`. `words` name people: they stand there by user name, words that fit nobody do not."""
    details: dict[str, Any] = {
        "list": what.value,
        "format": form,
        "count": count,
        "cut": cut,
        "filters": {name: _said(value) for name, value in filters.items() if value not in ("", None, False)},
    }
    people = people_named(session, words) if words else []
    if people:
        details["people"] = people[:_NAMED] if len(people) <= _NAMED else len(people)
    record(rt, session, Event.AUDIT_EXPORTED, actor=actor, details=details)


def _said(value: Any) -> str:
    return rfc3339(value) if isinstance(value, datetime) else quoted(str(value), _LONGEST)
