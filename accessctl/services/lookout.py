"""Looking at all office databases at once without waiting for a dead one: what has not answered in time is said so."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime

from accessctl.errors import AccessError
from accessctl.officedb.status import Status, status
from accessctl.officedb.witness import OpenSession, sessions
from accessctl.services.runtime import Runtime

WITHIN = 0.8
"""Seconds that a page waits for all offices together."""
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Look:
    """What one office's database answered at `at`; `code`: why nothing; `late`: an older look than asked for."""

    office: str
    at: datetime
    status: Status | None
    sessions: tuple[OpenSession, ...]
    code: str | None
    late: bool = False


class Lookout:
    """One per process. At most one look at an office is under way, so a dead one never holds more than one thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="look")
        self._running: dict[str, Future[Look]] = {}
        self._last: dict[str, Look] = {}

    def looks(self, rt: Runtime, offices: Iterable[str], *, within: float = WITHIN) -> dict[str, Look]:
        """A look at each office; of one that is late the last known, or nothing with `officedb.slow`."""
        with self._lock:
            if self._pid != os.getpid():  # forked: threads do not come along
                self._begin()
            futures = {office: self._running_or_new(rt, office) for office in offices}
        wait(futures.values(), timeout=within)
        return {office: self._answer(rt, office, future) for office, future in futures.items()}

    def _running_or_new(self, rt: Runtime, office: str) -> Future[Look]:
        under_way = self._running.get(office)
        if under_way is None or under_way.done():
            self._running[office] = under_way = self._pool.submit(look, rt, office)
        return under_way

    def _answer(self, rt: Runtime, office: str, future: Future[Look]) -> Look:
        if future.done():
            self._last[office] = future.result()
            return self._last[office]
        last = self._last.get(office)
        return (
            replace(last, late=True) if last else Look(office, rt.now(), None, (), "officedb.slow", late=True)
        )


def look(rt: Runtime, office: str) -> Look:
    """Ask one office; a failure is an answer too."""
    try:
        with rt.offices.witness(office) as connection:
            return Look(office, rt.now(), status(connection), tuple(sessions(connection)), None)
    except AccessError as error:
        return Look(office, rt.now(), None, (), error.code)


def lookout(rt: Runtime) -> Lookout:
    """The one of this process."""
    return rt.kept("lookout", float("inf"), Lookout)
