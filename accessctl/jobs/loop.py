"""A loop in a thread: at a pace, woken early, never ended by an error, stopped at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger("accessctl.jobs")


def configure_log() -> None:
    """The application log of the worker: JSON lines in UTC on standard error. It is not the audit log."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class Loop(threading.Thread):
    """Calls `work` every `pace` seconds until stopped; an error is logged and the next turn comes after a pause."""

    def __init__(self, name: str, work: Callable[[], object], *, pace: float) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._pace = pace
        self._woken = threading.Event()
        self.stopping = threading.Event()

    def run(self) -> None:
        failures = 0
        while not self.stopping.is_set():
            try:
                self._work()
                failures = 0
            except Exception as error:  # a loop that ends in silence would leave accounts open
                failures += 1
                if failures in (1, 10, 100) or failures % 1000 == 0:
                    log.error(
                        "loop.failed", loop=self.name, error=type(error).__name__, detail=str(error)[:300]
                    )
            self._woken.wait(self._pace if not failures else min(self._pace * 2**failures, 5.0))
            self._woken.clear()

    def wake(self) -> None:
        """Take the next turn now."""
        self._woken.set()

    def stop(self) -> None:
        """End after the turn that is under way."""
        self.stopping.set()
        self.wake()
