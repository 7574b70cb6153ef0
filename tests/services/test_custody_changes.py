"""What the coming and going of custodians does to accounts, sessions and secrets (S10, S12)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import Refused
from accessctl.services import accounts, leasing
from accessctl.services.control import transaction
from tests.common.custodians import appoint, custodian, end, findings_of, states, time_passes
from tests.common.world import World

CARD_CLERKS = ("cjt.the1", "cjt.the2")


def test_S10_without_a_successor_the_eight_accounts_are_suspended_and_live_sessions_end(world: World) -> None:
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    waiting = world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    correcting = world.lend("cjt.thu1", "TKHCTT-CJT-DRL")
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        assert end(world, "cjt.gd", "CJT", Kind.TKCL) == [lease.lease]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8
    assert states(world, "CJT", Kind.TKHCTT) == [("ACTIVE", None)] * 8
    assert world.roles_with_login() == {"tkhctt_cjt_drl"}
    ended = leasing.show_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    assert (ended.state, ended.end_reason) == ("CLOSED", "revoked")
    assert leasing.show_lease(world.rt, world.actor("cjt.the2"), waiting.lease).state == "DENIED"
    assert leasing.show_lease(world.rt, world.actor("cjt.thu1"), correcting.lease).state == "ACTIVE"
    time_passes(world)
    assert findings_of(world, "no_custodian") == [("CJT", 2, 1, {"account_kind": "TKCL"})]
    assert len(world.records("account.suspended")) == 8
    with pytest.raises(Refused) as raised:
        world.lend("cjt.the2", "TKCL-CJT-KNO", number=3)
    assert raised.value.code == "lease.no_custodian"
    assert "Chưa có cán bộ quản lý TKCL" in str(raised.value)


def test_S10_the_same_when_the_assignment_simply_runs_out(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2", until=world.now() + timedelta(hours=2))
    time_passes(world)
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert lease.dsn is not None
    ended, published = len(world.records("custodian.ended")), len(world.records("contactlist.published"))
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        assert time_passes(world, hours=3) == [lease.lease]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert states(world, "CJT", Kind.TKCL) == [("SUSPENDED", "no_custodian")] * 8
    assert world.roles_with_login() == set()
    assert [row[:3] for row in findings_of(world, "no_custodian")] == [("CJT", 2, 1)]
    told = world.records("custodian.ended")[ended:]
    assert [(r["actor"], r["guest"], r["details"]["custodian"]) for r in told] == [
        ("system", "CJT", "cjt.the2")
    ]
    assert len(world.records("contactlist.published")) == published + 1
    assert time_passes(world, hours=1) == []
    assert len(world.records("custodian.ended")) == ended + 1
    assert len(world.records("account.suspended")) == 16  # eight by the head's end, eight by the clock


def test_S10_a_new_custodian_brings_the_accounts_back_but_not_those_locked_meanwhile(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor("vpt.cntt1"), "TKCL-CJT-KNO", "Kiểm tra")
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2")
    found = states(world, "CJT", Kind.TKCL)
    assert found.count(("ACTIVE", None)) == 7
    assert ("LOCKED", "Kiểm tra") in found


def test_S10_a_gap_that_is_coming_is_told_five_working_days_ahead(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2", until=world.now() + timedelta(days=30))
    time_passes(world, days=10)
    assert findings_of(world, "custody_ending") == []
    time_passes(world, days=17)
    assert [row[0] for row in findings_of(world, "custody_ending")] == ["CJT"]
    appointed = world.now() + timedelta(days=3)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", since=appointed)
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8


def test_S12_a_change_of_custodian_ends_sessions_voids_secrets_and_publishes_the_new_list(
    world: World,
) -> None:
    old = custodian(world, "CJT", Kind.TKCL)
    new = next(name for name in CARD_CLERKS if name != old)
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        end(world, "cjt.gd", "CJT", Kind.TKCL)
        appoint(world, "cjt.gd", "CJT", Kind.TKCL, new)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match=r"not permitted to log in|authentication failed"):
        psycopg.connect(lease.dsn)
    assert len(world.records("account.rotated")) == 8
    assert custodian(world, "CJT", Kind.TKCL) == new
    assert world.records("contactlist.published")[-1]["guest"] == "CJT"
    again = world.lend("cjt.the1", "TKCL-CJT-DML", number=2)
    assert again.dsn is not None
    secret = psycopg.conninfo.conninfo_to_dict(again.dsn)["password"]
    assert secret != psycopg.conninfo.conninfo_to_dict(lease.dsn)["password"]
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(lease.dsn)
    with psycopg.connect(again.dsn) as client:
        assert client.execute("SELECT session_user").fetchone() == ("tkcl_cjt_dml",)


def test_S12_a_planned_change_takes_effect_at_its_moment_without_a_gap(world: World) -> None:
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    noon = world.now() + timedelta(hours=1)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", until=noon)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the2", since=noon)
    time_passes(world)
    lease = world.lend("cjt.thu1", "TKHCTT-CJT-DML")
    ours = world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    rotated = len(world.records("account.rotated"))
    assert time_passes(world, hours=2) == [ours.lease]
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the2"
    assert states(world, "CJT", Kind.TKCL) == [("ACTIVE", None)] * 8
    assert len(world.records("account.rotated")) == rotated + 8
    assert leasing.show_lease(world.rt, world.actor("cjt.thu1"), lease.lease).state == "ACTIVE"
    assert findings_of(world, "no_custodian") == []
    assert time_passes(world, minutes=1) == []
