"""The director's waivers (S13): refused without one, allowed with one until its end, nothing else lifted by it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError
from accessctl.services import closing, custody, custody_candidates, custody_view, custody_watch, waivers
from accessctl.services.control import transaction
from accessctl.services.custody import Appointment
from accessctl.services.waivers import Grant
from tests.common.world import World

DIRECTOR, HEAD, CARD, COLLECTOR = "vpt.gd", "cjt.gd", "cjt.the2", "cjt.thu2"
DECISION = "77/QĐ-BHXH"


def grant(
    world: World,
    rule: str = "both_kinds",
    who: str = CARD,
    *,
    by: str = DIRECTOR,
    days: int = 30,
    **more: object,
) -> int:
    words = {
        "office": "CJT",
        "kind": None,
        "opens": world.now(),
        "decision_no": DECISION,
        "reason": "Thiếu người",
    }
    words |= {"closes": world.now() + timedelta(days=days)} | more
    with transaction(world.rt) as session:
        made = waivers.grant(world.rt, session, world.actor(by), Grant(rule=rule, username=who, **words))  # type: ignore[arg-type]
        return made.id


def vacate(world: World, kind: Kind) -> None:
    with transaction(world.rt) as session:
        ending = custody.end(world.rt, session, world.actor(HEAD), "CJT", kind, "Nghỉ việc")
    closing.finish_all(world.rt, ending)


def appoint(
    world: World, who: str, kind: Kind = Kind.TKHCTT, *, by: str = HEAD, until: datetime | None = None
) -> tuple[tuple[int, ...], datetime | None]:
    """The waivers on which the appointment rests, and its end."""
    wanted = Appointment("CJT", kind, who, "5/QĐ", world.now(), until)
    with transaction(world.rt) as session:
        made = custody.appoint(world.rt, session, world.actor(by), wanted)
        return tuple(made.waivers or ()), made.period.upper


def refusal(world: World, *args: object, **more: object) -> str:
    with pytest.raises(AccessError) as refused:
        appoint(world, *args, **more)  # type: ignore[arg-type]
    return refused.value.code


def answers(world: World, kind: Kind = Kind.TKHCTT) -> str | None:
    with transaction(world.rt) as session:
        page = custody_view.office_page(world.rt, session, world.actor(HEAD), "CJT")
    post = next(post for post in page.posts if post.kind == kind)
    return post.current.username if post.current else None


def test_S13_one_person_for_both_kinds_needs_a_waiver_and_answers_until_its_end(world: World) -> None:
    vacate(world, Kind.TKHCTT)
    assert refusal(world, CARD) == "custody.wrong_department"
    number = grant(world)
    with transaction(world.rt) as session:
        closes = waivers.show(world.rt, session, world.actor("cjt.the1"), str(number)).closes
    assert appoint(world, CARD) == ((number,), closes), "the assignment cannot outlast the waiver"
    assert {r.value for r in world.actor(CARD).roles} >= {"custodian_tkcl", "custodian_tkhctt"}
    assert answers(world) == CARD
    (used,) = world.records("waiver.used")
    assert (used["details"]["waiver"], used["details"]["custodian"], used["guest"]) == (number, CARD, "CJT")
    world.shift = timedelta(days=31)
    with transaction(world.rt) as session:
        closing_ones = custody_watch.watch(world.rt, session)
    closing.finish_all(world.rt, closing_ones)
    assert answers(world) is None
    assert answers(world, Kind.TKCL) == CARD, "the assignment of the own kind goes on"
    (over,) = world.records("waiver.ended")
    assert (over["reason"], over["actor"], over["details"]["waiver"]) == (
        "waiver.period_over",
        "system",
        number,
    )
    assert refusal(world, CARD) == "custody.wrong_department"


def test_S13_a_head_appoints_himself_only_under_a_waiver_for_that_kind(world: World) -> None:
    for kind in (Kind.TKCL, Kind.TKHCTT):
        vacate(world, kind)
    assert refusal(world, HEAD) == "custody.self"
    number = grant(world, "self", HEAD, kind=Kind.TKHCTT)
    assert refusal(world, HEAD, Kind.TKCL) == "custody.self"
    assert appoint(world, HEAD)[0] == (number,)
    assert answers(world) == HEAD


def test_S13_a_waiver_lifts_nothing_else_and_for_nobody_else(world: World) -> None:
    vacate(world, Kind.TKHCTT)
    grant(world)
    assert refusal(world, "cjt.the1") == "custody.wrong_department", "another person of the office"
    assert refusal(world, CARD, Kind.TKCL) == "custody.overlap", "one custodian for each kind (R31)"
    assert refusal(world, CARD, by="dml.gd") == "policy.no_rule"
    with transaction(world.rt) as session:
        people = custody_candidates.candidates(world.rt, session, world.actor(HEAD), "CJT", Kind.TKHCTT)
    offered = {person.username: person.waived_until is not None for person in people if not person.objection}
    assert offered[CARD] is True
    assert offered[COLLECTOR] is False


def test_S13_an_appointment_that_needs_no_waiver_rests_on_none(world: World) -> None:
    vacate(world, Kind.TKHCTT)
    grant(world)
    assert appoint(world, COLLECTOR) == ((), None)
    assert world.records("waiver.used") == []


def test_S13_ended_early_a_waiver_takes_with_it_what_rests_on_it_and_whoever_holds_an_account(
    world: World,
) -> None:
    vacate(world, Kind.TKHCTT)
    number = str(grant(world))
    appoint(world, CARD, until=world.now() + timedelta(days=3))
    lease = world.lend("cjt.thu1", "TKHCTT-CJT-DML")
    with transaction(world.rt) as session:
        assert len(waivers.before_end(world.rt, session, world.actor(DIRECTOR), number).uses) == 1
        ending = waivers.end(world.rt, session, world.actor(DIRECTOR), number, "Đã có người")
    closing.finish_all(world.rt, ending)
    assert ending == [lease.lease]
    assert world.roles_with_login() == set()
    assert answers(world) is None
    assert answers(world, Kind.TKCL) == CARD
    with pytest.raises(AccessError) as over, transaction(world.rt) as session:
        waivers.end(world.rt, session, world.actor(DIRECTOR), number, "Lần nữa")
    assert over.value.code == "waiver.over"
    assert [r["reason"] for r in world.records("waiver.ended")] == ["Đã có người"]


def test_S13_only_the_director_waives_never_for_himself_and_within_bounds(world: World) -> None:
    bad: list[tuple[dict[str, object], str]] = [
        ({"by": HEAD}, "policy.no_rule"),
        ({"by": "vpt.cntt1"}, "policy.no_rule"),
        ({"by": "vpt.pgd"}, "policy.no_rule"),
        ({"by": "vpt.ktra1"}, "policy.denied_by_rule"),
        ({"rule": "overlap"}, "waiver.rule"),
        ({"rule": "self", "kind": None, "who": HEAD}, "waiver.rule"),
        ({"kind": "TKCL"}, "waiver.rule"),
        ({"rule": "self", "kind": "TKCL"}, "waiver.not_head"),
        ({"office": "DML"}, "waiver.other_office"),
        ({"office": "VPT", "who": "vpt.cntt1"}, "waiver.separation"),
        ({"days": 400}, "waiver.bad_period"),
        ({"days": 0}, "waiver.bad_period"),
        ({"decision_no": " "}, "custody.no_decision"),
        ({"reason": ""}, "officer.reason_missing"),
    ]
    for more, code in bad:
        with pytest.raises(AccessError) as refused:
            grant(world, **more)  # type: ignore[arg-type]
        assert refused.value.code == code, more
    with pytest.raises(AccessError) as refused:
        grant(world, "self", DIRECTOR, office="VPT", kind="TKCL")
    assert refused.value.code in ("policy.no_rule", "policy.denied_by_rule"), "not for oneself"
    assert world.records("waiver.granted") == []
    grant(world)
    with pytest.raises(AccessError) as twice:
        grant(world)
    assert twice.value.code == "waiver.there_already"
    with world.admin_control() as admin:
        told = admin.execute("SELECT o.username FROM notice n JOIN officer o ON o.id = n.officer_id"
                             " WHERE n.kind = 'waiver_granted' ORDER BY 1").fetchall()  # fmt: skip
    assert told == [(HEAD,), (CARD,)]
