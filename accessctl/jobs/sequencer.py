"""The sequencer's loop: elected, woken by those who wait, reporting records whose clock was off."""

from __future__ import annotations

from collections.abc import Callable

from accessctl import clock
from accessctl.config import Settings
from accessctl.jobs.loop import log
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
            while self._move(sequencer) == BATCH:
                continue
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

    def _move(self, sequencer: Sequencer) -> int:
        moved, strange = sequencer.run_once(clock.now())
        if strange:
            self._on_late_clock(strange)
        return moved

    def close(self) -> None:
        """Give the election up."""
        if self._sequencer is not None:
            self._sequencer.close()
        self._sequencer = None
