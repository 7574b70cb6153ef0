"""The linter over the real staff: who holds together what one person may not, found in the control database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from accessctl.access.lint import Remark
from accessctl.domain.accounts import Kind
from accessctl.errors import Refused
from accessctl.services import policy_lint
from accessctl.services.control import transaction
from accessctl.store.models import Custody, Officer, OfficerRole
from tests.common.world import World


def give(world: World, username: str, role: str) -> None:
    """A role written past the service that would refuse it, as a hand in the database would."""
    with transaction(world.rt) as session:
        officer = session.scalars(select(Officer).where(Officer.username == username)).one()
        session.add(OfficerRole(officer_id=officer.id, role=role, granted_at=world.now()))


def judged(world: World, who: str = "vpt.gd") -> list[Remark]:
    with transaction(world.rt) as session:
        found = policy_lint.lint(world.rt, session, world.actor(who))
    return [remark for remark in found.remarks if remark.code.startswith("staff")]


def test_the_staff_of_the_demo_province_is_in_order(world: World) -> None:
    assert judged(world) == []


@pytest.mark.parametrize(
    ("username", "role", "code"),
    [
        ("vpt.ktra1", "finance_viewer", "staff_incompatible"),
        ("vpt.cntt1", "unit_head", "staff_incompatible"),
        ("cjt.the1", "collection", "staff_elsewhere"),
        ("cjt.the1", "director", "staff_elsewhere"),
    ],
)
def test_roles_that_do_not_go_together_or_do_not_belong_there_are_errors(
    world: World, username: str, role: str, code: str
) -> None:
    give(world, username, role)
    found = {(remark.severity.value, remark.code, remark.officer) for remark in judged(world)}
    assert ("error", code, username) in found
    named = next(remark for remark in judged(world) if remark.code == code)
    assert named.vi != named.en


def test_one_person_as_custodian_of_both_kinds_is_an_error_without_a_waiver(world: World) -> None:
    with transaction(world.rt) as session:
        officer = session.scalars(select(Officer).where(Officer.username == "cjt.the2")).one()
        session.execute(
            update(Custody)
            .where(
                Custody.office_code == "CJT",
                Custody.kind == Kind.TKHCTT,
                Custody.period.contains(world.now()),
            )
            .values(officer_id=officer.id)
        )
    codes = {(remark.code, remark.officer) for remark in judged(world)}
    assert ("staff_both_kinds", "cjt.the2") in codes


def test_a_custodian_by_own_appointment_is_an_error_without_a_waiver(world: World) -> None:
    with transaction(world.rt) as session:
        session.execute(
            update(Custody).values(appointed_by=Custody.officer_id).where(Custody.office_code == "CJT")
        )
    found = [remark for remark in judged(world) if remark.code == "staff_self_appointed"]
    assert {remark.officer for remark in found} == {"cjt.the2", "cjt.thu2"}


def test_a_head_has_the_own_staff_judged_and_is_told_so(world: World) -> None:
    give(world, "cjt.the1", "collection")
    give(world, "dml.the1", "collection")
    found = judged(world, "cjt.gd")
    assert {remark.officer for remark in found if remark.officer} == {"cjt.the1"}
    assert [remark.code for remark in found][-1] == "staff_partly"


def test_only_who_may_see_the_policy_may_have_it_judged(world: World) -> None:
    with pytest.raises(Refused):
        judged(world, "cjt.the1")


def test_who_has_left_is_not_judged(world: World) -> None:
    give(world, "cjt.the1", "collection")
    with transaction(world.rt) as session:
        session.execute(
            update(Officer)
            .where(Officer.username == "cjt.the1")
            .values(left_at=world.now() - timedelta(days=1))
        )
    assert judged(world) == []
