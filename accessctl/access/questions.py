"""Every question that can be asked of the policy, in one fixed order, and which of them a line speaks of.

A question is (own office?, head office?, permission, case). A set of questions is an integer with one bit each:
what a line reaches, what two lines share and what a line alone decides are then plain arithmetic. Nothing is decided
here; the answers are Casbin's (engine.py). The linter and the explanations reason with it about lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from accessctl.access.loader import PolicySet, Rule
from accessctl.domain.permissions import Case, OfficeClass, Permission, Scope

POSITIONS = 4
_BLOCK = POSITIONS * len(Case)
ONE_PERMISSION = (1 << _BLOCK) - 1
"""The questions about one permission, before they are shifted to its place."""
SIZE = _BLOCK * len(Permission)
"""How many questions there are about one set of roles."""
PERMISSION_AT: Mapping[str, int] = {p.value: n * _BLOCK for n, p in enumerate(Permission)}
CASE_AT: Mapping[str, int] = {c.value: n * POSITIONS for n, c in enumerate(Case)}

Question = tuple[bool, bool, str, str]
"""Own office? head office? permission, case."""

_POSITIONS_OF = {Scope.OWN: 0b1100, Scope.FOREIGN: 0b0011, Scope.ANY: 0b1111}
_HEAD_ONLY = 0b1010


def at(own: bool, head: bool, perm: str, case: str) -> int:
    """The place of a question; raises KeyError for a word that is not known."""
    return PERMISSION_AT[perm] + CASE_AT[case] + 2 * own + head


def questions() -> Iterator[Question]:
    """All of them, in the order of their places."""
    for perm in Permission:
        for case in Case:
            for position in range(POSITIONS):
                yield bool(position & 2), bool(position & 1), perm.value, case.value


def reach(policy: PolicySet, rule: Rule) -> int:
    """The questions that this line speaks of, as bits."""
    positions = _POSITIONS_OF[Scope(rule.scope)]
    if rule.dom == OfficeClass.HEAD:
        positions &= _HEAD_ONLY
    cases = _members(rule.case, CASE_AT, policy.links)
    perms = _members(rule.perm, PERMISSION_AT, policy.classes.items())
    block = sum(positions << CASE_AT[case] for case in cases)
    return sum(block << PERMISSION_AT[perm] for perm in perms)


def _members(word: str, known: Mapping[str, int], groups: Iterable[tuple[str, str]]) -> list[str]:
    """The word itself, or the words of the group that it names."""
    return [word] if word in known else [one for one, group in groups if group == word and one in known]


def union(sets: Iterable[int]) -> int:
    """Everything that any of the lines speaks of."""
    found = 0
    for one in sets:
        found |= one
    return found


def first_of(bits: int) -> Question | None:
    """One question of a set, for showing what is meant; None of an empty one."""
    if not bits:
        return None
    place = (bits & -bits).bit_length() - 1
    perm, rest = divmod(place, _BLOCK)
    case, position = divmod(rest, POSITIONS)
    return bool(position & 2), bool(position & 1), list(Permission)[perm].value, list(Case)[case].value
