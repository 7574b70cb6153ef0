"""Since when each office's database answers, or does not; a change is an event of the log."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.errors import AccessError
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import OfficeLink


def links(session: Session) -> dict[str, OfficeLink]:
    """How each office was found last."""
    return {row.office: row for row in session.scalars(select(OfficeLink))}


def note_try(rt: Runtime, session: Session, office: str, code: str | None) -> bool:
    """Keep how a try went (`code` None: it answered); True when that changed, which is recorded."""
    now, up = rt.now(), code is None
    fresh = {
        "office": office,
        "up": up,
        "since": now,
        "tried_at": now,
        "seen_at": now if up else None,
        "code": code,
    }
    new = insert(OfficeLink).values(fresh).on_conflict_do_nothing().returning(OfficeLink.office)
    first = session.execute(new).scalar() is not None
    row = session.get_one(OfficeLink, office, with_for_update=True, populate_existing=True)
    changed = row.up != up
    if changed:
        row.up, row.since = up, now
    row.tried_at, row.code = now, code
    row.seen_at = now if up else row.seen_at
    if changed or (first and not up):
        event = Event.OFFICEDB_RESTORED if up else Event.OFFICEDB_UNREACHABLE
        record(rt, session, event, host=office, reason=code, details={"office": office})
    return changed


def note_drift(rt: Runtime, session: Session, office: str, count: int) -> None:
    """Keep when an office's rights were compared with the policy last, and how many differed."""
    row = session.get(OfficeLink, office)
    if row is not None:
        row.drift_at, row.drifts = rt.now(), count


def watch(rt: Runtime) -> None:
    """Knock at every office once; one that does not answer leaves the others their turn."""
    for office in rt.offices.offices:
        code = knock(rt, office)
        with transaction(rt) as session:
            if office in rt.office_codes():
                note_try(rt, session, office, code)


def knock(rt: Runtime, office: str) -> str | None:
    """Why an office's database does not answer; None when it does."""
    try:
        with rt.offices.witness(office) as connection:
            connection.execute("SELECT 1")
    except AccessError as error:
        return error.code
    return None
