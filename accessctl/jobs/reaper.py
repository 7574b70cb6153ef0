"""Ending leases on time, whatever else is down: one loop for each host, fed by one look at the ledger.

Opening may wait for control and log; closing never does. Each loop knows from memory which leases its host has
and when they end, looks at the host itself once a second, and ends what is due with nothing but the host.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from typing import Any

from accessctl.domain.leases import EndReason
from accessctl.errors import AccessError
from accessctl.jobs.loop import log
from accessctl.services import closing, sweeping
from accessctl.services.runtime import Runtime
from accessctl.services.sweeping import Watched

PATIENCE = 0.3
"""Seconds that closing gives the control database to take the intent before it goes on without."""
LOOK = 1.0
"""Seconds between two looks at a host's own leases."""


class Ledger:
    """The open leases as last read; keeps the last good reading when control is out of reach."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._lock = threading.Lock()
        self._open: dict[str, Watched] = {}
        self._half_done: frozenset[str] = frozenset()
        self._turns: frozenset[str] = frozenset()
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="control")
        self._quiet_until = 0.0

    def read(self) -> None:
        """Look once; a failure is the caller's to see, the memory stays."""
        looked = sweeping.look(self._rt)
        with self._lock:
            self._open = {entry.lease: entry for entry in looked.open}
            self._half_done, self._turns = looked.unfinished, looked.turns

    def of(self, host: str) -> list[Watched]:
        """The open leases of a host."""
        with self._lock:
            return [entry for entry in self._open.values() if entry.host == host]

    def has_unfinished(self, host: str) -> bool:
        """Whether something at the host waits to be finished."""
        with self._lock:
            return host in self._half_done

    def take_turns(self) -> None:
        """Give the accounts that are free to those who wait for them."""
        with self._lock:
            turns, self._turns = self._turns, frozenset()
        sweeping.take_turns(self._rt, turns)

    def forget(self, lease: str) -> None:
        """It is closed; do not close it again from memory."""
        with self._lock:
            self._open.pop(lease, None)

    def briefly(self, work: Callable[[], Any]) -> Any | None:
        """Do something in the control database, but wait at most `PATIENCE`; None when it was too slow or failed.

        After a failure control is left alone for a second, so that nine loops do not queue up behind it.
        """
        if time.monotonic() < self._quiet_until:
            return None
        future: Future[Any] = self._pool.submit(work)
        try:
            return future.result(PATIENCE)
        except (NotYet, AccessError) as error:
            self._quiet_until = time.monotonic() + 1.0
            log.warning("control.slow", error=type(error).__name__)
            return None


class HostLoop:
    """One turn of one host."""

    def __init__(self, rt: Runtime, ledger: Ledger, host: str) -> None:
        self._rt = rt
        self._ledger = ledger
        self._host = host
        self._looked = 0.0
        self._unsettled: dict[str, tuple[int, EndReason]] = {}
        self._suspects: set[str] = set()
        self._quiet_until = 0.0

    def turn(self) -> None:
        """End what is due; look at the host; settle what control could not take."""
        self._end_due(self._ledger.of(self._host))
        if time.monotonic() - self._looked > LOOK:
            self._looked = time.monotonic()
            self._look()
        self._settle()

    def finish_unfinished(self) -> None:
        """What failed before, or what nobody carries out; failing again is counted, and in the end quarantined.

        Waits for control as long as it takes, so it has a loop of its own: `turn` must not wait with it.
        """
        if not self._ledger.has_unfinished(self._host):
            return
        for identity in sweeping.unfinished(self._rt, self._host):
            closing.finish(self._rt, identity)

    def _end_due(self, entries: list[Watched]) -> None:
        now = self._rt.now()
        for entry in entries:
            if entry.expires_at <= now:
                self._end(entry, EndReason.EXPIRED)

    def _look(self) -> None:
        """The host's own leases: the only source when control is out of reach, and where orphans show."""
        try:
            open_now = sweeping.standing_open(self._rt, self._host)
        except AccessError as error:
            self._complain("host.unread", error)
            return
        self._end_due(open_now)
        found = self._ledger.briefly(partial(sweeping.unknown, self._rt, self._host, open_now)) or []
        for entry in found:
            # Seen once, it may just have been closed between the two readings.
            if entry.lease in self._suspects:
                self._ledger.briefly(partial(sweeping.report_orphan, self._rt, entry))
                self._end(entry, EndReason.REVOKED)
        self._suspects = {entry.lease for entry in found}

    def _end(self, entry: Watched, reason: EndReason) -> None:
        """Intent if control takes it at once, then the host; a host out of reach is tried again by `unfinished`."""
        self._ledger.briefly(partial(closing.begin, self._rt, entry.lease, reason=reason))
        try:
            ended = closing.in_office(self._rt, entry.host, entry.role, entry.lease, reason)
        except AccessError as error:
            self._complain("host.not_closed", error)
            return
        self._ledger.forget(entry.lease)
        self._unsettled[entry.lease] = (ended, reason)

    def _complain(self, event: str, error: AccessError) -> None:
        """Once a minute: a host that is down for hours is one line a minute, not ten a second."""
        if time.monotonic() > self._quiet_until:
            self._quiet_until = time.monotonic() + 60
            log.warning(event, host=self._host, code=error.code)

    def _settle(self) -> None:
        for lease, (ended, reason) in list(self._unsettled.items()):
            if self._ledger.briefly(partial(self._settled, lease, ended, reason)):
                del self._unsettled[lease]

    def _settled(self, lease: str, ended: int, reason: EndReason) -> bool:
        try:
            closing.settle(self._rt, lease, ended, reason)
        except AccessError as error:
            if error.code != "lease.not_found":  # an orphan has no row to settle
                raise
        return True
