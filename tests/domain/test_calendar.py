"""Opening hours: across lunch, on make-up Saturdays, through windows that a unit head opens (S34)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.calendar import OpeningHours, Span, Window

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
HOURS = OpeningHours((Span(time(7, 30), time(11, 30)), Span(time(13, 30), time(17, 0))))
MAKE_UP = {(2018, 4, 28)}  # a Saturday that is worked


def at(hour: int, minute: int = 0, *, day: int = 24, second: int = 0) -> datetime:
    """An instant in April 2018 by the office's wall clock; the 24th is a Tuesday."""
    return datetime(2018, 4, day, hour, minute, second, tzinfo=ZONE)


def working(local: datetime) -> bool:
    return local.weekday() < 5 or (local.year, local.month, local.day) in MAKE_UP


def closing(moment: datetime, *windows: Window, hours: OpeningHours = HOURS) -> datetime | None:
    return hours.closing(moment, zone=ZONE, working=working, windows=windows)


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        (at(7, 30), at(11, 30)),
        (at(7, 44), at(11, 30)),
        (at(11, 29, second=59), at(11, 30)),
        (at(13, 30), at(17)),
        (at(16, 59), at(17)),
    ],
)
def test_S34_an_open_office_closes_at_the_end_of_its_half_day(moment: datetime, ends: datetime) -> None:
    assert closing(moment) == ends
    assert closing(moment.astimezone(UTC)) == ends


@pytest.mark.parametrize(
    "moment", [at(7, 29, second=59), at(11, 30), at(12), at(13, 29), at(17), at(23, 59), at(0)]
)
def test_S34_before_after_and_across_lunch_the_office_is_closed(moment: datetime) -> None:
    assert closing(moment) == moment


def test_S34_a_saturday_is_closed_and_a_make_up_saturday_is_open() -> None:
    assert closing(at(8, day=21)) == at(8, day=21)
    assert closing(at(8, day=28)) == at(11, 30, day=28)


def test_S34_a_window_opens_a_closed_office_until_it_ends() -> None:
    evening = Window(at(17, 30), at(19))
    assert closing(at(18), evening) == at(19)
    assert closing(at(17, 15), evening) == at(17, 15)
    assert closing(at(19), evening) == at(19)


def test_S34_windows_that_touch_the_ordinary_hours_carry_on_from_them() -> None:
    lunch, evening = Window(at(11, 30), at(13, 30)), Window(at(17), at(18))
    assert closing(at(8), lunch, evening) == at(18)
    assert closing(at(8), evening) == at(11, 30)
    assert closing(at(14), lunch, evening) == at(18)


def test_S34_a_window_works_on_a_holiday_and_over_midnight() -> None:
    night = Window(at(20, day=21), at(2, day=22))
    assert closing(at(23, 30, day=21), night) == at(2, day=22)
    assert closing(at(1, day=22), night) == at(2, day=22)


def test_the_working_day_is_asked_by_the_offices_own_date() -> None:
    late_sunday_in_utc = datetime(2018, 4, 22, 23, 30, tzinfo=UTC)  # Monday 06:30 in the province
    asked: list[datetime] = []

    def remember(local: datetime) -> bool:
        asked.append(local)
        return True

    early = OpeningHours((Span(time(6), time(7)),))
    ends = early.closing(late_sunday_in_utc, zone=ZONE, working=remember)
    assert (asked[0].day, asked[0].hour) == (23, 6)
    assert ends == at(7, day=23)


def test_an_office_that_never_closes_has_no_closing_time() -> None:
    assert closing(at(3, day=22), hours=OpeningHours(always=True)) is None


def test_an_office_without_hours_is_always_closed() -> None:
    assert closing(at(9), hours=OpeningHours()) == at(9)


windows = st.builds(
    lambda start, length: Window(at(0) + timedelta(minutes=start), at(0) + timedelta(minutes=start + length)),
    st.integers(0, 2000),
    st.integers(1, 400),
)


@given(st.integers(0, 2000), st.lists(windows, max_size=5))
def test_S34_the_office_is_open_at_every_moment_until_its_closing_time(
    minute: int, extra: list[Window]
) -> None:
    moment = at(0) + timedelta(minutes=minute)
    ends = closing(moment, *extra)
    assert ends is not None
    assert ends >= moment

    def covered(instant: datetime) -> bool:
        inside = any(w.opens <= instant < w.closes for w in extra)
        ordinary = any(s.opens <= instant.timetz().replace(tzinfo=None) < s.closes for s in HOURS.spans)
        return inside or (working(instant) and ordinary)

    step = moment
    while step < ends:
        assert covered(step)
        step += timedelta(minutes=1)
    assert not covered(ends)
