"""How long a session lives after its lease was taken back or ran out: 16 leases over 9 databases."""

from __future__ import annotations

import select
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from accessctl.cli.demo_folder import CONTROL
from accessctl.services import leasing
from bench.measure import Row, p
from bench.site import Bench, actor, borrowers, lend, runtime

LEASES, ROUNDS = 16, 7
PATIENCE = 20.0
NEAR = 4.0
"""Seconds in which a lease is made to run out, on both sides."""


@dataclass
class Open:
    """A lease with a session whose transaction stands open."""

    lease: str
    host: str
    client: psycopg.Connection
    dead_at: float = 0.0


def revoked_and_expired(bench: Bench) -> list[Row]:
    """Two rows: all 16 revoked at once; all 16 running out at one instant."""
    rt = runtime(bench.folder.path)
    it = actor(rt, "vpt.cntt1")

    def revoke(opened: list[Open]) -> float:
        began = time.time()
        with ThreadPoolExecutor(LEASES) as pool:
            list(
                pool.map(
                    lambda one: leasing.revoke_lease(rt, it, one.lease, "Đo thời gian cắt phiên"), opened
                )
            )
        return began

    def run_out(opened: list[Open]) -> float:
        ends = time.time() + NEAR
        for one in opened:
            with bench.admin_office(one.host) as admin:
                admin.execute(
                    "UPDATE access.lease SET opened_at = now() - interval '14 min', expires_at = to_timestamp(%s)"
                    " WHERE lease_id = %s", (ends, one.lease),
                )  # fmt: skip
        with bench.admin(CONTROL) as admin:
            admin.execute(
                "UPDATE lease SET expires_at = to_timestamp(%s) WHERE id = ANY(%s::uuid[])",
                (ends, [one.lease for one in opened]),
            )
        return ends

    rows = []
    for what, act in (("revoke", revoke), ("expiry", run_out)):
        lived = [seconds for turn in range(ROUNDS) for seconds in _round(rt, act, what, turn)]
        worst = p(lived, 99)
        rows.append(
            Row(f"{what} → last session dead, {LEASES} leases over 9 databases", f"p50 {p(lived, 50) * 1000:.0f} ms, "
                f"p95 {p(lived, 95) * 1000:.0f} ms", "–", f"p99 {worst * 1000:.0f} ms", "p99 < 1000 ms", worst < 1.0,
                len(lived))
        )  # fmt: skip
    rt.close()
    return rows


def _round(rt, act, what: str, turn: int) -> list[float]:  # type: ignore[no-untyped-def]
    number = (200_000 if what == "revoke" else 300_000) + turn * 100
    opened = []
    spread = sorted(borrowers(), key=lambda one: one.username.partition(".")[2])  # every office hosts
    for n, borrower in enumerate(spread[:LEASES]):
        lease = lend(rt, actor(rt, borrower.username), borrower, number + n)
        assert lease.dsn is not None
        client = psycopg.connect(lease.dsn)
        client.execute("SELECT 1")
        opened.append(Open(lease.lease, lease.host, client))
    assert len({one.host for one in opened}) == 9
    watcher = threading.Thread(target=_watch, args=(opened,))
    watcher.start()
    began = act(opened)
    watcher.join()
    for one in opened:
        one.client.close()
    _until_closed(rt, opened)
    return [one.dead_at - began for one in opened]


def _watch(opened: list[Open]) -> None:
    """A session is dead when its socket speaks without having been asked."""
    waiting = {one.client.fileno(): one for one in opened}
    until = time.monotonic() + PATIENCE
    while waiting and time.monotonic() < until:
        for ready in select.select(list(waiting), [], [], 0.5)[0]:
            waiting.pop(ready).dead_at = time.time()
    for one in waiting.values():
        one.dead_at = time.time() + PATIENCE  # counted as a failure, not left out


def _until_closed(rt, opened: list[Open]) -> None:  # type: ignore[no-untyped-def]
    from accessctl.services import ledger
    from accessctl.services.control import transaction

    until = time.monotonic() + PATIENCE
    for one in opened:
        while time.monotonic() < until:
            with transaction(rt) as session:
                if ledger.find(session, one.lease).state == "CLOSED":
                    break
            time.sleep(0.05)
