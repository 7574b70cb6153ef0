"""A custodian on leave, the next custodian without a gap, an officer who goes: exactly one answers (S09, S11, S12)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import psycopg
import pytest

from accessctl.clock import PROVINCE_TIME, local
from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import Role
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import (
    accounts,
    closing,
    custody,
    custody_view,
    handover,
    leasing,
    substitution,
    substitution_list,
)
from accessctl.services.actor import officer_named
from accessctl.services.control import transaction
from tests.common.custodians import appoint, contacts, custodian, end, findings_of, states, time_passes
from tests.common.world import World

KEEPER, STAND_IN = "cjt.the2", "cjt.the1"


def midnight(world: World, days: int) -> datetime:
    return datetime.combine(local(world.now()).date() + timedelta(days=days), time(), PROVINCE_TIME)


def wanted(world: World, first: int, last: int, **more: Any) -> substitution.Wanted:
    words: dict[str, Any] = {
        "office": "CJT",
        "kind": Kind.TKCL,
        "username": STAND_IN,
        "opens": midnight(world, first),
        "closes": midnight(world, last + 1),
        "reason": "Nghỉ phép",
    }
    return substitution.Wanted(**(words | more))


def propose(world: World, who: str = KEEPER, first: int = 1, last: int = 5, **more: Any) -> str:
    with transaction(world.rt) as session:
        return str(
            substitution.propose(world.rt, session, world.actor(who), wanted(world, first, last, **more)).id
        )


def decide(world: World, who: str, asked: str, *, give: bool = True, words: str = "7/QĐ-BHXH") -> None:
    with transaction(world.rt) as session:
        substitution.decide(world.rt, session, world.actor(who), asked, give=give, words=words)


def order(world: World, first: int, last: int, who: str = "cjt.gd", **more: Any) -> str:
    with transaction(world.rt) as session:
        made = substitution.order(
            world.rt, session, world.actor(who), wanted(world, first, last, **more), decision_no="8/QĐ-BHXH"
        )
        return str(made.id)


def replace(world: World, officer: str, *, days: int = 0, who: str = "cjt.gd") -> list[str]:
    since = midnight(world, days) if days else world.now()
    with transaction(world.rt) as session:
        now = custody.in_force(session, "CJT", Kind.TKCL, world.now())
        assert now is not None
        _, ending = custody.replace(
            world.rt,
            session,
            world.actor(who),
            custody.Appointment("CJT", Kind.TKCL, officer, "9/QĐ-BHXH", since),
            seen=now.id,
        )
    closing.finish_all(world.rt, ending)
    return ending


def rows(world: World) -> list[tuple[str, str | None]]:
    """Who answers for Cư Jút's TKCL, one after the other; for whom a substitute stands in."""
    with transaction(world.rt) as session:
        page = custody_view.office_page(world.rt, session, world.actor("cjt.gd"), "CJT")
    post = page.posts[0]
    now = [post.current] if post.current else []
    past = [assignment for kind, assignment in reversed(page.past) if kind == "TKCL"]
    return [(a.username, a.substitutes) for a in [*past, *now, *post.planned]]


def state_of(world: World, asked: str) -> str:
    with transaction(world.rt) as session:
        return substitution_list.show(world.rt, session, world.actor("cjt.gd"), asked).state


# --- S09: on leave --------------------------------------------------------------------------------


def test_S09_a_substitute_for_some_days_is_the_custodian_and_then_it_goes_back_by_itself(world: World):
    asked = propose(world, first=1, last=5)
    assert custodian(world, "CJT", Kind.TKCL) == KEEPER
    decide(world, "cjt.gd", asked)
    name = contacts(world)["CJT", Kind.TKCL].full_name
    assert rows(world) == [(KEEPER, None), (STAND_IN, name), (KEEPER, None)]
    assert (custodian(world, "CJT", Kind.TKCL), state_of(world, asked)) == (KEEPER, "PLANNED")

    time_passes(world, hours=30)
    assert (custodian(world, "CJT", Kind.TKCL), state_of(world, asked)) == (STAND_IN, "RUNNING")
    assert Role.CUSTODIAN_TKCL in world.actor(STAND_IN).roles
    assert Role.CUSTODIAN_TKCL not in world.actor(KEEPER).roles
    assert contacts(world)["CJT", Kind.TKCL].substitutes == name

    time_passes(world, days=5)
    assert (custodian(world, "CJT", Kind.TKCL), state_of(world, asked)) == (KEEPER, "DONE")
    assert contacts(world)["CJT", Kind.TKCL].acknowledged
    assert Role.CUSTODIAN_TKCL not in world.actor(STAND_IN).roles
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8
    assert findings_of(world, "no_custodian") == findings_of(world, "custody_ending") == []


def test_S09_each_turn_is_told_to_the_other_offices_and_recorded_with_both_names_and_dates(world: World):
    decide(world, "cjt.gd", propose(world))
    (proposed,), (given,) = world.records("custodian.proposed"), world.records("custodian.substituted")
    assert (proposed["actor"], given["actor"]) == (KEEPER, "cjt.gd")
    for record in (proposed, given):
        assert (record["details"]["custodian"], record["details"]["substitute"]) == (KEEPER, STAND_IN)
        assert record["details"]["since"] < record["details"]["until"]
    told = len(world.records("contactlist.published"))
    time_passes(world, hours=30)
    time_passes(world, days=5)
    assert len(world.records("contactlist.published")) == told + 2
    assert world.records("custodian.ended")[-1]["reason"] == "custody.substitution_over"
    assert time_passes(world) == []
    assert len(world.records("contactlist.published")) == told + 2


def test_S09_sessions_go_on_over_the_turn_and_nothing_is_voided(world: World):
    order(world, 0, 2)
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert custodian(world, "CJT", Kind.TKCL) == STAND_IN
    assert time_passes(world) == []
    assert leasing.show_lease(world.rt, world.actor("cjt.the1"), lease.lease).state == "ACTIVE"
    assert world.records("account.rotated") == []


def test_S09_the_custodian_proposes_and_only_the_head_decides(world: World):
    asked = propose(world)
    for stranger in (KEEPER, STAND_IN, "dml.gd", "vpt.cntt1", "vpt.ktra1", "vpt.tpcst"):
        with pytest.raises(Refused):
            decide(world, stranger, asked)
    for stranger in (STAND_IN, "dml.the2", "cjt.thu2", "cjt.tn1"):
        with pytest.raises(Refused):
            propose(world, stranger)
    assert state_of(world, asked) == "PROPOSED"
    decide(world, "vpt.gd", asked)
    with pytest.raises(Conflict):
        decide(world, "cjt.gd", asked, give=False, words="Muộn")


def test_S09_declined_and_withdrawn_change_nothing(world: World):
    declined, withdrawn = propose(world), propose(world, first=10, last=11)
    decide(world, "cjt.gd", declined, give=False, words="Cần người có kinh nghiệm")
    with transaction(world.rt) as session:
        substitution.withdraw(world.rt, session, world.actor(KEEPER), withdrawn)
    assert (state_of(world, declined), state_of(world, withdrawn)) == ("DECLINED", "WITHDRAWN")
    assert rows(world) == [(KEEPER, None)]
    with pytest.raises(Conflict):
        decide(world, "cjt.gd", withdrawn)
    assert world.records("custodian.substituted.failed")[0]["reason"] == "Cần người có kinh nghiệm"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"username": KEEPER}, "custody.same_person"),
        ({"username": "dml.the1"}, "custody.other_office"),
        ({"username": "cjt.thu1"}, "custody.wrong_department"),
        ({"username": "cjt.khong"}, "officer.unknown"),
        ({"first": 5, "last": 3}, "substitution.bad_period"),
        ({"first": -5, "last": -3}, "substitution.bad_period"),
        ({"first": 1, "last": 200}, "substitution.bad_period"),
        ({"reason": ""}, "lease.reason_missing"),
    ],
)
def test_S09_a_substitution_that_makes_no_sense_is_not_proposed(
    world: World, words: dict[str, Any], code: str
):
    with pytest.raises((Refused, Invalid, NotFound)) as raised:
        propose(world, **words)
    assert raised.value.code == code
    assert world.records("custodian.proposed") == []


def test_S09_two_substitutions_do_not_overlap(world: World):
    decide(world, "cjt.gd", propose(world, first=1, last=5))
    for first, last in [(5, 7), (0, 1), (2, 3)]:
        with pytest.raises(Refused) as raised:
            order(world, first, last)
        assert raised.value.code == "substitution.outside"
    order(world, 8, 9)
    assert [name for name, _ in rows(world)] == [KEEPER, STAND_IN, KEEPER, STAND_IN, KEEPER]


def test_S09_two_proposals_for_the_same_days_can_be_given_once(world: World):
    first, second = propose(world), propose(world)
    decide(world, "cjt.gd", first)
    with pytest.raises(Refused):
        decide(world, "cjt.gd", second)
    assert len(rows(world)) == 3


def test_S09_ended_early_the_custodian_answers_at_once(world: World):
    asked = order(world, 0, 5)
    assert custodian(world, "CJT", Kind.TKCL) == STAND_IN
    with transaction(world.rt) as session:
        substitution.end_early(world.rt, session, world.actor("cjt.gd"), asked, reason="Đã trở lại")
    assert custodian(world, "CJT", Kind.TKCL) == KEEPER
    assert state_of(world, asked) == "ENDED"
    time_passes(world, days=7)
    assert custodian(world, "CJT", Kind.TKCL) == KEEPER
    assert [name for name, _ in rows(world)] == [KEEPER, STAND_IN, KEEPER]


def test_S09_called_off_before_it_began_it_leaves_no_trace_in_who_answers(world: World):
    asked = order(world, 3, 5)
    with transaction(world.rt) as session:
        substitution.end_early(world.rt, session, world.actor("cjt.gd"), asked, reason="Không nghỉ nữa")
    assert rows(world) == [(KEEPER, None)]
    assert contacts(world)["CJT", Kind.TKCL].until is None
    order(world, 3, 5)
    assert len(rows(world)) == 3


def test_S09_a_substitution_up_to_the_very_end_of_the_assignment_makes_no_return(world: World):
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, KEEPER, until=midnight(world, 6))
    order(world, 2, 5)
    assert [name for name, _ in rows(world)][-2:] == [KEEPER, STAND_IN]
    time_passes(world, days=7)
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8


def test_S09_ending_the_assignment_during_a_substitution_ends_both(world: World):
    asked = order(world, 0, 5)
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    assert contacts(world)["CJT", Kind.TKCL].username is None
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8
    assert {r["details"]["custodian"] for r in world.records("custodian.ended")} == {KEEPER, STAND_IN}
    time_passes(world, days=7)
    assert contacts(world)["CJT", Kind.TKCL].username is None
    assert state_of(world, asked) == "ENDED"
    assert rows(world) == [(KEEPER, None), (STAND_IN, world.actor(KEEPER).full_name)]


# --- S11: an officer goes -------------------------------------------------------------------------


def test_S11_who_leaves_answers_for_nothing_any_more(world: World):
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    with transaction(world.rt) as session:
        keeper = officer_named(session, KEEPER)
        ending = substitution.end_all_of(
            world.rt, session, keeper.id, "Thôi công tác", world.actor("vpt.cntt1")
        )
    closing.finish_all(world.rt, ending)
    assert ending == [lease.lease]
    assert contacts(world)["CJT", Kind.TKCL].username is None
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8
    assert states(world, "CJT", Kind.TKHCTT) == [("ACTIVE", None)] * 8


def test_S11_a_substitute_who_leaves_gives_the_days_back(world: World):
    running, planned = order(world, 0, 2), order(world, 10, 12)
    asked = propose_by_head(world)
    with transaction(world.rt) as session:
        person = officer_named(session, STAND_IN)
        assert substitution.end_all_of(world.rt, session, person.id, "Điều chuyển", None) == []
    assert custodian(world, "CJT", Kind.TKCL) == KEEPER
    assert {state_of(world, one) for one in (running, planned)} == {"ENDED"}
    assert state_of(world, asked) == "DECLINED"
    time_passes(world, days=11)
    assert custodian(world, "CJT", Kind.TKCL) == KEEPER


def propose_by_head(world: World) -> str:
    """A proposal that is still open; the custodian is on leave, so it is written for him."""
    with world.admin_control() as admin:
        row = admin.execute(
            "INSERT INTO substitution (custody_id, officer_id, opens, closes, reason, state, proposed_by, proposed_at)"
            " SELECT custody_id, officer_id, now() + interval '20 d', now() + interval '22 d', 'x', 'PROPOSED',"
            " proposed_by, now() FROM substitution LIMIT 1 RETURNING id"
        ).fetchone()
    assert row is not None
    return str(row[0])


# --- S12: the next custodian ----------------------------------------------------------------------


def test_S12_the_next_custodian_takes_over_without_a_moments_gap(world: World):
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert lease.dsn is not None
    published = len(world.records("contactlist.published"))
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        assert replace(world, STAND_IN) == [lease.lease]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert custodian(world, "CJT", Kind.TKCL) == STAND_IN
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8
    assert world.records("account.suspended") == []
    assert len(world.records("account.rotated")) == 8
    assert len(world.records("contactlist.published")) == published + 1
    assert world.records("custodian.ended")[-1]["details"]["custodian"] == KEEPER
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)


def test_S12_minutes_keep_the_eight_accounts_as_they_were_taken_over(world: World):
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor("vpt.cntt1"), "TKCL-CJT-KNO", "Kiểm tra")
    world.lend("cjt.the1", "TKCL-CJT-DML")
    replace(world, STAND_IN)
    with transaction(world.rt) as session:
        now = custody.in_force(session, "CJT", Kind.TKCL, world.now())
        assert now is not None
        sheet = handover.sheet(world.rt, session, world.actor("cjt.gd"), str(now.id))
    assert (len(sheet.accounts), sheet.open_leases, sheet.ended_leases) == (8, 0, 1)
    assert {(a.account, a.state) for a in sheet.accounts if a.state != "ACTIVE"} == {
        ("TKCL-CJT-KNO", "LOCKED")
    }
    people = contacts(world)
    assert sheet.incoming == people["CJT", Kind.TKCL].full_name
    assert sheet.outgoing == world.actor(KEEPER).full_name
    assert sheet.rotated_at is not None
    assert sheet.head == world.actor("cjt.gd").full_name
    end(world, "cjt.gd", "CJT", Kind.TKCL)  # what happens later does not change the minutes
    with transaction(world.rt) as session:
        assert handover.sheet(world.rt, session, world.actor("cjt.gd"), str(sheet.custody)) == sheet
        with pytest.raises(NotFound):
            handover.sheet(world.rt, session, world.actor("cjt.gd"), "999999")


def test_S12_a_planned_change_needs_nobody_at_its_moment(world: World):
    assert replace(world, STAND_IN, days=2) == []
    assert custodian(world, "CJT", Kind.TKCL) == KEEPER
    lease = world.lend(KEEPER, "TKCL-CJT-DML")
    assert time_passes(world, days=2) == [lease.lease]
    assert custodian(world, "CJT", Kind.TKCL) == STAND_IN
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8
    assert findings_of(world, "no_custodian") == []


def test_S12_a_planned_change_that_is_called_off_leaves_the_custodian_as_before(world: World):
    replace(world, STAND_IN, days=2)
    with transaction(world.rt) as session:
        page = custody_view.office_page(world.rt, session, world.actor("cjt.gd"), "CJT")
        (planned,) = page.posts[0].planned
        custody.call_off(world.rt, session, world.actor("cjt.gd"), str(planned.id), "Thay đổi nhân sự")
    assert contacts(world)["CJT", Kind.TKCL].until is None
    time_passes(world, days=3)
    assert custodian(world, "CJT", Kind.TKCL) == KEEPER
    with transaction(world.rt) as session, pytest.raises(Conflict):
        custody.call_off(world.rt, session, world.actor("cjt.gd"), str(planned.id), "Lần nữa")


def test_S12_a_head_who_looks_at_an_old_page_is_told_and_nothing_is_overwritten(world: World):
    with transaction(world.rt) as session:
        old = custody.in_force(session, "CJT", Kind.TKCL, world.now())
        assert old is not None
    replace(world, STAND_IN)
    wanted_ = custody.Appointment("CJT", Kind.TKCL, KEEPER, "10/QĐ", world.now())
    with transaction(world.rt) as session, pytest.raises(Conflict) as raised:
        custody.replace(world.rt, session, world.actor("vpt.gd"), wanted_, seen=old.id)
    assert raised.value.code == "custody.changed"
    with transaction(world.rt) as session, pytest.raises(Conflict):
        custody.end(world.rt, session, world.actor("vpt.gd"), "CJT", Kind.TKCL, "x", seen=old.id)
    assert custodian(world, "CJT", Kind.TKCL) == STAND_IN


def test_S12_the_same_person_and_a_second_plan_are_refused(world: World):
    with pytest.raises(Refused) as raised:
        replace(world, KEEPER)
    assert raised.value.code == "custody.same_person"
    order(world, 3, 4)
    with pytest.raises(Refused) as raised:
        replace(world, STAND_IN)
    assert raised.value.code == "custody.planned_already"


# --- who answered on a day ------------------------------------------------------------------------


def test_who_answered_for_what_on_any_past_day_names_substitute_and_gap(world: World):
    asked = order(world, 1, 2)
    time_passes(world, days=4)
    assert state_of(world, asked) == "DONE"

    def on(day: int) -> custody_view.DayLine:
        with transaction(world.rt) as session:
            actor, date_ = world.actor("cjt.tn1"), local(world.now()).date() - timedelta(days=day)
            lines = custody_view.on_day(world.rt, session, actor, date_)
        assert len(lines) == 18
        return next(line for line in lines if (line.office, line.kind) == ("CJT", "TKCL"))

    assert [(p.username, p.substitutes is not None) for p in on(2).parts] == [(STAND_IN, True)]
    assert [p.username for p in on(1).parts] == [KEEPER]
    assert not on(2).gap
    assert [p.username for p in on(400).parts] == []
    assert on(400).gap
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    assert on(0).gap
    assert [p.username for p in on(0).parts] == [KEEPER]
