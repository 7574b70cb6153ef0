"""Offices and the calendar: hours with two editors, extra hours taken back, announced days that are never deleted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from accessctl.clock import PROVINCE_TIME
from accessctl.errors import AccessError
from accessctl.services import hours, offices, province, working_days
from accessctl.services.control import transaction
from accessctl.services.working_days import Announcement
from tests.common.world import World
from tests.services.test_hours import ORDINARY, at, closing, open_window, set_hours

WHY = "Thông báo 12/TB-BHXH"


def edit(world: World, spans: str, who: str = "vpt.cntt1", **more: object) -> None:
    typed: dict[str, object] = {
        "spans": spans,
        "always": False,
        "reason": WHY,
        "version": version(world),
    } | more
    with transaction(world.rt) as session:
        offices.set_hours(world.rt, session, world.actor(who), "CJT", offices.NewHours(**typed))  # type: ignore[arg-type]


def version(world: World) -> int:
    return show(world).version


def show(world: World, code: str = "CJT", who: str = "vpt.cntt1") -> offices.OfficeDetail:
    with transaction(world.rt) as session:
        return offices.show(world.rt, session, world.actor(who), code)


def announce(
    world: World,
    day: date,
    *,
    works: bool,
    replaces: int = 0,
    who: str = "vpt.cntt1",
    no: str = "1/TB",
    note: str = "Nghỉ bù",
) -> int:
    with transaction(world.rt) as session:
        wanted = Announcement(day, works, no, note, replaces)
        return working_days.announce(world.rt, session, world.actor(who), wanted).id


def withdraw(world: World, number: int | str, reason: str = WHY, who: str = "vpt.cntt1") -> None:
    with transaction(world.rt) as session:
        working_days.withdraw(world.rt, session, world.actor(who), str(number), reason)


def year(world: World, number: int, who: str = "cjt.tn1", language: str = "vi") -> working_days.Year:
    with transaction(world.rt) as session:
        return working_days.year(world.rt, session, world.actor(who), number, language=language)


def test_everybody_sees_every_office_with_its_head_and_custodians(world: World) -> None:
    with transaction(world.rt) as session:
        rows = offices.listed(world.rt, session, world.actor("cjt.tn1"))
    assert rows[0].code == "VPT"
    assert len(rows) == 9
    by_code = {row.code: row for row in rows}
    assert [head.full_name for head in by_code["CJT"].heads] == ["Trịnh Văn Cường"]
    assert by_code["VPT"].heads[0].title == "Giám đốc BHXH tỉnh"
    assert by_code["CJT"].officers == 8
    shown = show(world, who="cjt.tn1")
    assert [(kind, person and person.username) for kind, person in shown.custodians] == [
        ("TKCL", "cjt.the2"),
        ("TKHCTT", "cjt.thu2"),
    ]
    assert dict(shown.departments)["CST"] == 3
    assert shown.may == frozenset()
    assert show(world, who="cjt.gd").may == {"window", "officers"}
    assert show(world, who="vpt.cntt1").may == {"edit", "officers", "calendar"}
    for code in ("XXX", "", "x" * 5000, "CJT\x00"):
        with pytest.raises(AccessError) as unknown:
            show(world, code)
        assert unknown.value.code in ("office.unknown", "input.control"), code


def test_hours_that_it_sets_hold_at_the_next_check_out(world: World) -> None:
    assert closing(world, "2026-04-24T12:00") == "never"
    edit(world, "7:30-11:30\n13h30 – 17h00")
    assert show(world).spans == (("07:30", "11:30"), ("13:30", "17:00"))
    assert closing(world, "2026-04-24T11:00") == "11:30"
    assert closing(world, "2026-04-24T12:00") == "lease.outside_hours"
    (told,) = world.records("office.changed")
    assert (told["guest"], told["reason"], told["details"]["to"]) == (
        "CJT",
        WHY,
        {"always": False, "spans": [["07:30", "11:30"], ["13:30", "17:00"]]},
    )
    edit(world, "07:30-11:30; 13:30-17:00")  # the same again is no change
    assert len(world.records("office.changed")) == 1


def test_the_second_editor_of_the_hours_is_told(world: World) -> None:
    known = version(world)
    edit(world, "08:00-12:00")
    with pytest.raises(AccessError) as behind:
        edit(world, "09:00-12:00", who="vpt.cntt2", version=known)
    assert behind.value.code == "office.changed_meanwhile"
    assert show(world).spans == (("08:00", "12:00"),)


@pytest.mark.parametrize(
    ("spans", "more", "code"),
    [
        ("", {}, "office.no_hours"),
        ("sáng", {}, "office.bad_hours"),
        ("11:30-07:30", {}, "office.bad_hours"),
        ("07:30-11:30\n11:00-12:00", {}, "office.bad_hours"),
        ("13:30-17:00\n07:30-11:30", {}, "office.bad_hours"),
        ("24:00-25:00", {}, "office.bad_hours"),
        ("\n".join(f"{h:02}:00-{h:02}:30" for h in range(8)), {}, "office.bad_hours"),
        ("07:30-11:30", {"reason": ""}, "officer.reason_missing"),
        ("07:30-11:30\x00", {}, "office.bad_hours"),
    ],
)
def test_hours_that_make_no_sense_change_nothing(
    world: World, spans: str, more: dict[str, object], code: str
) -> None:
    with pytest.raises(AccessError) as bad:
        edit(world, spans, **more)
    assert bad.value.code == code
    assert show(world).always


@pytest.mark.parametrize("who", ["cjt.gd", "cjt.the2", "vpt.ktra1", "vpt.gd", "cjt.tn1"])
def test_only_it_edits_hours_and_announces_days(world: World, who: str) -> None:
    for act in (
        lambda: edit(world, "07:30-11:30", who=who),
        lambda: announce(world, date(2027, 5, 4), works=False, who=who),
        lambda: withdraw(world, 1, who=who),
    ):
        with pytest.raises(AccessError) as refused:
            act()
        assert refused.value.code.startswith("policy."), who


def test_only_a_demo_may_be_open_at_all_hours(world: World) -> None:
    edit(world, "07:30-11:30")
    for demo in (True, False):
        rt = world.runtime(ACCESSCTL_DEMO="1" if demo else "")
        assert rt.settings.demo == demo
        with transaction(rt) as session:
            wanted = offices.NewHours("", always=True, reason=WHY, version=version(world))
            if demo:
                offices.set_hours(rt, session, world.actor("vpt.cntt1"), "CJT", wanted)
            else:
                with pytest.raises(AccessError) as refused:
                    offices.set_hours(rt, session, world.actor("vpt.cntt1"), "CJT", wanted)
                assert refused.value.code == "office.always_demo_only"
        rt.close()


def test_S34_extra_hours_that_have_not_begun_are_taken_back_and_stay_in_the_list(world: World) -> None:
    set_hours(world, ORDINARY)
    world.shift = at("2026-04-24T09:00") - world.now()
    open_window(world, "cjt.gd", at("2026-04-24T17:00"), at("2026-04-24T19:00"))
    open_window(world, "cjt.gd", at("2026-04-24T17:00"), at("2026-04-24T19:00"))  # the same form sent twice
    assert closing(world, "2026-04-24T18:00") == "19:00"
    (window,) = show(world, who="cjt.gd").windows
    assert (window.state, window.mine) == ("coming", True)

    def take_back(who: str, number: int | str = window.id, reason: str = "Không cần nữa") -> None:
        with transaction(world.rt) as session:
            hours.withdraw_window(world.rt, session, world.actor(who), "CJT", str(number), reason)

    for who in ("dml.gd", "vpt.cntt1", "cjt.the1"):
        with pytest.raises(AccessError) as refused:
            take_back(who)
        assert refused.value.code.startswith("policy.")
    for number in ("x", "999999", ""):
        with pytest.raises(AccessError) as unknown:
            take_back("cjt.gd", number)
        assert unknown.value.code == "hours.unknown"
    take_back("cjt.gd")
    assert closing(world, "2026-04-24T18:00") == "lease.outside_hours"
    with pytest.raises(AccessError) as again:
        take_back("cjt.gd")
    assert again.value.code == "hours.withdrawn"
    shown = show(world).windows[0]
    assert (shown.state, shown.withdrawn_by, shown.withdraw_reason) == (
        "withdrawn",
        "Trịnh Văn Cường",
        "Không cần nữa",
    )
    assert world.records("hours.window")[-1]["details"]["withdrawn"] is True
    open_window(world, "cjt.gd", at("2026-04-24T08:00"), at("2026-04-24T12:00"))
    with pytest.raises(AccessError) as begun:
        take_back("cjt.gd", show(world).windows[1].id)
    assert begun.value.code == "hours.begun"


def test_the_year_tells_every_day_with_its_source(world: World) -> None:
    days = {day.day: day for day in year(world, 2026).days}
    assert (days[date(2026, 4, 30)].works, days[date(2026, 4, 30)].announced) == (False, False)
    assert days[date(2026, 4, 30)].name.startswith("Ngày Chiến thắng")
    assert days[date(2026, 8, 22)].works  # a make-up Saturday that the library knows
    assert {day.day: day for day in year(world, 2026, language="en").days}[
        date(2026, 1, 1)
    ].name == "New Year's Day"
    assert not year(world, world.now().year).predicted
    assert year(world, world.now().year + 1).predicted
    assert (year(world, 1).year, year(world, 9999).year) == (2018, 2099)


def test_an_announced_day_holds_is_superseded_and_withdrawn_and_every_row_stays(world: World) -> None:
    """domain.md §9: 02/01 ↔ 10/01/2026, which the library lacks."""
    set_hours(world, ORDINARY)
    world.shift = at("2025-12-29T09:00") - world.now()
    friday, saturday = date(2026, 1, 2), date(2026, 1, 10)
    assert closing(world, "2026-01-02T09:00") == "11:30"
    assert closing(world, "2026-01-10T09:00") == "lease.holiday"
    first = announce(world, friday, works=False)
    announce(world, saturday, works=True, note="Làm bù ngày 02/01")
    assert closing(world, "2026-01-02T09:00") == "lease.holiday"
    assert closing(world, "2026-01-10T09:00") == "11:30"
    assert announce(world, friday, works=False) == first  # the same form sent twice
    second = announce(world, friday, works=True, replaces=first, no="2/TB", note="Bãi bỏ")
    assert closing(world, "2026-01-02T09:00") == "11:30"
    for stale in (0, first):
        with pytest.raises(AccessError) as behind:
            announce(world, friday, works=False, replaces=stale, who="vpt.cntt2")
        assert behind.value.code == "calendar.changed_meanwhile"
    withdraw(world, second)
    with pytest.raises(AccessError) as again:
        withdraw(world, second)
    assert again.value.code == "calendar.withdrawn"
    history = [row for row in year(world, 2026).history if row.day == friday]
    assert [(row.works, row.withdraw_reason) for row in history] == [
        (False, "calendar.superseded"),
        (True, WHY),
    ]
    assert all(row.entered_by == "Ngô Đức Anh" and row.withdrawn_by == "Ngô Đức Anh" for row in history)
    told = [r["details"] for r in world.records("calendar.overridden")]
    assert [(t["day"], t["works"], t.get("supersedes"), t.get("withdrawn")) for t in told] == [
        ("2026-01-02", False, None, None),
        ("2026-01-10", True, None, None),
        ("2026-01-02", True, first, None),
        ("2026-01-02", True, None, True),
    ]
    world.shift += timedelta(days=30)
    with pytest.raises(AccessError) as past:
        withdraw(world, history[0].id + 1)
    assert past.value.code == "calendar.past"


def test_days_gone_by_and_days_without_a_document_are_refused(world: World) -> None:
    today = world.now().astimezone(PROVINCE_TIME).date()
    for day, more, code in [
        (today - timedelta(days=1), {}, "calendar.past"),
        (date(2150, 1, 1), {}, "calendar.past"),
        (today, {"no": " "}, "calendar.no_decision"),
        (today, {"note": ""}, "calendar.no_note"),
        (today, {"no": "x" * 99}, "input.too_long"),
    ]:
        with pytest.raises(AccessError) as bad:
            announce(world, day, works=False, **more)  # type: ignore[arg-type]
        assert bad.value.code == code
    for number in ("x", "0", "9" * 30):
        with pytest.raises(AccessError) as unknown:
            withdraw(world, number)
        assert unknown.value.code == "calendar.unknown"


def test_hours_set_on_the_page_show_as_a_difference_to_the_founding_file(world: World) -> None:
    """The file is the province's word of the day of founding; a second `apply` would set it again and says so first."""
    from accessctl.cli.demo_build import EXAMPLE
    from accessctl.domain.province import parse_province

    founded = parse_province((EXAMPLE / "province.toml").read_text(encoding="utf-8")).open_at_all_hours()
    before = {change.name for change in province.plan(world.rt, founded, ()) if change.what == "office"}
    edit(world, "07:30-11:30")
    after = {change.name for change in province.plan(world.rt, founded, ()) if change.what == "office"}
    assert after - before == {"CJT"}
