"""Other processes of the same world, and what must hold once everything has settled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from accessctl.config import ENV_FILE
from accessctl.jobs.worker import Worker
from tests.common.world import World

ROOT = Path(__file__).parents[2]
PATIENCE = 60

Working = Callable[[], AbstractContextManager[Worker]]


class Process:
    """One process of the service, driven by `tests.faults.driver`."""

    def __init__(self, folder: Path, module: str, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **_env(folder)},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self) -> dict[str, Any]:
        """The next thing it says; waits for it."""
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        """Wait for its end: exit code (−9 when killed), what it said, what it complained of."""
        out, err = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, [json.loads(line) for line in out.splitlines()], err

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; may be called again."""
        self._process.kill()
        self._process.communicate()


def _env(folder: Path) -> dict[str, str]:
    lines = (folder / ENV_FILE).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


class Machines:
    """Starts processes on this world's settings; what still runs at the end of the test is killed."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder = folder
        path = folder / ENV_FILE
        path.touch(mode=0o600)
        path.write_text(
            "".join(f"{name}={value}\n" for name, value in world.settings.env.items()), encoding="utf-8"
        )
        self._started: list[Process] = []

    def do(self, *words: str) -> Process:
        """An action of the driver."""
        return self._start("tests.faults.driver", str(self.folder), *words)

    def worker(self) -> Process:
        """The worker as it runs in production."""
        return self._start("accessctl.jobs")

    def _start(self, module: str, *words: str) -> Process:
        process = Process(self.folder, module, *words)
        self._started.append(process)
        return process

    def kill_all(self) -> None:
        for process in self._started:
            process.kill()


@pytest.fixture
def machines(world: World, tmp_path: Path) -> Iterator[Machines]:
    """Other processes on the settings of this world."""
    made = Machines(world, tmp_path)
    yield made
    made.kill_all()


@pytest.fixture
def working(world: World) -> Working:
    """`with working():` – the worker's loops, on the world's clock, finish what others left."""

    @contextmanager
    def run() -> Iterator[Worker]:
        worker = Worker(world.settings)
        worker.rt.now = world.now
        worker.start()
        try:
            yield worker
        finally:
            worker.stop()

    return run


def dismiss_sequencer(world: World) -> None:
    """The world's own sequencer gives its election up; other processes bring theirs."""
    world.stop_sequencer()
    time.sleep(1.0)  # its turn, a quarter of a second at most, is over: nobody else uses the connection now
    world._sequencer.close()


def elected(world: World) -> bool:
    """Whether somebody holds the lock of the one sequencer in this world's control database."""
    with world.admin_control() as admin:
        found = admin.execute(
            "SELECT FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return found.fetchone() is not None


def leases(world: World) -> list[tuple[str, str, str | None]]:
    """Id, state, end_reason of every lease in the ledger, in the order of asking."""
    with world.admin_control() as admin:
        rows = admin.execute("SELECT id::text, state, end_reason FROM lease ORDER BY place").fetchall()
        return [(row[0], row[1], row[2]) for row in rows]


def half_done(world: World) -> list[str]:
    """Leases that somebody still has to finish."""
    return [lease for lease, state, _ in leases(world) if state in ("OPENING", "CLOSING")]


def roles_that_may(world: World) -> set[str]:
    """The roles of accounts that the ledger has as lent."""
    with world.admin_control() as admin:
        rows = admin.execute(
            "SELECT a.role FROM lease l JOIN account a ON a.name = l.account_name WHERE l.state = 'ACTIVE'"
        )
        return {row[0] for row in rows}


def assert_log_whole(world: World) -> None:
    """Dense 0…n−1, nothing left in the inbox, the newest checkpoint over all of it."""
    world.settle()
    with world.admin_control() as admin:
        row = admin.execute(
            "SELECT count(*), coalesce(max(idx) + 1, 0), count(DISTINCT inbox_id),"
            " (SELECT max(size) FROM audit_checkpoint), (SELECT count(*) FROM audit_inbox) FROM audit_log"
        ).fetchone()
    assert row is not None
    count, size, different, signed, waiting = row
    assert count == size == different == signed
    assert waiting == 0
