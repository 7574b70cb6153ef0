"""When an office serves: its hours, the public holidays, announced exceptions, windows opened by its head (S34)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.clock import PROVINCE_TIME, rfc3339
from accessctl.domain.calendar import OpeningHours, Span, Window
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.staff import names_of, why
from accessctl.store.models import CalendarOverride, HoursWindow, Office

if TYPE_CHECKING:
    from holidays.countries.vietnam import Vietnam


@cache
def vietnam(year: int, language: str = "vi") -> Vietnam:
    """The public holidays, days off in lieu and make-up Saturdays of a year as the library knows them."""
    from holidays.countries.vietnam import Vietnam  # loads the whole world: only when asked

    return Vietnam(years=year, language="en_US" if language == "en" else "vi")


_AHEAD = timedelta(days=1)  # a window that opens when the ordinary hours end carries them on


def is_working_day(session: Session, day: date) -> bool:
    """Monday to Friday without public holidays, plus make-up Saturdays; an announced override wins."""
    override = session.scalars(
        select(CalendarOverride.works).where(
            CalendarOverride.day == day, CalendarOverride.withdrawn_at.is_(None)
        )
    ).first()
    return override if override is not None else bool(vietnam(day.year).is_working_day(day))


@dataclass(frozen=True, slots=True)
class ServingOffice:
    """What of an office its hours are judged by."""

    code: str
    name: str
    hours: Mapping[str, Any]


def opening_hours(office: Office | ServingOffice) -> OpeningHours:
    """The stored hours as a value."""
    spans = tuple(
        Span(time.fromisoformat(a), time.fromisoformat(b)) for a, b in office.hours.get("spans", [])
    )
    return OpeningHours(spans, always=bool(office.hours.get("always")))


def closing_time(session: Session, office: Office | ServingOffice, at: datetime) -> datetime | None:
    """Until when a lease that opens at `at` may run at most; None when the office never closes.

    Raises Refused("lease.holiday") or Refused("lease.outside_hours") when the office is closed now.
    """
    hours = opening_hours(office)
    if hours.always:
        return None
    works = is_working_day(session, at.astimezone(PROVINCE_TIME).date())
    windows = session.scalars(
        select(HoursWindow).where(
            HoursWindow.office_code == office.code,
            HoursWindow.opens < at + _AHEAD,
            HoursWindow.closes > at,
            HoursWindow.withdrawn_at.is_(None),
        )
    )
    closing = hours.closing(
        at,
        zone=PROVINCE_TIME,
        working=lambda _: works,
        windows=tuple(Window(w.opens, w.closes) for w in windows),
    )
    if closing == at:
        raise Refused("lease.outside_hours" if works else "lease.holiday", office=office.name)
    return closing


def open_window(
    rt: Runtime,
    session: Session,
    actor: Actor,
    *,
    office: str,
    opens: datetime,
    closes: datetime,
    reason: str,
) -> HoursWindow:
    """A unit head opens extra hours for the own office, at most 12 hours at a time."""
    require(rt, actor, Permission.HOURS_WINDOW, office)
    length = (closes - opens).total_seconds()
    same = select(HoursWindow).where(
        HoursWindow.office_code == office,
        HoursWindow.opens == opens,
        HoursWindow.closes == closes,
        HoursWindow.withdrawn_at.is_(None),
    )
    if (again := session.scalars(same).first()) is not None:
        return again  # the same form sent twice
    if not 0 < length <= 12 * 3600 or closes <= rt.now():
        raise Invalid("hours.bad_window")
    window = HoursWindow(
        office_code=office, opens=opens, closes=closes, opened_by=actor.id, reason=_why(reason)
    )
    session.add(window)
    span = {"opens": rfc3339(opens), "closes": rfc3339(closes)}
    record(rt, session, Event.HOURS_WINDOW, actor=actor, host=office, reason=window.reason, details=span)
    return window


@dataclass(frozen=True, slots=True)
class WindowView:
    """Extra hours for a list; `state` ∈ coming, open, over, withdrawn; `mine` when this person may withdraw them."""

    id: int
    opens: datetime
    closes: datetime
    opened_by: str
    reason: str
    state: str
    withdrawn_by: str | None
    withdraw_reason: str | None
    mine: bool


def windows(rt: Runtime, session: Session, actor: Actor, office: str, *, limit: int = 50) -> list[WindowView]:
    """The extra hours of an office, the latest first, withdrawn ones too."""
    require(rt, actor, Permission.OFFICE_VIEW, office)
    rows = session.scalars(
        select(HoursWindow)
        .where(HoursWindow.office_code == office)
        .order_by(HoursWindow.closes.desc(), HoursWindow.id.desc())
        .limit(limit)
    ).all()
    names = names_of(session, [i for row in rows for i in (row.opened_by, row.withdrawn_by)])
    head, now = may(rt, actor, Permission.HOURS_WINDOW, office), rt.now()
    return [_window_view(row, names, now, head=head) for row in rows]


def window(rt: Runtime, session: Session, actor: Actor, office: str, number: str) -> WindowView:
    """One of them. Raises NotFound("hours.unknown")."""
    require(rt, actor, Permission.OFFICE_VIEW, office)
    row = _numbered(session, office, number)
    head = may(rt, actor, Permission.HOURS_WINDOW, office)
    return _window_view(row, names_of(session, [row.opened_by, row.withdrawn_by]), rt.now(), head=head)


def _numbered(session: Session, office: str, number: str, *, lock: bool = False) -> HoursWindow:
    whole = number.isascii() and number.isdigit() and len(number) < 18
    row = session.get(HoursWindow, int(number), with_for_update=lock) if whole else None
    if row is None or row.office_code != office:
        raise NotFound("hours.unknown")
    return row


def _window_view(row: HoursWindow, names: dict[int, str], now: datetime, *, head: bool) -> WindowView:
    state = "over" if row.closes <= now else "open" if row.opens <= now else "coming"
    return WindowView(
        id=row.id,
        opens=row.opens,
        closes=row.closes,
        opened_by=names[row.opened_by],
        reason=row.reason,
        state="withdrawn" if row.withdrawn_at else state,
        withdrawn_by=names.get(row.withdrawn_by or 0),
        withdraw_reason=row.withdraw_reason,
        mine=head and state == "coming" and row.withdrawn_at is None,
    )


def withdraw_window(
    rt: Runtime, session: Session, actor: Actor, office: str, number: str, reason: str
) -> HoursWindow:
    """A unit head takes back extra hours that have not begun. Raises Conflict("hours.begun"), ("hours.withdrawn")."""
    require(rt, actor, Permission.HOURS_WINDOW, office)
    window = _numbered(session, office, number, lock=True)
    if window.withdrawn_at is not None:
        raise Conflict("hours.withdrawn")
    if window.opens <= rt.now():
        raise Conflict("hours.begun")
    window.withdrawn_at, window.withdrawn_by = rt.now(), actor.id
    window.withdraw_reason = why(reason)
    told = {"opens": rfc3339(window.opens), "closes": rfc3339(window.closes), "withdrawn": True}
    record(
        rt, session, Event.HOURS_WINDOW, actor=actor, host=office, reason=window.withdraw_reason, details=told
    )
    return window


def _why(reason: str) -> str:
    try:
        return one_line(reason, limit=300)
    except BadText as error:
        code = "lease.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Refused(code, limit=error.limit) from None
