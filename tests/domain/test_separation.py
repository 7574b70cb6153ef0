"""Which roles one person may hold together, and where (domain.md §7.1)."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.custody import Department
from accessctl.domain.permissions import Role
from accessctl.domain.separation import BY_APPOINTMENT, PROVINCIAL, belongs, incompatible
from tests.common.each import of_each

FORBIDDEN = (
    {frozenset({Role.AUDITOR, role}) for role in Role if role is not Role.AUDITOR}
    | {
        frozenset({Role.IT_ADMIN, role})
        for role in (
            Role.RECEPTION,
            Role.COLLECTION,
            Role.CARD,
            Role.CUSTODIAN_TKCL,
            Role.CUSTODIAN_TKHCTT,
            Role.UNIT_HEAD,
        )
    }
    | {frozenset({Role.CUSTODIAN_TKCL, Role.CUSTODIAN_TKHCTT})}
)


@of_each("pair", list(combinations(Role, 2)))
def test_a_pair_of_roles_is_refused_exactly_when_the_specification_says_so(pair: tuple[Role, Role]) -> None:
    clash = incompatible(pair)
    assert (frozenset(clash) if clash else None) == (
        frozenset(pair) if frozenset(pair) in FORBIDDEN else None
    )


@given(st.sets(st.sampled_from(list(Role))))
def test_a_set_of_roles_is_refused_when_and_only_when_two_of_it_clash(roles: set[Role]) -> None:
    clash = incompatible(roles)
    expected = any(frozenset(pair) in FORBIDDEN for pair in combinations(roles, 2))
    assert (clash is not None) == expected
    assert clash is None or set(clash) <= roles


@pytest.mark.parametrize("role", sorted(PROVINCIAL))
def test_provincial_roles_exist_at_the_province_only(role: Role) -> None:
    assert any(belongs(role, department, provincial=True) for department in Department)
    assert not any(belongs(role, department, provincial=False) for department in Department)


@pytest.mark.parametrize("role", [role for role in Role if role not in PROVINCIAL])
def test_every_other_role_has_a_place_in_every_kind_of_office(role: Role) -> None:
    for provincial in (True, False):
        assert any(belongs(role, department, provincial=provincial) for department in Department)


def test_A2_heads_are_by_function_at_the_province_and_the_director_at_a_district() -> None:
    heads = {
        provincial: {d for d in Department if belongs(Role.UNIT_HEAD, d, provincial=provincial)}
        for provincial in (True, False)
    }
    assert heads == {True: {Department.COLLECTION, Department.CARD}, False: {Department.LEADERSHIP}}


def test_R42_those_who_borrow_sit_in_the_department_that_uses_the_account() -> None:
    for role, department in ((Role.CARD, Department.CARD), (Role.COLLECTION, Department.COLLECTION)):
        assert [d for d in Department if belongs(role, d, provincial=False)] == [department]


def test_custody_comes_by_appointment_only() -> None:
    assert set(BY_APPOINTMENT) == {Role.CUSTODIAN_TKCL, Role.CUSTODIAN_TKHCTT}
