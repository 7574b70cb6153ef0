"""An approval is good for one check-out, whatever several processes try at one instant (A4, access.md §6)."""

from __future__ import annotations

from tests.common.rules import ask, decide, set_rule
from tests.common.world import World
from tests.faults.conftest import Machines, assert_log_whole

ROUNDS = "6"


def test_A4_two_processes_at_one_instant_open_one_lease_with_one_approval(
    world: World, machines: Machines
) -> None:
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    approval = ask(world, "cjt.the1")
    decide(world, "cjt.the2", approval)
    racing = machines.at_once(*[("again", "cjt.the1", "TKCL-CJT-DML", ROUNDS) for _ in range(2)])
    machines.now(racing)
    ended = [process.end() for process in racing]
    assert [(code, complaints) for code, _, complaints in ended] == [(0, "")] * 2
    said = [line for _, lines, _ in ended for line in lines]
    assert len(said) == 2 * int(ROUNDS)
    opened = [line["lease"] for line in said if line.get("state") == "ACTIVE"]
    assert len(opened) == 1, said
    assert {line["refused"] for line in said if "refused" in line} <= {"rule.officer", "lease.already_open"}
    (used,) = world.records("approval.used")
    assert (used["lease"], used["details"]["approval"]) == (opened[0], approval)
    with world.admin_control() as admin:
        rows = admin.execute("SELECT state, lease_id::text FROM approval").fetchall()
    assert rows == [("USED", opened[0])]
    assert_log_whole(world)
