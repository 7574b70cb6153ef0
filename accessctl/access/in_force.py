"""The policy in force on this machine: which of the approved sets of files decides (policy.md §5).

Without a state folder the shipped files decide. With one, a pointer names the approved set by its hash; sets are
written once, under their hash, and never changed: one whose content has another hash is refused by the gate.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

POINTER = "in-force"
_HASH = re.compile(r"[0-9a-f]{64}")


def pointed(state: Path | None) -> str | None:
    """The hash of the approved set, None before the first approval; unreadable words point to nothing there is."""
    if state is None:
        return None
    try:
        words = (state / POINTER).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError:
        return "unreadable"
    return words if _HASH.fullmatch(words) else "unreadable"


def folder_of(shipped: Path, state: Path | None) -> tuple[Path, str | None]:
    """Where the deciding files stand, and the hash that they must have (None: the shipped ones, any)."""
    wanted = pointed(state)
    return (shipped, None) if state is None or wanted is None else (state / wanted, wanted)


def keep(state: Path, version: str, files: Mapping[str, bytes]) -> None:
    """Write a set under its hash, whole or not at all; what is there already stays as it is. Raises OSError."""
    if _HASH.fullmatch(version) is None:
        raise ValueError("not a policy version")
    place = state / version
    if place.is_dir():
        return
    state.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state, prefix=".new-") as made:
        whole = Path(made) / "set"
        whole.mkdir(mode=0o755)
        for name, content in files.items():
            _write(whole / name, content)
        _settle(whole)
        try:
            whole.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was quicker with the same bytes
                raise
    _settle(state)


def point(state: Path, version: str) -> None:
    """From now on this set decides: one rename, seen by every process at its next request. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=state, prefix=".new-")
    os.close(handle)
    fresh = Path(name)
    try:
        _write(fresh, f"{version}\n".encode())
        fresh.chmod(0o644)
        fresh.replace(state / POINTER)
    finally:
        fresh.unlink(missing_ok=True)
    _settle(state)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """The names in a folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
