"""The custodian's standing rule: who sets it, what it holds up, how its versions follow each other (A4)."""

from __future__ import annotations

import threading

import pytest

from accessctl.clock import local
from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, Conflict, Invalid, NotFound, Refused
from accessctl.services import leasing, standing_rules
from accessctl.services.control import transaction
from accessctl.services.standing_rules import Change, RuleView
from tests.common.rules import EVERY_DAY, set_rule
from tests.common.world import World

KEEPER = "cjt.the2"  # the custodian of TKCL at Cư Jút
CLERK = "cjt.the1"


def shown(world: World, reader: str = CLERK, kind: Kind = Kind.TKCL) -> RuleView:
    with transaction(world.rt) as session:
        return standing_rules.show(world.rt, session, world.actor(reader), "CJT", kind)


def code_of(world: World, who: str, account: str = "TKCL-CJT-DML", **more: object) -> str:
    before = len(world.records("lease.requested"))
    with pytest.raises(AccessError) as raised:
        world.lend(who, account, **more)
    assert len(world.records("lease.requested")) == before
    return raised.value.code


def give_back(world: World, who: str, lease: str) -> None:
    leasing.close_lease(world.rt, world.actor(who), lease)


def test_A4_without_a_rule_everybody_of_the_department_borrows_unasked(world: World):
    assert shown(world).now is None
    assert world.lend(CLERK, "TKCL-CJT-DML").state == "ACTIVE"


def test_A4_inside_the_rule_nobody_is_asked(world: World):
    set_rule(world, KEEPER, officers=(CLERK,), spans=(("00:00", "23:59"),), per_day="5")
    assert world.lend(CLERK, "TKCL-CJT-DML").state == "ACTIVE"
    assert world.records("approval.used") == []


def test_A4_whom_the_rule_does_not_name_is_refused_before_anything_is_written(world: World):
    set_rule(world, KEEPER, officers=(KEEPER,))
    assert code_of(world, CLERK) == "rule.officer"
    assert world.roles_with_login() == set()


def test_A4_the_rule_of_one_kind_and_office_is_no_rule_of_another(world: World):
    set_rule(world, KEEPER, officers=(KEEPER,))
    assert world.lend("cjt.thu1", "TKHCTT-CJT-DML").state == "ACTIVE"
    assert world.lend("dml.the1", "TKCL-DML-CJT").state == "ACTIVE"
    assert world.lend(CLERK, "LOCAL_CL-CJT-01").state == "ACTIVE"


def test_A4_a_weekday_and_an_hour_outside_the_rule_are_told_apart(world: World):
    today = local(world.now()).isoweekday()
    set_rule(world, KEEPER, days=tuple(day for day in EVERY_DAY if day != today))
    assert code_of(world, CLERK) == "rule.day"
    now = local(world.now())
    span = ("00:00", "00:01") if now.hour else ("23:58", "23:59")
    set_rule(world, KEEPER, seen=1, spans=(span,))
    assert code_of(world, CLERK) == "rule.hours"


def test_A4_the_most_per_day_counts_loans_of_the_officer_and_kind_on_the_local_day(world: World):
    set_rule(world, KEEPER, per_day="2")
    for number in (1, 2):
        give_back(world, CLERK, world.lend(CLERK, "TKCL-CJT-DML", number=number).lease)
    assert code_of(world, CLERK, "TKCL-CJT-KNO", number=3) == "rule.per_day"
    give_back(world, KEEPER, world.lend(KEEPER, "TKCL-CJT-DML", number=4).lease)
    give_back(world, CLERK, world.lend(CLERK, "LOCAL_CL-CJT-01", number=5).lease)
    with world.admin_control() as admin:  # yesterday's loans are not today's
        admin.execute("UPDATE lease SET opened_at = opened_at - interval '1 day'")
    assert world.lend(CLERK, "TKCL-CJT-KNO", number=6).state == "ACTIVE"


def test_A4_a_rule_set_while_somebody_waits_holds_when_the_turn_comes(world: World):
    first = world.lend(KEEPER, "TKCL-CJT-DML", number=1)
    waiting = world.lend(CLERK, "TKCL-CJT-DML", number=2)
    set_rule(world, KEEPER, officers=(KEEPER,))
    give_back(world, KEEPER, first.lease)
    turn = leasing.show_lease(world.rt, world.actor(CLERK), waiting.lease)
    assert turn.state == "DENIED"
    assert world.records("lease.denied")[-1]["reason"] == "rule.officer"


def test_A4_the_custodian_and_the_head_set_the_rule_and_nobody_else(world: World):
    set_rule(world, KEEPER, per_day="9")
    set_rule(world, "cjt.gd", seen=1, per_day="8")
    for stranger in (CLERK, "dml.gd", "vpt.gd", "vpt.cntt1", "vpt.ktra1", "cjt.tn1"):
        with pytest.raises(Refused) as raised:
            set_rule(world, stranger, seen=2, per_day="7")
        assert raised.value.code.startswith("policy."), stranger
    with pytest.raises(Refused):
        set_rule(world, "cjt.thu2", seen=2, per_day="7")  # the custodian of the other kind
    assert [(v.version, v.per_day) for v in shown(world).versions] == [(2, 8), (1, 9)]


def test_A4_at_the_province_a_head_sets_the_rule_of_the_own_function_only(world: World):
    with pytest.raises(Refused) as raised:
        set_rule(world, "vpt.tpthu", office="VPT", per_day="3")
    assert raised.value.code == "rule.other_kind"
    assert set_rule(world, "vpt.tpcst", office="VPT", per_day="3") == 1


def test_A4_every_version_is_kept_with_author_and_recorded_with_old_and_new(world: World):
    set_rule(world, KEEPER, officers=(CLERK,), per_day="4", note="Tập huấn")
    set_rule(world, "cjt.gd", seen=1, spans=(("07:30", "11:30"), ("13:00", "16:30")))
    versions = shown(world).versions
    assert [v.version for v in versions] == [2, 1]
    assert [p.username for p in versions[1].officers or ()] == [CLERK]
    assert versions[0].spans == (("07:30", "11:30"), ("13:00", "16:30"))
    assert versions[0].officers is None
    first, second = world.records("rule.changed")
    assert first["details"]["new"]["officers"] == [CLERK]
    assert first["reason"] == "Tập huấn"
    assert second["details"]["old"]["per_day"] == 4
    assert (second["actor"], second["guest"], second["details"]["version"]) == ("cjt.gd", "CJT", 2)


def test_A4_saving_what_already_stands_changes_nothing(world: World):
    set_rule(world, KEEPER, per_day="4")
    assert set_rule(world, KEEPER, seen=1, per_day="4") == 1
    assert len(world.records("rule.changed")) == 1


def test_A4_who_edits_an_old_version_is_told_and_nothing_is_overwritten(world: World):
    set_rule(world, KEEPER, per_day="4")
    with pytest.raises(Conflict) as raised:
        set_rule(world, "cjt.gd", seen=0, per_day="5")
    assert raised.value.code == "rule.changed"
    assert [v.per_day for v in shown(world).versions] == [4]


def test_A4_two_who_save_at_one_instant_make_one_version_whatever_the_code_saw(world: World):
    keeper, head = world.actor(KEEPER), world.actor("cjt.gd")
    one, two = world.rt.sessions(), world.rt.sessions()
    outcome: list[str] = []
    with one, two:
        standing_rules.change(world.rt, one, keeper, "CJT", Kind.TKCL, Change(0, None, EVERY_DAY, (), "1"))

        def late() -> None:
            try:
                standing_rules.change(
                    world.rt, two, head, "CJT", Kind.TKCL, Change(0, None, EVERY_DAY, (), "2")
                )
                two.commit()
                outcome.append("saved")
            except AccessError as error:
                two.rollback()
                outcome.append(error.code)

        waiting = threading.Thread(target=late)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        one.commit()
        waiting.join(10)
    assert outcome == ["rule.changed"]
    assert [v.per_day for v in shown(world).versions] == [1]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"days": ()}, "rule.bad_days"),
        ({"days": (0, 9)}, "rule.bad_days"),
        ({"officers": ()}, "rule.bad_officers"),
        ({"officers": ("cjt.thu1",)}, "rule.bad_officers"),
        ({"officers": ("'; DROP TABLE officer; --",)}, "rule.bad_officers"),
        ({"spans": (("11:30", "07:30"),)}, "rule.bad_hours"),
        ({"spans": (("7h", "8h"),)}, "rule.bad_hours"),
        ({"spans": (("07:30", ""),)}, "rule.bad_hours"),
        ({"per_day": "0"}, "rule.bad_per_day"),
        ({"per_day": "-1"}, "rule.bad_per_day"),
        ({"per_day": "9" * 5000}, "rule.bad_per_day"),
        ({"per_day": "٣"}, "rule.bad_per_day"),
        ({"note": "x" * 5000}, "input.too_long"),
    ],
)
def test_A4_a_rule_that_makes_no_sense_is_not_saved(world: World, words: dict[str, object], code: str):
    with pytest.raises(Invalid) as raised:
        set_rule(world, KEEPER, **words)
    assert raised.value.code == code
    assert shown(world).versions == ()


def test_A4_the_people_whom_a_rule_may_name_are_those_with_the_role_by_given_name(world: World):
    found = [person.username for person in shown(world).people]
    assert set(found) == {"cjt.the1", "cjt.the2"}
    assert {p.username for p in shown(world, kind=Kind.TKHCTT).people} == {"cjt.thu1", "cjt.thu2"}
    with transaction(world.rt) as session, pytest.raises(NotFound):
        standing_rules.show(world.rt, session, world.actor(CLERK), "XYZ", Kind.TKCL)
