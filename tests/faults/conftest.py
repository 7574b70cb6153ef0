"""Other processes of the same world, and what must hold once everything has settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from accessctl.config import ENV_FILE
from accessctl.jobs import worker as jobs
from accessctl.jobs.worker import Worker
from tests.common.forks import Forks
from tests.common.world import World
from tests.faults import processes
from tests.faults.processes import Process

Working = Callable[[], AbstractContextManager[Worker]]


class Machines:
    """Starts processes on this world's settings; what still runs at the end of the test is killed."""

    def __init__(self, world: World, folder: Path, forks: Forks) -> None:
        self.folder = folder
        self._env = dict(world.settings.env)
        self._forks = forks
        write_settings(world, folder)
        self._started: list[Process | processes.Worker] = []

    def do(self, *words: str) -> Process:
        """An action of the driver."""
        process = Process(self._forks, self.folder, *words)
        self._started.append(process)
        return process

    def at_once(self, *each: tuple[str, ...]) -> list[Process]:
        """Actions whose last word is where an instant will stand: `now` writes it."""
        return [self.do(*words, str(self.folder / "instant")) for words in each]

    def now(self, made: list[Process], *more: str) -> None:
        """Once all of these stand ready, give them the instant at which they go on."""
        for process in made:
            assert process.line() == {"ready": True}
        path = self.folder / "-".join(("instant", *more))
        written = path.with_suffix(".new")
        written.write_text(str(time.time() + 0.2))
        written.rename(path)

    def worker(self) -> processes.Worker:
        """The worker as it runs in production."""
        self._started.append(process := processes.Worker(self._env))
        return process

    def kill_all(self) -> None:
        for process in self._started:
            process.kill()


def write_settings(world: World, folder: Path) -> None:
    """Where processes find the settings of this world."""
    path = folder / ENV_FILE
    path.touch(mode=0o600)
    lines = (f"{name}={value}\n" for name, value in world.settings.env.items())
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """What the driver's processes are forked from."""
    made = Forks("tests.faults.driver")
    yield made
    made.close()


@pytest.fixture
def machines(world: World, tmp_path: Path, forks: Forks) -> Iterator[Machines]:
    """Other processes on the settings of this world."""
    made = Machines(world, tmp_path, forks)
    yield made
    made.kill_all()


@pytest.fixture
def working(world: World, tmp_path: Path, forks: Forks, monkeypatch: pytest.MonkeyPatch) -> Working:
    """`with working():` – the worker's loops, on the world's clock, finish what others left."""
    write_settings(world, tmp_path)
    monkeypatch.setattr(jobs, "SequencerProcess", lambda _: processes.Sequencer(forks, tmp_path))

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
