"""The worker: every loop of the service in one process, and the sequencer in a process under it."""

from __future__ import annotations

import signal
import threading
import time
from datetime import timedelta

from accessctl.config import Settings
from accessctl.domain.events import Event
from accessctl.jobs import mailer
from accessctl.jobs.loop import Loop, log
from accessctl.jobs.reaper import HostLoop, Ledger
from accessctl.jobs.sequencer import SequencerProcess
from accessctl.services import (
    closing,
    custody_watch,
    drift,
    evidence,
    log_check,
    office_links,
    policy_rollout,
    policy_table,
    server_evidence,
    sweeping,
    watching,
)
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import build_runtime
from accessctl.store.sequencing import index_new

ANCHOR_EVERY = timedelta(minutes=55)
KNOCK_EVERY = 15.0  # seconds
TABLE_EVERY = 15.0  # seconds; until then a new policy answers on first use
SETTLED_AFTER = 10.0
"""Seconds from the start in which the sequencer takes what was written before: late only if it is late then."""
DRIFT_EVERY = 120.0  # seconds; the account itself is looked at before every lease


class Worker:
    """Threads are enough: every loop waits for a database nearly all of its time."""

    def __init__(self, settings: Settings) -> None:
        self.rt = build_runtime(settings, pool=20, application="accessctl worker")
        self.sequencer = SequencerProcess(settings)
        self.ledger = Ledger(self.rt)
        self._told = ""
        self._since = time.monotonic()
        self.loops = [
            Loop("sequencer", self.sequencer.turn, pace=0.5),
            Loop("ledger", self.ledger.read, pace=0.3),
            Loop("index", self._index, pace=0.5),
            Loop("turns", self.ledger.take_turns, pace=0.1),
            Loop("abandoned", lambda: sweeping.end_abandoned(self.rt), pace=2.0),
            Loop("custody", self._custody, pace=5.0),
            Loop("alarms", self._alarms, pace=2.0),
            Loop("databases", lambda: office_links.watch(self.rt), pace=KNOCK_EVERY),
            Loop("drift", lambda: drift.watch(self.rt), pace=DRIFT_EVERY),
            Loop("policy table", lambda: policy_table.keep(self.rt), pace=TABLE_EVERY),
            Loop("mail", mailer.Mailer(self.rt).turn, pace=1.0),
            Loop("digest", mailer.Digest(self.rt).turn, pace=mailer.DIGEST_EVERY),
            Loop("old notices", mailer.Pruner(self.rt).turn, pace=mailer.PRUNE_EVERY),
            Loop("log check", lambda: log_check.turn(self.rt), pace=2.0),
            Loop("policy", lambda: policy_rollout.watch(self.rt), pace=3.0),
            Loop("anchor", self._anchor, pace=ANCHOR_EVERY.total_seconds()),
        ]
        for host in self.rt.offices.offices:
            closer = HostLoop(self.rt, self.ledger, host)
            self.loops.append(Loop(f"host {host}", closer.turn, pace=0.1))
            self.loops.append(Loop(f"unfinished {host}", closer.finish_unfinished, pace=0.5))
            self.loops.append(Loop(f"evidence {host}", evidence.Collector(self.rt, host).turn, pace=1.0))
        self.loops.append(Loop("server logs", server_evidence.ServerLogs(self.rt).turn, pace=1.0))

    def start(self) -> None:
        """Start every loop."""
        for loop in self.loops:
            loop.start()
        log.info("worker.started", loops=len(self.loops))

    def stop(self) -> None:
        """Stop the loops, then the sequencer: what the others wrote is still put under a checkpoint."""
        for loop in self.loops:
            loop.stop()
        for loop in self.loops:
            loop.join(10)
        self.sequencer.close()
        self.rt.close()

    def _index(self) -> None:
        with self.rt.engine.connect() as connection:
            while index_new(connection):
                continue

    def _custody(self) -> None:
        with transaction(self.rt) as session:
            ending = custody_watch.watch(self.rt, session)
        closing.finish_all(self.rt, ending)

    def _alarms(self) -> None:
        with transaction(self.rt) as session:
            if time.monotonic() - self._since > SETTLED_AFTER:
                watching.log_late(self.rt, session)
            watching.intents_without_outcome(self.rt, session)
            trouble = watching.policy_trouble(self.rt, session)
        if trouble is not None and str(trouble) != self._told:
            log.error("policy.broken", detail=str(trouble), everything_denied=self.rt.gate.broken is not None)
        self._told = str(trouble) if trouble else ""

    def _anchor(self) -> None:
        """At least one record, and so one checkpoint, an hour: silence is told apart from a stopped log."""
        with transaction(self.rt) as session:
            record(self.rt, session, Event.AUDIT_ANCHOR)


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    worker = Worker(settings)
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    worker.start()
    done.wait()
    worker.stop()
