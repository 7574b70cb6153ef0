"""Searches of the journal that a person keeps under a name: nobody else's, ended instead of deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, folded, one_line
from accessctl.errors import Conflict, Invalid, NotFound
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.runtime import Runtime
from accessctl.store.models import SavedSearch

NAME_LIMIT = 60
MOST = 30
KEPT = ("words", "person", "account", "kind", "office", "guest", "host", "dossier", "event", "outcome", "lease",
        "correlation", "since", "until")  # fmt: skip
"""The fields of the search form that are kept, as they were typed."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One kept search."""

    id: int
    name: str
    filters: dict[str, str]
    created_at: datetime


def saved(rt: Runtime, session: Session, actor: Actor) -> list[Saved]:
    """This person's searches by name."""
    require(rt, actor, Permission.LOG_VIEW_OWN, actor.office)
    rows = session.scalars(
        select(SavedSearch).where(SavedSearch.officer_id == actor.id, SavedSearch.ended_at.is_(None))
    )
    found = [Saved(row.id, row.name, dict(row.filters), row.created_at) for row in rows]
    return sorted(found, key=lambda entry: folded(entry.name))


def save(rt: Runtime, session: Session, actor: Actor, name: str, filters: Mapping[str, str]) -> Saved:
    """Keep a search. The same name with the same filters is the same search; other filters are refused."""
    require(rt, actor, Permission.LOG_VIEW_OWN, actor.office)
    try:
        name = one_line(name, limit=NAME_LIMIT)
        kept = {key: one_line(filters[key], limit=100) for key in KEPT if filters.get(key)}
    except BadText as error:
        code = "journal.search_unnamed" if error.why == "empty" else f"input.{error.why}"
        raise Invalid(code, limit=error.limit) from None
    if not kept:
        raise Invalid("journal.search_empty")
    _room(session, actor)
    values = {"officer_id": actor.id, "name": name, "filters": kept, "created_at": rt.now()}
    new = insert(SavedSearch).values(values).on_conflict_do_nothing().returning(SavedSearch.id)
    if session.execute(new).scalar() is None and _named(session, actor, name).filters != kept:
        raise Conflict("journal.search_name_taken", name=name)
    row = _named(session, actor, name)
    return Saved(row.id, row.name, dict(row.filters), row.created_at)


def end(rt: Runtime, session: Session, actor: Actor, identity: int) -> str:
    """Take a search off the list; ending it twice is the same. Returns its name."""
    require(rt, actor, Permission.LOG_VIEW_OWN, actor.office)
    row = session.get(SavedSearch, identity) if 0 < identity < 2**62 else None
    if row is None or row.officer_id != actor.id:
        raise NotFound("journal.no_search")
    row.ended_at = row.ended_at or rt.now()
    return row.name


def _room(session: Session, actor: Actor) -> None:
    count = select(func.count()).where(SavedSearch.officer_id == actor.id, SavedSearch.ended_at.is_(None))
    if (session.scalar(count) or 0) >= MOST:
        raise Conflict("journal.searches_full", limit=MOST)


def _named(session: Session, actor: Actor, name: str) -> SavedSearch:
    return session.scalars(
        select(SavedSearch).where(
            SavedSearch.officer_id == actor.id, SavedSearch.name == name, SavedSearch.ended_at.is_(None)
        )
    ).one()
