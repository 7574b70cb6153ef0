"""Proof by enumeration: the table says what Casbin says of the files as Casbin itself reads them.

Casbin gets the files through its own file adapter, all lines at once, with real offices and officers; a
second reading, ten lines of Python that know neither our loader nor Casbin, must agree as well.

A question names one permission, and the matcher asks `g2(r.perm, p.perm)` of a line before anything else. So
the lines of which Casbin's own g2 says no are left out while that permission is asked about: nineteen in
twenty. That this changes no answer is proven on all lines as well, for nobody's and for everybody's roles.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import casbin
import pytest

from accessctl.access.enforcer import Gate, Subject
from accessctl.access.loader import default_folder
from accessctl.domain.permissions import Case, Permission, Role
from tests.common.each import of_each

pytestmark = pytest.mark.xdist_group("policies")  # one table for all of them: it remembers its answers
NINE = ("VPT", "CJT", "DML", "KNO", "DSG", "DRL", "DGL", "TDC", "GNG")
SETS = (
    frozenset[Role](),
    *(frozenset((role,)) for role in Role),
    frozenset(Role),
)
NAMES = ["+".join(sorted(roles)) or "no role" for roles in SETS]
MIXTURES = [
    frozenset(r for r, bit in zip(Role, f"{n:013b}", strict=True) if bit == "1") for n in range(0, 8192, 97)
]
POSITIONS = (("CJT", "CJT"), ("CJT", "DML"), ("VPT", "VPT"), ("CJT", "VPT"))  # home, office
HOSTILE = (
    "", " ", "*", ".*", "%", "any", "own", "any-office", "any-case", "not-self", "head-office",
    "class:change", "class:business", "perm", "office", "officer", "allow", "deny", "None", "none ", "NONE",
    "null", "case", "true", "0", "card:reissue ", "CARD:REISSUE", "card:*", "card", "set:card", "an-office",
    "elsewhere", "the-head-office", "cjt", "CJT\n", "CJT\x00", "\u0421JT", "\uff23\uff2a\uff34", "CJT,DML",
    "' OR 1=1 --", "p, card, any", "#", "\ufeff", "\u202e", "Đăk Nông", "Đa\u0306k No\u0302ng",
    "x" * 10_000,
)  # fmt: skip


@pytest.fixture(scope="module")
def lines() -> list[list[str]]:
    """The rule lines as plain values, read by nothing of ours and nothing of Casbin's."""
    with (default_folder() / "console.policy.csv").open(encoding="utf-8", newline="") as file:
        return [[v.strip() for v in row] for row in csv.reader(file) if row and row[0][:1] != "#"]


def groups_of(lines: list[list[str]]) -> set[tuple[str, str]]:
    return {(line[1], line[2]) for line in lines if line[0] == "g2"} | {(o, "any-office") for o in NINE}


def second_reading(
    lines: list[list[str]],
    groups: set[tuple[str, str]],
    roles: frozenset[str],
    home: str,
    office: str,
    perm: str,
    case: str,
) -> bool:
    asked = (office, perm, case)
    effects = {
        line[6]
        for line in lines
        if line[0] == "p"
        and (line[1] in roles or line[1] == "officer")
        and line[2] in ("any", "own" if home == office else "foreign")
        and all(a == named or (a, named) in groups for a, named in zip(asked, line[3:6], strict=True))
    }
    return effects == {"allow"}


@pytest.fixture(scope="module")
def whole() -> casbin.Enforcer:
    """Casbin over the unabridged files, with one officer for each role set at home at CJT and at VPT."""
    folder = default_folder()
    enforcer = casbin.Enforcer(str(folder / "console.model.conf"), str(folder / "console.policy.csv"))
    enforcer.add_named_grouping_policies("g2", [[office, "any-office"] for office in NINE])
    enforcer.add_named_grouping_policies("g3", [[office, "office"] for office in NINE])
    links = [
        [f"officer-{number}", role, home]
        for number, roles in enumerate(SETS)
        for role in (*roles, "officer")
        for home in ("CJT", "VPT")
    ]
    enforcer.add_named_grouping_policies("g", links)
    parse, parsed = enforcer._get_expression, {}

    def parse_once(expression: str, functions: Any) -> Any:  # Casbin would for each of 30,000 questions
        return parsed.get(expression) or parsed.setdefault(expression, parse(expression, functions))

    enforcer._get_expression = parse_once
    return enforcer


@contextmanager
def lines_about(whole: casbin.Enforcer, permission: Permission) -> Iterator[None]:
    """Casbin with the lines only that could speak of this permission."""
    kept = whole.model.model["p"]["p"]
    every, reaches = kept.policy, whole.get_named_role_manager("g2").has_link
    kept.policy = [line for line in every if reaches(permission.value, line[3])]
    assert 0 < len(kept.policy) < len(every)
    try:
        yield
    finally:
        kept.policy = every


def test_the_matcher_asks_for_the_permission_and_joins_everything_by_and(whole: casbin.Enforcer) -> None:
    matcher = whole.model.model["m"]["m"].value
    first, *others = matcher.split(" && ")
    assert first == "g2(r_perm, p_perm)"
    assert len(others) > 5
    assert "||" not in matcher.replace(matcher[matcher.index("(p_scope") : matcher.index(" && g(")], "")


@pytest.mark.parametrize("number", [0, len(SETS) - 1], ids=[NAMES[0], "every role"])
def test_lines_about_other_permissions_change_no_answer(whole: casbin.Enforcer, number: int) -> None:
    for permission in Permission:
        for position, case in zip(POSITIONS * 2, Case, strict=False):
            asked = (f"officer-{number}", *position, permission.value, case.value)
            by_all = whole.enforce_ex(*asked)
            with lines_about(whole, permission):
                assert whole.enforce_ex(*asked) == by_all, asked


@pytest.mark.parametrize("number", range(len(SETS)), ids=NAMES)
def test_the_table_equals_casbin_and_a_second_reading_on_every_permission_and_case(
    gate: Gate, whole: casbin.Enforcer, lines: list[list[str]], number: int
) -> None:
    for permission in Permission:
        near = [line for line in lines if line[0] != "p" or line[4] == permission or line[4][:6] == "class:"]
        groups = groups_of(near)
        with lines_about(whole, permission):
            for (home, office), case in product(POSITIONS, Case):
                said = gate.decide(Subject("an", SETS[number], home), permission, office, case=case).allowed
                asked = (home, office, permission.value, case.value)
                assert said == second_reading(near, groups, SETS[number], *asked), asked
                assert said == whole.enforce(f"officer-{number}", *asked), asked


@of_each("token", HOSTILE)
def test_the_table_equals_casbin_on_hostile_words_and_both_deny(
    gate: Gate, whole: casbin.Enforcer, token: str
) -> None:
    number = len(SETS) - 1
    subject = Subject("an", frozenset((Role.CARD,)), "CJT")
    for position in range(3):
        asked = ["DML", "lease:open.tkcl", "lost"]
        assert gate.decide(subject, asked[1], asked[0], case=asked[2]).allowed
        asked[position] = token
        decision = gate.decide(subject, asked[1], asked[0], case=asked[2])
        assert (decision.allowed, decision.reason) == (False, "unknown_word")
        for officer in (number, SETS.index(frozenset((Role.CARD,)))):
            assert not whole.enforce(f"officer-{officer}", "CJT", *asked)
    assert not gate.decide(Subject("an", subject.roles, token), "log:view.own", "CJT").allowed


def test_any_mixture_of_roles_is_decided_like_the_second_reading(gate: Gate, lines: list[list[str]]) -> None:
    groups = groups_of(lines)
    for number, roles in enumerate(MIXTURES):
        permission, case = list(Permission)[number % 79], list(Case)[number % 7]
        for home, office in POSITIONS:
            said = gate.decide(Subject("an", roles, home), permission, office, case=case).allowed
            assert said == second_reading(lines, groups, roles, home, office, permission, case)


def test_casbin_gives_a_person_named_like_a_role_that_role_and_the_gate_does_not(
    gate: Gate, whole: casbin.Enforcer
) -> None:
    assert whole.enforce("auditor", "CJT", "DML", "log:view", "none")
    for name in (*Role, "officer", "set:auditor", "officer-8"):
        assert not gate.decide(Subject(str(name), frozenset(), "CJT"), "log:view", "DML").allowed
