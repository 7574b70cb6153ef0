"""Is a server running in this data folder? `postmaster.pid` alone cannot tell: ids are used again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from accessctl.embedded.problems import ClusterError, Problem

PID_FILE = "postmaster.pid"
_PORT_LINE = 3  # of postmaster.pid, counted from 0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server's main process."""

    pid: int
    port: int


def running_in(data: Path) -> Postmaster | None:
    """The live server of this folder; None when there is none, or only a stale postmaster.pid."""
    try:
        lines = (data / PID_FILE).read_text().splitlines()
        found = Postmaster(int(lines[0]), int(lines[_PORT_LINE]))
    except (OSError, ValueError, IndexError):
        return None
    return found if _works_in(found.pid, data) else None


def end_at_once(data: Path, *, seconds: float = 10.0) -> None:
    """Immediate shutdown by signal, for a server whose data nobody needs any more."""
    deadline = time.monotonic() + seconds
    for wanted in (signal.SIGQUIT, signal.SIGKILL):
        server = running_in(data)
        if server is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, wanted)
        while _works_in(server.pid, data) and time.monotonic() < deadline:
            time.sleep(0.02)


def forget_stranger(data: Path) -> None:
    """Remove a postmaster.pid whose id now belongs to another program: PostgreSQL would refuse to start.

    A file with a dead id stays: through it PostgreSQL finds out whether children of that server are alive.
    """
    try:
        pid = int((data / PID_FILE).read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    if not _alive(pid) or _works_in(pid, data):
        return
    if any(_works_in(int(entry.name), data) for entry in Path("/proc").glob("[0-9]*")):
        raise ClusterError(Problem.STILL_IN_USE, f"processes of an earlier server still use {data}")
    (data / PID_FILE).unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _works_in(pid: int, data: Path) -> bool:
    """The main process changes into its data folder; a zombie or a stranger with its id has another one."""
    if Path("/proc/self/cwd").exists():
        try:
            return os.readlink(f"/proc/{pid}/cwd") == str(data.resolve())
        except OSError:
            return False
    shown = subprocess.run(  # systems without /proc
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return str(data) in shown.stdout
