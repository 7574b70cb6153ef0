"""Working at the desk: two records around each act, and a network that breaks in the middle (S12–S22, S31)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from accessctl.errors import AccessError, Conflict, Invalid, Unavailable
from accessctl.services import desk, leasing, sweeping
from accessctl.services.runtime import Runtime
from tests.common.evidence import alive, collect_rows
from tests.common.network import Cut, Wire
from tests.common.world import World

ACCOUNT, HOLDER = "TKCL-CJT-DML", "cjt.the1"
OTHER = "TKHCTT-CJT-DML"


def outcomes(world: World, event: str) -> list[tuple[str, str | None]]:
    """Outcome and reason of every record of an act, oldest first."""
    return [
        (leaf["outcome"], leaf.get("reason"))
        for leaf in world.records()
        if leaf["event"] in (event, f"{event}.failed")
    ]


def test_every_act_of_the_desk_is_an_intent_and_an_outcome_with_person_account_and_dossier(
    world: World,
) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    assert lease.dsn is None, "at the desk the secret never leaves the service"
    actor = world.actor(HOLDER)
    assert desk.view_reissue(world.rt, actor, lease.lease).outcome == "ok"
    done = desk.reissue_card(world.rt, actor, lease.lease, "MAT", "67A0000123")
    assert (done.outcome, done.already) == ("ok", False)
    for event in ("reissue.viewed", "card.reissued"):
        assert outcomes(world, event) == [("intent", None), ("ok", None)]
        for leaf in world.records(event):
            assert (leaf["actor"], leaf["account"], leaf["dossier"], leaf["lease"], leaf["host"]) == (
                HOLDER,
                ACCOUNT,
                lease.dossier,
                lease.lease,
                "DML",
            )
    collect_rows(world, "DML")
    assert len(world.records("card.reissued")) == 2, "what the desk recorded is not recorded twice"
    assert len(world.records("db.login")) == 2


def test_R26_a_second_reissue_for_the_dossier_says_that_it_was_done_already(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    actor = world.actor(HOLDER)
    first = desk.reissue_card(world.rt, actor, lease.lease, "MAT", "67A0000123")
    again = desk.reissue_card(world.rt, actor, lease.lease, "MAT", "67A0000124")
    assert (again.outcome, again.already, again.reissue_id) == ("ok", True, first.reissue_id)
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT blank_serial FROM bhyt.reissue").fetchall() == [("67A0000123",)]


def test_S04_S17_a_holder_in_bhxh_and_bhyt_is_not_shown_or_corrected_and_each_try_is_an_act_in_the_log(
    world: World,
) -> None:
    lease = world.lend("cjt.thu1", OTHER, client=False, n=2)
    actor = world.actor("cjt.thu1")
    assert desk.view_holder(world.rt, actor, lease.lease).outcome == "not_bhyt_only"
    done = desk.correct_holder(world.rt, actor, lease.lease, {"full_name": "Y Bluê Niê"})
    assert (done.outcome, done.changed) == ("not_bhyt_only", ())
    collect_rows(world, "DML")
    assert outcomes(world, "holder.viewed") == [("intent", None), ("failed", "act.not_bhyt_only")]
    assert outcomes(world, "holder.corrected") == [("intent", None), ("failed", "act.not_bhyt_only")]
    with world.admin_office("DML") as admin:
        acts = admin.execute("SELECT officer, action, outcome FROM access.act ORDER BY id").fetchall()
        assert admin.execute("SELECT count(*) FROM bhyt.correction").fetchone() == (0,)
    assert acts == [
        ("cjt.thu1", "holder:view", "not_bhyt_only"),
        ("cjt.thu1", "holder:correct", "not_bhyt_only"),
    ]


def test_S18_S22_lost_card_of_bhxh_and_bhyt_is_reissued_and_one_out_of_force_is_not(world: World) -> None:
    actor = world.actor(HOLDER)
    lease = world.lend(HOLDER, ACCOUNT, client=False, n=2)
    assert desk.reissue_card(world.rt, actor, lease.lease, "MAT", "67A0000125").outcome == "ok"
    leasing.close_lease(world.rt, actor, lease.lease)
    lease = world.lend(HOLDER, ACCOUNT, client=False, n=3, number=2)
    assert desk.reissue_card(world.rt, actor, lease.lease, "MAT", "67A0000126").outcome == "not_in_force"
    assert outcomes(world, "card.reissued")[-1] == ("failed", "act.not_in_force")


def test_S20_a_person_who_is_not_in_this_database_is_not_found_and_the_lease_can_be_returned(
    world: World,
) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False, subject="6799999999")
    assert desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease).outcome == "not_found"
    done = leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (done.state, done.end_reason) == ("CLOSED", "returned")
    assert outcomes(world, "reissue.viewed") == [("intent", None), ("failed", "act.not_found")]


def test_the_card_desk_cannot_ask_for_what_the_other_account_may_do(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    for act in (desk.view_holder, lambda *a: desk.correct_holder(*a, {"full_name": "Trần Thị Mai"})):
        with pytest.raises(AccessError) as raised:
            act(world.rt, world.actor(HOLDER), lease.lease)
        assert raised.value.code.startswith("policy.")
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM access.act").fetchone() == (0,)


def test_words_that_no_database_should_see_are_refused_before_it(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    actor = world.actor(HOLDER)
    for reason, serial, code in (
        ("LOST", "67A0000123", "act.reason_unknown"),
        ("MAT", "", "act.blank_missing"),
        ("MAT", "x" * 10_000, "input.too_long"),
    ):
        with pytest.raises(Invalid) as raised:
            desk.reissue_card(world.rt, actor, lease.lease, reason, serial)
        assert raised.value.code == code
    done = desk.reissue_card(world.rt, actor, lease.lease, "MAT", "'; DROP--")
    assert done.outcome == "bad_input"


def test_names_in_nfd_are_corrected_to_nfc_and_no_value_stands_in_the_log(world: World) -> None:
    lease = world.lend("cjt.thu1", OTHER, client=False)
    wanted = "Điểu Thị Hồng Nhạn"
    done = desk.correct_holder(
        world.rt, world.actor("cjt.thu1"), lease.lease, {"full_name": unicodedata.normalize("NFD", wanted)}
    )
    assert done.outcome == "ok"
    assert desk.view_holder(world.rt, world.actor("cjt.thu1"), lease.lease).full_name == wanted
    text = unicodedata.normalize("NFC", json.dumps(world.records(), ensure_ascii=False))
    assert wanted not in text


def test_after_the_end_the_desk_does_nothing_even_before_anybody_has_closed(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False, minutes=1)
    world.shift = timedelta(seconds=61)
    with pytest.raises(Conflict) as raised:
        desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease)
    assert raised.value.code == "lease.expired"
    world.shift = timedelta()
    with world.admin_office("DML") as admin:  # the host's clock alone decides for the host
        admin.execute("UPDATE access.lease SET expires_at = opened_at + interval '1 ms'")
    with pytest.raises(Unavailable):
        desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease)
    assert outcomes(world, "reissue.viewed") == [("intent", None), ("failed", "officedb.login_refused")]


# S31: the network breaks


@contextmanager
def over(world: World, wire: Wire, tmp_path: Path) -> Iterator[Runtime]:
    """A service whose way to Đắk Mil goes over this wire."""
    addresses = json.loads(json.dumps(world.settings.office_dsns))
    for name, dsn in addresses["DML"].items():
        addresses["DML"][name] = make_conninfo(**(conninfo_to_dict(dsn) | {"port": str(wire.port)}))
    path = tmp_path / "offices.json"
    path.write_text(json.dumps(addresses), encoding="utf-8")
    path.chmod(0o600)
    rt = world.runtime(ACCESSCTL_OFFICES_FILE=str(path))
    try:
        yield rt
    finally:
        rt.close()


@pytest.mark.parametrize("cut", list(Cut))
def test_S31_a_reissue_cut_off_by_the_network_is_done_once_whether_the_cut_came_before_or_after_its_commit(
    world: World, tmp_path: Path, cut: Cut
) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    actor = world.actor(HOLDER)
    with Wire(world.province.cluster.port, b"bhyt.reissue_card") as wire, over(world, wire, tmp_path) as rt:
        wire.cut = cut
        with pytest.raises(Unavailable) as raised:
            desk.reissue_card(rt, actor, lease.lease, "MAT", "67A0000123")
        assert raised.value.code == "officedb.down"
    assert outcomes(world, "card.reissued") == [("intent", None), ("failed", "officedb.down")]
    with world.admin_office("DML") as admin:
        there = admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone()
    assert there == ((0,) if cut is Cut.BEFORE else (1,))

    again = desk.reissue_card(world.rt, actor, lease.lease, "MAT", "67A0000123")
    assert (again.outcome, again.already) == ("ok", cut is Cut.AFTER)
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone() == (1,)
    collect_rows(world, "DML")
    with world.admin_control() as admin:
        acts = admin.execute("SELECT outcome, matched FROM act WHERE action = 'card:reissue'").fetchall()
    assert acts == [("ok", True)] * (1 if cut is Cut.BEFORE else 2)


def test_S31_a_desk_whose_page_went_silent_is_ended_within_two_minutes_and_reported(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    assert leasing.heartbeat(world.rt, world.actor(HOLDER), lease.lease).state == "ACTIVE"
    world.shift = timedelta(seconds=90)
    leasing.heartbeat(world.rt, world.actor(HOLDER), lease.lease)
    world.shift = timedelta(seconds=185)
    sweeping.end_abandoned(world.rt)
    assert world.roles_with_login() == {"tkcl_cjt_dml"}, "95 s of silence are a slow network"
    world.shift = timedelta(seconds=90 + 118)  # the loop looks every 2 s: done by the 120th
    sweeping.end_abandoned(world.rt)
    assert world.roles_with_login() == set()
    shown = leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (shown.state, shown.end_reason, shown.end_note) == ("CLOSED", "abandoned", "lease.abandoned")
    (closed,) = world.records("lease.closed")
    assert closed["details"]["end_reason"] == "abandoned"


def test_S31_a_client_whose_connection_is_lost_is_ended_within_two_minutes_and_its_work_is_gone(
    world: World,
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with Wire(world.province.cluster.port, b"never") as wire:
        dsn = make_conninfo(lease.dsn, port=str(wire.port))
        with psycopg.connect(dsn) as client:
            client.execute(
                "SELECT bhyt.reissue_card(%s, 'MAT', '67A0000123', %s)",
                (world.request(ACCOUNT).subject, f"{lease.dossier}:reissue"),
            )
            collect_rows(world, "DML")
            world.shift = timedelta(seconds=105)
            collect_rows(world, "DML")  # its session is open: a sign of life
            sweeping.end_abandoned(world.rt)
            assert alive(client)
            wire.drop()
            assert not alive(client)
    world.shift = timedelta(seconds=105 + 118)
    collect_rows(world, "DML")
    sweeping.end_abandoned(world.rt)
    shown = leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (shown.state, shown.end_reason) == ("CLOSED", "abandoned")
    assert world.roles_with_login() == set()
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone() == (0,)


def test_a_client_that_never_logged_in_keeps_its_lease_until_the_end(world: World) -> None:
    world.lend(HOLDER, ACCOUNT)
    world.shift = timedelta(minutes=10)
    collect_rows(world, "DML")
    sweeping.end_abandoned(world.rt)
    assert world.roles_with_login() == {"tkcl_cjt_dml"}
