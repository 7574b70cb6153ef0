"""Who may be custodian, and who may appoint one (R30–R33, A2, A5, S06–S08, S13)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from accessctl.domain.accounts import Kind


class Department(StrEnum):
    """Phòng at the province, Bộ phận at a district; the code is the same (R56)."""

    COLLECTION = "THU"
    CARD = "CST"
    RECEPTION = "TNTKQ"
    IT = "CNTT"
    FINANCE = "KHTC"
    ADMINISTRATION = "VP"
    INSPECTION = "TTKT"
    LEADERSHIP = "BGD"


CUSTODY_DEPARTMENT = {Kind.TKCL: Department.CARD, Kind.TKHCTT: Department.COLLECTION}
ADDRESSED = (Department.ADMINISTRATION, Department.COLLECTION, Department.IT, Department.RECEPTION)
"""The departments of the head office that the dispatch names as addressees, in its order (R1, R34); the card department
has drafted it."""


class WaivableRule(StrEnum):
    """What the director may lift, for one person and a time (S13); no other rule of custody can be lifted."""

    SELF = "self"
    BOTH_KINDS = "both_kinds"


LONGEST_WAIVER = timedelta(days=366)
"""A waiver is time-limited (§7.1) [PROP]: a year, then it is decided anew."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules of custody need to know of an officer."""

    id: int
    office: str
    department: str


def objection(
    *,
    kind: Kind,
    office: str,
    head: Person,
    head_is_provincial: bool,
    candidate: Person,
    holds_other_kind: bool,
    already: bool,
    waived: Collection[str] = (),
) -> str | None:
    """Why this appointment must be refused, as a stable code, or None.

    `already`: another custodian of the kind covers part of the period (R31). `waived`: rules that a dated
    waiver of the director lifts. Whoever is let answer although head of the unit, or for both kinds, cannot belong
    to the kind's own department as well: for that very person the waiver lifts R32, too (ADR 21).
    """
    department = CUSTODY_DEPARTMENT[kind]
    if head.office != office:
        return "custody.other_office_head"
    if head_is_provincial and head.department != department:
        return "custody.by_function"
    if candidate.office != office:
        return "custody.other_office"
    if candidate.id == head.id and "self" not in waived:
        return "custody.self"
    lifted = (candidate.id == head.id and WaivableRule.SELF in waived) or (
        holds_other_kind and WaivableRule.BOTH_KINDS in waived
    )
    if candidate.department != department and not lifted:
        return "custody.wrong_department"
    if holds_other_kind and "both_kinds" not in waived:
        return "custody.both_kinds"
    return "custody.overlap" if already else None
