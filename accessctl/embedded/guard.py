"""A watcher process: when the process that started a throw-away server is gone, server and data go too.

It reads from a pipe that only the starter holds. The word `done` is a farewell; an end without it means that
the starter was killed. (The kernel's parent-death signal does not survive the change of user.)
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from accessctl.embedded import postmaster

_DONE = "done"


class Guard:
    """Watches over the server in `data`; removes `rubbish` with it when this process dies."""

    def __init__(self, data: Path, rubbish: list[Path]) -> None:
        package_root = Path(__file__).resolve().parents[2]
        self._watcher = subprocess.Popen(
            [sys.executable, "-m", __name__, str(data), *map(str, rubbish)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PYTHONPATH": str(package_root), "PATH": "/usr/bin:/bin"},
            start_new_session=True,  # Ctrl-C in our terminal is not meant for it
        )

    def release(self) -> None:
        """The server was stopped in good order: the watcher may leave."""
        try:
            self._watcher.communicate(_DONE.encode(), timeout=10)
        except subprocess.TimeoutExpired:
            self._watcher.kill()
            self._watcher.communicate()


def main(data: str, *rubbish: str) -> None:
    if sys.stdin.read().strip() == _DONE:
        return
    postmaster.end_at_once(Path(data))
    for path in rubbish:
        shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
