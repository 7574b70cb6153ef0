"""The list of the staff: its filters, its order by given name, page by page however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.permissions import Permission, Role
from accessctl.domain.text import folded
from accessctl.services import roles
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.list_export import MOST, Taken, known_format, taken
from accessctl.services.runtime import Runtime
from accessctl.store.models import Custody, Office, Officer, OfficerRole, RoleProposal

PAGE = 50
ACTIVE, LEFT, ALL = "active", "left", "all"


@dataclass(frozen=True, slots=True)
class OfficerQuery:
    """What is looked for; every part given must fit. `name` is part of the full or user name, marks or not."""

    name: str = ""
    office: str = ""
    department: str = ""
    role: str = ""
    state: str = ACTIVE
    page: int = 1


@dataclass(frozen=True, slots=True)
class OfficerRow:
    """One officer for a list; `roles` in force, custody included, the one shown first first."""

    username: str
    full_name: str
    title: str
    phone: str
    email: str
    office: str
    office_name: str
    level: str
    department: str
    roles: tuple[str, ...]
    waiting: int
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class OfficerPage:
    """One page of `pages`, by given name; `total` officers fit the query."""

    rows: tuple[OfficerRow, ...]
    page: int
    pages: int
    total: int


def search(rt: Runtime, session: Session, actor: Actor, query: OfficerQuery) -> OfficerPage:
    """The officers that fit and that this person may see, by given name as Vietnamese lists do."""
    fits = _fits(rt, actor, query)
    total = session.scalar(select(func.count()).select_from(Officer).where(*fits)) or 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, query.page), pages)
    people = session.scalars(_by_name(fits).offset((page - 1) * PAGE).limit(PAGE)).all()
    return OfficerPage(tuple(rows_of(session, people, rt.now())), page, pages, total)


@dataclass(frozen=True, slots=True)
class OfficerFile:
    """What will be handed out; `cut` when there were more than MOST."""

    rows: tuple[OfficerRow, ...]
    cut: bool


def take_away(rt: Runtime, session: Session, actor: Actor, query: OfficerQuery, form: str) -> OfficerFile:
    """All that fit, at most MOST, recorded as `audit.exported` in the caller's transaction."""
    known_format(form)
    people = session.scalars(_by_name(_fits(rt, actor, query)).limit(MOST + 1)).all()
    made = OfficerFile(tuple(rows_of(session, people[:MOST], rt.now())), len(people) > MOST)
    asked = {name: getattr(query, name) for name in ("office", "department", "role", "state")}
    taken(
        rt, session, actor, Taken.OFFICERS, form=form, count=len(made.rows), cut=made.cut, filters=asked,
        words=query.name,
    )  # fmt: skip
    return made


def _by_name(fits: list[ColumnElement[bool]]) -> Select[Officer]:
    """By given name, as Vietnamese lists do."""
    people = select(Officer).where(*fits).options(selectinload(Officer.roles))
    return people.order_by(Officer.sort_name, Officer.id)


def _fits(rt: Runtime, actor: Actor, query: OfficerQuery) -> list[ColumnElement[bool]]:
    return [Officer.office_code.in_(visible_offices(rt, actor)), *_filters(query, rt.now())]


def visible_offices(rt: Runtime, actor: Actor) -> list[str]:
    """The offices whose staff this person may see. Raises Refused for whoever may see none."""
    offices = [code for code in rt.office_codes() if may(rt, actor, Permission.OFFICER_VIEW, code)]
    if not offices:
        require(rt, actor, Permission.OFFICER_VIEW, actor.office)
    return offices


def _filters(query: OfficerQuery, now: datetime) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if words := folded(" ".join(query.name.replace("\x00", "").split()))[:100]:
        fits.append(Officer.search_name.contains(words, autoescape=True))
    if query.office:
        fits.append(Officer.office_code == query.office.replace("\x00", ""))
    if query.department:
        fits.append(Officer.department == query.department.replace("\x00", ""))
    if query.role:
        fits.append(_has_role(query.role, now))
    if query.state != ALL:
        fits.append(Officer.left_at.is_not(None) if query.state == LEFT else Officer.left_at.is_(None))
    return fits


def _has_role(role: str, now: datetime) -> ColumnElement[bool]:
    if role.startswith("custodian_"):
        kind = role.removeprefix("custodian_").upper().replace("\x00", "")
        return exists().where(
            Custody.officer_id == Officer.id, Custody.kind == kind, Custody.period.contains(now)
        )
    held = role.replace("\x00", "")
    return exists().where(
        OfficerRole.officer_id == Officer.id, OfficerRole.role == held, OfficerRole.revoked_at.is_(None)
    )


def rows_of(session: Session, people: Iterable[Officer], now: datetime) -> list[OfficerRow]:
    """The officers with their offices, custody and what waits for them: three looks, however many there are."""
    people = list(people)
    who = [officer.id for officer in people]
    offices = {o.code: o for o in session.scalars(select(Office))}
    custody: dict[int, list[str]] = {}
    in_force = select(Custody.officer_id, Custody.kind).where(
        Custody.officer_id.in_(who), Custody.period.contains(now)
    )
    for officer_id, kind in session.execute(in_force):
        custody.setdefault(officer_id, []).append(f"custodian_{kind.lower()}")
    open_ones = (
        select(RoleProposal.officer_id, func.count())
        .where(RoleProposal.officer_id.in_(who), RoleProposal.state == roles.WAITING)
        .group_by(RoleProposal.officer_id)
    )
    waiting = dict(session.execute(open_ones).all())
    return [_row(o, offices[o.office_code], custody.get(o.id, []), waiting.get(o.id, 0)) for o in people]


def _row(officer: Officer, office: Office, custody: list[str], waiting: int) -> OfficerRow:
    held = sorted((r for r in officer.roles if r.revoked_at is None), key=lambda r: not r.shown_first)
    return OfficerRow(
        username=officer.username,
        full_name=officer.full_name,
        title=officer.title,
        phone=officer.phone,
        email=officer.email,
        office=office.code,
        office_name=office.name,
        level=office.level,
        department=officer.department,
        roles=(*(r.role for r in held), *sorted(custody)),
        waiting=waiting,
        left_at=officer.left_at,
    )


def heads_of(session: Session, office: str, *, without: int = 0) -> list[str]:
    """The unit heads of an office, by name."""
    return list(
        session.scalars(
            select(Officer.full_name)
            .join(OfficerRole, OfficerRole.officer_id == Officer.id)
            .where(
                Officer.office_code == office,
                Officer.id != without,
                Officer.left_at.is_(None),
                OfficerRole.role == Role.UNIT_HEAD,
                OfficerRole.revoked_at.is_(None),
            )
            .order_by(Officer.sort_name)
        )
    )
