"""Custodians: who appoints whom, exactly one at a time, and what their coming and going does (R30–R34)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, Invalid, NotFound, Refused, message
from accessctl.services import accounts, closing, custody, custody_watch, leasing
from accessctl.services.control import transaction
from tests.common.world import World

CARD_CLERKS = ("cjt.the1", "cjt.the2")


def contacts(world: World, username: str = "cjt.tn1") -> dict[tuple[str, str], custody.Contact]:
    with transaction(world.rt) as session:
        found = custody.contact_list(world.rt, session, world.actor(username))
    return {(contact.office, contact.kind): contact for contact in found}


def custodian(world: World, office: str, kind: Kind) -> str:
    username = contacts(world)[office, kind].username
    assert username is not None
    return username


def appoint(
    world: World,
    head: str,
    office: str,
    kind: Kind,
    officer: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    decision: str = "02/QĐ-BHXH",
) -> custody.Custody:
    wanted = custody.Appointment(office, kind, officer, decision, since or world.now(), until)
    with transaction(world.rt) as session:
        return custody.appoint(world.rt, session, world.actor(head), wanted)


def refused(world: World, *words: Any, **more: Any) -> str:
    """The code of the refusal; nothing may have changed in who answers for what."""
    before, records = contacts(world), len(world.records())
    with pytest.raises(AccessError) as raised:
        appoint(world, *words, **more)
    assert contacts(world) == before
    assert len(world.records()) == records
    assert message(raised.value.code, "vi", **raised.value.facts) != message("internal", "vi")
    return raised.value.code


def end(world: World, head: str, office: str, kind: Kind, reason: str = "03/QĐ-BHXH") -> list[str]:
    with transaction(world.rt) as session:
        ending = custody.end(world.rt, session, world.actor(head), office, kind, reason)
    closing.finish_all(world.rt, ending)
    return ending


def time_passes(world: World, **how_long: float) -> list[str]:
    """The clock moves on and the worker's loop takes its turn."""
    world.shift += timedelta(**how_long)
    with transaction(world.rt) as session:
        ending = custody_watch.watch(world.rt, session)
    closing.finish_all(world.rt, ending)
    return ending


def states(world: World, guest: str, kind: Kind) -> list[tuple[str, str | None]]:
    with transaction(world.rt) as session:
        rows = accounts.rows(world.rt, session, world.actor("vpt.cntt1"))
    return [(row.state, row.reason) for row in rows if row.guest == guest and row.kind == kind]


def findings_of(world: World, kind: str) -> list[tuple[Any, ...]]:
    with world.admin_control() as admin:
        return admin.execute(
            "SELECT office, severity, times, details FROM finding WHERE kind = %s", (kind,)
        ).fetchall()


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


# --- nobody answers: suspended; somebody else answers: old credentials are void --------------------


def test_S10_without_a_successor_the_eight_accounts_are_suspended_and_live_sessions_end(world: World) -> None:
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    waiting = world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    correcting = world.lend("cjt.thu1", "TKHCTT-CJT-DRL")
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        assert end(world, "cjt.gd", "CJT", Kind.TKCL) == [lease.lease]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8
    assert states(world, "CJT", Kind.TKHCTT) == [("ACTIVE", None)] * 8
    assert world.roles_with_login() == {"tkhctt_cjt_drl"}
    ended = leasing.show_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    assert (ended.state, ended.end_reason) == ("CLOSED", "revoked")
    assert leasing.show_lease(world.rt, world.actor("cjt.the2"), waiting.lease).state == "DENIED"
    assert leasing.show_lease(world.rt, world.actor("cjt.thu1"), correcting.lease).state == "ACTIVE"
    time_passes(world)
    assert findings_of(world, "no_custodian") == [("CJT", 2, 1, {"account_kind": "TKCL"})]
    assert len(world.records("account.suspended")) == 8
    with pytest.raises(Refused) as raised:
        world.lend("cjt.the2", "TKCL-CJT-KNO", number=3)
    assert raised.value.code == "lease.no_custodian"
    assert "Chưa có cán bộ quản lý TKCL" in str(raised.value)


def test_S10_the_same_when_the_assignment_simply_runs_out(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2", until=world.now() + timedelta(hours=2))
    time_passes(world)
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert lease.dsn is not None
    ended, published = len(world.records("custodian.ended")), len(world.records("contactlist.published"))
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        assert time_passes(world, hours=3) == [lease.lease]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8
    assert world.roles_with_login() == set()
    assert [row[:3] for row in findings_of(world, "no_custodian")] == [("CJT", 2, 1)]
    told = world.records("custodian.ended")[ended:]
    assert [(r["actor"], r["guest"], r["details"]["custodian"]) for r in told] == [
        ("system", "CJT", "cjt.the2")
    ]
    assert len(world.records("contactlist.published")) == published + 1
    assert time_passes(world, hours=1) == []
    assert len(world.records("custodian.ended")) == ended + 1
    assert len(world.records("account.suspended")) == 16  # eight by the head's end, eight by the clock


def test_S10_a_new_custodian_brings_the_accounts_back_but_not_those_locked_meanwhile(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor("vpt.cntt1"), "TKCL-CJT-KNO", "Kiểm tra")
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2")
    found = states(world, "CJT", Kind.TKCL)
    assert found.count(("ACTIVE", None)) == 7
    assert ("LOCKED", "Kiểm tra") in found


def test_S10_a_gap_that_is_coming_is_told_five_working_days_ahead(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2", until=world.now() + timedelta(days=30))
    time_passes(world, days=10)
    assert findings_of(world, "custody_ending") == []
    time_passes(world, days=17)
    assert [row[0] for row in findings_of(world, "custody_ending")] == ["CJT"]
    appointed = world.now() + timedelta(days=3)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", since=appointed)
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8


def test_S12_a_change_of_custodian_ends_sessions_voids_secrets_and_publishes_the_new_list(
    world: World,
) -> None:
    old = custodian(world, "CJT", Kind.TKCL)
    new = next(name for name in CARD_CLERKS if name != old)
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        end(world, "cjt.gd", "CJT", Kind.TKCL)
        appoint(world, "cjt.gd", "CJT", Kind.TKCL, new)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match=r"not permitted to log in|authentication failed"):
        psycopg.connect(lease.dsn)
    assert len(world.records("account.rotated")) == 8
    assert custodian(world, "CJT", Kind.TKCL) == new
    assert world.records("contactlist.published")[-1]["guest"] == "CJT"
    again = world.lend("cjt.the1", "TKCL-CJT-DML", number=2)
    assert again.dsn is not None
    secret = psycopg.conninfo.conninfo_to_dict(again.dsn)["password"]
    assert secret != psycopg.conninfo.conninfo_to_dict(lease.dsn)["password"]
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(lease.dsn)
    with psycopg.connect(again.dsn) as client:
        assert client.execute("SELECT session_user").fetchone() == ("tkcl_cjt_dml",)


def test_S12_a_planned_change_takes_effect_at_its_moment_without_a_gap(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    noon = world.now() + timedelta(hours=1)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", until=noon)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2", since=noon)
    time_passes(world)
    lease = world.lend("cjt.thu1", "TKHCTT-CJT-DML")
    ours = world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    rotated = len(world.records("account.rotated"))
    assert time_passes(world, hours=2) == [ours.lease]
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the2"
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8
    assert len(world.records("account.rotated")) == rotated + 8
    assert leasing.show_lease(world.rt, world.actor("cjt.thu1"), lease.lease).state == "ACTIVE"
    assert findings_of(world, "no_custodian") == []
    assert time_passes(world, minutes=1) == []


def test_S13_a_custodian_does_not_revoke_leases_of_the_other_kind(world: World) -> None:
    lease = world.lend("cjt.thu1", "TKHCTT-CJT-DRL")
    keeper = custodian(world, "CJT", Kind.TKCL)
    with pytest.raises(Refused) as raised:
        leasing.revoke_lease(world.rt, world.actor(keeper), lease.lease, "Thu hồi")
    assert raised.value.code == "lease.other_kind"
    assert leasing.show_lease(world.rt, world.actor("cjt.thu1"), lease.lease).state == "ACTIVE"
