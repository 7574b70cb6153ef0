"""The decision table: every answer comes from Casbin once and is then only looked up (policy.md §3).

A table belongs to one policy version and never changes an answer; a new policy is a new table. Answers are
made on first use (a command that asks once pays for one question) or ahead of time with `warm`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from accessctl.access.engine import ConsoleEngine
from accessctl.access.loader import PolicySet, Rule
from accessctl.domain.permissions import EVERY_OFFICER, Case, Permission

Key = tuple[frozenset[str], bool, bool, str, str]
"""Roles, own office?, head office?, permission, case; all of them known words."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not and why: `reason` is a stable code, `detail` the deciding line or who would have it."""

    allowed: bool
    reason: str
    detail: str
    policy_version: str


class Table:
    """Frozen answers of one policy. Safe under threads: readers only look up, makers take turns."""

    def __init__(self, policy: PolicySet) -> None:
        self.policy = policy
        self._engines: dict[frozenset[str], ConsoleEngine] = {}
        self._answers: dict[Key, Decision] = {}
        self._turn = threading.Lock()

    def decide(self, key: Key) -> Decision:
        """The answer for a key of known words; asks Casbin the first time."""
        return self._answers.get(key) or self._make(key)

    def warm(self, role_sets: Iterable[frozenset[str]]) -> int:
        """Make every answer for these role sets ahead of time; returns how many the table then holds."""
        for roles, own, head, perm, case in product(
            role_sets, (True, False), (True, False), Permission, Case
        ):
            self.decide((roles, own, head, perm.value, case.value))
        return len(self._answers)

    def _make(self, key: Key) -> Decision:
        with self._turn:
            if key not in self._answers:
                roles, own, head, perm, case = key
                if roles not in self._engines:
                    self._engines[roles] = ConsoleEngine(self.policy, roles)
                self._answers[key] = self._word(perm, *self._engines[roles].ask(own, head, perm, case))
            return self._answers[key]

    def _word(self, perm: str, allowed: bool, rule: Rule | None) -> Decision:
        version = self.policy.version
        if rule is None:
            return Decision(False, "no_rule", self._holders(perm), version)
        return Decision(allowed, "allowed" if allowed else "denied_by_rule", str(rule), version)

    def _holders(self, perm: str) -> str:
        """Which lines would give the permission: what a person may be told to ask for."""
        found = [
            f"{'anybody' if rule.sub == EVERY_OFFICER else rule.sub} ({rule.scope}, {rule.dom}, {rule.case})"
            for rule in self.policy.rules
            if rule.perm == perm and rule.eft == "allow"
        ]
        return f"{perm} is held by: {'; '.join(found)}" if found else f"{perm} is held by nobody"
