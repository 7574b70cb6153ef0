"""Turning the worker's loops by hand, one turn at a time, so that a test decides when each of them looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import psycopg
import pytest

from accessctl.jobs.reaper import HostLoop, Ledger
from accessctl.jobs.worker import Worker
from accessctl.officedb.server_log import log_mark_now, read_log
from accessctl.services import findings, reconciliation, server_evidence
from accessctl.services.evidence import Collector
from accessctl.services.leasing import LeaseView
from accessctl.services.server_evidence import ServerLogs
from tests.common.world import World, eventually

SETTLED = partial(read_log, settle=timedelta(seconds=0.2))
"""Time for what the server has still to write into its log, not for a trigger that waits for a lock."""


def collect(world: World, *hosts: str) -> None:
    """What the hosts wrote down themselves, then the server's log up to this moment.

    A login in the log is certain only when the gate had its time to refuse it; whoever calls this has seen his own
    logins accepted or refused, so they are certain at once.
    """
    with world.rt.offices.witness("DML") as connection:
        goal = log_mark_now(connection)
    assert goal is not None
    logs = ServerLogs(world.rt)

    def read() -> bool:
        for host in hosts:
            Collector(world.rt, host).turn()
        logs.turn()
        with world.admin_control() as admin:
            row = admin.execute(
                "SELECT (detail, position) >= (%s, %s) FROM evidence_mark WHERE name LIKE 'log:%%'",
                (goal.file, goal.offset),
            ).fetchone()
        return row == (True,)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server_evidence, "read_log", SETTLED)
        eventually(read)


def certain_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a daily statement, which reads on until nothing of its beginning is uncertain: 6 s otherwise."""
    monkeypatch.setattr(server_evidence, "read_log", SETTLED)
    for module in (reconciliation, server_evidence):
        monkeypatch.setattr(module, "CLOCKS", timedelta(seconds=2.5))


def collect_rows(world: World, *hosts: str) -> None:
    """Only what the hosts wrote down themselves: logins, acts, ends."""
    for host in hosts:
        Collector(world.rt, host).turn()


def host_turn(world: World, host: str) -> None:
    """One turn of a host's closing loop, from a fresh look at the ledger."""
    ledger = Ledger(world.rt)
    ledger.read()
    HostLoop(world.rt, ledger, host).turn()


def finishing_turn(world: World, host: str) -> None:
    """One turn of the loop that finishes what was intended elsewhere: a locked account, a host that was down."""
    ledger = Ledger(world.rt)
    ledger.read()
    HostLoop(world.rt, ledger, host).finish_unfinished()


@contextmanager
def working(world: World) -> Iterator[Worker]:
    """The whole worker with all its loops; the world's own sequencer pauses meanwhile."""
    world.stop_sequencer()
    worker = Worker(world.settings)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        world.start_sequencer()


def found(world: World, kind: findings.Kind | None = None) -> list[dict[str, object]]:
    """Every finding (of a kind), oldest first."""
    query = "SELECT to_jsonb(f) FROM finding f WHERE %s::text IS NULL OR kind = %s ORDER BY id"
    with world.admin_control() as admin:
        return [row[0] for row in admin.execute(query, (kind, kind))]


def state_of(world: World, account: str) -> str:
    """An account's state in the ledger."""
    with world.admin_control() as admin:
        row = admin.execute("SELECT state FROM account WHERE name = %s", (account,)).fetchone()
    assert row is not None
    return str(row[0])


def let_pass(world: World, lease: LeaseView, time: timedelta) -> None:
    """Time goes by for one lease, in the ledger and in the host alike: no clock is off."""
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE lease SET requested_at = requested_at - %(t)s, opened_at = opened_at - %(t)s,"
            " expires_at = expires_at - %(t)s, limit_at = limit_at - %(t)s WHERE id = %(id)s",
            {"t": time, "id": lease.lease},
        )
    with world.admin_office(lease.host) as admin:
        admin.execute(
            "UPDATE access.lease SET opened_at = opened_at - %(t)s, expires_at = expires_at - %(t)s"
            " WHERE lease_id = %(id)s",
            {"t": time, "id": lease.lease},
        )


def custodian_of(world: World, office: str, kind: str) -> str:
    """Who answers for an office's accounts of a kind now."""
    with world.admin_control() as admin:
        row = admin.execute(
            "SELECT o.username FROM custody c JOIN officer o ON o.id = c.officer_id"
            " WHERE c.office_code = %s AND c.kind = %s AND c.period @> now()",
            (office, kind),
        ).fetchone()
    assert row is not None
    return str(row[0])


def alive(client: psycopg.Connection[tuple[object, ...]]) -> bool:
    """Whether a session still answers."""
    try:
        client.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True
