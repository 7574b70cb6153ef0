"""A process that dies at any step of check-out or check-in leaves nothing that nobody finishes (access.md §4)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from accessctl.services import leasing, sweeping
from tests.common.world import World, eventually
from tests.faults.conftest import Machines, Working, assert_log_whole, half_done, leases, roles_that_may

ACCOUNT, HOLDER, ROLE = "TKCL-CJT-DML", "cjt.the1", "tkcl_cjt_dml"

# Each step, with the records that must stand when the process is dead, in the log or on their way into it.
OPENING = {
    "opening.asked": set(),
    "opening.intended": {"lease.requested"},
    "opening.awaited": {"lease.requested"},
    "opening.lent": {"lease.requested"},
    "opening.handed_over": {"lease.requested", "lease.checkout", "lease.revealed"},
}
LENT = {"opening.lent", "opening.handed_over"}
CLOSING = {
    "closing.asked": set(),
    "closing.intended": {"lease.closing"},
    "closing.cut": {"lease.closing"},
    "closing.ended": {"lease.closing"},
    "closing.settling": {"lease.closing"},
    "closing.settled": {"lease.closing", "lease.closed"},
}
PROTOCOL = {"lease.requested", "lease.checkout", "lease.revealed", "lease.closing", "lease.closed"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that takes over what is 0.3 s old; how long it waits in production changes nothing else."""
    monkeypatch.setattr(sweeping, "STUCK_AFTER", timedelta(seconds=0.3))


def _recorded(world: World) -> set[str]:
    return {leaf["event"] for leaf in world.records()} & PROTOCOL


def _sequenced(world: World) -> set[str]:
    with world.admin_control() as admin:
        rows = admin.execute("SELECT convert_from(leaf, 'UTF8')::jsonb ->> 'event' FROM audit_log").fetchall()
        return {row[0] for row in rows} & PROTOCOL


def _assert_clean(world: World) -> None:
    """No login without an open lease, no session, nothing half done, the log whole, the account lendable."""
    assert half_done(world) == []
    assert world.roles_with_login() == set()
    assert world.sessions_of_accounts() == 0
    assert_log_whole(world)
    again = world.lend("cjt.the2", ACCOUNT, number=2)
    assert again.state == "ACTIVE"
    assert again.dsn is not None
    psycopg.connect(again.dsn).close()
    assert world.roles_with_login() == {ROLE} == roles_that_may(world)
    assert leasing.close_lease(world.rt, world.actor("cjt.the2"), again.lease).state == "CLOSED"


@pytest.mark.parametrize("step", OPENING)
def test_a_process_killed_while_lending_leaves_no_login_and_no_lost_record(
    world: World, machines: Machines, working: Working, step: str
) -> None:
    code, said, complaints = machines.do("open", HOLDER, ACCOUNT, step).end()
    assert (code, said[-1]) == (-9, {"step": step}), complaints
    assert _recorded(world) == OPENING[step]
    if step not in ("opening.asked", "opening.intended"):
        assert "lease.requested" in _sequenced(world)  # before the host is touched
    assert world.roles_with_login() == ({ROLE} if step in LENT else set())
    with working():
        eventually(lambda: not half_done(world))
        if (
            step == "opening.handed_over"
        ):  # the answer was lost, the lease was not: its holder finds and returns it
            found = leasing.current_lease(world.rt, world.actor(HOLDER))
            assert found is not None
            assert leasing.close_lease(world.rt, world.actor(HOLDER), found.lease).state == "CLOSED"
        eventually(lambda: not world.roles_with_login())
    ended = [(state, reason) for _, state, reason in leases(world)]
    assert ended == {
        "opening.asked": [],
        "opening.handed_over": [("CLOSED", "returned")],
    }.get(step, [("CLOSED", "abandoned")])
    assert OPENING[step] <= _recorded(world)
    _assert_clean(world)


@pytest.mark.parametrize("step", CLOSING)
def test_a_process_killed_while_closing_leaves_no_session_and_no_lost_record(
    world: World, machines: Machines, working: Working, step: str
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    client = psycopg.connect(lease.dsn, autocommit=True)
    code, said, complaints = machines.do("close", HOLDER, lease.lease, step).end()
    assert (code, said[-1]) == (-9, {"step": step}), complaints
    assert _recorded(world) == {"lease.requested", "lease.checkout", "lease.revealed"} | CLOSING[step]
    if step in ("closing.asked", "closing.intended"):
        assert client.execute("SELECT 1").fetchone() == (1,)  # it died before it could do anything
    with working():
        if step == "closing.asked":  # nothing was promised; the holder returns it once more
            assert leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease).state == "CLOSED"
        eventually(lambda: leases(world) == [(lease.lease, "CLOSED", "returned")])
    with pytest.raises(psycopg.OperationalError), client:
        client.execute("SELECT 1")
    assert _recorded(world) == PROTOCOL
    _assert_clean(world)


def test_a_process_killed_inside_the_hosts_transaction_leaves_no_login(
    world: World, machines: Machines, working: Working
) -> None:
    with world.admin_office("DML") as blocker, blocker.transaction():
        blocker.execute("SELECT FROM access.account WHERE role = %s FOR UPDATE", (ROLE,))
        process = machines.do("open", HOLDER, ACCOUNT, "nowhere")
        eventually(lambda: _waits_in_open_lease(world))
        process.kill()
    # The server finishes the statement and finds nobody who would commit it.
    assert world.roles_with_login() == set()
    with working():
        eventually(lambda: leases(world) and not half_done(world))
    assert [(state, reason) for _, state, reason in leases(world)] == [("CLOSED", "abandoned")]
    _assert_clean(world)


def _waits_in_open_lease(world: World) -> bool:
    with world.province.admin() as admin:
        found = admin.execute(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%access.open_lease%'"
        )
        return found.fetchone() is not None
