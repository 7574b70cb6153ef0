"""The compiled table on disk, so that a start does not ask Casbin the whole matrix again (policy.md §3).

A file of answers is worth as much as the policy itself, so it is trusted only when it is private to its owner, sealed
with a key that the folder does not hold, and made from this very policy by this very program. It is plain JSON: reading
it runs nothing. Whatever is wrong with it, the table is made anew from the policy files (ADR 24).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from accessctl.access.loader import PolicySet
from accessctl.access.questions import SIZE
from accessctl.access.table import Roles, Table
from accessctl.domain import permissions
from accessctl.domain.permissions import EVERY_OFFICER, Role

_FORMAT = 1
_LARGEST = 50_000_000  # bytes; ours has 200,000
_PROGRAM = ("engine.py", "loader.py", "lines.py", "models.py", "questions.py", "table.py", "table_file.py")


class TableFile:
    """One file in a folder of its own. Never raises: what cannot be read or written is as if it were not there."""

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._key = hmac.digest(key, b"accessctl/compiled-policy-table", "sha256")
        self.refused = ""
        """Why the file was not used the last time: missing, not_private, forged, stale, odd; empty when it was."""

    def load(self, policy: PolicySet) -> Table | None:
        """The table of this policy, None when there is no file that can be trusted."""
        self.refused, rows = "", None
        try:
            rows = self._rows(self._trusted(), policy)
        except _Untrusted as error:
            self.refused = str(error)
        except OSError:
            self.refused = "missing"
        return None if rows is None else Table(policy, rows)

    def save(self, table: Table) -> bool:
        """Put the whole rows of a table in place of what was there; a reader sees the old file or the new one."""
        body = json.dumps(
            {
                "format": _FORMAT,
                "policy": table.policy.version,
                "program": program(),
                "rows": [[sorted(roles), numbers] for roles, numbers in table.numbers().items()],
            },
            separators=(",", ":"),
        ).encode()
        new = self.path.with_name(f"{self.path.name}.{secrets.token_hex(6)}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _only_owner(self.path.parent.stat())
            _write(new, self._seal(body) + b"\n" + body)
            new.replace(self.path)
        except (OSError, _Untrusted):
            with suppress(OSError):
                new.unlink()
            return False
        return True

    def _seal(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, "sha256").hexdigest().encode()

    def _trusted(self) -> bytes:
        """The JSON text, once owner, mode and seal are right."""
        _only_owner(self.path.parent.stat())
        handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            seen = os.fstat(handle)
            _only_owner(seen)
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > _LARGEST:
                raise _Untrusted("odd")
            seal, _, body = file.read(_LARGEST + 1).partition(b"\n")
        if not hmac.compare_digest(seal, self._seal(body)):
            raise _Untrusted("forged")
        return body

    def _rows(self, body: bytes, policy: PolicySet) -> dict[Roles, Sequence[int]]:
        try:
            said = json.loads(body)
            if (said["format"], said["policy"], said["program"]) != (_FORMAT, policy.version, program()):
                raise _Untrusted("stale")
            rows = {frozenset(roles): numbers for roles, numbers in said["rows"]}
        except (ValueError, KeyError, TypeError):
            raise _Untrusted("odd") from None
        known = {rule.line: rule for rule in policy.rules}
        for roles, numbers in rows.items():
            subjects = {*roles, EVERY_OFFICER}
            speak = {n: known.get(abs(n)) for n in set(numbers) if n} if len(numbers) == SIZE else {0: None}
            if not roles <= set(Role) or not all(
                rule is not None and rule.sub in subjects and (rule.eft == "allow") == (n > 0)
                for n, rule in speak.items()
            ):
                raise _Untrusted("odd")
        return rows


class _Untrusted(Exception):
    """The file is there, but nothing is taken from it."""


def _only_owner(seen: os.stat_result) -> None:
    if seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
        raise _Untrusted("not_private")


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)


@cache
def program() -> str:
    """SHA-256 over what answers depend on besides the policy: our code, its words, Casbin's version."""
    digest = hashlib.sha256(version("pycasbin").encode())
    here = Path(__file__).parent
    for path in (*(here / name for name in _PROGRAM), Path(permissions.__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
