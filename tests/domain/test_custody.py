"""Who may be custodian and who may appoint one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.accounts import Kind
from accessctl.domain.custody import CUSTODY_DEPARTMENT, Department, Person, objection

DISTRICT_HEAD = Person(1, "CJT", Department.LEADERSHIP)
CARD_CLERK = Person(2, "CJT", Department.CARD)
COLLECTOR = Person(3, "CJT", Department.COLLECTION)
SHARED = (Kind.TKCL, Kind.TKHCTT)


def asked(
    kind: Kind = Kind.TKCL,
    *,
    office: str = "CJT",
    head: Person = DISTRICT_HEAD,
    provincial: bool = False,
    candidate: Person = CARD_CLERK,
    other: bool = False,
    already: bool = False,
    waived: tuple[str, ...] = (),
) -> str | None:
    return objection(
        kind=kind,
        office=office,
        head=head,
        head_is_provincial=provincial,
        candidate=candidate,
        holds_other_kind=other,
        already=already,
        waived=waived,
    )


def test_R30_R32_a_district_director_appoints_both_kinds_from_the_right_sections() -> None:
    assert asked(Kind.TKCL, candidate=CARD_CLERK) is None
    assert asked(Kind.TKHCTT, candidate=COLLECTOR) is None


def test_S06_a_second_custodian_for_overlapping_dates_is_refused() -> None:
    assert asked(already=True) == "custody.overlap"
    assert asked(already=True, waived=("self", "both_kinds")) == "custody.overlap"


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("department", [Department.COLLECTION, Department.CARD])
def test_S07_at_the_province_a_head_appoints_only_for_the_own_function(
    kind: Kind, department: Department
) -> None:
    head = Person(1, "VPT", department)
    candidate = Person(2, "VPT", CUSTODY_DEPARTMENT[kind])
    answer = asked(kind, office="VPT", head=head, provincial=True, candidate=candidate)
    assert answer == (None if department is CUSTODY_DEPARTMENT[kind] else "custody.by_function")


def test_S08_a_custodian_from_another_office_is_refused() -> None:
    assert asked(candidate=Person(9, "DML", Department.CARD)) == "custody.other_office"


@pytest.mark.parametrize("department", [d for d in Department if d is not Department.CARD])
def test_S08_a_custodian_from_the_wrong_section_is_refused(department: Department) -> None:
    assert asked(candidate=Person(9, "CJT", department)) == "custody.wrong_department"


def test_the_head_of_another_office_cannot_appoint_here() -> None:
    assert asked(head=Person(9, "DML", Department.LEADERSHIP)) == "custody.other_office_head"


def test_S13_a_head_who_appoints_himself_is_refused_without_a_waiver_and_allowed_with_one() -> None:
    head = Person(1, "VPT", Department.CARD)
    assert asked(office="VPT", head=head, provincial=True, candidate=head) == "custody.self"
    assert asked(office="VPT", head=head, provincial=True, candidate=head, waived=("self",)) is None
    assert asked(office="VPT", head=head, provincial=True, candidate=head, waived=("both_kinds",))
    assert asked(candidate=DISTRICT_HEAD) == "custody.self"
    assert asked(candidate=DISTRICT_HEAD, waived=("self",)) is None, (
        "a district's head is of no section (ADR 21)"
    )


def test_S13_one_person_for_both_kinds_is_refused_without_a_waiver_and_allowed_with_one() -> None:
    assert asked(other=True) == "custody.both_kinds"
    assert asked(other=True, waived=("self",)) == "custody.both_kinds"
    assert asked(other=True, waived=("both_kinds",)) is None
    assert asked(Kind.TKHCTT, candidate=CARD_CLERK, other=True, waived=("both_kinds",)) is None
    assert asked(Kind.TKHCTT, candidate=CARD_CLERK, waived=("both_kinds",)) == "custody.wrong_department"


people = st.builds(
    Person, st.integers(1, 3), st.sampled_from(["VPT", "CJT"]), st.sampled_from(list(Department))
)


@given(
    kind=st.sampled_from(SHARED),
    office=st.sampled_from(["VPT", "CJT"]),
    head=people,
    candidate=people,
    other=st.booleans(),
    already=st.booleans(),
    waived=st.sets(st.sampled_from(["self", "both_kinds"])),
)
def test_R31_R32_nobody_becomes_custodian_outside_the_rules(
    kind: Kind, office: str, head: Person, candidate: Person, other: bool, already: bool, waived: set[str]
) -> None:
    answer = asked(
        kind,
        office=office,
        head=head,
        provincial=head.office == "VPT",
        candidate=candidate,
        other=other,
        already=already,
        waived=tuple(waived),
    )
    if answer is None:
        assert head.office == candidate.office == office
        lifted = (candidate.id == head.id and "self" in waived) or (other and "both_kinds" in waived)
        assert lifted or candidate.department == CUSTODY_DEPARTMENT[kind]
        assert not already
        assert candidate.id != head.id or "self" in waived
        assert not other or "both_kinds" in waived
        assert office != "VPT" or head.department == CUSTODY_DEPARTMENT[kind]
