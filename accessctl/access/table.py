"""The decision table: every answer comes from Casbin once and is then only looked up (policy.md §3).

A table belongs to one policy version and never changes an answer; a new policy is a new table. It holds one row for
each set of roles. A row is made whole ahead of time (`warm`, or read from disk by table_file.py), or answer by answer
on first use: a command that asks once pays for one question.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accessctl.access.engine import ConsoleEngine
from accessctl.access.loader import PolicySet, Rule
from accessctl.access.questions import CASE_AT, PERMISSION_AT, SIZE, at, questions
from accessctl.domain.permissions import EVERY_OFFICER

Roles = frozenset[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not and why: `reason` is a stable code, `detail` the deciding line or who would have it."""

    allowed: bool
    reason: str
    detail: str
    policy_version: str
    line: int = 0
    """Of `console.policy.csv`; 0 where no line decided."""


class Table:
    """Frozen answers of one policy. Safe under threads: readers only look up, makers take turns.

    `rows` are answers made earlier, as numbers of the lines that decided: positive allowed, negative denied, 0 no
    line. They are trusted: whoever hands them over has checked where they come from.
    """

    def __init__(self, policy: PolicySet, rows: Mapping[Roles, Sequence[int]] | None = None) -> None:
        self.policy = policy
        self._rules = {rule.line: rule for rule in policy.rules}
        self._said: dict[int, Decision] = {}
        self._nobody: dict[str, Decision] = {}
        self._engines: dict[Roles, ConsoleEngine] = {}
        self._turn = threading.RLock()
        self._rows: dict[Roles, list[Decision | None]] = {}
        for roles, numbers in (rows or {}).items():
            self._rows[roles] = self._row(numbers)

    def find(self, roles: Roles, own: bool, head: bool, perm: str, case: str) -> Decision | None:
        """The answer, None when it is not made yet. Makes nothing: every set that is in the table is of known roles.

        Raises KeyError for another word that is not known, TypeError for what is no set of roles.
        """
        row = self._rows.get(roles)
        return row[PERMISSION_AT[perm] + CASE_AT[case] + 2 * own + head] if row else None

    def decide(self, roles: Roles, own: bool, head: bool, perm: str, case: str) -> Decision:
        """The answer at the own office or not, at the head office or not, all in known words; made when it is new."""
        return self.find(roles, own, head, perm, case) or self._make(roles, own, head, perm, case)

    def warm(self, role_sets: Iterable[Roles]) -> int:
        """Make every answer for these role sets ahead of time; returns how many answers are whole rows now."""
        for roles in role_sets:
            if not self.holds(roles):
                for question in questions():
                    self._make(roles, *question)
        return SIZE * sum(None not in row for row in self._rows.values())

    def holds(self, roles: Roles) -> bool:
        """Whether every answer for this role set is made."""
        row = self._rows.get(roles)
        return row is not None and None not in row

    def numbers(self) -> dict[Roles, list[int]]:
        """The whole rows as numbers of lines, as the constructor takes them."""
        with self._turn:
            whole = {roles: list(row) for roles, row in self._rows.items() if None not in row}
        return {
            roles: [0 if d is None else d.line if d.allowed else -d.line for d in row]
            for roles, row in whole.items()
        }

    def _make(self, roles: Roles, own: bool, head: bool, perm: str, case: str) -> Decision:
        place = at(own, head, perm, case)
        with self._turn:
            row = self._rows.setdefault(roles, [None] * SIZE)
            found = row[place]
            if found is None:
                if roles not in self._engines:
                    self._engines[roles] = ConsoleEngine(self.policy, roles)
                found = row[place] = self._word(perm, *self._engines[roles].ask(own, head, perm, case))
            return found

    def _row(self, numbers: Sequence[int]) -> list[Decision | None]:
        nobody = [self._word(perm, False, None) for perm in PERMISSION_AT]
        each = SIZE // len(nobody)
        lines = {n: self._word("", n > 0, self._rules[abs(n)]) for n in set(numbers) if n}
        return [lines.get(n) or nobody[place // each] for place, n in enumerate(numbers)]

    def _word(self, perm: str, allowed: bool, rule: Rule | None) -> Decision:
        version = self.policy.version
        if rule is None:
            if perm not in self._nobody:
                self._nobody[perm] = Decision(False, "no_rule", self._holders(perm), version)
            return self._nobody[perm]
        number = rule.line if allowed else -rule.line
        if number not in self._said:
            reason = "allowed" if allowed else "denied_by_rule"
            self._said[number] = Decision(allowed, reason, str(rule), version, rule.line)
        return self._said[number]

    def _holders(self, perm: str) -> str:
        """Which lines would give the permission: what a person may be told to ask for."""
        found = [
            f"{'anybody' if rule.sub == EVERY_OFFICER else rule.sub} ({rule.scope}, {rule.dom}, {rule.case})"
            for rule in self.policy.rules
            if rule.perm == perm and rule.eft == "allow"
        ]
        return f"{perm} is held by: {'; '.join(found)}" if found else f"{perm} is held by nobody"
