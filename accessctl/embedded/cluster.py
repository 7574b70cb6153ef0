"""One PostgreSQL server in a folder of its own."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from accessctl.embedded import binaries, identity, making, places, ports, postmaster, record
from accessctl.embedded import settings as configuration
from accessctl.embedded.guard import Guard
from accessctl.embedded.problems import ClusterError, Problem, from_output
from accessctl.embedded.record import Record

_WAIT = 60  # seconds for start and stop
_TRIES = 5


class Cluster:
    """One PostgreSQL server on a loopback port, scram-sha-256 only, its connections in a JSON log.

    A plain cluster outlives this process until `stop`; a later `start` takes it over or starts it again.
    `fast` gives up durability and is for tests: such a cluster is `guarded` unless told otherwise, that is,
    it dies with this process and its folder is removed. Every failure is a ClusterError.
    """

    host = configuration.HOST

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        fast: bool = False,
        guarded: bool | None = None,
    ) -> None:
        self.folder = Path(folder).resolve()
        self._asked_port = port
        self._extra = dict(settings or {})
        self._fast = fast
        self._guarded = fast if guarded is None else guarded
        self._guard: Guard | None = None
        self._record: Record | None = None

    @property
    def port(self) -> int:
        return self._known().port

    @property
    def data_folder(self) -> Path:
        """PostgreSQL's own folder, with pg_hba.conf; as root it may lie elsewhere, see places.py."""
        return Path(self._known().home) / "data"

    @property
    def log_folder(self) -> Path:
        """The server's JSON log files, `*.json`."""
        return Path(self._known().home) / "log"

    def dsn(self, dbname: str = "postgres") -> str:
        """A database's address for the superuser; it holds the password."""
        known = self._known()
        login = f"{configuration.SUPERUSER}:{known.password}"
        return f"postgresql://{login}@{self.host}:{known.port}/{quote(dbname, safe='')}"

    def client(self, program: str = "psql") -> Path:
        """A client program of the same PostgreSQL, for ourselves to run."""
        found = binaries.find(identity.server_user(self.data_folder)).clients / program
        if not found.exists():
            raise ClusterError(Problem.NO_BINARIES, f"{found} does not exist")
        return found

    def running(self) -> bool:
        self._record = record.read(self.folder)
        return self._record is not None and postmaster.running_in(self.data_folder) is not None

    def start(self) -> None:
        """Start; make the data at the first time; take over a server that runs already in this folder."""
        with self._alone():
            self._record = record.read(self.folder)
            alive = postmaster.running_in(self.data_folder) if self._record else None
            if alive is not None:
                self._take_over(alive.port)
            else:
                self._prepare()
                self._watch()
                try:
                    self._launch()
                except BaseException:
                    self._dismiss_guard()
                    raise

    def stop(self, *, mode: Literal["fast", "smart", "immediate"] = "fast") -> None:
        """End the server; `fast` ends its sessions in good order. Nothing happens when none runs."""
        if self.folder.exists():
            with self._alone():
                if self.running():
                    self._pg_ctl("stop", "-m", mode)
        self._dismiss_guard()

    def destroy(self) -> None:
        """Stop and remove everything: data, logs, the folder, and what lies elsewhere."""
        self.stop(mode="immediate")
        if self._record is not None and Path(self._record.home) != self.folder:
            shutil.rmtree(self._record.home, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _known(self) -> Record:
        if self._record is None:
            self._record = record.read(self.folder)
        if self._record is None:
            raise ClusterError(Problem.FAILED, f"the embedded PostgreSQL in {self.folder} was never started")
        return self._record

    def _remember(self, known: Record) -> None:
        if known != self._record:
            record.write(self.folder, known)
            self._record = known

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two processes must not start or stop the same folder at once; the lock ends with the file."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = open(self.folder / ".lock", "w")  # noqa: SIM115  # closed below
        except OSError as error:
            sentence = f"{self.folder} cannot be written: {error.strerror}"
            raise ClusterError(Problem.FOREIGN_FOLDER, sentence) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _take_over(self, port: int) -> None:
        if self._asked_port not in (None, port):
            raise ClusterError(
                Problem.PORT_TAKEN,
                f"the server in {self.folder} runs already, on port {port} and not {self._asked_port}; "
                "stop it first",
            )
        self._remember(replace(self._known(), port=port))
        self._watch()

    def _prepare(self) -> None:
        """Data that carry our mark, made now if need be; a stranger's are refused."""
        if self._record is None and (self.folder / "data").exists():
            raise ClusterError(
                Problem.DAMAGED,
                f"{self.folder / 'data'} exists but {record.FILE} beside it does not; "
                "remove the folder or name another one",
            )
        user = identity.server_user(Path(self._record.home if self._record else self.folder) / "data")
        programs = binaries.find(user)
        if self._record is None or not making.is_made(self._record):
            home = places.reachable_home(self.folder, user)
            making.clear(self.folder, home, user)
            self._remember(record.new(self._asked_port or ports.choose(), home))
            making.make(self._known(), user, programs, fast=self._fast)
        making.check(self.data_folder, user, programs)

    def _launch(self) -> None:
        """Start the server, once more where another try can help."""
        for attempt in range(1, _TRIES + 1):
            self._settle_port(again=attempt > 1)
            try:
                self._configure()
                self._pg_ctl("start", "-l", str(self.log_folder / "start.log"))
            except ClusterError as error:
                if attempt == _TRIES or not self._worth_another_try(error):
                    raise
                time.sleep(0.2 * attempt)
            else:
                return

    def _worth_another_try(self, error: ClusterError) -> bool:
        """A port lost to a neighbour in the last moment; children of a killed server on their way out."""
        if error.problem is Problem.PORT_TAKEN:
            return self._asked_port is None
        return error.problem is Problem.STILL_IN_USE

    def _watch(self) -> None:
        if self._guarded and self._guard is None:
            self._guard = Guard(self.data_folder, [self.data_folder.parent, self.folder])

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.release()
            self._guard = None

    def _settle_port(self, *, again: bool) -> None:
        """The port asked for, else the one of last time, else another free one."""
        wanted = self._asked_port or self.port
        if not ports.is_free(wanted) or (again and self._asked_port is None):
            if self._asked_port is not None:
                sentence = f"port {wanted} on {self.host} is taken by another program"
                raise ClusterError(Problem.PORT_TAKEN, sentence)
            wanted = ports.choose()
        self._remember(replace(self._known(), port=wanted))

    def _configure(self) -> None:
        user = identity.server_user(self.data_folder)
        major = binaries.find(user).major
        text = configuration.text(self.port, self.log_folder, major=major, fast=self._fast, extra=self._extra)
        path = self.data_folder / configuration.FILE
        path.write_text(text)
        user.own(path)
        postmaster.forget_stranger(self.data_folder)

    def _pg_ctl(self, *command: str) -> None:
        """As the server's user; waits until the server is ready, or gone."""
        user = identity.server_user(self.data_folder)
        pg_ctl = [str(binaries.find(user).folder / "pg_ctl"), "-D", str(self.data_folder)]
        done = user.run(
            [*pg_ctl, "-w", "-t", str(_WAIT), "-s", *command], cwd=self.data_folder, seconds=_WAIT + 10
        )
        if done.returncode != 0:
            output = done.stderr + self._last_words()
            raise from_output(f"{command[0]} of the embedded PostgreSQL", self.folder, output)

    def _last_words(self) -> str:
        """The end of what the server wrote, before its log collector stood and after."""
        newest = sorted(self.log_folder.glob("*.json"))[-1:]
        found = [path for path in (self.log_folder / "start.log", *newest) if path.exists()]
        return "".join("\n" + path.read_text(errors="replace")[-2000:] for path in found)
