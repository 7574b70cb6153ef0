"""Several processes at once: one holder, one first place, one log without a gap (S28, audit.md §4)."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

from accessctl.services import checkout, exporting, leasing, sweeping
from audit.verify import verify_bundle
from tests.common.world import World, eventually
from tests.faults.conftest import Machines, Working, assert_log_whole, dismiss_sequencer, half_done, leases

ROUNDS = 4
HELD = 8


def test_S28_two_processes_at_one_instant_get_one_lease_and_one_place_in_the_queue(
    world: World, machines: Machines
) -> None:
    pairs = {"TKCL-CJT-DML": ("cjt.the1", "cjt.the2"), "TKHCTT-CJT-DML": ("cjt.thu1", "cjt.thu2")}
    asking = machines.at_once(
        *[("ask", user, account, str(ROUNDS)) for account, users in pairs.items() for user in users]
    )
    for turn in range(ROUNDS):
        machines.now(asking, str(turn))
        said = {process: process.line() for process in asking}
        for one, other in zip(asking[::2], asking[1::2], strict=True):
            answers = sorted((said[p]["state"], said[p]["position"]) for p in (one, other))
            assert answers == [("ACTIVE", None), ("QUEUED", 1)]
        for state in ("QUEUED", "ACTIVE"):  # who waits gives up first, so that the place is never taken
            leaving = [process for process in asking if said[process]["state"] == state]
            machines.now(leaving, str(turn), state)
            assert [process.line() for process in leaving] == [{"left": turn}] * 2
    assert [(code, complaints) for code, _, complaints in (p.end() for p in asking)] == [(0, "")] * 4
    assert world.roles_with_login() == set()
    assert_log_whole(world)


def test_four_processes_that_hammer_two_accounts_never_hold_one_at_the_same_time(
    world: World, machines: Machines, working: Working, tmp_path: Path
) -> None:
    with working():
        hammering = [
            machines.do("hammer", user, f"{kind}-CJT-DML,{kind}-CJT-KNO", str(HELD))
            for kind, users in (("TKCL", ("cjt.the1", "cjt.the2")), ("TKHCTT", ("cjt.thu1", "cjt.thu2")))
            for user in users
        ]
        ended = [process.end() for process in hammering]
        eventually(lambda: not half_done(world) and not sweeping.look(world.rt).turns)
    assert [(code, complaints) for code, _, complaints in ended] == [(0, "")] * 4
    held = [line for _, said, _ in ended for line in said if "held" in line]
    assert len(held) == 4 * HELD
    for account, spans in itertools.groupby(sorted(held, key=_when), key=lambda line: line["held"]):
        for earlier, later in itertools.pairwise(spans):
            assert earlier["till"] <= later["since"], f"two holders of {account}"
    assert [state for _, state, _ in leases(world) if state not in ("CLOSED", "CANCELLED")] == []
    assert world.roles_with_login() == set()
    assert world.sessions_of_accounts() == 0
    _assert_each_holder_is_on_record(world, held)
    assert_log_whole(world)
    exporting.export(world.rt, world.actor("vpt.ktra1"), tmp_path / "bundle")
    report = verify_bundle(tmp_path / "bundle", records=True)
    assert (report.problems, report.blockers) == ((), ())


def _when(line: dict[str, Any]) -> tuple[str, float]:
    return line["held"], line["since"]


def _assert_each_holder_is_on_record(world: World, held: list[dict[str, Any]]) -> None:
    for event in ("lease.requested", "lease.checkout", "lease.revealed", "lease.closing", "lease.closed"):
        recorded = [leaf["lease"] for leaf in world.records(event)]
        assert len(recorded) == len(set(recorded)), f"{event} twice for one lease"
        assert {line["lease"] for line in held} <= set(recorded)


def test_two_sequencers_and_64_writers_make_one_log_although_the_elected_one_is_killed(
    world: World, machines: Machines, tmp_path: Path
) -> None:
    dismiss_sequencer(world)
    first = machines.do("sequence")
    assert first.line() == {"elected": True}
    second = machines.do("sequence")
    writing = [machines.do("write", f"w{number}", "16", "6") for number in range(4)]
    acknowledged = writing[0].line()["acknowledged"]  # from here on the log is being written
    first.kill()
    ended = [process.end() for process in writing]
    assert [(code, complaints) for code, _, complaints in ended] == [(0, "")] * 4
    told = [line["acknowledged"] for _, said, _ in ended for line in said] + [acknowledged]
    assert len(set(told)) == len(told) == 64 * 6
    second.kill()
    with world.admin_control() as admin:
        rows = admin.execute("SELECT inbox_id FROM audit_log").fetchall()
    assert set(told) <= {row[0] for row in rows}
    world.start_sequencer()
    assert_log_whole(world)
    exporting.export(world.rt, world.actor("vpt.ktra1"), tmp_path / "bundle")
    report = verify_bundle(tmp_path / "bundle")  # with every checkpoint that any of them ever signed: no fork
    assert (report.problems, report.blockers) == ((), ())


def test_S27_a_place_that_is_given_up_as_its_turn_comes_stays_given_up(world: World) -> None:
    first, second = world.lend("cjt.the1", "TKCL-CJT-DML"), world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    leasing.close_lease(world.rt, world.actor("cjt.the1"), first.lease)
    turn = threading.Thread(target=checkout.promote, args=(world.rt, "TKCL-CJT-DML"))
    with world.admin_control() as officer, officer.transaction():
        officer.execute(
            "UPDATE lease SET state = 'CANCELLED', closed_at = now() WHERE id = %s", (second.lease,)
        )
        turn.start()
        eventually(lambda: _somebody_waits_for_a_lock(world))
    turn.join(10)
    assert leases(world) == [(first.lease, "CLOSED", "returned"), (second.lease, "CANCELLED", None)]
    assert world.roles_with_login() == set()


def _somebody_waits_for_a_lock(world: World) -> bool:
    with world.admin_control() as admin:
        found = admin.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return found.fetchone() is not None
