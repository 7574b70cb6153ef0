"""Other processes of the service. Those of the driver are forked from one that has imported everything already."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.common.forks import PATIENCE, ROOT, Forks


class Process:
    """One process of the service, driven by `tests.faults.driver`."""

    def __init__(self, forks: Forks, folder: Path, *words: str) -> None:
        self._forks = forks
        self._out, out = os.pipe()
        self._complaints, complaints = os.pipe()
        self.pid = forks.fork([str(folder), *words], out, complaints)
        os.close(out)
        os.close(complaints)
        self._told = {self._out: b"", self._complaints: b""}
        self._open = {self._out, self._complaints}
        self._code: int | None = None

    def line(self) -> dict[str, Any]:
        """The next thing it says; waits for it."""
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._told[self._out] and self._listen(deadline):
            continue
        assert self._told[self._out], f"ended without a word: {self.end()}"
        first, _, self._told[self._out] = self._told[self._out].partition(b"\n")
        said: dict[str, Any] = json.loads(first)
        return said

    def end(self) -> tuple[int, list[dict[str, Any]], str]:
        """Wait for its end: exit code (−9 when killed), what it said, what it complained of."""
        deadline = time.monotonic() + PATIENCE
        while self._listen(deadline):
            continue
        said = [json.loads(line) for line in self._told[self._out].splitlines()]
        return self._ended(), said, self._told[self._complaints].decode()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; may be called again."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._ended()

    def _listen(self, deadline: float) -> bool:
        """Take in what there is; False once both pipes are closed."""
        ready, _, _ = select.select(self._open, [], [], max(0.0, deadline - time.monotonic()))
        assert ready or not self._open, f"process {self.pid} neither spoke nor ended in {PATIENCE:.0f} s"
        for pipe in ready:
            part = os.read(pipe, 65536)
            self._told[pipe] += part
            if not part:
                self._close(pipe)
        return bool(self._open)

    def _close(self, pipe: int) -> None:
        self._open.discard(pipe)
        os.close(pipe)

    def _ended(self) -> int:
        if self._code is None:
            self._code = self._forks.wait(self.pid)
            for pipe in list(self._open):
                self._close(pipe)
        return self._code


class Sequencer:
    """What a worker under test starts as its SequencerProcess, forked: a new interpreter imports for a second."""

    def __init__(self, forks: Forks, folder: Path) -> None:
        self._forks = forks
        self._folder = folder
        self._pid: int | None = None

    def turn(self) -> None:
        """Start it."""
        if self._pid is None:
            theirs, self._line = os.pipe()
            with open(os.devnull, "wb") as nowhere:
                words, said = [str(self._folder), "stand_by"], nowhere.fileno()
                self._pid = self._forks.fork(words, said, said, theirs)
            os.close(theirs)

    def close(self) -> None:
        """Let it put what is written under a checkpoint and end."""
        if self._pid is not None:
            os.close(self._line)
            assert self._forks.wait(self._pid) == 0


class Worker:
    """The worker as it runs in production: a program of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "accessctl.jobs"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **env},
        )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone; may be called again."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def stop(self) -> int:
        """SIGTERM, as an operator does; its exit status."""
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def children(self) -> list[int]:
        """The ids of the processes under it."""
        pid = self._process.pid
        threads = Path(f"/proc/{pid}/task").iterdir()
        return [int(one) for thread in threads for one in (thread / "children").read_text("ascii").split()]
