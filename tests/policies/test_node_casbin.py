"""The table equals node-casbin, another implementation in another language, reading the same files by itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from accessctl.access.enforcer import Gate, Subject
from accessctl.access.loader import default_folder
from accessctl.access.wanted import wanted_rights
from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import Case, Permission, Role
from tests.common.node import PROGRAM, node, why_not
from tests.policies.test_table_equals_casbin import HOSTILE, NINE, POSITIONS

pytestmark = pytest.mark.xdist_group("policies")
HELD_TOGETHER = (
    frozenset({Role.CARD, Role.CUSTODIAN_TKCL}),
    frozenset({Role.COLLECTION, Role.CUSTODIAN_TKHCTT}),
    frozenset({Role.UNIT_HEAD, Role.CUSTODIAN_TKCL}),
    frozenset({Role.CARD, Role.BLANK_KEEPER}),
    frozenset({Role.DIRECTOR, Role.DEPUTY_DIRECTOR}),
    frozenset({Role.AUDITOR, Role.CARD}),
    frozenset({Role.IT_ADMIN, Role.COLLECTION}),
)
SETS = (frozenset[Role](), *(frozenset({role}) for role in Role), *HELD_TOGETHER, frozenset(Role))
KINDS = (*(kind.value for kind in Kind), *HOSTILE)
RIGHTS = (*(permission.value for permission in Permission), *HOSTILE)
WHOLE_EVERY = 61
"""Each so many questions is asked with all lines as well: a prime, so that it meets every word."""


def hostile_questions() -> Iterator[list[str]]:
    """An allowed question with each of its words in turn replaced, as somebody with every role and as a card clerk."""
    for token in HOSTILE:
        for officer in (f"o{SETS.index(frozenset({Role.CARD}))}", f"o{len(SETS) - 1}"):
            good = [officer, "CJT", "DML", "lease:open.tkcl", "lost"]
            for place in range(5):
                asked = [*good[:place], token, *good[place + 1 :]]
                # Casbin gives a person named like a role that role (policy.md §1); nobody is ever asked so.
                if place > 0 or token not in (*Role, "officer"):
                    yield asked


@pytest.fixture(scope="module")
def said(offices: frozenset[str]) -> dict[str, Any]:
    """What node-casbin answers to the whole matrix."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    program = node()
    assert program is not None
    question = {
        "folder": str(default_folder()),
        "offices": sorted(offices),
        "officers": [
            {"name": f"o{n}", "roles": sorted(roles), "homes": ["CJT", "VPT"]} for n, roles in enumerate(SETS)
        ],
        "positions": POSITIONS,
        "permissions": list(Permission),
        "cases": list(Case),
        "hostile": list(hostile_questions()),
        "accounts": {"kinds": KINDS, "permissions": RIGHTS},
        "wholeEvery": WHOLE_EVERY,
    }
    done = subprocess.run(
        [program, PROGRAM.name],
        input=json.dumps(question),
        cwd=PROGRAM.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_node_casbin_agrees_with_the_table_on_every_question(gate: Gate, said: dict[str, Any]) -> None:
    allowed = 0
    for number, roles in enumerate(SETS):
        answers = iter(said["answers"][f"o{number}"])
        for permission, (home, office), case in product(Permission, POSITIONS, Case):
            decision = gate.decide(Subject("an", roles, home), permission, office, case=case)
            asked = (sorted(roles), home, office, permission.value, case.value)
            assert (next(answers) == "1") == decision.allowed, asked
            allowed += decision.allowed
        assert next(answers, None) is None
    assert allowed > 3000
    assert said["whole"] > 500


def test_node_casbin_denies_every_hostile_word(said: dict[str, Any]) -> None:
    asked = list(hostile_questions())
    assert len(said["hostile"]) == len(asked) > 400
    assert [words for words, answer in zip(asked, said["hostile"], strict=True) if answer == "1"] == []


def test_node_casbin_gives_each_kind_of_account_what_the_databases_are_given(said: dict[str, Any]) -> None:
    given = {
        pair for pair, answer in zip(product(KINDS, RIGHTS), said["accounts"], strict=True) if answer == "1"
    }
    assert given == {(kind.value, right.value) for kind in Kind for right in wanted_rights(kind)}


def test_node_casbin_is_the_version_that_is_pinned_and_every_package_has_its_digest(
    said: dict[str, Any],
) -> None:
    folder = Path(PROGRAM).parent
    pinned = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]["casbin"]
    assert said["version"] == pinned
    locked = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, package in locked.items():
        if name:
            assert package["integrity"].startswith("sha512-"), name
            assert "resolved" not in package, "the registry is the machine's own business"
    assert NINE
