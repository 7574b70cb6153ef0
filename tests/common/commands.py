"""`accessctl …` as a process of its own without the second that a new interpreter takes to import it.

`python -m tests.common.commands SOCKET` forks one for each request: [environment as JSON, WORD…]. What a person
starts, a program with an interpreter of its own, runs in test_readme.py and test_contract.py.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile

import click
from sqlalchemy.orm import configure_mappers

from accessctl.cli import cli
from tests.common.forks import Forks, serve

NEEDS = ("accounts", "audit", "custodians", "findings", "lease", "reconcile")


class Commands:
    """`accessctl` in processes that are forked from one which has imported it."""

    def __init__(self) -> None:
        self._forks = Forks("tests.common.commands")

    def __call__(self, *words: str, password: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in an environment with this password; standard input is empty."""
        environment = json.dumps(os.environ | {"ACCESSCTL_PASSWORD": password})
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
            pid = self._forks.fork([environment, *words], out.fileno(), complaints.fileno())
            code = self._forks.wait(pid)
            out.seek(0)
            complaints.seek(0)
            return subprocess.CompletedProcess(words, code, out.read().decode(), complaints.read().decode())

    def close(self) -> None:
        """No more commands."""
        self._forks.close()


def _command(environment: str, *words: str) -> None:
    os.environ.clear()
    os.environ.update(json.loads(environment))
    sys.argv = ["accessctl", *words]
    cli(prog_name="accessctl")


def _import() -> None:
    """Everything that the commands would import, and what would be worked out at the first query."""
    for name in NEEDS:
        assert cli.get_command(click.Context(cli), name) is not None
    configure_mappers()


if __name__ == "__main__":
    _import()
    serve(socket.socket(fileno=int(sys.argv[1])), _command)
