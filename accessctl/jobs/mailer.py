"""Notices in the worker: loops that empty the outbox, gather the mail of the day, and take old notices away.

A server in trouble is left alone, longer each time, so that a queue of hundreds does not knock hundreds of times.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

from accessctl.errors import Invalid
from accessctl.jobs.loop import log
from accessctl.services import digests, mailing, pruning
from accessctl.services.runtime import Runtime
from accessctl.services.smtp import PATIENCE, NotSent, deliverer

FIRST_REST, LONGEST_REST = 5.0, 300.0  # seconds
WATCH_EVERY = 60.0
DIGEST_EVERY = 30.0
PRUNE_EVERY = 600.0
BATCHES = 20
"""In one turn: a table that nobody pruned for years is emptied over hours, not at once."""


class Mailer:
    """One worker's part of the outbox; does nothing where no mail server is named."""

    def __init__(
        self, rt: Runtime, *, patience: float = PATIENCE, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._rt = rt
        self._patience = patience
        self._timer = timer
        self._troubles = 0
        self._rest_until = 0.0
        self._watched = float("-inf")
        self._said: str | None = None

    def turn(self) -> None:
        """Send what is due until nothing is, or the server makes trouble."""
        if not self._rt.settings.mails:
            return
        self._watch()
        if self._timer() < self._rest_until:
            return
        try:
            settings = self._rt.settings.mail
            deliver = deliverer(settings, patience=self._patience)
            while mailing.send_next(self._rt, settings, deliver):
                self._troubles, self._said = 0, None
        except NotSent as error:
            self._rest(error.code)
        except (
            Invalid
        ) as error:  # a wrong setting stops the mail, nothing else; the page of the queue says so too
            self._rest(error.code)

    def _rest(self, code: str) -> None:
        self._troubles += 1
        self._rest_until = self._timer() + min(FIRST_REST * 2 ** min(self._troubles - 1, 10), LONGEST_REST)
        if self._said != code:
            log.error("mail.not_sent", code=code)
        self._said = code

    def _watch(self) -> None:
        if self._timer() - self._watched >= WATCH_EVERY:
            mailing.watch(self._rt)
            self._watched = self._timer()


class Digest:
    """The mail of the day, when its time has come; looked at once for each day."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._done: date | None = None

    def turn(self) -> None:
        """Gather unless this day's is done."""
        day = digests.last_round(self._rt)[0]
        if day == self._done:
            return
        count = digests.gather(self._rt)
        if count is None:  # another worker is at it
            return
        self._done = day
        if count:
            log.info("mail.digest", people=count)


class Pruner:
    """Takes old notices away, batch by batch."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def turn(self) -> None:
        """Until nothing is old, or enough for one turn."""
        gone = 0
        for _ in range(BATCHES):
            count = pruning.prune(self._rt)
            gone += count
            if not count:
                break
        if gone:
            log.info("notices.pruned", rows=gone)
