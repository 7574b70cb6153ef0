"""The accounts' states: locked, unlocked only with the custodian's request, retired for ever (domain.md §4.3, S32)."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, Conflict, NotFound, Refused
from accessctl.services import accounts, closing, contact_list, custody, leasing
from accessctl.services.control import transaction
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"
IT = "vpt.cntt1"


def custodian(world: World, office: str, kind: str) -> str:
    with transaction(world.rt) as session:
        found = contact_list.current(world.rt, session, world.actor("cjt.tn1"))
    return next(str(c.username) for c in found if (c.office, c.kind) == (office, kind))


def rows(world: World, username: str = IT, *, local: bool = False) -> dict[str, accounts.AccountRow]:
    with transaction(world.rt) as session:
        found = accounts.rows(world.rt, session, world.actor(username), local=local)
    return {row.account: row for row in found}


def state(world: World, name: str = ACCOUNT) -> tuple[str, str | None]:
    row = rows(world)[name]
    return row.state, row.reason


def epoch(world: World, name: str = ACCOUNT) -> int:
    with world.admin_control() as admin:
        row = admin.execute("SELECT epoch FROM account WHERE name = %s", (name,)).fetchone()
    assert row is not None
    return int(row[0])


def lock(world: World, username: str, name: str = ACCOUNT, reason: str = "Nghi lộ mật khẩu") -> list[str]:
    with transaction(world.rt) as session:
        ending = accounts.lock(world.rt, session, world.actor(username), name, reason)
    closing.finish_all(world.rt, ending)
    return ending


def ask(world: World, username: str, name: str = ACCOUNT, reason: str = "Đã kiểm tra") -> None:
    with transaction(world.rt) as session:
        accounts.ask_unlock(world.rt, session, world.actor(username), name, reason)


def unlock(world: World, username: str = IT, name: str = ACCOUNT, reason: str = "Đã xử lý") -> str:
    with transaction(world.rt) as session:
        return accounts.unlock(world.rt, session, world.actor(username), name, reason)


def retire(world: World, username: str = IT, name: str = ACCOUNT, reason: str = "Sáp nhập") -> list[str]:
    with transaction(world.rt) as session:
        ending = accounts.retire(world.rt, session, world.actor(username), name, reason)
    closing.finish_all(world.rt, ending)
    return ending


def code_of(error: pytest.ExceptionInfo[AccessError]) -> str:
    return error.value.code


def test_the_list_is_the_144_and_the_pools_apart_each_with_who_has_it_now(world: World) -> None:
    lease = world.lend("cjt.the1", ACCOUNT)
    shared, pools = rows(world, "cjt.tn1"), rows(world, "cjt.tn1", local=True)
    assert Counter(row.kind for row in shared.values()) == {"TKCL": 72, "TKHCTT": 72}
    assert {row.kind for row in pools.values()} == {"LOCAL_CL", "LOCAL_HC"}
    assert all(row.guest == row.host for row in pools.values())
    assert {name: row.holder for name, row in shared.items() if row.holder} == {ACCOUNT: "cjt.the1"}
    assert {row.state for row in shared.values()} == {"ACTIVE"}
    assert shared[ACCOUNT].role == "tkcl_cjt_dml"
    leasing.close_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    assert rows(world)[ACCOUNT].holder is None


def test_S32_a_locked_account_is_dead_at_once_and_only_it_and_custodian_together_unlock_it(
    world: World,
) -> None:
    lease = world.lend("cjt.the1", ACCOUNT)
    assert lease.dsn is not None
    before = epoch(world)
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        assert lock(world, IT) == [lease.lease]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert state(world) == ("LOCKED", "Nghi lộ mật khẩu")
    assert world.roles_with_login() == set()
    with pytest.raises(Refused) as denied:
        world.lend("cjt.the1", ACCOUNT, number=2)
    assert code_of(denied) == "account.locked"

    with pytest.raises(Refused) as denied:  # IT alone
        unlock(world)
    assert code_of(denied) == "account.unlock_not_asked"
    wrong_kind = custodian(world, "CJT", "TKHCTT")
    for stranger, code in [
        (wrong_kind, "lease.other_kind"),
        (custodian(world, "DML", "TKCL"), "policy.no_rule"),
        ("cjt.tn1", "policy.no_rule"),
        (IT, "policy.no_rule"),
        ("vpt.gd", "policy."),
    ]:
        with pytest.raises(Refused) as denied:
            ask(world, stranger)
        assert code_of(denied).startswith(code), stranger
    with pytest.raises(Refused):
        unlock(world)

    right = custodian(world, "CJT", "TKCL")
    ask(world, right)
    for nobody in (right, "cjt.gd", "vpt.gd", "vpt.ktra1"):  # the custodian alone, the head, the director
        with pytest.raises(Refused) as denied:
            unlock(world, nobody)
        assert code_of(denied).startswith("policy."), nobody
    assert state(world)[0] == "LOCKED"
    assert unlock(world) == "ACTIVE"
    assert epoch(world) > before
    asked, unlocked = (world.records(f"account.{e}")[-1] for e in ("unlock_requested", "unlocked"))
    assert (asked["actor"], unlocked["actor"]) == (right, IT)

    again = world.lend("cjt.the1", ACCOUNT, number=3)
    assert again.dsn is not None
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(lease.dsn)
    with psycopg.connect(again.dsn) as client:
        assert client.execute("SELECT session_user").fetchone() == ("tkcl_cjt_dml",)


def test_S32_a_request_is_good_for_one_unlocking_and_a_new_lock_needs_a_new_one(world: World) -> None:
    lock(world, IT)
    ask(world, "cjt.gd")
    unlock(world)
    with pytest.raises(Conflict) as again:
        unlock(world)
    assert code_of(again) == "account.not_locked"
    with pytest.raises(Conflict) as again:
        ask(world, "cjt.gd")
    assert code_of(again) == "account.not_locked"
    lock(world, IT)
    with pytest.raises(Refused) as denied:
        unlock(world)
    assert code_of(denied) == "account.unlock_not_asked"


def test_S32_unlocked_where_nobody_answers_for_it_the_account_is_suspended(world: World) -> None:
    lock(world, IT)
    ask(world, "cjt.gd")
    with transaction(world.rt) as session:
        custody.end(world.rt, session, world.actor("cjt.gd"), "CJT", Kind.TKCL, "Nghỉ việc")
    assert unlock(world) == "SUSPENDED"
    assert state(world) == ("SUSPENDED", "no_custodian")


def test_the_director_orders_a_lock_and_nobody_else_but_it_locks(world: World) -> None:
    assert lock(world, "vpt.gd", reason="Theo chỉ đạo") == []
    ordered, locked = world.records("account.lock_ordered"), world.records("account.locked")
    assert [(r["actor"], r["reason"]) for r in ordered + locked] == [("vpt.gd", "Theo chỉ đạo")] * 2
    for stranger in ("vpt.pgd", "vpt.ktra1", "cjt.gd", "cjt.the1", custodian(world, "CJT", "TKCL")):
        with pytest.raises(Refused) as denied:
            lock(world, stranger, "TKCL-CJT-KNO")
        assert code_of(denied).startswith("policy."), stranger
    assert state(world, "TKCL-CJT-KNO") == ("ACTIVE", None)


def test_locking_what_is_locked_changes_nothing_and_says_so_only_once(world: World) -> None:
    lock(world, IT)
    before = epoch(world), len(world.records("account.locked"))
    assert lock(world, IT, reason="Lần nữa") == []
    assert (epoch(world), len(world.records("account.locked"))) == before
    assert state(world) == ("LOCKED", "Nghi lộ mật khẩu")


def test_a_retired_account_never_comes_back(world: World) -> None:
    lease = world.lend("cjt.the1", ACCOUNT)
    with pytest.raises(Refused):
        retire(world, "vpt.gd")
    assert retire(world) == [lease.lease]
    assert state(world) == ("RETIRED", "Sáp nhập")
    assert world.roles_with_login() == set()
    for attempt in (
        lambda: lock(world, IT),
        lambda: retire(world),
        lambda: ask(world, "cjt.gd"),
        lambda: unlock(world),
    ):
        with pytest.raises(Conflict):
            attempt()
    with pytest.raises(Refused) as denied:
        world.lend("cjt.the1", ACCOUNT, number=2)
    assert code_of(denied) == "account.retired"
    with transaction(world.rt) as session:
        custody.end(world.rt, session, world.actor("cjt.gd"), "CJT", Kind.TKCL, "Nghỉ việc")
        custody.appoint(
            world.rt,
            session,
            world.actor("cjt.gd"),
            custody.Appointment("CJT", Kind.TKCL, "cjt.the2", "2/QĐ", world.now()),
        )
    assert state(world)[0] == "RETIRED"
    assert Counter(row.state for row in rows(world).values()) == {"ACTIVE": 143, "RETIRED": 1}


def test_every_change_of_state_needs_a_reason_of_one_line_and_nothing_is_half_done(world: World) -> None:
    lock(world, IT, "TKCL-CJT-KNO")
    ask(world, "cjt.gd", "TKCL-CJT-KNO")
    before = len(world.records())
    for reason, code in {
        "": "lease.reason_missing",
        " \t ": "lease.reason_missing",
        "x" * 10_000: "input.too_long",
        "a\x00b": "input.control",
        "a\u202eb": "input.control",
    }.items():
        for attempt in (
            lambda r=reason: lock(world, IT, reason=r),
            lambda r=reason: lock(world, "vpt.gd", reason=r),
            lambda r=reason: unlock(world, name="TKCL-CJT-KNO", reason=r),
            lambda r=reason: retire(world, reason=r),
        ):
            with pytest.raises(Refused) as denied:
                attempt()
            assert code_of(denied) == code
    assert state(world) == ("ACTIVE", None)
    assert state(world, "TKCL-CJT-KNO")[0] == "LOCKED"
    assert len(world.records()) == before


def test_sql_in_a_reason_and_in_an_accounts_name_stays_text(world: World) -> None:
    evil = "x'; UPDATE account SET state = 'ACTIVE'; --"
    lock(world, IT, reason=evil)
    assert state(world) == ("LOCKED", evil)
    assert world.records("account.locked")[-1]["reason"] == evil
    for name in (evil, "TKCL-CJT-CJT", "tkcl-cjt-dml", "TKCL-CJT-XYZ", "", "x" * 10_000):
        with pytest.raises(NotFound) as unknown:
            lock(world, IT, name)
        assert code_of(unknown) == "account.unknown"
        assert len(str(unknown.value)) < 200
