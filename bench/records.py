"""The audit log: leaving a record, and leaving one and waiting for its checkpoint, against a plain INSERT."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from accessctl import clock
from accessctl.cli.demo_folder import CONTROL
from accessctl.store import journal
from audit.entry import encode
from bench.measure import Row
from bench.site import Bench, runtime

PROCESSES, THREADS, SECONDS = 4, 8, 4.0
FACTS = {
    "event": "finding.raised", "outcome": "ok", "actor": "system", "office": "CJT", "account": "TKCL-CJT-DML",
    "host": "DML", "guest": "CJT", "correlation": "0123456789abcdef", "reason": "measuring",
}  # fmt: skip


def throughput(bench: Bench) -> list[Row]:
    """Records a second of 32 writers (4 processes × 8 threads), each kind for some seconds, in turn twice."""
    with bench.admin(CONTROL) as admin:
        admin.execute(
            "CREATE TABLE plain_record (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, leaf bytea)"
        )
        admin.execute("GRANT INSERT, SELECT ON plain_record TO accessctl_app")
    rates: dict[str, list[float]] = {"plain": [], "inbox": [], "awaited": []}
    for _ in range(2):
        for kind, found in rates.items():
            found.append(_rate(bench.folder.path, kind))
    with bench.admin(CONTROL) as admin:
        admin.execute("DROP TABLE plain_record")
    plain = sum(rates["plain"]) / 2
    rows = []
    for kind, what in (
        ("inbox", "record in the inbox"),
        ("awaited", "record under a signed checkpoint, awaited"),
    ):
        ours = sum(rates[kind]) / 2
        rows.append(
            Row(f"{what}, {PROCESSES * THREADS} writers, against plain INSERT", f"{ours:.0f}/s", f"{plain:.0f}/s",
                f"{ours / plain:.2f} ×", "–", None, int(ours * SECONDS * 2))
        )  # fmt: skip
    return rows


def _rate(folder: Path, kind: str) -> float:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_process, args=(folder, kind, results)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    done = sum(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(30)
    return float(done / SECONDS)


def _process(folder: Path, kind: str, results: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    rt = runtime(folder)
    rt.engine.pool._pool.maxsize = THREADS  # type: ignore[attr-defined]
    until = time.monotonic() + SECONDS + 1

    def writer(_: int) -> int:
        done = 0
        while time.monotonic() < until:
            with rt.sessions.begin() as session:
                at = clock.now()
                if kind == "plain":
                    leaf = encode({"at": at, **FACTS})
                    session.execute(text("INSERT INTO plain_record (leaf) VALUES (:leaf)"), {"leaf": leaf})
                else:
                    identity = journal.leave(session, at=at, fields=FACTS)
            if kind == "awaited":
                journal.await_checkpoint(rt.sessions, identity)
            done += time.monotonic() > until - SECONDS
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        results.put(sum(pool.map(writer, range(THREADS))))
    rt.close()
