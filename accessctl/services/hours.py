"""When an office serves: its hours, the public holidays, announced exceptions, windows opened by its head (S34)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.clock import PROVINCE_TIME, rfc3339
from accessctl.domain.calendar import OpeningHours, Span, Window
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Invalid, Refused
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import CalendarOverride, HoursWindow, Office

if TYPE_CHECKING:
    from holidays.countries.vietnam import Vietnam


@cache
def _vietnam(year: int) -> Vietnam:
    from holidays.countries.vietnam import Vietnam  # loads the whole world: only when asked

    return Vietnam(years=year)


_AHEAD = timedelta(days=1)  # a window that opens when the ordinary hours end carries them on


def is_working_day(session: Session, day: date) -> bool:
    """Monday to Friday without public holidays, plus make-up Saturdays; an announced override wins."""
    override = session.get(CalendarOverride, day)
    if override is not None:
        return override.works
    return bool(_vietnam(day.year).is_working_day(day))


def opening_hours(office: Office) -> OpeningHours:
    """The stored hours as a value."""
    spans = tuple(
        Span(time.fromisoformat(a), time.fromisoformat(b)) for a, b in office.hours.get("spans", [])
    )
    return OpeningHours(spans, always=bool(office.hours.get("always")))


def closing_time(session: Session, office: Office, at: datetime) -> datetime | None:
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
    if not 0 < length <= 12 * 3600 or closes <= rt.now():
        raise Invalid("hours.bad_window")
    window = HoursWindow(
        office_code=office, opens=opens, closes=closes, opened_by=actor.id, reason=_why(reason)
    )
    session.add(window)
    span = {"opens": rfc3339(opens), "closes": rfc3339(closes)}
    record(rt, session, Event.HOURS_WINDOW, actor=actor, host=office, reason=window.reason, details=span)
    return window


def _why(reason: str) -> str:
    try:
        return one_line(reason, limit=300)
    except BadText as error:
        code = "lease.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Refused(code, limit=error.limit) from None
