"""The sequencer's loop: elected, woken by those who wait, reporting records whose clock was off.

In service it is a process of its own under the worker: those who wait for a checkpoint do not wait for the worker's
other threads, and no code but this holds the signing key.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

from accessctl import clock
from accessctl.config import Settings
from accessctl.jobs.loop import Loop, log
from accessctl.services import findings
from accessctl.services.control import transaction
from accessctl.services.runtime import Runtime, build_runtime
from accessctl.store.sequencing import BATCH, LogCorrupt, Sequencer
from audit.note import Signer

_UNWOKEN = 0.25  # seconds between looks when nobody wakes us
_NOT_ELECTED = 1.0


class SequencerLoop:
    """One turn: connect and be elected if need be, move what is there, wait for a wake-up."""

    def __init__(
        self,
        settings: Settings,
        *,
        on_corrupt: Callable[[str], None] = lambda _: None,
        on_late_clock: Callable[[list[str]], None] = lambda _: None,
    ) -> None:
        self._url = settings.sequencer_url
        self._signer = Signer.from_text(settings.signing_key)
        self._origin = settings.audit_origin
        self._sequencer: Sequencer | None = None
        self._on_corrupt = on_corrupt
        self._on_late_clock = on_late_clock
        self.pause: Callable[[float], object] = lambda _: None

    def turn(self) -> None:
        """Move everything that is in the inbox, then wait a quarter of a second for more."""
        try:
            sequencer = self._sequencer or self._start()
            if sequencer is None:
                self.pause(_NOT_ELECTED)
                return
            self._move_all(sequencer)
            sequencer.wait(_UNWOKEN)
        except LogCorrupt as error:
            self.close()
            self._on_corrupt(str(error))
            raise
        except Exception:
            self.close()
            raise

    def _start(self) -> Sequencer | None:
        sequencer = Sequencer.connect(self._url, self._signer, self._origin)
        if not sequencer.elected():
            sequencer.close()
            return None
        self._sequencer = sequencer
        sequencer.resume()
        log.info("sequencer.elected", size=sequencer.frontier.size)
        return sequencer

    def _move_all(self, sequencer: Sequencer) -> None:
        moved = BATCH
        while moved == BATCH:
            moved, strange = sequencer.run_once(clock.now())
            if strange:
                self._on_late_clock(strange)

    def finish(self) -> None:
        """Put what is left under a checkpoint, if it is ours to do, and give the election up."""
        if self._sequencer is not None:
            self._move_all(self._sequencer)
        self.close()

    def close(self) -> None:
        """Give the election up."""
        if self._sequencer is not None:
            self._sequencer.close()
        self._sequencer = None


def run(settings: Settings) -> None:
    """Sequence until standard input ends: whoever started us has stopped, or died.

    Ctrl-C and SIGTERM reach the worker and us alike; only the worker knows when its last record is written.
    """
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    rt = build_runtime(settings, pool=1, application="accessctl sequencer findings")
    troubles = Troubles(rt)
    sequencer = SequencerLoop(settings, on_corrupt=troubles.corrupt, on_late_clock=troubles.late_clock)
    loop = Loop("sequencer", sequencer.turn, pace=0.0)
    sequencer.pause = loop.stopping.wait
    loop.start()
    sys.stdin.buffer.read()
    loop.stop()
    loop.join(10)
    sequencer.finish()
    rt.close()


class Troubles:
    """What the sequencer notices becomes a finding, written with the rights of the application."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def corrupt(self, why: str) -> None:
        """The stored log does not agree with itself; nothing is signed."""
        self._find(findings.Kind.AUDIT_UNAVAILABLE, f"corrupt:{why}", 1, {"why": why})

    def late_clock(self, events: list[str]) -> None:
        """Records whose time is more than a minute off (audit.md §2.3)."""
        self._find(findings.Kind.RECORD_CLOCK, f"{self._rt.now():%Y-%m-%dT%H}", 2, {"events": events[:20]})

    def _find(self, kind: findings.Kind, key: str, severity: int, details: dict[str, object]) -> None:
        with transaction(self._rt) as session:
            findings.raise_finding(self._rt, session, kind, key=key, severity=severity, details=details)


class SequencerProcess:
    """The sequencer's process, started anew whenever it has ended. It ends with ours, however ours ends."""

    def __init__(self, settings: Settings) -> None:
        self._env = os.environ | {name: str(value) for name, value in settings.env.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def turn(self) -> None:
        """See to it that it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None:
            log.error("sequencer.ended", status=self._process.returncode)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "accessctl.jobs", "sequencer"], stdin=subprocess.PIPE, env=self._env
        )

    def close(self, patience: float = 10.0) -> None:
        """Let it put what is written under a checkpoint and end."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            log.error("sequencer.hung")
            self._process.kill()
            self._process.wait()
