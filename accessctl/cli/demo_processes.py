"""The demo's two processes, in sessions of their own so that Ctrl-C reaches only their parent, which ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from accessctl.cli.demo_folder import DemoFolder

_PATIENCE = 15.0


class Processes:
    """`serve` and `worker` of a demo while the `with` block runs."""

    def __init__(self, folder: DemoFolder, port: int) -> None:
        self._folder = folder
        self._commands = {
            "worker": ["worker"],
            "serve": ["serve", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8"],
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        for name, arguments in self._commands.items():
            with Path(self._folder.logs / f"{name}.log").open("ab") as log:
                self._running[name] = subprocess.Popen(
                    [sys.executable, "-m", "accessctl.cli", *arguments, "--data", str(self._folder.path)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"},
                )
        return self

    def fallen(self) -> str | None:
        """The name of a process that has ended, if any."""
        return next((name for name, process in self._running.items() if process.poll() is not None), None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in ("serve", "worker"):
            self._end(self._running[name])

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
