"""From asking for an account to being logged in with it, against a plain password change and login."""

from __future__ import annotations

import multiprocessing
import secrets
import statistics
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from accessctl.domain.accounts import AccountName
from accessctl.officedb.credentials import scram_verifier
from accessctl.services import checkout, leasing, ledger
from accessctl.services.control import transaction
from bench.measure import Row, at_most, milliseconds
from bench.site import PLAIN, Bench, Borrower, actor, borrowers, request, runtime

WARM_UP, SAMPLES = 5, 60
CLIENTS, EACH, ROUNDS = 8, 3, 10
SIDES = ("client", "desk", "plain", "ready")


class Ours:
    """Check-out with everything it stands for (policy, ledger, log awaited, host), then a login with its secret."""

    def __init__(self, folder: Path, who: Sequence[Borrower], numbers: int, *, desk: bool = False) -> None:
        self._desk = desk
        self._rt = runtime(folder)
        self._who = [(actor(self._rt, one.username), one) for one in who]
        self._number = numbers
        self._lent: list[tuple[Any, str]] = []

    def take(self, turn: int) -> float:
        """Seconds until `SELECT 1` was answered under the lease. The officer has signed in before."""
        who, borrower = self._who[turn % len(self._who)]
        self._number += 1
        asked = request(borrower, self._number, client=not self._desk)
        began = time.perf_counter()
        lease = leasing.open_lease(self._rt, who, asked)
        with self._login(lease) as client:
            client.execute("SELECT 1")
            took = time.perf_counter() - began
        self._lent.append((who, lease.lease))
        return took

    def _login(self, lease: leasing.LeaseView) -> AbstractContextManager[psycopg.Connection[Any]]:
        """With the secret that was shown; in desk mode as the service itself does it, with the derived one."""
        if lease.dsn is not None:
            return psycopg.connect(lease.dsn, autocommit=True)
        with transaction(self._rt) as session:
            known = ledger.find(session, lease.lease)
            role, name = AccountName.parse(known.account_name).role, checkout.application_name(known)
            return self._rt.offices.as_account(known.host, role, checkout.secret_of(self._rt, known), name)

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

    @staticmethod
    def make_roles(admin: psycopg.Connection[Any], roles: Sequence[str]) -> None:
        """Once, before the clients start: grants on one database cannot be made by several at a time."""
        for role in map(sql.Identifier, roles):
            admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
            admin.execute(sql.SQL("GRANT CONNECT ON DATABASE plain TO {}").format(role))

    def take(self, turn: int) -> float:
        """Seconds until `SELECT 1` was answered. The administrator's connection is kept, as ours are."""
        role, secret = self._roles[turn % len(self._roles)], secrets.token_urlsafe(32)
        began = time.perf_counter()
        word = sql.Literal(self._as_sent(secret))
        self._admin.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), word))
        with psycopg.connect(self._dsn, user=role, password=secret, autocommit=True) as client:
            client.execute("SELECT 1")
            return time.perf_counter() - began

    def _as_sent(self, secret: str) -> str:
        return secret

    def give_back(self) -> None:
        for role in self._roles:
            self._admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))

    def close(self) -> None:
        self._admin.close()


class Ready(Plain):
    """The same with a verifier made by the client: all that 4,096 iterations leave to anybody, without any control."""

    def _as_sent(self, secret: str) -> str:
        return scram_verifier(secret)


def sequential(bench: Bench) -> list[Row]:
    """One after the other, the two sides in turn."""
    with bench.admin() as admin:
        assert admin.execute("SHOW scram_iterations").fetchone() == ("4096",)
        assert admin.execute("SHOW fsync").fetchone() == ("on",)
        Plain.make_roles(admin, ["plain", "ready"])
    client = Ours(bench.folder.path, borrowers(), 0)
    desk = Ours(bench.folder.path, borrowers(), 50_000, desk=True)
    plain, ready = Plain(bench.cluster.dsn(PLAIN), ["plain"]), Ready(bench.cluster.dsn(PLAIN), ["ready"])
    samples: list[list[float]] = [[], [], [], []]
    for turn in range(WARM_UP + SAMPLES):
        for side, taken in zip((client, desk, plain, ready), samples, strict=True):
            taken.append(side.take(turn))
            side.give_back()
    for one in (client, desk, plain, ready):
        one.close()
    shown, inside, base, bare = (taken[WARM_UP:] for taken in samples)
    what = "check-out → logged in, sequential, against ALTER ROLE … PASSWORD + login"
    return [
        at_most(f"{what}; client mode (4,096 iterations)", shown, base, 1.3),
        at_most(f"{what}; desk mode (1 iteration)", inside, base, 1.3),
        Row(
            "ALTER ROLE with a ready verifier of 4,096 iterations + login, nothing else",
            milliseconds(bare),
            milliseconds(base),
            f"{statistics.median(bare) / statistics.median(base):.2f} × p50",
            "what is left to client mode before it begins",
            None,
            len(bare),
        ),
    ]


@dataclass(frozen=True)
class Gang:
    """What a client process is told."""

    folder: Path
    dsn: str
    number: int


def crowd(bench: Bench) -> list[Row]:
    """Eight client processes at once, three logins each a round; rounds of the two sides in turn."""
    with bench.admin() as admin:
        Plain.make_roles(admin, [role for number in range(CLIENTS) for role in _roles(number)])
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(CLIENTS), context.Queue()
    gangs = [Gang(bench.folder.path, bench.cluster.dsn(PLAIN), number) for number in range(CLIENTS)]
    processes = [context.Process(target=_client, args=(gang, start, results)) for gang in gangs]
    for process in processes:
        process.start()
    spans = [results.get(timeout=70) for _ in range(CLIENTS * ROUNDS * len(SIDES))]
    for process in processes:
        process.join(30)
    means = {side: _mean_rate(spans, side) for side in SIDES}
    ceiling = Row(
        f"{CLIENTS} clients: ALTER ROLE with a ready verifier of 4,096 iterations + login, nothing else",
        f"{means['ready']:.0f}/s", f"{means['plain']:.0f}/s", f"{means['ready'] / means['plain']:.2f} × throughput",
        "the most that client mode could reach", None, CLIENTS * EACH * (ROUNDS - 1),
    )  # fmt: skip
    return [
        Row(
            f"the same with {CLIENTS} clients (processes); {mode}", f"{means[side]:.0f}/s", f"{means['plain']:.0f}/s",
            f"{means[side] / means['plain']:.2f} × throughput", "≥ 1 ×", means[side] >= means["plain"],
            CLIENTS * EACH * (ROUNDS - 1),
        )
        for side, mode in (("client", "client mode (4,096 iterations)"), ("desk", "desk mode (1 iteration)"))
    ] + [ceiling]  # fmt: skip


def _roles(number: int) -> list[str]:
    return [f"plain_{number}_{n}" for n in range(EACH)]


def _mean_rate(spans: list[tuple[str, int, float, float]], side: str) -> float:
    """Logins a second over all rounds but the first, which warms up; a round is from first start to last end."""
    seconds = 0.0
    for turn in range(1, ROUNDS):
        mine = [(began, ended) for which, number, began, ended in spans if (which, number) == (side, turn)]
        assert len(mine) == CLIENTS
        seconds += max(ended for _, ended in mine) - min(began for began, _ in mine)
    return CLIENTS * EACH * (ROUNDS - 1) / seconds


def _client(gang: Gang, start: Any, results: Any) -> None:
    mine, numbers = borrowers()[gang.number * EACH :][:EACH], 100_000 + gang.number * 1000
    sides = {
        "client": Ours(gang.folder, mine, numbers),
        "desk": Ours(gang.folder, mine, numbers + 500, desk=True),
        "plain": Plain(gang.dsn, _roles(gang.number)),
        "ready": Ready(gang.dsn, _roles(gang.number)),
    }
    for turn in range(ROUNDS):
        for name, side in sides.items():
            start.wait(60)
            began = time.time()
            for n in range(EACH):
                side.take(n)
            results.put((name, turn, began, time.time()))
            start.wait(60)
            side.give_back()
    for side in sides.values():
        side.close()
