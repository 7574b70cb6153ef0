"""What the policy says, read as a person reads it: the matrix of domain.md §7.1 and its guards."""

from __future__ import annotations

from pathlib import Path

import pytest

from accessctl.access.enforcer import Decision, Gate, Subject
from accessctl.access.loader import load
from accessctl.domain.permissions import Case, Permission, PermissionClass, Role
from tests.common.each import of_each

pytestmark = pytest.mark.xdist_group("policies")  # one table for all of them: it remembers its answers
COLUMNS = (
    Role.RECEPTION, Role.COLLECTION, Role.CARD, Role.CUSTODIAN_TKCL, Role.CUSTODIAN_TKHCTT, Role.UNIT_HEAD,
    Role.IT_ADMIN, Role.AUDITOR, Role.DIRECTOR, Role.DEPUTY_DIRECTOR, Role.PUBLICITY, Role.BLANK_KEEPER,
    Role.FINANCE_VIEWER,
)  # fmt: skip
CELLS = {"-": "", "own": "CJT VPT", "all": "CJT VPT foreign", "else": "foreign", "hq": "VPT"}
ROWS = [
    line.split()
    for line in (Path(__file__).parent / "matrix.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
CLASSES = load().classes


def ask(
    gate: Gate, roles: str, permission: str, office: str, *, home: str = "CJT", case: str = "none"
) -> Decision:
    held = frozenset(Role(role) for role in roles.split())
    return gate.decide(Subject("nguyen.an", held, home), permission, office, case=case)


def where_allowed(gate: Gate, role: str, permission: str) -> str:
    """In which of the three positions a role has a permission: own district, own head office, elsewhere."""
    positions = {"CJT": ("CJT", "CJT"), "VPT": ("VPT", "VPT"), "foreign": ("CJT", "DML")}
    return " ".join(
        name
        for name, (home, office) in positions.items()
        if ask(gate, role, permission, office, home=home).allowed
    )


@of_each("row", ROWS, ids=lambda row: row[0])
def test_the_policy_agrees_with_the_matrix_of_the_domain_page(gate: Gate, row: list[str]) -> None:
    permission, *cells = row
    expected = {role: CELLS[cell] for role, cell in zip(COLUMNS, cells, strict=True)}
    assert {role: where_allowed(gate, role, permission) for role in COLUMNS} == expected


def test_the_matrix_has_every_permission_and_every_role_once() -> None:
    assert sorted(row[0] for row in ROWS) == sorted(Permission)
    assert sorted(COLUMNS) == sorted(Role)


def test_every_permission_is_held_by_somebody(gate: Gate) -> None:
    for permission in Permission:
        assert any(where_allowed(gate, role, permission) for role in Role), permission


def test_S54_an_auditor_can_change_nothing_and_do_no_business_in_any_case_with_any_other_role(
    gate: Gate,
) -> None:
    everything = " ".join(Role)
    for permission, kind in CLASSES.items():
        for case in Case:
            for office in ("CJT", "DML", "VPT"):
                if kind in (PermissionClass.CHANGE, PermissionClass.BUSINESS):
                    assert not ask(gate, "auditor", permission, office, case=case).allowed
                    assert not ask(gate, everything, permission, office, case=case).allowed


def test_S54_an_auditor_reads_annotates_and_raises_incidents(gate: Gate) -> None:
    for permission in ("log:view", "log:verify", "log:export", "finding:annotate", "subject:trace"):
        assert ask(gate, "auditor", permission, "DML", home="VPT").allowed
    assert ask(gate, "auditor", "incident:raise", "VPT", home="VPT").allowed


@pytest.mark.parametrize("others", ["", "card", "collection unit_head", "reception custodian_tkcl director"])
@pytest.mark.parametrize("case", list(Case))
def test_S54_IT_reads_no_dossier_and_does_no_business_whatever_other_role_is_held(
    gate: Gate, others: str, case: str
) -> None:
    business = [name for name, kind in CLASSES.items() if kind is PermissionClass.BUSINESS]
    for permission in (*business, "dossier:view", "subject:trace"):
        for office in ("CJT", "DML"):
            assert not ask(gate, f"it_admin {others}", permission, office, case=case).allowed


@pytest.mark.parametrize("role", ["director", "deputy_director", "it_admin", "auditor"])
@pytest.mark.parametrize(
    "permission", ["lease:open.tkcl", "lease:open.tkhctt", "lease:open.local", "lease:reveal"]
)
def test_S54_R42_director_IT_and_auditor_never_check_out(gate: Gate, role: str, permission: str) -> None:
    for office in ("VPT", "DML"):
        for roles in (role, f"{role} card collection"):
            decision = ask(gate, roles, permission, office, home="VPT", case="lost")
            assert (decision.allowed, decision.reason) == (False, "denied_by_rule")


@pytest.mark.parametrize("office", ["CJT", "DML"])
@pytest.mark.parametrize("permission", ["holder:correct", "holder:view"])
def test_S17_no_correction_for_people_in_BHXH_and_BHYT_at_any_office(
    gate: Gate, permission: str, office: str
) -> None:
    assert ask(gate, "collection", permission, office, case="info_bhyt_only").allowed
    refused = ask(gate, "collection", permission, office, case="info_other")
    assert (refused.allowed, refused.reason) == (False, "denied_by_rule")


def test_S17_no_correction_account_is_lent_for_them_either(gate: Gate) -> None:
    assert ask(gate, "collection", "lease:open.tkhctt", "DML", case="info_bhyt_only").allowed
    assert not ask(gate, "collection", "lease:open.tkhctt", "DML", case="info_other").allowed
    assert not ask(gate, "collection", "lease:open.local", "CJT", case="info_other").allowed


@pytest.mark.parametrize("case", ["lost", "damaged"])
def test_S18_a_lost_or_damaged_card_is_reissued_without_change_for_everybody(gate: Gate, case: str) -> None:
    assert ask(gate, "card", "lease:open.tkcl", "DML", case=case).allowed
    assert ask(gate, "card", "card:reissue", "DML", case=case).allowed
    assert ask(gate, "card", "lease:open.local", "CJT", case=case).allowed


def test_a_custodian_borrows_only_with_the_role_of_the_department(gate: Gate) -> None:
    assert not ask(gate, "custodian_tkcl", "lease:open.tkcl", "DML").allowed
    assert ask(gate, "custodian_tkcl card", "lease:open.tkcl", "DML").allowed
    assert not ask(gate, "custodian_tkhctt card", "lease:open.tkhctt", "DML").allowed


def test_roles_are_decided_as_a_set_so_a_guard_of_one_beats_the_right_of_the_other(gate: Gate) -> None:
    assert ask(gate, "unit_head", "custodian:appoint", "CJT").allowed
    refused = ask(gate, "unit_head custodian_tkcl", "custodian:appoint", "CJT")
    assert (refused.allowed, refused.reason) == (False, "denied_by_rule")
    assert "custodian_tkcl" in refused.detail


def test_S13_a_head_appoints_himself_only_under_a_waiver(gate: Gate) -> None:
    assert not ask(gate, "unit_head", "custodian:appoint", "CJT", case="self").allowed
    assert ask(gate, "unit_head", "custodian:appoint", "CJT", case="self_waived").allowed
    assert not ask(gate, "unit_head", "custodian:appoint", "DML", case="self_waived").allowed


def test_nobody_changes_or_does_anything_for_himself_and_a_waiver_helps_only_with_appointments(
    gate: Gate,
) -> None:
    for permission, kind in CLASSES.items():
        if kind in (PermissionClass.READ, PermissionClass.REMARK):
            continue
        for role in Role:
            assert not ask(gate, role, permission, "CJT", case="self").allowed
            waived = ask(gate, role, permission, "CJT", case="self_waived").allowed
            assert waived == (role == "unit_head" and permission == "custodian:appoint")


def test_IT_enters_roles_but_not_its_own_and_approves_none(gate: Gate) -> None:
    assert ask(gate, "it_admin", "role:enter", "CJT", home="VPT").allowed
    assert not ask(gate, "it_admin", "role:enter", "VPT", home="VPT", case="self").allowed
    assert not ask(gate, "it_admin", "role:approve", "VPT", home="VPT").allowed


def test_an_officer_without_any_role_sees_contacts_and_own_acts_and_can_do_nothing(gate: Gate) -> None:
    held = {permission for permission in Permission if ask(gate, "", permission, "CJT").allowed}
    assert held == {
        "account:view", "custodian:view", "office:view", "log:view.own", "incident:raise", "feedback:raise",
    }  # fmt: skip
