"""The control database goes away or hangs: opening fails closed, closing does not wait (access.md §4)."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql

from accessctl.errors import Unavailable
from accessctl.services import leasing, sweeping
from accessctl.services.leasing import LeaseView
from tests.common.world import World, eventually
from tests.faults.conftest import Working, assert_log_whole, half_done, leases

ACCOUNT, HOLDER = "TKCL-CJT-DML", "cjt.the1"
BOUNDARIES = ["opening.asked", "opening.intended", "opening.awaited", "opening.lent"]


def _stop_control(world: World) -> None:
    """A real outage: nobody connects, and every session there was is ended."""
    with world.province.admin() as admin:
        admin.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(world.control))
        )
        admin.execute(
            "SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity WHERE datname = %s",
            (world.control,),
        )


def _start_control(world: World) -> None:
    with world.province.admin() as admin:
        admin.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(world.control))
        )


@pytest.fixture(autouse=True)
def _quiet_sequencer(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The world's own sequencer may lose its connection; it goes on like the worker's loop does."""
    turn, taken = world._sequencer.turn, threading.Event()

    def patient() -> None:
        taken.set()
        try:
            turn()
        except Exception:
            time.sleep(0.1)

    monkeypatch.setattr(world._sequencer, "turn", patient)
    assert taken.wait(10)  # the turn that was under way is over
    yield
    _start_control(world)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_opening_fails_closed_when_control_is_lost_at_any_boundary(
    world: World, working: Working, monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    monkeypatch.setattr(sweeping, "STUCK_AFTER", timedelta(seconds=0.3))
    actor, request = world.actor(HOLDER), world.request(ACCOUNT, client=True)
    rt = world.runtime()
    rt.step = _once(boundary, lambda: _stop_control(world))
    with pytest.raises(Unavailable) as refused:
        leasing.open_lease(rt, actor, request)
    assert refused.value.code == ("audit.unavailable" if boundary == "opening.intended" else "control.down")
    rt.close()
    _start_control(world)
    with working():
        eventually(lambda: not half_done(world) and not world.roles_with_login())
    assert [state for _, state, _ in leases(world)] == ([] if boundary == "opening.asked" else ["CLOSED"])
    assert "lease.checkout" not in {leaf["event"] for leaf in world.records()}
    assert world.lend(HOLDER, ACCOUNT).state == "ACTIVE"
    assert_log_whole(world)


def test_nobody_can_log_in_within_seconds_of_an_opening_that_lost_control_after_the_host(
    world: World, working: Working
) -> None:
    """Without any worker and before control is back: what was lent to nobody does not stand open."""
    actor, request = world.actor(HOLDER), world.request(ACCOUNT, client=True)
    rt = world.runtime()
    rt.step = _once("opening.lent", lambda: _stop_control(world))
    with pytest.raises(Unavailable):
        leasing.open_lease(rt, actor, request)
    rt.close()
    assert world.roles_with_login() == set()
    _start_control(world)
    with working():
        eventually(lambda: [state for _, state, _ in leases(world)] == ["CLOSED"])


def _once(name: str, do: Callable[[], None]) -> Callable[[str], None]:
    done: list[str] = []

    def step(reached: str) -> None:
        if reached == name and not done:
            done.append(reached)
            do()

    return step


@contextmanager
def _everything_down(world: World) -> Iterator[None]:
    """access.md §4: control stopped, inbox INSERT revoked, sequencer dead – all three."""
    world.stop_sequencer()
    with world.admin_control() as admin:
        admin.execute("REVOKE INSERT ON audit_inbox FROM accessctl_app")
    _stop_control(world)
    yield
    _start_control(world)
    with world.admin_control() as admin:
        admin.execute("GRANT INSERT ON audit_inbox TO accessctl_app")
    world.start_sequencer()


@contextmanager
def _control_hangs(world: World) -> Iterator[None]:
    """It answers, but nobody gets at the ledger or the inbox."""
    with world.admin_control() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE lease, audit_inbox IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize("trouble", [_everything_down, _control_hangs])
def test_a_session_is_dead_within_a_second_of_expiry_whatever_control_does(
    world: World, working: Working, trouble: Callable[[World], AbstractContextManager[None]]
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn) as client, working():
        client.execute("SELECT 1")  # a transaction stands open
        expires = _ends_soon(world, lease)
        time.sleep(0.8)  # the worker reads the ledger five times a second
        with trouble(world):
            assert time.time() < expires, "the trouble must be there before the end"
            assert _death(client) - expires < 1.0
            assert world.roles_with_login() == set()
        eventually(lambda: leases(world) == [(lease.lease, "CLOSED", "expired")], within=20)
    assert {"lease.closing", "lease.closed"} <= {leaf["event"] for leaf in world.records()}
    assert_log_whole(world)


def _ends_soon(world: World, lease: LeaseView) -> float:
    """Bring the end near on both sides, as if its 15 minutes were nearly over; the end in seconds of the epoch."""
    ends = time.time() + 5.0  # time to cause the trouble before it, also on a machine that others slow down
    with world.admin_office("DML") as admin:
        admin.execute(
            "UPDATE access.lease SET opened_at = now() - interval '14 min', expires_at = to_timestamp(%s)",
            (ends,),
        )
    with world.admin_control() as admin:
        admin.execute("UPDATE lease SET expires_at = to_timestamp(%s) WHERE id = %s", (ends, lease.lease))
    return ends


def _death(client: psycopg.Connection) -> float:
    """When the server ended this session: its socket becomes readable without having been asked anything."""
    ready, _, _ = select.select([client.fileno()], [], [], 15)
    at = time.time()
    assert ready, "still alive"
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")
    return at


def test_a_return_is_carried_out_at_the_host_although_the_inbox_cannot_be_written(
    world: World, working: Working
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    actor = world.actor(HOLDER)
    with psycopg.connect(lease.dsn) as client, world.admin_control() as admin:
        admin.execute("REVOKE INSERT ON audit_inbox FROM accessctl_app")
        shown = leasing.close_lease(world.rt, actor, lease.lease)
        assert (shown.state, shown.sessions_ended) == ("CLOSED", 1)
        _death(client)
        admin.execute("GRANT INSERT ON audit_inbox TO accessctl_app")
    with working():
        eventually(lambda: leases(world) == [(lease.lease, "CLOSED", "returned")])
    assert_log_whole(world)
