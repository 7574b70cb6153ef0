"""Which roles one person may not hold together, and where a role belongs (domain.md §7.1, R32, R42)."""

from __future__ import annotations

from collections.abc import Collection

from accessctl.domain.custody import Department
from accessctl.domain.permissions import Role

BY_APPOINTMENT = frozenset({Role.CUSTODIAN_TKCL, Role.CUSTODIAN_TKHCTT})
"""Held while an appointment is in force (R31); never entered for a person."""

PROVINCIAL = frozenset({Role.DIRECTOR, Role.DEPUTY_DIRECTOR, Role.IT_ADMIN, Role.AUDITOR, Role.PUBLICITY})
"""Roles that exist at the provincial office only (domain.md §2.2)."""

_NOT_WITH_IT = frozenset(
    {Role.RECEPTION, Role.COLLECTION, Role.CARD, Role.UNIT_HEAD, Role.AUDITOR} | BY_APPOINTMENT
)

_DEPARTMENTS: dict[Role, frozenset[Department]] = {
    Role.DIRECTOR: frozenset({Department.LEADERSHIP}),
    Role.DEPUTY_DIRECTOR: frozenset({Department.LEADERSHIP}),
    Role.IT_ADMIN: frozenset({Department.IT}),
    Role.AUDITOR: frozenset({Department.INSPECTION}),
    Role.PUBLICITY: frozenset({Department.ADMINISTRATION}),
    Role.RECEPTION: frozenset({Department.RECEPTION}),
    Role.COLLECTION: frozenset({Department.COLLECTION}),
    Role.CARD: frozenset({Department.CARD}),
    Role.BLANK_KEEPER: frozenset({Department.CARD}),
    Role.FINANCE_VIEWER: frozenset({Department.FINANCE}),
    Role.CUSTODIAN_TKCL: frozenset({Department.CARD}),
    Role.CUSTODIAN_TKHCTT: frozenset({Department.COLLECTION}),
}


def incompatible(roles: Collection[Role]) -> tuple[Role, Role] | None:
    """Two of the roles that one person may not hold together, or None.

    IT never meets counter work, custody, heading a unit or auditing; an auditor is nothing else.
    """
    held = [role for role in Role if role in roles]
    if Role.AUDITOR in held and len(held) > 1:
        return Role.AUDITOR, next(role for role in held if role is not Role.AUDITOR)
    if Role.IT_ADMIN in held:
        return next(((Role.IT_ADMIN, role) for role in held if role in _NOT_WITH_IT), None)
    if set(held) >= BY_APPOINTMENT:
        return Role.CUSTODIAN_TKCL, Role.CUSTODIAN_TKHCTT
    return None


def belongs(role: Role, department: str, *, provincial: bool) -> bool:
    """Whether a role may be held in this department of a provincial or district office.

    A unit head is the district's director, or at the province the head of Collection or Card (R30, A2).
    """
    if role in PROVINCIAL and not provincial:
        return False
    if role is Role.UNIT_HEAD:
        heads = {Department.COLLECTION, Department.CARD} if provincial else {Department.LEADERSHIP}
        return department in heads
    return department in _DEPARTMENTS[role]
