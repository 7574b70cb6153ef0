"""What a policy that can be used says too little, too much, or twice: points for the linter.

Lines are held against every question of the matrix and every pair of roles. Pairs are enough: an allow line that
matters for a set of roles matters for its own role alone, and a guard needs one role beside it that would allow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from accessctl.access.engine import account_rights
from accessctl.access.guards import FROZEN, MUST_DENY
from accessctl.access.loader import ACCOUNT_RULES, CONSOLE_RULES, PolicySet, Rule
from accessctl.access.questions import ONE_PERMISSION, PERMISSION_AT, first_of, reach, union
from accessctl.domain.permissions import EVERY_OFFICER, CaseClass, OfficeClass, Permission, Role


@dataclass(frozen=True, slots=True)
class Point:
    """Something to say about a line or a word; `vi` and `en` fill the sentence `lint.<code>`."""

    severity: str
    code: str
    file: str
    line: int | None
    vi: Mapping[str, str]
    en: Mapping[str, str]


def points(policy: PolicySet) -> list[Point]:
    """Everything worth saying about a policy that the loader accepts."""
    reaches = _Reaches(policy)
    return [
        *_lost_guards(policy, reaches),
        *_useless_lines(policy, reaches),
        *_permissions_of_nobody(policy, reaches),
        *_roles_without_a_line(policy),
        *_frozen(policy),
        *_groups_of_nothing(policy),
    ]


class _Reaches:
    """What the lines of each subject reach, by effect."""

    def __init__(self, policy: PolicySet) -> None:
        self.of = {rule: reach(policy, rule) for rule in policy.rules}
        self._sub: dict[tuple[str, str], list[Rule]] = defaultdict(list)
        for rule in policy.rules:
            self._sub[rule.sub, rule.eft].append(rule)

    def all(self, subjects: tuple[str, ...], effect: str, *, without: Rule | None = None) -> int:
        """Everything that lines of this effect about any of the subjects reach."""
        rules = (rule for sub in dict.fromkeys(subjects) for rule in self._sub[sub, effect])
        return union(self.of[rule] for rule in rules if rule is not without)


def _lost_guards(policy: PolicySet, reaches: _Reaches) -> Iterator[Point]:
    """A guard of the specification that the role's own deny lines do not cover whole."""
    for wanted in MUST_DENY:
        missing = reach(policy, wanted) & ~reaches.all((wanted.sub, EVERY_OFFICER), "deny")
        if (example := first_of(missing)) is not None:
            facts = {"guard": _written(wanted), "perm": example[2], "case": example[3]}
            yield Point("error", "guard_lost", CONSOLE_RULES, None, facts, facts)


def _useless_lines(policy: PolicySet, reaches: _Reaches) -> Iterator[Point]:
    for rule in policy.rules:
        mine = reaches.of[rule]
        if not mine:
            yield _of_line("warning", "line_unreachable", rule)
        elif rule.eft == "allow":
            yield from _useless_allow(reaches, rule, mine)
        else:
            yield from _useless_deny(reaches, rule, mine)


def _useless_allow(reaches: _Reaches, rule: Rule, mine: int) -> Iterator[Point]:
    subjects = (rule.sub, EVERY_OFFICER)
    if not mine & ~reaches.all(subjects, "deny"):
        yield _of_line("warning", "line_always_denied", rule)
    elif not mine & ~reaches.all(subjects, "deny") & ~reaches.all(subjects, "allow", without=rule):
        yield _of_line("warning", "line_covered", rule)


def _useless_deny(reaches: _Reaches, rule: Rule, mine: int) -> Iterator[Point]:
    if not mine & ~reaches.all((rule.sub, EVERY_OFFICER), "deny", without=rule):
        yield _of_line("warning", "line_covered", rule)
        return
    for other in Role:
        subjects = (rule.sub, other.value, EVERY_OFFICER)
        allowed = reaches.all(subjects, "allow") & ~reaches.all(subjects, "deny", without=rule)
        if mine & allowed:
            return
    yield _of_line("note", "guard_in_reserve", rule)


def _permissions_of_nobody(policy: PolicySet, reaches: _Reaches) -> Iterator[Point]:
    """Nobody at all could do it: a forgotten line, or a permission nobody needs."""
    given = union(
        reaches.all((role.value, EVERY_OFFICER), "allow") & ~reaches.all((role.value, EVERY_OFFICER), "deny")
        for role in Role
    )
    for permission in Permission:
        if not given & ONE_PERMISSION << PERMISSION_AT[permission.value]:
            yield _of_word("warning", "permission_of_nobody", policy, f"permissions.{permission.value}")


def _roles_without_a_line(policy: PolicySet) -> Iterator[Point]:
    spoken_of = {rule.sub for rule in policy.rules if rule.eft == "allow"}
    for role in Role:
        if role.value not in spoken_of:
            yield _of_word("warning", "role_without_line", policy, f"roles.{role.value}")


def _frozen(policy: PolicySet) -> Iterator[Point]:
    named = {permission for _, permission, _ in policy.account_rules}  # no line, no right
    for kind, frozen in FROZEN.items():
        wanted = {permission.value for permission in frozen}
        changed = sorted(wanted ^ set(account_rights(policy, kind.value, named | wanted)))
        if changed:
            facts = {"kind": kind.value, "perm": ", ".join(changed)}
            yield Point("warning", "frozen_changed", ACCOUNT_RULES, None, facts, facts)


def _groups_of_nothing(policy: PolicySet) -> Iterator[Point]:
    """A group that no rule names says nothing; words in it are only ballast for the reader."""
    named = {rule.case for rule in policy.rules} | {rule.dom for rule in policy.rules}
    groups = {group for _, group in policy.links}
    for group in (*CaseClass, OfficeClass.HEAD):
        if group.value in groups and group.value not in named:
            yield Point("note", "group_unused", CONSOLE_RULES, None, {"group": group}, {"group": group})


def _of_line(severity: str, code: str, rule: Rule) -> Point:
    facts = {"rule": _written(rule)}
    return Point(severity, code, CONSOLE_RULES, rule.line, facts, facts)


def _of_word(severity: str, code: str, policy: PolicySet, word: str) -> Point:
    label = policy.labels[word]
    plain = word.partition(".")[2]
    return Point(
        severity,
        code,
        CONSOLE_RULES,
        None,
        {"word": plain, "name": label.vi},
        {"word": plain, "name": label.en},
    )


def _written(rule: Rule) -> str:
    return ", ".join(("p", *rule.values()))
