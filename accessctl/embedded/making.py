"""A data folder: making it, and checking one that is there already."""

from __future__ import annotations

import shutil
from pathlib import Path

from accessctl.embedded import binaries, places, postmaster, settings
from accessctl.embedded.binaries import Binaries
from accessctl.embedded.identity import ServerUser
from accessctl.embedded.problems import ClusterError, Problem, from_output
from accessctl.embedded.record import Record

_MARK = "belongs-to"  # beside the data: the mark of the record that it belongs to


def is_made(known: Record) -> bool:
    """Is there a whole data folder that carries this record's mark?"""
    home = Path(known.home)
    try:
        return (home / _MARK).read_text() == known.mark and (home / "data" / "PG_VERSION").exists()
    except FileNotFoundError:
        return False
    except PermissionError as error:
        raise ClusterError(Problem.FOREIGN_FOLDER, f"{home} belongs to another user") from error


def clear(folder: Path, home: Path, user: ServerUser) -> None:
    """Room for new data; left-overs of a folder that was deleted by hand go, strangers' things stay."""
    if home != folder:
        if home.exists():
            places.private_folder(home, user)  # refuses a stranger's
            postmaster.end_at_once(home / "data")
            shutil.rmtree(home)
        places.private_folder(home, user)
    for part in ("data", "log"):
        shutil.rmtree(home / part, ignore_errors=True)
        places.private_folder(home / part, user)


def make(known: Record, user: ServerUser, programs: Binaries, *, fast: bool) -> None:
    """initdb and our pg_hba.conf. The mark is written last: an interrupted making begins anew next time."""
    home = Path(known.home)
    data = home / "data"
    _initdb(known, user, programs, fast=fast)
    (data / "pg_hba.conf").write_text(settings.HBA)
    with open(data / "postgresql.conf", "a") as file:
        file.write(f"include = '{settings.FILE}'\n")
    (home / _MARK).write_text(known.mark)


def _initdb(known: Record, user: ServerUser, programs: Binaries, *, fast: bool) -> None:
    data = Path(known.home) / "data"
    secret = data.with_name("initial-password")
    secret.unlink(missing_ok=True)
    secret.touch(mode=0o600)
    user.own(secret)
    secret.write_text(known.password + "\n")
    options = ["--username", settings.SUPERUSER, "--pwfile", str(secret), "--auth", "scram-sha-256"]
    options += ["--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin"]
    options += ["--builtin-locale", "C.UTF-8", "--no-instructions"]
    options += ["--no-sync"] if fast else []
    try:
        done = user.run([str(programs.folder / "initdb"), "-D", str(data), *options], cwd=data)
    finally:
        secret.unlink()
    if done.returncode != 0:
        raise from_output("making the database", data, done.stdout + done.stderr)


def check(data: Path, user: ServerUser, programs: Binaries) -> None:
    """Refuse a folder of another user or another major version with a sentence, before the server does."""
    owner = data.stat().st_uid
    if owner != user.uid:
        raise ClusterError(
            Problem.FOREIGN_FOLDER, f"{data} belongs to user {owner}, not to {user.name} ({user.uid})"
        )
    made_by = (data / "PG_VERSION").read_text().strip()
    if made_by != str(programs.major):
        raise ClusterError(
            Problem.WRONG_VERSION,
            f"{data} was made by PostgreSQL {made_by}, the programs are {programs.version}; "
            f"name the old ones in {binaries.NAMED}, or remove the folder to begin anew",
        )
