"""What servers wrote down against what was lent: failed, refused, denied and unexplained (S03, S32, S33)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from accessctl.domain.leases import EndReason
from accessctl.errors import Conflict, Refused
from accessctl.jobs.reaper import HostLoop, Ledger
from accessctl.services import accounts, closing, findings, leasing
from accessctl.services.control import transaction
from accessctl.services.evidence import Collector
from accessctl.services.findings import Kind
from accessctl.services.server_evidence import ServerLogs
from tests.common.evidence import (
    alive,
    collect,
    collect_rows,
    custodian_of,
    finishing_turn,
    found,
    host_turn,
    state_of,
)
from tests.common.world import World, eventually

ACCOUNT, ROLE, HOLDER = "TKCL-CJT-DML", "tkcl_cjt_dml", "cjt.the1"


def wrong_password(world: World, role: str = ROLE, office: str = "DML") -> None:
    """Somebody tries."""
    dsn = make_conninfo(world.province.cluster.dsn(world.province.dbnames[office]), user=role, password="x")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)


def unlocked(world: World) -> str:
    """The custodian asks, IT unlocks; the new state."""
    with transaction(world.rt) as session:
        asking = world.actor(custodian_of(world, "CJT", "TKCL"))
        accounts.ask_unlock(world.rt, session, asking, ACCOUNT, "Đã kiểm tra, nhập sai mật khẩu")
    with transaction(world.rt) as session:
        return accounts.unlock(world.rt, session, world.actor("vpt.cntt1"), ACCOUNT, "Đã xác minh")


# Logins and acts that are explained


def test_a_login_is_recorded_with_person_process_address_and_port_and_matches_its_lease(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        pid = client.info.backend_pid
        row = client.execute("SELECT inet_client_port()").fetchone()
        collect(world, "DML")
    assert row is not None
    (login,) = world.records("db.login")
    assert (login["actor"], login["account"], login["lease"]) == (HOLDER, ACCOUNT, lease.lease)
    assert (login["address"], login["port"], login["details"]["pid"]) == ("127.0.0.1", row[0], pid)
    world.shift = timedelta(seconds=10)
    collect(world, "DML")
    with world.admin_control() as admin:
        seen = admin.execute("SELECT source, matched FROM login WHERE role = %s ORDER BY source", (ROLE,))
        assert seen.fetchall() == [("log", True), ("trigger", True)]
    assert found(world) == []


def test_collecting_twice_or_from_two_services_at_once_takes_each_row_once(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        for _ in range(5):
            client.execute("SELECT bhyt.view_reissue(%s)", (world.request(ACCOUNT).subject,))
    other = world.runtime()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda rt: Collector(rt, "DML").turn(), (world.rt, other)))
    other.close()
    collect_rows(world, "DML")
    collect_rows(world, "DML")
    assert (len(world.records("db.login")), len(world.records("reissue.viewed"))) == (1, 5)
    assert found(world) == []


def test_pgaudit_38_every_act_names_the_officer_behind_the_account(world: World) -> None:
    """pgaudit #38, #171: the log named the shared account and not who was behind it."""
    for number, username in enumerate(("cjt.the1", "cjt.the2"), start=1):
        lease = world.lend(username, ACCOUNT, number=number)
        assert lease.dsn is not None
        with psycopg.connect(lease.dsn, autocommit=True) as client:
            client.execute("SELECT bhyt.view_reissue(%s)", (world.request(ACCOUNT).subject,))
        leasing.close_lease(world.rt, world.actor(username), lease.lease)
    collect_rows(world, "DML")
    with world.admin_office("DML") as admin:
        rows = admin.execute("SELECT role, officer FROM access.act ORDER BY id").fetchall()
    assert rows == [(ROLE, "cjt.the1"), (ROLE, "cjt.the2")]
    assert [leaf["actor"] for leaf in world.records("reissue.viewed")] == ["cjt.the1", "cjt.the2"]


# S03: what the database refused


@pytest.mark.parametrize("log_first", [True, False], ids=["server log read first", "trigger rows read first"])
def test_S03_what_the_database_refused_stands_in_the_log_with_person_dossier_and_lease(
    world: World, log_first: bool
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    tries = (
        "SELECT * FROM bhyt.participant",
        "UPDATE bhyt.participant SET full_name = 'x'",
        "DELETE FROM bhyt.card",
        "SELECT * FROM access.lease",
        "SELECT bhyt.correct_holder('6799400001', '{\"full_name\": \"x\"}', 'x')",
        "SELECT pg_read_file('pg_hba.conf')",
    )
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        for statement in tries:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                client.execute(statement)
    if not log_first:
        Collector(world.rt, "DML").turn()
    collect(world)
    denied = world.records("db.denied")
    assert len(denied) == len(tries)
    assert {(leaf.get("lease"), leaf.get("dossier"), leaf["account"]) for leaf in denied} == {
        (lease.lease, lease.dossier, ACCOUNT)
    }
    assert all("6799400001" not in str(leaf) for leaf in denied), "the statement may name a person"


# S32: wrong passwords


def test_S32_five_failed_logins_during_the_lease_lock_the_account_and_void_its_credential(
    world: World,
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        for _ in range(4):
            wrong_password(world)
        collect(world, "DML")
        assert state_of(world, ACCOUNT) == "ACTIVE"
        wrong_password(world)
        collect(world, "DML")
        assert state_of(world, ACCOUNT) == "LOCKED"
        finishing_turn(world, "DML")
        assert not alive(client)
    assert world.roles_with_login() == set()
    (finding,) = found(world, Kind.FAILED_LOGINS)
    assert (finding["account"], finding["office"], finding["lease_id"]) == (ACCOUNT, "CJT", lease.lease)
    assert len(world.records("db.login_failed")) + len(world.records("db.login.failed")) == 5
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)
    with pytest.raises(Refused) as raised:
        world.lend("cjt.the2", ACCOUNT, number=2)
    assert raised.value.code == "account.locked"


def test_S32_only_it_unlocks_and_only_after_the_custodians_request_and_the_old_credential_stays_void(
    world: World,
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    for _ in range(5):
        wrong_password(world)
    collect(world, "DML")
    finishing_turn(world, "DML")
    with pytest.raises(Refused) as raised, transaction(world.rt) as session:
        accounts.unlock(world.rt, session, world.actor("vpt.cntt1"), ACCOUNT, "Theo yêu cầu qua điện thoại")
    assert raised.value.code == "account.unlock_not_asked"
    for username in (HOLDER, custodian_of(world, "CJT", "TKCL"), "cjt.gd", "vpt.gd"):
        with pytest.raises(Refused), transaction(world.rt) as session:
            accounts.unlock(world.rt, session, world.actor(username), ACCOUNT, "Mở khóa")
    for username in (custodian_of(world, "CJT", "TKHCTT"), "gng.gd", "cjt.tn1"):
        with pytest.raises(Refused), transaction(world.rt) as session:
            accounts.ask_unlock(world.rt, session, world.actor(username), ACCOUNT, "Đề nghị mở khóa")
    assert unlocked(world) == "ACTIVE"
    with pytest.raises(Conflict), transaction(world.rt) as session:
        accounts.unlock(world.rt, session, world.actor("vpt.cntt1"), ACCOUNT, "Mở khóa lần nữa")
    again = world.lend("cjt.the2", ACCOUNT, number=2)
    assert again.dsn is not None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)
    with psycopg.connect(again.dsn, autocommit=True) as client:
        assert alive(client)
    assert [leaf["actor"] for leaf in world.records("account.unlocked")] == ["vpt.cntt1"]


def test_S32_failures_spread_over_more_than_ten_minutes_or_over_two_leases_do_not_add_up(
    world: World,
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    for _ in range(4):
        wrong_password(world)
    collect(world, "DML")
    leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    lease = world.lend(HOLDER, ACCOUNT, number=2)
    for _ in range(4):
        wrong_password(world)
    collect(world, "DML")
    with world.admin_control() as admin:  # eleven minutes later
        admin.execute("UPDATE login SET at = at - interval '11 min' WHERE outcome = 'failed'")
    for _ in range(4):
        wrong_password(world)
    collect(world, "DML")
    assert state_of(world, ACCOUNT) == "ACTIVE"
    assert found(world, Kind.FAILED_LOGINS) == []


def test_S32_720_wrong_passwords_on_accounts_nobody_holds_lock_nothing_and_are_one_finding_each(
    world: World,
) -> None:
    with world.admin_control() as admin:
        names = admin.execute(
            "SELECT name, role, host FROM account WHERE kind IN ('TKCL', 'TKHCTT')"
        ).fetchall()
    assert len(names) == 144
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: wrong_password(world, row[1], row[2]), names * 5))
    collect(world)
    with world.admin_control() as admin:
        states = admin.execute(
            "SELECT state, count(*) FROM account WHERE kind LIKE 'TK%' GROUP BY 1"
        ).fetchall()
        failed = admin.execute("SELECT count(*) FROM login WHERE outcome = 'failed'").fetchone()
    assert failed == (720,)
    assert states == [("ACTIVE", 144)]
    idle = found(world, Kind.FAILED_LOGINS_IDLE)
    assert len(idle) in range(144, 289), "one for each account and hour; the hour may turn meanwhile"
    assert sum(int(str(finding["times"])) for finding in idle) == 720
    assert {finding["severity"] for finding in idle} == {3}
    assert found(world, Kind.FAILED_LOGINS) == []
    assert len(world.records("finding.raised")) == len(idle)


# S33: an old credential, and a login that nobody can explain


def test_S33_an_old_credential_opens_nothing_and_each_try_is_seen(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)
    collect(world, "DML")
    (finding,) = found(world, Kind.FAILED_LOGINS_IDLE)
    assert finding["account"] == ACCOUNT
    assert state_of(world, ACCOUNT) == "ACTIVE"


def test_S33_a_right_password_given_by_a_dba_is_refused_by_the_gate_and_recorded(world: World) -> None:
    with given_by_hand(world) as dsn:
        with pytest.raises(psycopg.OperationalError, match="no open lease"):
            psycopg.connect(dsn)
        collect(world, "DML")
    (refused,) = world.records("db.refused")
    assert (refused["account"], refused["reason"], refused["address"]) == (
        ACCOUNT,
        "db.no_open_lease",
        "127.0.0.1",
    )
    assert found(world, Kind.UNEXPLAINED_LOGIN) == []


@contextmanager
def given_by_hand(world: World) -> Iterator[str]:
    """A superuser gives the account a password of his own; the address to log in with."""
    with world.province.admin() as admin:
        admin.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'by hand'").format(sql.Identifier(ROLE)))
    dsn = world.province.cluster.dsn(world.province.dbnames["DML"])
    try:
        yield make_conninfo(dsn, user=ROLE, password="by hand", application_name="psql")
    finally:
        with world.province.admin() as admin:
            admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(ROLE)))


@contextmanager
def without_gate(world: World) -> Iterator[None]:
    """A superuser switches the login trigger off, and on again afterwards."""
    with world.admin_office("DML") as admin:
        admin.execute("ALTER EVENT TRIGGER accessctl_login DISABLE")
    try:
        yield
    finally:
        with world.admin_office("DML") as admin:
            admin.execute("ALTER EVENT TRIGGER accessctl_login ENABLE ALWAYS")


def test_S33_a_login_past_the_gate_is_unexplained_severity_1_and_locks_the_account(world: World) -> None:
    with without_gate(world), given_by_hand(world) as dsn:
        with psycopg.connect(dsn, autocommit=True) as client, pytest.raises(psycopg.Error):
            client.execute("SELECT * FROM bhyt.view_reissue(%s)", (world.request(ACCOUNT).subject,))
        with world.admin_office("DML") as admin:
            assert admin.execute("SELECT count(*) FROM access.login WHERE role = %s", (ROLE,)).fetchone() == (
                0,
            )
        world.shift = timedelta(seconds=10)  # the host's own tables have been read since
        collect(world, "DML")
    (strange,) = world.records("db.unexplained_login")
    assert (strange["account"], strange["reason"], strange["guest"]) == (ACCOUNT, "db.no_trigger_row", "CJT")
    assert strange["address"] == "127.0.0.1"
    (finding,) = found(world, Kind.UNEXPLAINED_LOGIN)
    assert (finding["severity"], finding["account"]) == (1, ACCOUNT)
    assert state_of(world, ACCOUNT) == "LOCKED"
    director, custodian = world.actor("vpt.gd"), world.actor(custodian_of(world, "CJT", "TKCL"))
    for told in (director, custodian, world.actor("cjt.gd"), world.actor("vpt.ktra1")):
        with transaction(world.rt) as session:
            kinds = [row.kind for row in findings.recent(world.rt, session, told)]
        assert Kind.UNEXPLAINED_LOGIN in kinds, told.username


def test_S33_a_lease_invented_in_the_host_explains_no_login(world: World) -> None:
    with world.admin_office("DML") as admin:
        admin.execute(
            "INSERT INTO access.lease (account, lease_id, officer, dossier, subject, subject_pads, fields,"
            " opened_at, expires_at, receipt) VALUES (%s, 'invented', 'cjt.the1', 'CJT-2018-000009/CLT', %s, %s,"
            " '{}', clock_timestamp(), clock_timestamp() + interval '10 min', '')",
            (ROLE, bytes(32), bytes(128)),
        )
    with given_by_hand(world) as dsn, psycopg.connect(dsn, autocommit=True) as client:
        collect_rows(world, "DML")
        (strange,) = world.records("db.unexplained_login")
        assert (strange["account"], strange["reason"]) == (ACCOUNT, "db.no_such_lease")
        assert state_of(world, ACCOUNT) == "LOCKED"
        loop = HostLoop(world.rt, Ledger(world.rt), "DML")
        loop.turn()
        loop._looked = 0.0  # a second later
        loop.turn()
        assert not alive(client)
    assert [f["details"]["lease"] for f in found(world, Kind.ORPHAN_LEASE)] == ["invented"]  # type: ignore[index]
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM access.lease").fetchone() == (0,)


def test_an_act_that_no_login_explains_is_a_finding_and_locks_the_account(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    with world.admin_office("DML") as admin:  # a superuser writes an act into the officer's name
        admin.execute(
            "INSERT INTO access.act (lease_id, officer, role, dossier, action, outcome, detail, pid, backend_start)"
            " VALUES (%s, %s, %s, %s, 'card:reissue', 'ok', '{}', 1, now())",
            (lease.lease, HOLDER, ROLE, lease.dossier),
        )
    collect_rows(world, "DML")
    (finding,) = found(world, Kind.UNEXPLAINED_ACT)
    assert (finding["severity"], finding["account"]) == (1, ACCOUNT)
    assert state_of(world, ACCOUNT) == "LOCKED"


def test_settings_that_a_holder_gave_the_account_are_a_finding_after_its_end(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        client.execute(sql.SQL("ALTER ROLE {} SET work_mem = '1MB'").format(sql.Identifier(ROLE)))
    leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    collect_rows(world, "DML")
    (finding,) = found(world, Kind.SELF_CHANGE)
    assert (finding["account"], finding["lease_id"]) == (ACCOUNT, lease.lease)


def test_an_end_that_the_ledger_missed_is_made_up_for_from_the_hosts_own_row(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    closing.in_office(world.rt, "DML", ROLE, lease.lease, EndReason.EXPIRED)
    assert leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease).state == "ACTIVE"
    collect_rows(world, "DML")
    shown = leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (shown.state, shown.end_reason) == ("CLOSED", "expired")
    assert [leaf["event"] for leaf in world.records() if leaf["event"].startswith("lease.clos")] == [
        "lease.closing",
        "lease.closed",
    ]


def test_a_host_out_of_reach_leaves_the_others_their_turn(world: World) -> None:
    lease = world.lend(HOLDER, "TKCL-CJT-GNG")
    assert lease.dsn is not None
    with world.province.admin() as admin:
        name = sql.Identifier(world.province.dbnames["DML"])
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            psycopg.connect(lease.dsn).close()
            fresh = world.runtime()
            ServerLogs(fresh).turn()
            Collector(fresh, "GNG").turn()
            fresh.close()
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
    assert len(world.records("db.login")) == 1


def test_a_server_log_that_became_shorter_is_a_finding(world: World) -> None:
    with world.province.admin() as admin:
        now = "SELECT pg_current_logfile('jsonlog')"
        before = admin.execute(now).fetchone()
        admin.execute("SELECT pg_rotate_logfile()")
        eventually(lambda: admin.execute(now).fetchone() != before)
        file = str(admin.execute(now).fetchone()).rpartition("/")[2].rstrip("',)")
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE evidence_mark SET position = 1000000000, detail = %s WHERE name LIKE 'log:%%'", (file,)
        )
    ServerLogs(world.rt).turn()
    (finding,) = found(world, Kind.SERVER_LOG_GAP)
    assert finding["severity"] == 1
    assert finding["details"]["trouble"] == "shrunken"  # type: ignore[index]


def test_the_reaper_ends_an_expired_lease_although_its_holder_is_busy(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, minutes=1)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn) as client:
        client.execute(sql.SQL("ALTER ROLE {} SET work_mem = '1MB'").format(sql.Identifier(ROLE)))
        world.shift = timedelta(seconds=61)
        host_turn(world, "DML")
        assert not alive(client)
    assert world.roles_with_login() == set()
