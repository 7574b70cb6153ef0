"""The gate through which every action of web and command line goes: one question, one answer with a reason.

`Gate.decide` is total: whatever is asked, by whomever, it answers and never raises; what it does not know
it does not allow. Roles and home are read from the database by the caller at each request and are never
remembered here. The edge calls `refresh` once per request, so a changed policy holds at the next one.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from accessctl.access import in_force
from accessctl.access.lines import PolicyBroken
from accessctl.access.loader import DATA_SUFFIXES, PolicySet, default_folder, load
from accessctl.access.table import Decision, Table
from accessctl.access.table_file import TableFile
from accessctl.domain.permissions import Case, Permission, Role

__all__ = ["Decision", "Gate", "PolicyBroken", "Subject", "TableFile"]

Offices = Collection[str] | Callable[[], Collection[str]]

_ROLES = frozenset(role.value for role in Role)
_PERMISSIONS = frozenset(permission.value for permission in Permission)
_CASES = frozenset(case.value for case in Case)
_GONE = ("no_folder", "no_policy")
_SETTLED_AFTER = 100_000_000  # ns; a file changed later than this before its reading may change unseen


@dataclass(frozen=True, slots=True)
class Subject:
    """A signed-in officer as the database knows him now: name, all roles, code of the own office."""

    username: str
    roles: frozenset[Role]
    home: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the folder looked like when it was read: changes are noticed without reading files."""

    stamp: tuple[tuple[str, int, int, int, int], ...]
    approved: str | None
    settled: bool


class Gate:
    """Decides by the policy in a folder; `offices` is the closed set of office codes, or a call giving it.

    `state` is where approved changes are kept: once it names one, that decides, not the folder (in_force.py).

    `broken` is set while there is no usable policy: everything is denied. `alarm` is set while the files on
    disk are broken but the last good policy stays in force. `kept`: where compiled tables are kept between starts.
    """

    def __init__(
        self,
        folder: Path | None = None,
        offices: Offices = (),
        state: Path | None = None,
        *,
        kept: TableFile | None = None,
    ) -> None:
        self._folder = folder or default_folder()
        self._state = state
        self._offices: Callable[[], Collection[str]] = offices if callable(offices) else _constant(offices)
        self._kept = kept
        self._turn = threading.Lock()
        self._table: Table | None = None
        self._seen: _Seen | None = None
        self.broken: PolicyBroken | None = None
        self.alarm: PolicyBroken | None = None
        self.refresh()

    @property
    def table(self) -> Table | None:
        """The table in force, None when every decision is a denial."""
        return self._table

    @property
    def folder(self) -> Path:
        """Where the files that decide stand now."""
        return in_force.folder_of(self._folder, self._state)[0]

    @property
    def version(self) -> str:
        """SHA-256 of the policy in force, empty when there is none."""
        table = self._table
        return table.policy.version if table is not None else ""

    def decide(
        self, subject: Subject | None, permission: str, office: str, *, case: str = Case.NONE
    ) -> Decision:
        """May this officer do this at that office in this case? Never raises; unknown words are denied.

        Reasons: allowed, no_rule, denied_by_rule, unknown_word, policy_broken, not_authenticated.
        """
        table = self._table
        if table is None:
            return Decision(False, "policy_broken", str(self.broken or "no policy"), "")
        if subject is None or not subject.username:
            return Decision(False, "not_authenticated", "nobody is signed in", table.policy.version)
        found = None
        try:
            offices, home = self._offices(), subject.home
            if office in offices and home in offices:
                head = office in table.policy.head_offices
                found = table.find(subject.roles, home == office, head, permission, case)
        except Exception:  # a word that is in no list, or nobody knows the offices: looked at word by word
            found = None
        return found or self._decide_slowly(table, subject, permission, office, case)

    def _decide_slowly(
        self, table: Table, subject: Subject, permission: str, office: str, case: str
    ) -> Decision:
        """For what was not asked before: says which word is not known, or makes the answer."""
        unknown = self._unknown(subject, permission, office, case)
        if unknown:
            return Decision(False, "unknown_word", f"not a known {unknown}", table.policy.version)
        head = office in table.policy.head_offices
        return table.decide(frozenset(subject.roles), subject.home == office, head, permission, case)

    def compile(self, role_sets: Iterable[frozenset[Role]]) -> int:
        """Make every answer for these role sets now and keep them for the next start; returns how many there are.

        Does nothing when all of them are there already; 0 while there is no usable policy.
        """
        table = self._table
        if table is None:
            return 0
        missing = [roles for roles in role_sets if not table.holds(roles)]
        made = table.warm(missing)
        if self._kept is not None and (missing or self._kept.refused) and self._kept.save(table):
            self._kept.refused = ""
        return made

    def refresh(self) -> None:
        """Look whether the files changed (a few stat calls) and take a new policy over in one step."""
        seen = self._look()
        if seen == self._seen and seen.settled:
            return
        with self._turn:
            seen = self._look()
            if seen == self._seen and seen.settled:
                return
            self._reload()
            self._seen = seen

    def _reload(self) -> None:
        folder, wanted = in_force.folder_of(self._folder, self._state)
        try:
            policy = _approved(folder, wanted) if wanted is not None else load(folder)
        except PolicyBroken as error:
            if self._table is not None and error.code not in _GONE:
                self.alarm = error
                return
            self._table, self.broken, self.alarm = None, error, None
            return
        if self._table is None or self._table.policy.version != policy.version:
            self._table = (self._kept.load(policy) if self._kept else None) or Table(policy)
        self.broken = self.alarm = None

    def _unknown(self, subject: Subject, permission: str, office: str, case: str) -> str:
        """Which of the words is not in its closed list; empty when all are."""
        try:
            offices = self._offices()
            if permission not in _PERMISSIONS:
                return "permission"
            if case not in _CASES:
                return "case"
            if office not in offices:
                return "office"
            if subject.home not in offices:
                return "home office"
            return "" if frozenset(subject.roles) <= _ROLES else "role"
        except Exception as error:  # the offices may come from a database: no answer is a denial, not a crash
            return f"word ({type(error).__name__})"

    def _look(self) -> _Seen:
        now, stamp = time.time_ns(), []
        folder, wanted = in_force.folder_of(self._folder, self._state)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.endswith(DATA_SUFFIXES):
                        now_is = entry.stat()
                        times = (now_is.st_mtime_ns, now_is.st_ctime_ns)
                        stamp.append((entry.name, now_is.st_ino, now_is.st_size, *times))
        except OSError:
            return _Seen((), wanted, settled=True)
        newest = max((ctime for *_, ctime in stamp), default=0)  # mtime can be set to anything, ctime cannot
        return _Seen(tuple(sorted(stamp)), wanted, settled=now - newest > _SETTLED_AFTER)


def _approved(folder: Path, version: str) -> PolicySet:
    """The approved set. One that is gone, or another one now, is a fault, not a decision to deny everything."""
    if not folder.is_dir():
        raise PolicyBroken("not_approved", folder.name[:12], 0, "the approved files are not there")
    policy = load(folder)
    if policy.version != version:
        raise PolicyBroken("not_approved", folder.name[:12], 0, "the files are not those that were approved")
    return policy


def _constant(offices: Collection[str]) -> Callable[[], Collection[str]]:
    known = frozenset(offices)
    return lambda: known
