"""From asking for an account to being logged in with it, against a plain password change and login."""

from __future__ import annotations

import multiprocessing
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from accessctl.services import leasing
from bench.measure import Row, at_most
from bench.site import PLAIN, Bench, Borrower, actor, borrowers, lend, runtime

WARM_UP, SAMPLES = 5, 60
CLIENTS, EACH, ROUNDS = 8, 3, 12


class Ours:
    """Check-out with everything it stands for (policy, ledger, log awaited, host), then a login with its secret."""

    def __init__(self, folder: Path, who: Sequence[Borrower], numbers: int) -> None:
        self._rt = runtime(folder)
        self._who = [(actor(self._rt, one.username), one) for one in who]
        self._number = numbers
        self._lent: list[tuple[Any, str]] = []

    def take(self, turn: int) -> float:
        """Seconds until `SELECT 1` was answered under the lease. The officer has signed in before."""
        who, borrower = self._who[turn % len(self._who)]
        self._number += 1
        began = time.perf_counter()
        lease = lend(self._rt, who, borrower, self._number)
        assert lease.dsn is not None
        with psycopg.connect(lease.dsn, autocommit=True) as client:
            client.execute("SELECT 1")
            took = time.perf_counter() - began
        self._lent.append((who, lease.lease))
        return took

    def give_back(self) -> None:
        """Not measured here: a row of its own."""
        for who, lease in self._lent:
            leasing.close_lease(self._rt, who, lease)
        self._lent.clear()

    def close(self) -> None:
        self._rt.close()


class Plain:
    """What people do by hand: ALTER ROLE … PASSWORD with a clear secret (the server hashes it), then log in."""

    def __init__(self, dsn: str, roles: Sequence[str]) -> None:
        self._admin = psycopg.connect(dsn, autocommit=True)
        self._dsn, self._roles = dsn, roles
        for role in roles:
            self._admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
            self._admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
            self._admin.execute(sql.SQL("GRANT CONNECT ON DATABASE plain TO {}").format(sql.Identifier(role)))

    def take(self, turn: int) -> float:
        """Seconds until `SELECT 1` was answered. The administrator's connection is kept, as ours are."""
        role, secret = self._roles[turn % len(self._roles)], secrets.token_urlsafe(32)
        began = time.perf_counter()
        self._admin.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(secret))
        )
        with psycopg.connect(self._dsn, user=role, password=secret, autocommit=True) as client:
            client.execute("SELECT 1")
            return time.perf_counter() - began

    def give_back(self) -> None:
        for role in self._roles:
            self._admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))

    def close(self) -> None:
        self._admin.close()


def sequential(bench: Bench) -> list[Row]:
    """One after the other, the two sides in turn."""
    with bench.admin() as admin:
        assert admin.execute("SHOW scram_iterations").fetchone() == ("4096",)
        assert admin.execute("SHOW fsync").fetchone() == ("on",)
    ours = Ours(bench.folder.path, borrowers(), 0)
    plain = Plain(bench.cluster.dsn(PLAIN), ["plain_0"])
    samples: tuple[list[float], list[float]] = ([], [])
    for turn in range(WARM_UP + SAMPLES):
        for side, taken in zip((ours, plain), samples, strict=True):
            taken.append(side.take(turn))
            side.give_back()
    ours.close()
    plain.close()
    what = "check-out → logged in, sequential, against ALTER ROLE … PASSWORD + login"
    return [at_most(what, samples[0][WARM_UP:], samples[1][WARM_UP:], 1.3)]


@dataclass(frozen=True)
class Gang:
    """What a client process is told."""

    folder: Path
    dsn: str
    number: int


def crowd(bench: Bench) -> list[Row]:
    """Eight client processes at once, three logins each a round; rounds of the two sides in turn."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(CLIENTS), context.Queue()
    gangs = [Gang(bench.folder.path, bench.cluster.dsn(PLAIN), number) for number in range(CLIENTS)]
    processes = [context.Process(target=_client, args=(gang, start, results)) for gang in gangs]
    for process in processes:
        process.start()
    spans = [results.get(timeout=300) for _ in range(CLIENTS * ROUNDS * 2)]
    for process in processes:
        process.join(30)
    rates = {side: [_rate(spans, side, turn) for turn in range(1, ROUNDS)] for side in ("ours", "plain")}
    means = {side: len(found) / sum(1 / rate for rate in found) for side, found in rates.items()}
    ratio = means["ours"] / means["plain"]
    return [
        Row(
            f"the same with {CLIENTS} clients (processes)",
            f"{means['ours']:.0f}/s",
            f"{means['plain']:.0f}/s",
            f"{ratio:.2f} × throughput",
            "≥ 1 ×",
            ratio >= 1.0,
            CLIENTS * EACH * (ROUNDS - 1),
        )
    ]


def _rate(spans: list[tuple[str, int, float, float]], side: str, turn: int) -> float:
    """Logins a second of one round: from the first start to the last end. The first round warms up."""
    mine = [(began, ended) for which, number, began, ended in spans if (which, number) == (side, turn)]
    assert len(mine) == CLIENTS
    return CLIENTS * EACH / (max(ended for _, ended in mine) - min(began for began, _ in mine))


def _client(gang: Gang, start: Any, results: Any) -> None:
    mine = borrowers()[gang.number * EACH :][:EACH]
    ours = Ours(gang.folder, mine, 100_000 + gang.number * 1000)
    plain = Plain(gang.dsn, [f"plain_{gang.number}_{n}" for n in range(EACH)])
    for turn in range(ROUNDS):
        for name, side in (("ours", ours), ("plain", plain)):
            start.wait(60)
            began = time.time()
            for n in range(EACH):
                side.take(n)
            results.put((name, turn, began, time.time()))
            start.wait(60)
            side.give_back()
    ours.close()
    plain.close()
