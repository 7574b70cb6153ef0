"""The province's working calendar: what the library knows of a year, and what was announced against it (domain.md §9).

Announced days are withdrawn or superseded, never deleted: on each past day it can be said what held.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import extract, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accessctl.clock import PROVINCE_TIME
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.hours import vietnam
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.staff import names_of
from accessctl.store.models import CalendarOverride

FIRST_YEAR, LAST_YEAR = 2018, 2099


@dataclass(frozen=True, slots=True)
class Day:
    """A day that is not as its weekday says; `announced` when it stands by an override, else by the library."""

    day: date
    works: bool
    name: str
    announced: bool
    decision_no: str | None = None
    override: int | None = None


@dataclass(frozen=True, slots=True)
class OverrideView:
    """An announced day, in force or not any more."""

    id: int
    day: date
    works: bool
    decision_no: str
    note: str
    entered_by: str | None
    entered_at: datetime
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    withdraw_reason: str | None


@dataclass(frozen=True, slots=True)
class Year:
    """One year of the calendar; `predicted` when the Government has not announced it yet (a later year)."""

    year: int
    days: tuple[Day, ...]
    history: tuple[OverrideView, ...]
    predicted: bool
    may_override: bool
    first: int = FIRST_YEAR
    last: int = LAST_YEAR


@dataclass(frozen=True, slots=True)
class Announcement:
    """A day announced as off or worked; `replaces` is the override that the page showed for it, 0 for none."""

    day: date
    works: bool
    decision_no: str
    note: str
    replaces: int


def year(rt: Runtime, session: Session, actor: Actor, number: int, *, language: str = "vi") -> Year:
    """The days of a year that are off or made up, by the library and by announcement. For every officer."""
    require(rt, actor, Permission.OFFICE_VIEW, actor.office)
    number = min(max(number, FIRST_YEAR), LAST_YEAR)
    rows = session.scalars(
        select(CalendarOverride)
        .where(extract("year", CalendarOverride.day) == number)
        .order_by(CalendarOverride.day, CalendarOverride.id)
    ).all()
    in_force = {row.day: row for row in rows if row.withdrawn_at is None}
    known = {day: name for day, name in _library(number, language) if day not in in_force}
    days = [Day(day, works, name, announced=False) for day, (works, name) in known.items()]
    days += [
        Day(row.day, row.works, row.note, announced=True, decision_no=row.decision_no, override=row.id)
        for row in in_force.values()
    ]
    names = names_of(session, [i for row in rows for i in (row.entered_by, row.withdrawn_by)])
    return Year(
        year=number,
        days=tuple(sorted(days, key=lambda d: d.day)),
        history=tuple(_view(row, names) for row in rows),
        predicted=number > _today(rt).year,
        may_override=may(rt, actor, Permission.CALENDAR_OVERRIDE, actor.office),
    )


def _library(number: int, language: str) -> list[tuple[date, tuple[bool, str]]]:
    """Holidays (not worked) and make-up Saturdays (worked) of the year."""
    known = vietnam(number, language)
    off = [(day, (False, name)) for day, name in known.items() if day.year == number]
    return off + [(day, (True, "")) for day in known.weekend_workdays if day.year == number]


def _view(row: CalendarOverride, names: dict[int, str]) -> OverrideView:
    return OverrideView(
        id=row.id,
        day=row.day,
        works=row.works,
        decision_no=row.decision_no,
        note=row.note,
        entered_by=names.get(row.entered_by or 0),
        entered_at=row.entered_at,
        withdrawn_by=names.get(row.withdrawn_by or 0),
        withdrawn_at=row.withdrawn_at,
        withdraw_reason=row.withdraw_reason,
    )


def announce(rt: Runtime, session: Session, actor: Actor, wanted: Announcement) -> CalendarOverride:
    """IT enters a day as announced. What stood for it is superseded and stays in the history.

    Raises Invalid("calendar.past"), ("calendar.no_decision"), Conflict("calendar.changed_meanwhile").
    """
    require(rt, actor, Permission.CALENDAR_OVERRIDE, actor.office)
    decision_no = _line(wanted.decision_no, 60, "calendar.no_decision")
    note = _line(wanted.note, 200, "calendar.no_note")
    if wanted.day < _today(rt) or wanted.day.year > LAST_YEAR:
        raise Invalid("calendar.past", day=f"{wanted.day:%d/%m/%Y}")
    before = session.scalars(_in_force(wanted.day).with_for_update()).first()
    if before is not None and (before.works, before.decision_no, before.note) == (
        wanted.works, decision_no, note,
    ):  # fmt: skip
        return before  # the same form sent twice
    if (before.id if before else 0) != wanted.replaces:
        raise Conflict("calendar.changed_meanwhile", day=f"{wanted.day:%d/%m/%Y}")
    if before is not None:
        _end(rt, before, actor, "calendar.superseded")
        session.flush()
    row = CalendarOverride(
        day=wanted.day, works=wanted.works, decision_no=decision_no, note=note,
        entered_by=actor.id, entered_at=rt.now(),
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:  # somebody was faster
        raise Conflict("calendar.changed_meanwhile", day=f"{wanted.day:%d/%m/%Y}") from error
    _tell(rt, session, actor, row, supersedes=before.id if before else None)
    return row


def withdraw(rt: Runtime, session: Session, actor: Actor, number: str, reason: str) -> CalendarOverride:
    """IT takes an announced day back; from then on the library's word holds. Raises Conflict("calendar.withdrawn")."""
    require(rt, actor, Permission.CALENDAR_OVERRIDE, actor.office)
    row = _numbered(session, number, lock=True)
    if row.withdrawn_at is not None:
        raise Conflict("calendar.withdrawn", day=f"{row.day:%d/%m/%Y}")
    if row.day < _today(rt):
        raise Invalid("calendar.past", day=f"{row.day:%d/%m/%Y}")
    _end(rt, row, actor, _line(reason, 300, "officer.reason_missing"))
    _tell(rt, session, actor, row, withdrawn=True)
    return row


def before_withdrawal(rt: Runtime, session: Session, actor: Actor, number: str) -> OverrideView:
    """The announced day that is to be taken back."""
    require(rt, actor, Permission.CALENDAR_OVERRIDE, actor.office)
    row = _numbered(session, number)
    return _view(row, names_of(session, [row.entered_by, row.withdrawn_by]))


def before_announcement(rt: Runtime, session: Session, actor: Actor, day: date | None) -> OverrideView | None:
    """What stands announced for a day already, for the page on which another word is given."""
    require(rt, actor, Permission.CALENDAR_OVERRIDE, actor.office)
    row = session.scalars(_in_force(day)).first() if day else None
    return _view(row, names_of(session, [row.entered_by])) if row else None


def _in_force(day: date):  # type: ignore[no-untyped-def]
    return select(CalendarOverride).where(
        CalendarOverride.day == day, CalendarOverride.withdrawn_at.is_(None)
    )


def _numbered(session: Session, number: str, *, lock: bool = False) -> CalendarOverride:
    whole = number.isascii() and number.isdigit() and len(number) < 18
    row = session.get(CalendarOverride, int(number), with_for_update=lock) if whole else None
    if row is None:
        raise NotFound("calendar.unknown")
    return row


def _end(rt: Runtime, row: CalendarOverride, actor: Actor, reason: str) -> None:
    row.withdrawn_at, row.withdrawn_by, row.withdraw_reason = rt.now(), actor.id, reason


def _tell(rt: Runtime, session: Session, actor: Actor, row: CalendarOverride, **more: object) -> None:
    """One place for every change of the calendar: whoever recounts deadlines hooks in here."""
    told = {"day": row.day.isoformat(), "works": row.works, "decision_no": row.decision_no, **more}
    record(
        rt,
        session,
        Event.CALENDAR_OVERRIDDEN,
        actor=actor,
        reason=row.withdraw_reason or row.note,
        details=told,
    )


def _today(rt: Runtime) -> date:
    return rt.now().astimezone(PROVINCE_TIME).date()


def _line(text: str, limit: int, missing: str) -> str:
    try:
        return one_line(text, limit=limit)
    except BadText as error:
        raise Invalid(missing if error.why == "empty" else f"input.{error.why}", limit=limit) from None
