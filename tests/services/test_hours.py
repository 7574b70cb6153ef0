"""Opening hours: ordinary days, holidays, make-up Saturdays, windows of the head, and closing time (S34, R4)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from accessctl.clock import PROVINCE_TIME
from accessctl.errors import AccessError, Invalid, Refused
from accessctl.services import hours, leasing
from accessctl.services.control import transaction
from accessctl.store.models import Office
from tests.common.world import World

ORDINARY = {"always": False, "spans": [["07:30", "11:30"], ["13:30", "17:00"]]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PROVINCE_TIME)


def set_hours(world: World, value: object, office: str = "CJT") -> None:
    with world.admin_control() as admin:
        admin.execute("UPDATE office SET hours = %s WHERE code = %s", (json.dumps(value), office))


def override(world: World, day: str, *, works: bool) -> None:
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO calendar_override (day, works, decision_no, note) VALUES (%s, %s, '1/QĐ', '')",
            (day, works),
        )


def closing(world: World, when: str) -> str:
    """Until when Cư Jút is open at `when` (local HH:MM), or the code of the refusal."""
    with transaction(world.rt) as session:
        try:
            until = hours.closing_time(session, session.get_one(Office, "CJT"), at(when))
        except Refused as error:
            return error.code
    return f"{until.astimezone(PROVINCE_TIME):%H:%M}" if until else "never"


def open_window(world: World, head: str, opens: datetime, closes: datetime, reason: str = "Tiếp dân") -> None:
    with transaction(world.rt) as session:
        hours.open_window(
            world.rt, session, world.actor(head), office="CJT", opens=opens, closes=closes, reason=reason
        )


def test_S34_ordinary_days_holidays_make_up_saturdays_and_announced_exceptions(world: World) -> None:
    set_hours(world, ORDINARY)
    override(world, "2026-12-12", works=True)  # a Saturday announced as worked
    override(world, "2026-12-09", works=False)  # a Wednesday announced as off
    assert {
        when: closing(world, when)
        for when in (
            "2026-04-24T07:29:59",
            "2026-04-24T07:30",
            "2026-04-24T11:29",
            "2026-04-24T11:30",
            "2026-04-24T12:00",
            "2026-04-24T13:30",
            "2026-04-24T16:59",
            "2026-04-24T17:00",
            "2026-04-24T23:00",
            "2026-04-25T09:00",  # Saturday
            "2026-04-26T09:00",  # Sunday
            "2026-04-30T09:00",  # Liberation day
            "2026-09-02T09:00",  # National day
            "2026-08-22T09:00",  # a make-up Saturday the calendar knows
            "2026-12-12T09:00",
            "2026-12-09T09:00",
        )
    } == {
        "2026-04-24T07:29:59": "lease.outside_hours",
        "2026-04-24T07:30": "11:30",
        "2026-04-24T11:29": "11:30",
        "2026-04-24T11:30": "lease.outside_hours",
        "2026-04-24T12:00": "lease.outside_hours",
        "2026-04-24T13:30": "17:00",
        "2026-04-24T16:59": "17:00",
        "2026-04-24T17:00": "lease.outside_hours",
        "2026-04-24T23:00": "lease.outside_hours",
        "2026-04-25T09:00": "lease.holiday",
        "2026-04-26T09:00": "lease.holiday",
        "2026-04-30T09:00": "lease.holiday",
        "2026-09-02T09:00": "lease.holiday",
        "2026-08-22T09:00": "11:30",
        "2026-12-12T09:00": "11:30",
        "2026-12-09T09:00": "lease.holiday",
    }


def test_S34_the_day_is_the_provinces_not_the_servers(world: World) -> None:
    set_hours(world, ORDINARY)
    # Monday 07:45 in Đăk Nông is still Monday 00:45 in UTC; Monday 06:00 is Sunday 23:00.
    assert closing(world, "2026-04-20T07:45") == "11:30"
    assert closing(world, "2026-04-20T06:00") == "lease.outside_hours"
    assert closing(world, "2026-04-19T23:59") == "lease.holiday"


def test_S34_a_window_that_touches_the_ordinary_hours_carries_them_on(world: World) -> None:
    set_hours(world, ORDINARY)
    world.shift = at("2026-04-24T09:00") - world.now()
    open_window(world, "cjt.gd", at("2026-04-24T17:00"), at("2026-04-24T19:00"))
    open_window(world, "cjt.gd", at("2026-04-25T08:00"), at("2026-04-25T10:00"))
    assert closing(world, "2026-04-24T16:50") == "19:00"
    assert closing(world, "2026-04-24T18:00") == "19:00"
    assert closing(world, "2026-04-24T19:00") == "lease.outside_hours"
    assert closing(world, "2026-04-25T09:00") == "10:00"
    assert closing(world, "2026-04-25T10:00") == "lease.holiday"
    assert closing(world, "2026-04-24T11:00") == "11:30"


def test_S34_nothing_is_lent_outside_hours_or_on_a_holiday_and_each_refusal_is_recorded(world: World) -> None:
    set_hours(world, ORDINARY)
    now = world.now()
    today = str(now.astimezone(PROVINCE_TIME).date())
    set_hours(world, {"always": False, "spans": []})
    override(world, today, works=True)
    for works, code, words in [
        (True, "lease.outside_hours", "Ngoài giờ làm việc của BHXH huyện Cư Jút"),
        (False, "lease.holiday", "Hôm nay BHXH huyện Cư Jút không làm việc"),
    ]:
        with world.admin_control() as admin:
            admin.execute("UPDATE calendar_override SET works = %s", (works,))
        before = len(world.records("lease.denied"))
        with pytest.raises(Refused, match=words) as denied:
            world.lend("cjt.the1", "TKCL-CJT-DML")
        assert denied.value.code == code
        told = world.records("lease.denied")[before:]
        assert [(r["actor"], r["reason"], r["outcome"]) for r in told] == [("cjt.the1", code, "denied")]
    assert world.roles_with_login() == set()


def test_S34_the_heads_window_opens_the_office_and_its_end_cuts_the_lease_short(world: World) -> None:
    set_hours(world, {"always": False, "spans": []})
    now = world.now()
    closes = now + timedelta(minutes=6)
    open_window(world, "cjt.gd", now - timedelta(minutes=1), closes)
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert lease.expires_at == lease.limit_at == closes
    with pytest.raises(Refused) as denied:
        leasing.renew_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    assert denied.value.code == "lease.not_renewable.nothing_to_gain"
    told = world.records("hours.window")[-1]
    assert (told["actor"], told["host"], told["reason"]) == ("cjt.gd", "CJT", "Tiếp dân")
    with pytest.raises(Refused) as denied:  # another office stays as it is: open at all hours here
        world.lend("cjt.the2", "TKCL-DML-CJT")
    assert denied.value.code == "lease.dossier_other_office"


def test_S34_only_the_head_of_the_office_opens_a_window(world: World) -> None:
    now = world.now()
    for stranger in ("cjt.the1", "dml.gd", "vpt.cntt1", "vpt.ktra1", "vpt.gd", "vpt.tpcst"):
        with pytest.raises(Refused) as denied:
            open_window(world, stranger, now, now + timedelta(hours=1))
        assert denied.value.code.startswith("policy."), stranger
    assert world.records("hours.window") == []


def test_S34_a_window_must_lie_ahead_be_of_one_day_at_most_and_say_why(world: World) -> None:
    now = world.now()
    hour = timedelta(hours=1)
    for opens, closes in [
        (now, now),
        (now + hour, now),
        (now, now + 13 * hour),
        (now - 2 * hour, now - hour),
    ]:
        with pytest.raises(Invalid) as bad:
            open_window(world, "cjt.gd", opens, closes)
        assert bad.value.code == "hours.bad_window"
    for reason, code in {
        "": "lease.reason_missing",
        "x" * 10_000: "input.too_long",
        "a\x00b": "input.control",
    }.items():
        with pytest.raises(AccessError) as refused:
            open_window(world, "cjt.gd", now, now + hour, reason)
        assert refused.value.code == code
    evil = "x'); DROP TABLE hours_window; --"
    open_window(world, "cjt.gd", now, now + hour, evil)
    with world.admin_control() as admin:
        assert admin.execute("SELECT reason FROM hours_window").fetchall() == [(evil,)]


def test_R4_nothing_is_lent_before_the_scheme_is_in_force(world: World) -> None:
    with world.admin_control() as admin:
        admin.execute("UPDATE province SET effective_from = current_date + 2")
    with pytest.raises(Refused) as denied:
        world.lend("cjt.the1", "TKCL-CJT-DML")
    assert denied.value.code == "lease.not_in_force"
    assert world.roles_with_login() == set()
