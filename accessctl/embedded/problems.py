"""What can go wrong with the embedded server, as sentences a person can act on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class Problem(StrEnum):
    """Stable codes; the sentence beside them may change."""

    PORT_TAKEN = "embedded.port_taken"
    DISK_FULL = "embedded.disk_full"
    FOREIGN_FOLDER = "embedded.foreign_folder"
    WRONG_VERSION = "embedded.wrong_version"
    NO_BINARIES = "embedded.no_binaries"
    NO_SYSTEM_USER = "embedded.no_system_user"
    NO_PLACE = "embedded.no_place"
    DAMAGED = "embedded.damaged"
    STILL_IN_USE = "embedded.still_in_use"
    FAILED = "embedded.failed"


class ClusterError(Exception):
    """The embedded server cannot do what was asked; `str()` is one clear sentence (and its evidence)."""

    def __init__(self, problem: Problem, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = problem


# What PostgreSQL writes → the problem it means. The first match wins. lc_messages is C, so the words hold.
_SIGNS = (
    ("No space left on device", Problem.DISK_FULL),
    ("Disk quota exceeded", Problem.DISK_FULL),
    ("Address already in use", Problem.PORT_TAKEN),
    ("is still in use", Problem.STILL_IN_USE),  # children of a killed server are still leaving
    ("database files are incompatible with server", Problem.WRONG_VERSION),
    ("has wrong ownership", Problem.FOREIGN_FOLDER),
    ("Permission denied", Problem.FOREIGN_FOLDER),
    ("could not look up effective user ID", Problem.NO_SYSTEM_USER),
)

_SENTENCES = {
    Problem.DISK_FULL: "no space is left on the disk of {folder}",
    Problem.PORT_TAKEN: "the port is taken by another program",
    Problem.STILL_IN_USE: "processes of an earlier server still use {folder}",
    Problem.WRONG_VERSION: "{folder} was made by another version of PostgreSQL",
    Problem.FOREIGN_FOLDER: "{folder} belongs to another user or cannot be entered",
    Problem.NO_SYSTEM_USER: "this user id has no name on this machine, and PostgreSQL wants one",
    Problem.FAILED: "the embedded PostgreSQL in {folder} failed",
}

_EVIDENCE_LINES = 12


def from_output(action: str, folder: Path, output: str) -> ClusterError:
    """Turn what initdb, pg_ctl or the server wrote into one sentence, followed by the evidence."""
    problem = next((found for sign, found in _SIGNS if sign in output), Problem.FAILED)
    sentence = _SENTENCES[problem].format(folder=folder)
    evidence = [line.strip() for line in output.splitlines() if line.strip()][-_EVIDENCE_LINES:]
    return ClusterError(problem, f"{action}: {sentence}" + "".join(f"\n  {line}" for line in evidence))
