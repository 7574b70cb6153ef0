"""The two real Casbin enforcers, filled only with what the strict loader has accepted.

Casbin 2.8.0 is not safe under threads and remembers every name it is asked about (policy.md §1). So an
engine serves one caller at a time, never sees the name of a person or a word from outside, and stands for
role *sets*: under deny-override roles do not compose by OR.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import casbin
from casbin.persist import Adapter

from accessctl.access.loader import PolicySet, Rule
from accessctl.access.models import CONSOLE_MODEL, DBACCOUNT_MODEL
from accessctl.domain.permissions import EVERY_OFFICER, Case, OfficeClass, Scope

# Offices reach the model only as "the own one or another, at the head office or not".
_PLAIN_OFFICE = "an-office"
_HEAD_OFFICE = "the-head-office"
_ELSEWHERE = "elsewhere"
_OFFICE_LINES = (
    ("g2", (_PLAIN_OFFICE, OfficeClass.ANY.value)),
    ("g2", (_HEAD_OFFICE, OfficeClass.ANY.value)),
    ("g2", (_HEAD_OFFICE, OfficeClass.HEAD.value)),
    ("g3", (_PLAIN_OFFICE, "office")),
    ("g3", (_HEAD_OFFICE, "office")),
)


class _Accepted(Adapter):  # type: ignore[misc]  # casbin has no types
    """Hands accepted lines to Casbin; nothing is read or written anywhere else."""

    def __init__(self, lines: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self._lines = tuple(lines)

    def load_policy(self, model: casbin.Model) -> None:
        for kind, values in self._lines:
            model.model[kind[0]][kind].policy.append(list(values))


class _ParsedOnce(casbin.Enforcer):  # type: ignore[misc]  # casbin has no types
    """Casbin parses its matcher anew for every question, most of the cost of a small policy."""

    _parsed: Any = None

    def _get_expression(self, expr: str, functions: Any = None) -> Any:
        if self._parsed is None:
            self._parsed = casbin.Enforcer._get_expression(expr, functions)
        return self._parsed


def enforcer(model_text: str, lines: Iterable[tuple[str, tuple[str, ...]]]) -> casbin.Enforcer:
    """A Casbin enforcer over one model and the given lines (type, values); not to be changed afterwards."""
    model = casbin.Enforcer.new_model(text=model_text)
    return _ParsedOnce(model, _Accepted(lines))


@dataclass(frozen=True, slots=True)
class _Near:
    """The lines that name one permission or its class, and what of a question they look at.

    The matcher looks at a case only through `g2(r.case, p.case)`: two cases of the same groups are one question.
    It looks at the offices only where a line says whose office or which one.
    """

    lines: list[list[str]]
    scoped: bool
    headed: bool
    groups: dict[str, frozenset[str]]


class ConsoleEngine:
    """Asks Casbin on behalf of one role set; answers with the rule that decided, if any line speaks of it.

    Holds only the lines about these roles and about every officer, and shows Casbin only those of them that
    name the permission asked about or its class: the matcher demands both of a line, so the others could never
    match. Questions that those lines cannot tell apart are asked once. Both are proven against the whole file by
    enumeration in the tests.
    """

    def __init__(self, policy: PolicySet, roles: frozenset[str]) -> None:
        subjects = (*sorted(roles), EVERY_OFFICER)
        # Never equal to the name of a role: g(x, x) holds without any line.
        self._subject = "set:" + "+".join(sorted(roles))
        self._rules = {rule.values(): rule for rule in policy.rules if rule.sub in subjects}
        officers = (
            ("g", (self._subject, role, home))
            for role in subjects
            for home in (_PLAIN_OFFICE, _HEAD_OFFICE, _ELSEWHERE)
        )
        self._policy = policy
        self._near: dict[str, _Near] = {}
        self._asked: dict[tuple[str, bool, bool, frozenset[str]], tuple[bool, Rule | None]] = {}
        lines = (("p", values) for values in self._rules)
        self._enforcer = enforcer(CONSOLE_MODEL, (*lines, *_word_lines(policy), *_OFFICE_LINES, *officers))

    def ask(self, own: bool, head: bool, perm: str, case: str) -> tuple[bool, Rule | None]:
        """One decision at the own office or another one; `head`: that office is the head office."""
        near = self._near.get(perm) or self._near.setdefault(perm, self._about(perm))
        if not near.lines:
            return False, None
        question = (perm, own and near.scoped, head and near.headed, near.groups[case])
        if question not in self._asked:
            self._asked[question] = self._enforce(near, own, head, perm, case)
        return self._asked[question]

    def _enforce(self, near: _Near, own: bool, head: bool, perm: str, case: str) -> tuple[bool, Rule | None]:
        office = _HEAD_OFFICE if head else _PLAIN_OFFICE
        home = office if own else _ELSEWHERE
        self._enforcer.model.model["p"]["p"].policy = near.lines
        allowed, line = self._enforcer.enforce_ex(self._subject, home, office, perm, case)
        return bool(allowed), self._rules[tuple(line)] if line else None

    def _about(self, perm: str) -> _Near:
        words = (perm, self._policy.classes[perm].value)
        rules = [rule for rule in self._rules.values() if rule.perm in words]
        named = {rule.case for rule in rules}
        links = {link for link in self._policy.links if link[1] in named}
        return _Near(
            lines=[list(rule.values()) for rule in rules],
            scoped=any(rule.scope != Scope.ANY for rule in rules),
            headed=any(rule.dom != OfficeClass.ANY for rule in rules),
            groups={
                case.value: frozenset(n for n in named if n == case.value or (case.value, n) in links)
                for case in Case
            },
        )


def account_rights(policy: PolicySet, kind: str, permissions: Iterable[str]) -> tuple[str, ...]:
    """Which of these permissions an account of the kind has, as Casbin decides the dbaccount model."""
    asked = enforcer(DBACCOUNT_MODEL, (("p", rule) for rule in policy.account_rules))
    return tuple(permission for permission in permissions if asked.enforce(kind, permission))


def _word_lines(policy: PolicySet) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield from (("g2", link) for link in policy.links if link[1] != OfficeClass.HEAD)
    yield from (("g3", word) for word in policy.words)
