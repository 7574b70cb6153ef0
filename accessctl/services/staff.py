"""What every act on an officer begins with: the row under lock, an edit that is not behind, the record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.custody import Department
from accessctl.domain.events import Event
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound
from accessctl.services.actor import Actor
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Office, Officer

REASON_LIMIT = 300


def found(session: Session, username: str) -> Officer:
    """The officer of this user name, also one who has left. Raises NotFound("officer.unknown")."""
    officer = session.scalars(
        select(Officer).where(Officer.username == username[:60]).options(selectinload(Officer.roles))
    ).first()
    if officer is None:
        raise NotFound("officer.unknown", officer=username[:60])
    return officer


def locked(session: Session, username: str, *, left: bool = False) -> Officer:
    """The officer as of now and locked: two acts on one person come one after the other. `left`: also one who has left.

    The lock also keeps a check-out of this person waiting: it holds the row while it writes its loan.
    """
    named = select(Officer).where(Officer.username == username[:60])
    officer = session.scalars(
        (named if left else named.where(Officer.left_at.is_(None)))
        .options(selectinload(Officer.roles))
        .with_for_update(of=Officer)
        .execution_options(populate_existing=True)
    ).first()
    if officer is None:
        raise NotFound("officer.unknown", officer=username[:60])
    return officer


def place_of(session: Session, office: str, department: str) -> Office:
    """An office that serves and has the department. Raises NotFound("office.unknown"), Invalid("officer.…")."""
    place = session.get(Office, office[:20])
    if place is None or not place.active:
        raise NotFound("office.unknown", office=office[:20])
    if department not in place.departments or department not in set(Department):
        raise Invalid("officer.no_department", office=place.name)
    return place


def of_version(officer: Officer, version: int) -> None:
    """Raises Conflict("officer.changed_meanwhile") when the officer was changed since the page was made."""
    if officer.version != version:
        raise Conflict("officer.changed_meanwhile", officer=officer.full_name)


def case_of(actor: Actor, officer: Officer) -> str:
    """Nobody acts on himself or herself: the policy's case."""
    return "self" if officer.id == actor.id else "none"


def title_of(text: str) -> str:
    """A title on one line. Raises Invalid("input.…")."""
    try:
        return one_line(text, limit=120)
    except BadText as error:
        raise Invalid(f"input.{error.why}", limit=error.limit) from None


def why(text: str) -> str:
    """A reason or the number of a decision, on one line. Raises Invalid("officer.reason_missing") or ("input.…")."""
    try:
        return one_line(text, limit=REASON_LIMIT)
    except BadText as error:
        code = "officer.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Invalid(code, limit=error.limit) from None


def tell(
    rt: Runtime,
    session: Session,
    event: Event,
    officer: Officer,
    actor: Actor | None,
    more: Mapping[str, object],
    *,
    reason: str | None = None,
    guest: str | None = None,
    host: str | None = None,
) -> None:
    """Record something about an officer; seen by the heads of `guest` (the officer's office) and `host`."""
    place, details = guest or officer.office_code, about(officer, more)
    record(rt, session, event, actor=actor, guest=place, host=host, reason=reason, details=details)


def about(officer: Officer, more: Mapping[str, object]) -> dict[str, object]:
    """Whom a record is about, and more."""
    return {"officer": officer.username, "officer_name": officer.full_name, **more}


def names_of(session: Session, identities: Iterable[int | None]) -> dict[int, str]:
    """Full names by id, for pages that say who did what."""
    wanted = {identity for identity in identities if identity is not None}
    if not wanted:
        return {}
    rows = session.execute(select(Officer.id, Officer.full_name).where(Officer.id.in_(wanted)))
    return dict(rows.all())
