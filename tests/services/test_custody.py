"""Custodians: who appoints whom, exactly one at a time, and who is told (R30–R34, S06–S08, S13)."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, Invalid, NotFound, Refused
from accessctl.services import custody, leasing
from accessctl.services.control import transaction
from tests.common.custodians import (
    appoint,
    contacts,
    custodian,
    end,
    findings_of,
    refused,
    states,
    time_passes,
)
from tests.common.world import World

CARD_CLERKS = ("cjt.the1", "cjt.the2")


# --- who appoints, and whom -----------------------------------------------------------------------


def test_S06_a_second_custodian_of_a_kind_for_overlapping_dates_is_refused(world: World) -> None:
    taken = custodian(world, "CJT", Kind.TKCL)
    other = next(name for name in CARD_CLERKS if name != taken)
    assert refused(world, "cjt.gd", "CJT", Kind.TKCL, other) == "custody.overlap"
    later = world.now() + timedelta(days=30)
    assert refused(world, "cjt.gd", "CJT", Kind.TKCL, other, since=later) == "custody.overlap"
    assert (
        refused(world, "cjt.gd", "CJT", Kind.TKCL, other, until=world.now() + timedelta(hours=1))
        == "custody.overlap"
    )


def test_S06_two_heads_sessions_at_one_instant_make_one_custodian_whatever_the_code_saw(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    first = custody.Appointment("CJT", Kind.TKCL, "cjt.the1", "4/QĐ", world.now())
    second = custody.Appointment("CJT", Kind.TKCL, "cjt.the2", "5/QĐ", world.now())
    head = world.actor("cjt.gd")
    one, two = world.rt.sessions(), world.rt.sessions()
    with one, two:
        custody.appoint(world.rt, one, head, first)
        # Neither sees the other's row; the constraint makes the second wait for the first.
        outcome: list[str] = []

        def late() -> None:
            try:
                custody.appoint(world.rt, two, head, second)
                two.commit()
                outcome.append("appointed")
            except AccessError as error:
                two.rollback()
                outcome.append(error.code)

        waiting = threading.Thread(target=late)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        one.commit()
        waiting.join(10)
    assert outcome == ["custody.overlap"]
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the1"


def test_S07_at_the_province_each_head_appoints_for_the_own_function_only(world: World) -> None:
    end(world, "vpt.tpcst", "VPT", Kind.TKCL)
    end(world, "vpt.tpthu", "VPT", Kind.TKHCTT)
    assert refused(world, "vpt.tpthu", "VPT", Kind.TKCL, "vpt.the1") == "custody.by_function"
    assert refused(world, "vpt.tpcst", "VPT", Kind.TKHCTT, "vpt.thu1") == "custody.by_function"
    appoint(world, "vpt.tpcst", "VPT", Kind.TKCL, "vpt.the1")
    appoint(world, "vpt.tpthu", "VPT", Kind.TKHCTT, "vpt.thu1")
    assert custodian(world, "VPT", Kind.TKCL) == "vpt.the1"
    assert custodian(world, "VPT", Kind.TKHCTT) == "vpt.thu1"


def test_S07_ending_at_the_province_is_by_function_too(world: World) -> None:
    with pytest.raises(Refused, match="TKHCTT") as raised:
        end(world, "vpt.tpthu", "VPT", Kind.TKCL)
    assert raised.value.code == "custody.by_function"
    assert contacts(world)["VPT", Kind.TKCL].username is not None


def test_S08_a_custodian_of_another_office_or_the_wrong_section_is_refused(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    end(world, "cjt.gd", "CJT", Kind.TKHCTT)
    assert refused(world, "cjt.gd", "CJT", Kind.TKCL, "dml.the1") == "custody.other_office"
    assert refused(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.thu1") == "custody.wrong_department"
    assert refused(world, "cjt.gd", "CJT", Kind.TKHCTT, "cjt.the1") == "custody.wrong_department"
    assert refused(world, "cjt.gd", "CJT", Kind.TKHCTT, "cjt.tn1") == "custody.wrong_department"


def test_S13_a_head_who_appoints_himself_and_one_person_for_both_kinds_are_refused(world: World) -> None:
    end(world, "vpt.tpcst", "VPT", Kind.TKCL)
    assert refused(world, "vpt.tpcst", "VPT", Kind.TKCL, "vpt.tpcst") == "custody.self"
    assert refused(world, "vpt.tpcst", "VPT", Kind.TKCL, "vpt.tpthu") == "custody.wrong_department"
    end(world, "cjt.gd", "CJT", Kind.TKHCTT)
    assert refused(world, "cjt.gd", "CJT", Kind.TKHCTT, "cjt.gd") == "custody.self"
    # The department already keeps one person from both kinds; moved to Collection, the rule itself does.
    keeper = custodian(world, "CJT", Kind.TKCL)
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET department = 'THU' WHERE username = %s", (keeper,))
    assert refused(world, "cjt.gd", "CJT", Kind.TKHCTT, keeper) == "custody.both_kinds"


def test_R30_nobody_but_the_own_unit_head_appoints(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    for stranger in ("cjt.the1", "cjt.tn1", "dml.gd", "vpt.tpcst", "vpt.pgd", "vpt.cntt1", "vpt.ktra1"):
        code = refused(world, stranger, "CJT", Kind.TKCL, "cjt.the2")
        assert code in ("policy.no_rule", "policy.denied_by_rule"), stranger
    answering = custodian(world, "CJT", Kind.TKHCTT)
    assert refused(world, answering, "CJT", Kind.TKCL, "cjt.the2") == "policy.denied_by_rule"


def test_R30_the_provincial_director_may_appoint_for_any_office_and_end_there(world: World) -> None:
    end(world, "vpt.gd", "CJT", Kind.TKCL)
    appoint(world, "vpt.gd", "CJT", Kind.TKCL, "cjt.the2")
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the2"
    end(world, "vpt.gd", "VPT", Kind.TKHCTT)
    appoint(world, "vpt.gd", "VPT", Kind.TKHCTT, "vpt.thu1")
    assert custodian(world, "VPT", Kind.TKHCTT) == "vpt.thu1"
    assert refused(world, "vpt.gd", "CJT", Kind.TKCL, "cjt.the1") == "custody.overlap"
    assert world.records("custodian.assigned")[-1]["actor"] == "vpt.gd"


def test_unknown_office_and_unknown_officer_are_named_as_such(world: World) -> None:
    assert refused(world, "cjt.gd", "XYZ", Kind.TKCL, "cjt.the1") == "office.unknown"
    assert refused(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.khong") == "officer.unknown"
    assert refused(world, "cjt.gd", "CJT", Kind.TKCL, "x" * 10_000) == "officer.unknown"
    assert refused(world, "cjt.gd", "X" * 10_000, Kind.TKCL, "cjt.the1") == "office.unknown"
    with pytest.raises(NotFound, match="XYZ"):
        end(world, "cjt.gd", "XYZ", Kind.TKCL)


def test_a_decision_needs_a_number_on_one_line(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    for decision, code in {
        "": "custody.no_decision",
        "  \t ": "custody.no_decision",
        "x" * 10_000: "input.too_long",
        "1\x00": "input.control",
    }.items():
        assert refused(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", decision=decision) == code
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8


def test_a_period_that_ends_before_it_begins_or_began_long_ago_is_refused(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    now = world.now()
    for since, until in [(now, now), (now, now - timedelta(days=1)), (now - timedelta(days=60), None)]:
        with pytest.raises(Invalid) as raised:
            appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", since=since, until=until)
        assert raised.value.code == "custody.bad_period"


def test_sql_in_the_words_of_a_decision_stays_words(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL, reason="1'); DROP TABLE custody; --")
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", decision="'; DELETE FROM custody; --")
    assert contacts(world)["CJT", Kind.TKCL].decision_no == "'; DELETE FROM custody; --"
    assert world.records("custodian.ended")[-1]["reason"] == "1'); DROP TABLE custody; --"
    assert len(contacts(world)) == 18


# --- in force, acknowledged, published ------------------------------------------------------------


def test_R31_R33_each_office_has_one_custodian_of_each_kind_and_each_has_acknowledged(world: World) -> None:
    found = contacts(world)
    assert len(found) == 18
    assert len({contact.username for contact in found.values()}) == 18
    assert all(contact.acknowledged for contact in found.values())
    assigned, acknowledged = world.records("custodian.assigned"), world.records("custodian.acknowledged")
    assert (len(assigned), len(acknowledged)) == (18, 18)
    for record in acknowledged:
        assert record["details"]["custodian"] == record["actor"]


def test_R32_every_custodian_belongs_to_the_section_of_the_function(world: World) -> None:
    with world.admin_control() as admin:
        rows = admin.execute(
            "SELECT c.kind, o.department, c.office_code = o.office_code FROM custody c"
            " JOIN officer o ON o.id = c.officer_id"
        ).fetchall()
    assert set(rows) == {("TKCL", "CST", True), ("TKHCTT", "THU", True)}


def test_R33_an_appointment_holds_before_it_is_acknowledged_and_only_the_custodian_confirms_it(
    world: World,
) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2")
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8
    assert not contacts(world)["CJT", Kind.TKCL].acknowledged
    for stranger in ("cjt.gd", "cjt.the1", "dml.the1", custodian(world, "CJT", Kind.TKHCTT)):
        with transaction(world.rt) as session, pytest.raises(Refused):
            custody.acknowledge(world.rt, session, world.actor(stranger), "CJT", Kind.TKCL)
    before = len(world.records("custodian.acknowledged"))
    for _ in range(2):
        with transaction(world.rt) as session:
            custody.acknowledge(world.rt, session, world.actor("cjt.the2"), "CJT", Kind.TKCL)
    assert contacts(world)["CJT", Kind.TKCL].acknowledged
    assert len(world.records("custodian.acknowledged")) == before + 1


def test_R33_a_custodian_who_is_late_is_an_exception_and_nothing_is_suspended(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2")
    time_passes(world, days=5)
    assert [row[0] for row in findings_of(world, "custody_unacknowledged")] == ["CJT"]
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8


def test_R34_the_contact_list_is_for_every_officer_and_names_how_to_reach_each(world: World) -> None:
    readers = ["cjt.tn1", "cjt.khtc1", "cjt.phoi1", "dml.the1", "tdc.thu1", "cjt.gd", "vpt.tt1", "vpt.cntt1"]
    for reader in [*readers, "vpt.ktra1", "vpt.gd", "vpt.pgd"]:
        for contact in contacts(world, reader).values():
            assert contact.full_name
            assert contact.title
            assert str(contact.phone).startswith("0900000")
            assert str(contact.email).endswith("@bhxh.example")
            assert contact.since is not None


def test_R34_every_change_of_a_custodian_publishes_the_list_anew(world: World) -> None:
    before = len(world.records("contactlist.published"))
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    assert contacts(world)["CJT", Kind.TKCL].username is None
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2")
    published = world.records("contactlist.published")[before:]
    assert [(record["guest"], record["actor"]) for record in published] == [("CJT", "cjt.gd")] * 2


def test_S13_a_custodian_does_not_revoke_leases_of_the_other_kind(world: World) -> None:
    lease = world.lend("cjt.thu1", "TKHCTT-CJT-DRL")
    keeper = custodian(world, "CJT", Kind.TKCL)
    with pytest.raises(Refused) as raised:
        leasing.revoke_lease(world.rt, world.actor(keeper), lease.lease, "Thu hồi")
    assert raised.value.code == "lease.other_kind"
    assert leasing.show_lease(world.rt, world.actor("cjt.thu1"), lease.lease).state == "ACTIVE"
