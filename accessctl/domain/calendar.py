"""Opening hours: when an office serves, and until when a lease may run (S34, domain.md §9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

IsWorkingDay = Callable[[datetime], bool]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a day, local wall time, end excluded."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Window:
    """Extra hours that a unit head has opened, as instants."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """An office's ordinary hours on working days; `always` for a demo office that never closes."""

    spans: tuple[Span, ...] = ()
    always: bool = False

    def closing(
        self, at: datetime, *, zone: tzinfo, working: IsWorkingDay, windows: tuple[Window, ...] = ()
    ) -> datetime | None:
        """Until when the office that is open at `at` stays open.

        Returns `at` itself when the office is closed (nothing may be opened), None when it never closes.
        `working` is asked with the local instant; `windows` are extra hours, merged when they touch.
        """
        if self.always:
            return None
        local = at.astimezone(zone)
        stretches = [(w.opens, w.closes) for w in windows]
        if working(local):
            day = local.replace(hour=0, minute=0, second=0, microsecond=0)
            stretches += [(_at(day, span.opens), _at(day, span.closes)) for span in self.spans]
        end = at
        for opens, closes in sorted(stretches):
            if opens <= end < closes:
                end = closes
        return end


def _at(day: datetime, clock: time) -> datetime:
    return day + timedelta(hours=clock.hour, minutes=clock.minute)
