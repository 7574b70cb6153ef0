"""The offices: who leads and keeps what there, when they serve, and changing their hours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.text import BadText, folded, one_line
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import hours
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Custody, Office, Officer, OfficerRole

_SPAN = re.compile(r"([01]?[0-9]|2[0-3])[:hH.]([0-5][0-9])\s*[-–]\s*([01]?[0-9]|2[0-3])[:hH.]([0-5][0-9])")
_MOST_SPANS = 6


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody to turn to."""

    username: str
    full_name: str
    title: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class OfficeRow:
    """One office for the list; `open_until` is None where it never closes, `closed` says why it is closed now."""

    code: str
    name: str
    name_en: str
    level: str
    gso_code: str | None
    officers: int
    heads: tuple[PersonView, ...]
    open_until: datetime | None
    closed: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class OfficeDetail:
    """One office; `departments` with how many serve there; `custodians` by kind, None for a gap (R31)."""

    row: OfficeRow
    departments: tuple[tuple[str, int], ...]
    custodians: tuple[tuple[str, PersonView | None], ...]
    spans: tuple[tuple[str, str], ...]
    always: bool
    windows: tuple[hours.WindowView, ...]
    version: int
    may: frozenset[str]


@dataclass(frozen=True, slots=True)
class NewHours:
    """Opening hours as typed, one span a line, such as 07:30-11:30; `version` is that of the page."""

    spans: str
    always: bool
    reason: str
    version: int


def listed(rt: Runtime, session: Session, actor: Actor) -> list[OfficeRow]:
    """Every office of the province, the provincial one first. For every officer."""
    require(rt, actor, Permission.OFFICE_VIEW, actor.office)
    offices = sorted(session.scalars(select(Office)), key=in_order)
    heads, counts = _heads(session), _counts(session)
    return [_row(rt, session, office, heads, counts) for office in offices]


def in_order(office: Office) -> tuple[bool, bool, str]:
    """The province first, then by name as Vietnamese lists do (§13); those that are closed at the end."""
    return not office.active, office.level != "province", folded(office.name)


def show(rt: Runtime, session: Session, actor: Actor, code: str) -> OfficeDetail:
    """One office. Raises NotFound("office.unknown")."""
    office = _office(session, code)
    require(rt, actor, Permission.OFFICE_VIEW, office.code)
    sections = dict(
        session.execute(
            select(Officer.department, func.count())
            .where(Officer.office_code == office.code, Officer.left_at.is_(None))
            .group_by(Officer.department)
        ).all()
    )
    acts = {
        "edit": Permission.OFFICE_EDIT,
        "window": Permission.HOURS_WINDOW,
        "officers": Permission.OFFICER_VIEW,
        "calendar": Permission.CALENDAR_OVERRIDE,
    }
    return OfficeDetail(
        row=_row(rt, session, office, _heads(session), {office.code: sum(sections.values())}),
        departments=tuple((code, sections.get(code, 0)) for code in office.departments),
        custodians=tuple(_custodians(rt, session, office)),
        spans=tuple((a, b) for a, b in office.hours.get("spans", [])),
        always=bool(office.hours.get("always")),
        windows=tuple(hours.windows(rt, session, actor, office.code)),
        version=office.version,
        may=frozenset(name for name, permission in acts.items() if may(rt, actor, permission, office.code)),
    )


def before_hours(rt: Runtime, session: Session, actor: Actor, code: str) -> OfficeDetail:
    """The office whose hours are to be changed."""
    require(rt, actor, Permission.OFFICE_EDIT, _office(session, code).code)
    return show(rt, session, actor, code)


def before_window(rt: Runtime, session: Session, actor: Actor, code: str) -> OfficeDetail:
    """The office that is to serve longer."""
    require(rt, actor, Permission.HOURS_WINDOW, _office(session, code).code)
    return show(rt, session, actor, code)


def set_hours(rt: Runtime, session: Session, actor: Actor, code: str, wanted: NewHours) -> Office:
    """IT sets the opening hours; loans under way keep their end. Raises Conflict("office.changed_meanwhile")."""
    office = _office(session, code, lock=True)
    require(rt, actor, Permission.OFFICE_EDIT, office.code)
    if office.version != wanted.version:
        raise Conflict("office.changed_meanwhile", office=office.name)
    spans, reason = _spans(wanted.spans), _why(wanted.reason)
    if wanted.always and not rt.settings.demo:
        raise Refused("office.always_demo_only")
    if not spans and not wanted.always:
        raise Invalid("office.no_hours")
    old, new = dict(office.hours), {"always": wanted.always, "spans": [list(span) for span in spans]}
    if old == new:
        return office
    office.hours = new
    office.version += 1
    told = {"changed": ["hours"], "from": old, "to": new}
    record(rt, session, Event.OFFICE_CHANGED, actor=actor, guest=office.code, reason=reason, details=told)
    return office


def _office(session: Session, code: str, *, lock: bool = False) -> Office:
    office = session.get(Office, code[:20], with_for_update=lock)
    if office is None:
        raise NotFound("office.unknown", office=code[:20])
    return office


def _spans(text: str) -> list[tuple[str, str]]:
    """Spans in order and apart from each other. Raises Invalid("office.bad_hours")."""
    lines = [line.strip() for line in re.split(r"[\n;,]", text[:1000]) if line.strip()]
    found: list[tuple[str, str]] = []
    for line in lines:
        match = _SPAN.fullmatch(line)
        if match is None:
            raise Invalid("office.bad_hours", line=line[:40])
        opens, closes = f"{int(match[1]):02}:{match[2]}", f"{int(match[3]):02}:{match[4]}"
        if opens >= closes or (found and opens < found[-1][1]):
            raise Invalid("office.bad_hours", line=line[:40])
        found.append((opens, closes))
    if len(found) > _MOST_SPANS:
        raise Invalid("office.bad_hours", line=lines[-1][:40])
    return found


def _why(text: str) -> str:
    try:
        return one_line(text, limit=300)
    except BadText as error:
        code = "officer.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Invalid(code, limit=error.limit) from None


def _row(
    rt: Runtime,
    session: Session,
    office: Office,
    heads: Mapping[str, Sequence[PersonView]],
    counts: Mapping[str, int],
) -> OfficeRow:
    until, closed = None, None
    try:
        until = hours.closing_time(session, office, rt.now())
    except Refused as error:
        closed = error.code
    return OfficeRow(
        code=office.code,
        name=office.name,
        name_en=office.name_en,
        level=office.level,
        gso_code=office.gso_code,
        officers=counts.get(office.code, 0),
        heads=tuple(heads.get(office.code, ())),
        open_until=until,
        closed=closed,
        active=office.active,
    )


def _counts(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Officer.office_code, func.count())
        .where(Officer.left_at.is_(None))
        .group_by(Officer.office_code)
    )
    return dict(rows.all())


def _heads(session: Session) -> dict[str, list[PersonView]]:
    """Unit heads by office; at the provincial office the director stands first."""
    people = session.execute(
        select(Officer, OfficerRole.role)
        .join(OfficerRole, OfficerRole.officer_id == Officer.id)
        .where(
            Officer.left_at.is_(None),
            OfficerRole.revoked_at.is_(None),
            OfficerRole.role.in_([Role.UNIT_HEAD, Role.DIRECTOR]),
        )
        .order_by(OfficerRole.role, Officer.sort_name)
    )
    found: dict[str, list[PersonView]] = {}
    for officer, _ in people:
        found.setdefault(officer.office_code, []).append(_person(officer))
    return found


def _custodians(rt: Runtime, session: Session, office: Office) -> list[tuple[str, PersonView | None]]:
    now = select(Custody).where(Custody.office_code == office.code, Custody.period.contains(rt.now()))
    rows = session.scalars(now.options(joinedload(Custody.officer)))
    in_force = {row.kind: _person(row.officer) for row in rows}
    return [(kind, in_force.get(kind)) for kind in ("TKCL", "TKHCTT")]


def _person(officer: Officer) -> PersonView:
    return PersonView(officer.username, officer.full_name, officer.title, officer.phone, officer.email)
