"""Who is acting: a named officer with the roles of this very moment, or the service itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from accessctl.domain.permissions import Role
from accessctl.errors import NotFound
from accessctl.store.models import Custody, Office, Officer


def new_correlation() -> str:
    """One id that ties a request to everything it caused, down to the database session."""
    return uuid.uuid4().hex[:16]


@dataclass(frozen=True, slots=True)
class Origin:
    """From where something was asked: channel ∈ web, cli, worker; address and port of the client."""

    channel: str
    address: str | None = None
    port: int | None = None
    correlation: str = field(default_factory=new_correlation)


@dataclass(frozen=True, slots=True)
class Actor:
    """An officer with all roles in force now. Built anew for each request: a right withdrawn is gone (openIMIS)."""

    id: int
    username: str
    full_name: str
    title: str
    office: str
    office_name: str
    department: str
    roles: frozenset[Role]
    role: Role | None
    """The one shown first; decisions use the whole set."""
    must_change: bool
    origin: Origin
    version: int
    """Of the officer's row, when this was read: office and entered roles are those of this version."""
    language: str | None = None
    """What this person chose to read in; None: what the machine says."""
    must_enrol: bool = False
    """A second factor is required of this person, and there is none: that comes before anything else."""
    read_only: bool = False
    """Came with a token of the scope `read`: whatever the roles allow, nothing but reading."""

    @property
    def held_back(self) -> bool:
        """Signed in, but something of one's own must be put in order first."""
        return self.must_change or self.must_enrol


def actor_for(session: Session, officer: Officer, origin: Origin, now: datetime) -> Actor:
    """The actor that an officer is at this moment: entered roles plus custody in force."""
    entered = [r for r in officer.roles if r.revoked_at is None]
    first = next((Role(r.role) for r in entered if r.shown_first), None)
    kinds = session.scalars(
        select(Custody.kind).where(Custody.officer_id == officer.id, Custody.period.contains(now))
    )
    custody = [Role(f"custodian_{kind.lower()}") for kind in kinds]
    office = session.get_one(Office, officer.office_code)
    return Actor(
        id=officer.id,
        username=officer.username,
        full_name=officer.full_name,
        title=officer.title,
        office=officer.office_code,
        office_name=office.name,
        department=officer.department,
        roles=frozenset([*(Role(r.role) for r in entered), *custody]),
        role=_shown_first(officer, [*custody, *([first] if first else []), *(Role(r.role) for r in entered)]),
        must_change=officer.must_change,
        origin=origin,
        version=officer.version,
        language=officer.language,
    )


def _shown_first(officer: Officer, held: list[Role]) -> Role | None:
    """The one that the person chose, as long as it is held; else custody, the entered first, any."""
    chosen = next((role for role in held if role == officer.shown_role), None)
    return chosen or next(iter(held), None)


def actor_by_id(session: Session, officer_id: int, origin: Origin, now: datetime) -> Actor:
    """The actor behind a stored officer id (a queued request, a session)."""
    known = (
        select(Officer, Office)
        .join(Office, Office.code == Officer.office_code)
        .where(Officer.id == officer_id)
        .options(joinedload(Officer.roles))
    )
    officer, _ = session.execute(known).unique().one()  # one trip: `actor_for` finds both in the session
    return actor_for(session, officer, origin, now)


def officer_named(session: Session, username: str) -> Officer:
    """The officer of this user name who has not left. Raises NotFound("officer.unknown")."""
    found = session.scalars(
        select(Officer)
        .where(Officer.username == username, Officer.left_at.is_(None))
        .options(selectinload(Officer.roles))
    ).first()
    if found is None:
        raise NotFound("officer.unknown", officer=username[:60])
    return found
