"""The worker dies; another one takes over what it watched (access.md §4)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from accessctl.services import leasing
from tests.common.world import World, eventually
from tests.faults import processes
from tests.faults.conftest import Machines, Working, assert_log_whole, dismiss_sequencer, elected, leases


def test_leases_of_a_killed_worker_end_on_time_under_the_next_one(
    world: World, machines: Machines, working: Working
) -> None:
    dismiss_sequencer(world)  # the worker brings its own, as in production
    first = machines.worker()
    eventually(lambda: elected(world), within=30)
    kept = world.lend("cjt.the1", "TKCL-CJT-DML")
    ending = world.lend("dml.the1", "TKCL-DML-CJT")
    assert kept.dsn is not None
    assert ending.dsn is not None
    with (
        psycopg.connect(kept.dsn, autocommit=True) as alive,
        psycopg.connect(ending.dsn, autocommit=True) as cut,
    ):
        _ends_in_a_moment(world, ending.lease)
        first.kill()
        eventually(lambda: _over(world, ending.lease))
        assert cut.execute("SELECT 1").fetchone() == (
            1,
        )  # nobody was there to end it, and nobody else may use it
        assert cut.execute("SELECT outcome FROM bhyt.view_reissue('0')").fetchone() == ("lease_over",)
        with working():
            eventually(lambda: world.roles_with_login() == {"tkcl_cjt_dml"})
            with pytest.raises(psycopg.OperationalError):
                cut.execute("SELECT 1")
            assert alive.execute("SELECT 1").fetchone() == (1,)
            done = leasing.close_lease(world.rt, world.actor("cjt.the1"), kept.lease)
            assert (done.state, done.sessions_ended) == ("CLOSED", 1)
            eventually(lambda: all(state == "CLOSED" for _, state, _ in leases(world)))
            world.settle()
    assert dict((lease, reason) for lease, _, reason in leases(world)) == {
        kept.lease: "returned",
        ending.lease: "expired",
    }
    assert world.roles_with_login() == set()
    assert_log_whole(world)


def test_a_killed_sequencer_is_started_anew_and_ends_with_its_worker(
    world: World, machines: Machines
) -> None:
    dismiss_sequencer(world)
    worker = machines.worker()
    first = _sequencer_of(world, worker)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: not elected(world))
    second = _sequencer_of(world, worker)
    assert second != first
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")  # opening awaits a checkpoint, so somebody signs again
    leasing.close_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    worker.kill()
    eventually(lambda: not elected(world))
    eventually(lambda: not Path(f"/proc/{second}").exists())
    world.start_sequencer()
    world.settle()
    assert_log_whole(world)


def test_a_stopped_worker_leaves_nothing_unsequenced(world: World, machines: Machines) -> None:
    """Ctrl-C and SIGTERM reach the sequencer as well: it stays until the worker's last record is written."""
    dismiss_sequencer(world)
    worker = machines.worker()
    sequencer = _sequencer_of(world, worker)
    for name in (signal.SIGINT, signal.SIGTERM):
        os.kill(sequencer, name)
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    leasing.close_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    assert worker.stop() == 0
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM audit_inbox").fetchone() == (0,)
    assert not Path(f"/proc/{sequencer}").exists()


def _sequencer_of(world: World, worker: processes.Worker) -> int:
    """The process under this worker, once it has been elected."""
    eventually(lambda: len(worker.children()) == 1, within=30)
    eventually(lambda: elected(world), within=30)
    return worker.children()[0]


def _ends_in_a_moment(world: World, lease: str) -> None:
    """Bring the end near on both sides, as if its 15 minutes were nearly over."""
    with world.admin_office("CJT") as admin:
        admin.execute(
            "UPDATE access.lease SET opened_at = now() - interval '14 minutes', expires_at = now() + interval '0.7 s'"
            " WHERE lease_id = %s",
            (lease,),
        )
    with world.admin_control() as admin:
        admin.execute("UPDATE lease SET expires_at = now() + interval '0.7 s' WHERE id = %s", (lease,))


def _over(world: World, lease: str) -> bool:
    with world.admin_office("CJT") as admin:
        row = admin.execute(
            "SELECT expires_at < clock_timestamp() FROM access.lease WHERE lease_id = %s", (lease,)
        ).fetchone()
        return row == (True,)
