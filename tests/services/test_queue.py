"""Waiting for an account that somebody has: order, place, turn, and nobody lost (S27–S29)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from accessctl.domain.custody import Department
from accessctl.domain.offices import OfficerEntry
from accessctl.domain.permissions import Role
from accessctl.errors import Conflict, Refused
from accessctl.services import accounts, closing, desk, lease_list, leasing, officers, sweeping
from accessctl.services.actor import Actor
from accessctl.services.control import transaction
from accessctl.services.lease_list import LeaseQuery
from accessctl.services.leasing import LeaseView
from tests.common.evidence import custodian_of, host_turn
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"
FIRST, SECOND = "cjt.the1", "cjt.the2"
HOSTS = ("DGL", "DML", "DRL", "DSG", "GNG", "KNO", "TDC", "VPT")


def running(world: World, actor: Actor) -> list[LeaseView]:
    """What this person sees on the list of leases as it opens, oldest first."""
    with transaction(world.rt) as session:
        found = lease_list.search(world.rt, session, actor, LeaseQuery(sort="oldest"))
    return [row.lease for row in found.rows if row.revocable]


def more_clerks(world: World, count: int) -> list[str]:
    """Cư Jút gets more card clerks, entered as a province plan enters them."""
    names = [f"cjt.them{number}" for number in range(1, count + 1)]
    with transaction(world.rt) as session:
        for line, name in enumerate(names, start=1):
            entry = OfficerEntry(
                name, f"Nguyễn Văn Thêm {line}", "Cán bộ Cấp sổ, thẻ", "CJT", Department.CARD, (Role.CARD,),
                "0900 000 999", f"{name}@bhxh.example", line,
            )  # fmt: skip
            officers.enter(world.rt, session, entry, None, None)
    return names


def test_S27_the_second_waits_in_sight_of_the_custodian_and_gets_the_account_on_its_return(
    world: World,
) -> None:
    first = world.lend(FIRST, ACCOUNT)
    second = world.lend(SECOND, ACCOUNT, number=2)
    assert (second.state, second.position, second.dsn) == ("QUEUED", 1, None)
    custodian = world.actor(custodian_of(world, "CJT", "TKCL"))
    seen = {lease.lease: lease.state for lease in running(world, custodian)}
    assert seen == {first.lease: "ACTIVE", second.lease: "QUEUED"}
    with transaction(world.rt) as session:
        choice = next(
            c for c in desk.lendable(world.rt, session, world.actor(SECOND)) if c.account == ACCOUNT
        )
    assert (choice.holder_name, choice.queue) == (first.holder_name, 1)

    leasing.close_lease(world.rt, world.actor(FIRST), first.lease)
    sweeping.take_turns(world.rt)
    got = leasing.show_lease(world.rt, world.actor(SECOND), second.lease)
    assert (got.state, got.position) == ("ACTIVE", None)
    assert got.dsn is not None
    with psycopg.connect(got.dsn, autocommit=True) as client:
        row = client.execute(
            "SELECT outcome FROM bhyt.view_reissue(%s)", (world.request(ACCOUNT).subject,)
        ).fetchone()
    assert row == ("ok",)
    assert [leaf["lease"] for leaf in world.records("lease.queued")] == [second.lease]
    assert [leaf["lease"] for leaf in world.records("lease.checkout")] == [first.lease, second.lease]


def test_S27_a_custodian_of_the_other_kind_or_another_office_does_not_see_the_queue(world: World) -> None:
    world.lend(FIRST, ACCOUNT)
    world.lend(SECOND, ACCOUNT, number=2)
    for username in (custodian_of(world, "CJT", "TKHCTT"), custodian_of(world, "GNG", "TKCL")):
        assert running(world, world.actor(username)) == []
    with pytest.raises(Refused):
        running(world, world.actor("cjt.tn1"))


def test_S27_the_queue_is_first_come_first_served_and_a_place_can_be_given_up(world: World) -> None:
    third, fourth = more_clerks(world, 2)
    first = world.lend(FIRST, ACCOUNT)
    waiting = [world.lend(who, ACCOUNT, number=n) for n, who in enumerate((SECOND, third, fourth), start=2)]
    assert [lease.position for lease in waiting] == [1, 2, 3]

    leasing.cancel_queued(world.rt, world.actor(third), waiting[1].lease)
    last = leasing.show_lease(world.rt, world.actor(fourth), waiting[2].lease)
    assert (last.state, last.position) == ("QUEUED", 2)
    with pytest.raises(Conflict) as raised:
        leasing.cancel_queued(world.rt, world.actor(third), waiting[1].lease)
    assert raised.value.code == "lease.no_longer_queued"

    leasing.close_lease(world.rt, world.actor(FIRST), first.lease)
    sweeping.take_turns(world.rt)
    held = [leasing.show_lease(world.rt, world.actor(who), lease.lease) for who, lease in
            ((SECOND, waiting[0]), (third, waiting[1]), (fourth, waiting[2]))]  # fmt: skip
    assert [lease.state for lease in held] == ["ACTIVE", "CANCELLED", "QUEUED"]


def test_S27_who_comes_while_others_wait_does_not_overtake_them(world: World) -> None:
    (third,) = more_clerks(world, 1)
    first = world.lend(FIRST, ACCOUNT)
    second = world.lend(SECOND, ACCOUNT, number=2)
    leasing.close_lease(world.rt, world.actor(FIRST), first.lease)  # free, and the queue has not moved yet
    late = world.lend(third, ACCOUNT, number=3)
    assert (late.state, late.position) == ("QUEUED", 2)
    assert leasing.show_lease(world.rt, world.actor(SECOND), second.lease).state == "ACTIVE"


def test_S27_a_turn_that_nobody_takes_goes_on_to_the_next(world: World) -> None:
    (third,) = more_clerks(world, 1)
    first = world.lend(FIRST, ACCOUNT)
    second = world.lend(SECOND, ACCOUNT, number=2)
    last = world.lend(third, ACCOUNT, number=3)
    leasing.close_lease(world.rt, world.actor(FIRST), first.lease)
    sweeping.take_turns(world.rt)
    world.shift = timedelta(seconds=110)
    sweeping.end_abandoned(world.rt)
    world.shift = timedelta()
    sweeping.take_turns(world.rt)
    with world.admin_control() as admin:
        states = dict(admin.execute("SELECT id::text, state FROM lease").fetchall())
    assert states == {first.lease: "CLOSED", second.lease: "CLOSED", last.lease: "ACTIVE"}


def test_a_right_withdrawn_while_waiting_is_gone_at_ones_turn_and_the_next_gets_it(world: World) -> None:
    (third,) = more_clerks(world, 1)
    first = world.lend(FIRST, ACCOUNT)
    second = world.lend(SECOND, ACCOUNT, number=2)
    last = world.lend(third, ACCOUNT, number=3)
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE officer_role SET revoked_at = now() FROM officer o WHERE o.id = officer_id"
            " AND o.username = %s AND role = 'card'",
            (SECOND,),
        )
    leasing.close_lease(world.rt, world.actor(FIRST), first.lease)
    sweeping.take_turns(world.rt)
    shown = leasing.show_lease(world.rt, world.actor(SECOND), second.lease)
    assert shown.state == "DENIED"
    assert shown.end_note is not None
    assert shown.end_note.startswith("policy.")
    assert leasing.show_lease(world.rt, world.actor(third), last.lease).state == "ACTIVE"
    (denied,) = world.records("lease.denied")
    assert (denied["actor"], denied["lease"]) == (SECOND, second.lease)


def test_a_custodian_takes_a_waiting_request_out_of_the_queue_with_a_reason(world: World) -> None:
    world.lend(FIRST, ACCOUNT)
    second = world.lend(SECOND, ACCOUNT, number=2)
    done = leasing.revoke_lease(world.rt, world.actor("cjt.gd"), second.lease, "Hồ sơ chuyển bộ phận khác")
    assert done.state == "CANCELLED"
    (cancelled,) = world.records("lease.cancelled")
    assert (cancelled["actor"], cancelled["reason"]) == ("cjt.gd", "Hồ sơ chuyển bộ phận khác")


def test_who_waits_holds_no_second_place(world: World) -> None:
    world.lend(FIRST, ACCOUNT)
    world.lend(SECOND, ACCOUNT, number=2)
    with pytest.raises(Conflict) as raised:
        world.lend(SECOND, "TKCL-CJT-GNG", number=3)
    assert raised.value.code == "lease.already_open"


def test_locking_the_account_ends_the_queue_too(world: World) -> None:
    first = world.lend(FIRST, ACCOUNT)
    second = world.lend(SECOND, ACCOUNT, number=2)
    with transaction(world.rt) as session:
        ending = accounts.lock(world.rt, session, world.actor("vpt.cntt1"), ACCOUNT, "Nghi lộ mật khẩu")
    closing.finish_all(world.rt, ending)
    with world.admin_control() as admin:
        states = dict(admin.execute("SELECT id::text, state FROM lease").fetchall())
    assert states == {first.lease: "CLOSED", second.lease: "DENIED"}
    assert world.roles_with_login() == set()


def test_S28_two_services_asked_at_one_instant_give_one_lease_and_one_place_in_the_queue(
    world: World,
) -> None:
    actors = [world.actor(FIRST), world.actor(SECOND)]
    runtimes = [world.runtime(), world.runtime()]
    for turn in range(3):
        together = threading.Barrier(2)

        def ask(n: int, turn: int = turn, together: threading.Barrier = together) -> LeaseView:
            request = world.request(ACCOUNT, number=10 * turn + n + 1, client=True)
            together.wait(10)
            return leasing.open_lease(runtimes[n], actors[n], request)

        with ThreadPoolExecutor(2) as pool:
            got = sorted(pool.map(ask, (0, 1)), key=lambda lease: lease.state)
        assert [(lease.state, lease.position) for lease in got] == [("ACTIVE", None), ("QUEUED", 1)]
        assert world.roles_with_login() == {"tkcl_cjt_dml"}
        for lease in reversed(got):  # the place first, then the lease
            leasing.close_lease(world.rt, world.actor(lease.holder), lease.lease)
    for rt in runtimes:
        rt.close()


def test_S28_one_officer_asking_twice_at_one_instant_gets_one_lease(world: World) -> None:
    actor = world.actor(FIRST)
    together = threading.Barrier(2)

    def ask(account: str) -> str:
        request = world.request(account, client=True)
        together.wait(10)
        try:
            return leasing.open_lease(world.rt, actor, request).state
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        got = sorted(pool.map(ask, (ACCOUNT, "TKCL-CJT-GNG")))
    assert got == ["ACTIVE", "lease.already_open"]
    assert len(world.roles_with_login()) == 1


def test_S29_eight_officers_hold_all_eight_and_the_ninth_request_waits_and_is_not_lost(world: World) -> None:
    clerks = [FIRST, SECOND, *more_clerks(world, 7)]
    held = [
        world.lend(who, f"TKCL-CJT-{host}", number=n)
        for n, (who, host) in enumerate(zip(clerks, HOSTS, strict=False), start=1)
    ]
    assert [lease.state for lease in held] == ["ACTIVE"] * 8
    assert len(world.roles_with_login()) == 8
    ninth = world.actor(clerks[8])
    with transaction(world.rt) as session:
        shared = [c for c in desk.lendable(world.rt, session, ninth) if c.kind == "TKCL"]
    assert [c.holder_name is not None for c in shared] == [True] * 8, "the desk shows 8/8 in use"
    waiting = world.lend(clerks[8], "TKCL-CJT-KNO", number=9)
    assert (waiting.state, waiting.position) == ("QUEUED", 1)

    for lease in held:
        leasing.close_lease(world.rt, world.actor(lease.holder), lease.lease)
    sweeping.take_turns(world.rt)
    assert leasing.show_lease(world.rt, ninth, waiting.lease).state == "ACTIVE"
    assert world.roles_with_login() == {"tkcl_cjt_kno"}
    asked = {leaf["lease"] for event in ("lease.requested", "lease.queued") for leaf in world.records(event)}
    assert asked == {lease.lease for lease in (*held, waiting)}


def test_of_a_pool_of_thousands_the_desk_offers_the_first_that_is_free_without_reading_the_others(
    world: World,
) -> None:
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO account (name, kind, guest, host, role, state, epoch) SELECT 'LOCAL_CL-CJT-' || n, 'LOCAL_CL',"
            " 'CJT', 'CJT', 'many_cjt_' || n, 'ACTIVE', 0 FROM generate_series(1000, 2999) n"
        )
    me = world.actor(SECOND)

    def offered() -> list[str]:
        with transaction(world.rt) as session:
            return [c.account for c in desk.lendable(world.rt, session, me) if c.kind == "LOCAL_CL"]

    with transaction(world.rt) as session:
        whole = desk.lendable(world.rt, session, me)
    assert offered() == ["LOCAL_CL-CJT-01"]
    assert len(whole) < 20
    world.lend(FIRST, "LOCAL_CL-CJT-01")
    assert offered() == ["LOCAL_CL-CJT-02"], "the first is taken"
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor("vpt.cntt1"), "LOCAL_CL-CJT-02", "Kiểm tra")
    assert offered() == ["LOCAL_CL-CJT-03"], "the second is locked"
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE account SET state = 'LOCKED' WHERE kind = 'LOCAL_CL' AND name <> 'LOCAL_CL-CJT-01'"
        )
    assert offered() == ["LOCAL_CL-CJT-01"], "one that works but is taken, before those that do not"


def test_an_expired_lease_makes_room_for_the_next(world: World) -> None:
    world.lend(FIRST, ACCOUNT, minutes=1)
    second = world.lend(SECOND, ACCOUNT, number=2)
    world.shift = timedelta(seconds=61)
    host_turn(world, "DML")
    world.shift = timedelta()
    sweeping.take_turns(world.rt)
    assert leasing.show_lease(world.rt, world.actor(SECOND), second.lease).state == "ACTIVE"
    assert [leaf["details"]["end_reason"] for leaf in world.records("lease.closed")] == ["expired"]


def test_a_stranger_does_not_see_how_a_lease_stands(world: World) -> None:
    lease = world.lend(FIRST, ACCOUNT)
    with pytest.raises(Refused):
        leasing.show_lease(world.rt, world.actor("gng.the1"), lease.lease)
    shown = leasing.show_lease(world.rt, world.actor("vpt.ktra1"), lease.lease)
    assert (shown.holder, shown.dsn) == (FIRST, None)
    assert world.request(ACCOUNT).subject not in str(shown)
