"""Who is acting: a named officer with the roles of this very moment, or the service itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import DateTime, bindparam, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.permissions import Role
from accessctl.errors import NotFound
from accessctl.store.models import Custody, Office, Officer, OfficerRole


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


_NOW = bindparam("now", type_=DateTime(timezone=True))
_ENTERED = (
    select(
        func.array_agg(aggregate_order_by(OfficerRole.role, OfficerRole.shown_first.desc(), OfficerRole.id))
    )
    .where(OfficerRole.officer_id == Officer.id, OfficerRole.revoked_at.is_(None))
    .scalar_subquery()
)
_KINDS = (
    select(func.array_agg(Custody.kind))
    .where(Custody.officer_id == Officer.id, Custody.period.contains(_NOW))
    .scalar_subquery()
)
PERSON = (
    Officer.id, Officer.username, Officer.full_name, Officer.title, Officer.office_code, Officer.department,
    Officer.must_change, Officer.version, Officer.language, Officer.shown_role, Office.name.label("office_name"),
    _ENTERED.label("entered"), _KINDS.label("kinds"),
)  # fmt: skip
"""All that an actor is made of; wants Officer joined to Office, and the parameter `now`."""
_BY_ID = (
    select(*PERSON).join(Office, Office.code == Officer.office_code).where(Officer.id == bindparam("officer"))
)


class _Facts(Protocol):
    """An officer, or a row with the columns of `PERSON`."""

    id: Any
    username: Any
    full_name: Any
    title: Any
    office_code: Any
    department: Any
    must_change: Any
    version: Any
    language: Any
    shown_role: Any


def actor_for(session: Session, officer: Officer, origin: Origin, now: datetime) -> Actor:
    """The actor that an officer is at this moment: entered roles plus custody in force."""
    entered = sorted((r for r in officer.roles if r.revoked_at is None), key=lambda r: not r.shown_first)
    kinds = session.scalars(
        select(Custody.kind).where(Custody.officer_id == officer.id, Custody.period.contains(now))
    )
    office = session.get_one(Office, officer.office_code)
    return _actor(officer, office.name, [r.role for r in entered], list(kinds), origin)


def actor_of(row: Any, origin: Origin) -> Actor:
    """The actor of a row with the columns of `PERSON`: the same in one trip."""
    return _actor(row, row.office_name, row.entered or [], row.kinds or [], origin)


def _actor(facts: _Facts, office_name: str, entered: list[str], kinds: list[str], origin: Origin) -> Actor:
    """`entered` with the one shown first in front."""
    held = [Role(word) for word in (*(f"custodian_{kind.lower()}" for kind in kinds), *entered)]
    return Actor(
        id=facts.id,
        username=facts.username,
        full_name=facts.full_name,
        title=facts.title,
        office=facts.office_code,
        office_name=office_name,
        department=facts.department,
        roles=frozenset(held),
        role=next((role for role in held if role == facts.shown_role), next(iter(held), None)),
        must_change=facts.must_change,
        origin=origin,
        version=facts.version,
        language=facts.language,
    )


def actor_by_id(session: Session, officer_id: int, origin: Origin, now: datetime) -> Actor:
    """The actor behind a stored officer id (a queued request, a session)."""
    return actor_of(session.execute(_BY_ID, {"officer": officer_id, "now": now}).one(), origin)


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
