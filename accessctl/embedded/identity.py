"""Which system user the server runs as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accessctl.embedded.problems import ClusterError, Problem

# Existing unprivileged users, best first. None is ever created.
CANDIDATES = ("postgres", "nobody")

Finished = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user of the server's processes and files; `drop` says that we are root and must change to it."""

    uid: int
    gid: int
    name: str
    drop: bool

    def run(self, command: Sequence[str], *, cwd: Path, seconds: float = 90.0) -> Finished:
        """Run to its end as this user, in a session of its own: Ctrl-C in our terminal passes it by."""
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                cwd=cwd,
                env=environment(),
                start_new_session=True,
                check=False,
                **self.identity(),
            )
        except subprocess.TimeoutExpired as error:
            program = Path(command[0]).name
            raise ClusterError(Problem.FAILED, f"{program} did not end within {seconds:.0f} s") from error

    def identity(self) -> dict[str, Any]:
        """Arguments for subprocess; extra groups are dropped with the user (root's would stay otherwise)."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.drop else {}

    def may(self, test: str, *paths: Path) -> bool:
        """Ask the kernel, as this user, by a shell test such as `cd "$1"`: mode bits alone do not tell."""
        command = ["/bin/sh", "-c", test, "sh", *map(str, paths)]
        return self.run(command, cwd=Path("/")).returncode == 0

    def own(self, path: Path) -> None:
        if self.drop:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_user(data: Path) -> ServerUser:
    """Ourselves; as root the owner of an existing data folder, else an unprivileged user of the machine."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), _name(os.geteuid()), drop=False)
    if data.exists() and (owner := data.stat().st_uid) != 0:
        known = _entry(owner)
        return ServerUser(owner, known.pw_gid if known else owner, _name(owner), drop=True)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, name, drop=True)
    raise ClusterError(
        Problem.NO_SYSTEM_USER,
        "PostgreSQL does not run as root, and this machine has none of the users "
        f"{', '.join(CANDIDATES)}; run this as an ordinary user",
    )


def environment() -> Mapping[str, str]:
    """A small, fixed environment: no PG* variable and no locale of ours reaches the server."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}


def _entry(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _name(uid: int) -> str:
    known = _entry(uid)
    return known.pw_name if known else str(uid)
