"""Offices by code: kept connections, and every failure of a database under its own stable code."""

from __future__ import annotations

import os
import socket
import threading
import time

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from accessctl.embedded import Cluster
from accessctl.errors import Conflict, Unavailable
from accessctl.officedb import connection
from accessctl.officedb.connection import Limits, OfficeAddress, OfficeDatabases, is_loopback, worded
from accessctl.officedb.leases import open_lease
from tests.officedb.conftest import MAI, Office, address, create_database


def code_of(databases: OfficeDatabases, code: str = "DML") -> str:
    with pytest.raises(Unavailable) as refusal, databases.broker(code):
        pytest.fail("the block must not be entered")
    assert refusal.value.facts["office"] == code
    return refusal.value.code


def test_a_connection_is_kept_and_used_again(office: Office) -> None:
    with office.databases.broker("DML") as first:
        pid = first.info.backend_pid
    with office.databases.broker("DML") as second:
        assert second.info.backend_pid == pid
        with office.databases.broker("DML") as third:  # at the same time: another one
            assert third.info.backend_pid != pid
    with office.databases.witness("DML") as other:
        assert other.info.user == "accessctl_witness"


def test_a_kept_connection_reads_in_utc_and_has_limits(office: Office) -> None:
    with office.databases.broker("DML") as conn:
        assert conn.execute("SHOW timezone").fetchone() == ("UTC",)
        assert conn.execute("SHOW statement_timeout").fetchone() == ("5s",)
        assert conn.autocommit


def test_a_connection_whose_use_failed_is_not_kept(office: Office) -> None:
    with pytest.raises(RuntimeError), office.databases.broker("DML") as conn:
        raise RuntimeError
    assert conn.closed


def test_a_refusal_is_an_answer_and_its_connection_is_kept_and_names_the_office(office: Office) -> None:
    office.lend("tkcl_cjt_dml")
    with pytest.raises(Conflict) as refusal, office.databases.broker("DML") as conn:
        open_lease(conn, office.order("tkcl_cjt_dml")[1])
    assert refusal.value.facts["office"] == "DML"
    assert "DML" in str(refusal.value)
    with office.databases.broker("DML") as again:
        assert again is conn


def test_a_server_that_ended_our_kept_connection_is_connected_to_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office.databases.broker("DML") as conn:
        pid = conn.info.backend_pid
    office.admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    monkeypatch.setattr(connection, "_STALE", 0.0)
    with office.databases.broker("DML") as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
        assert conn.info.backend_pid != pid


def test_a_forked_process_does_not_use_its_parents_connections(office: Office) -> None:
    with office.databases.broker("DML") as conn:
        pid = conn.info.backend_pid
    office.databases._pid = os.getpid() + 1  # as after a fork
    with office.databases.broker("DML") as other:
        assert other.info.backend_pid != pid
    conn.close()


def test_many_threads_at_once_get_a_connection_each_and_few_are_kept(office: Office) -> None:
    seen: set[int] = set()
    together = threading.Barrier(8)

    def use() -> None:
        with office.databases.broker("DML") as conn:
            seen.add(conn.info.backend_pid)
            together.wait(timeout=20)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(office.databases._idle["DML", "broker"]) == 4


def test_an_office_without_an_address_is_said(office: Office) -> None:
    assert code_of(office.databases, "KNO") == "officedb.no_address"


def test_a_server_that_is_not_there_is_down() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dsn = f"postgresql://broker:x@127.0.0.1:{free.getsockname()[1]}/dml"
    assert code_of(OfficeDatabases({"DML": OfficeAddress(dsn, dsn)})) == "officedb.down"


def test_a_server_that_does_not_answer_is_slow_and_not_waited_for() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        dsn = f"postgresql://broker:x@127.0.0.1:{deaf.getsockname()[1]}/dml"
        start = time.monotonic()
        databases = OfficeDatabases({"DML": OfficeAddress(dsn, dsn)}, limits=Limits(connect=2))
        assert code_of(databases) == "officedb.slow"
        assert time.monotonic() - start < 4


def test_a_statement_that_takes_too_long_is_slow(office: Office) -> None:
    known = address(office.cluster, "dml")
    with (
        OfficeDatabases({"DML": known}, limits=Limits(statement=0.1)) as databases,
        pytest.raises(Unavailable) as refusal,
        databases.broker("DML") as conn,
    ):
        conn.execute("SELECT pg_sleep(5)")
    assert refusal.value.code == "officedb.slow"


@pytest.mark.parametrize(
    ("sqlstate", "code"),
    [
        ("53100", "officedb.disk_full"),
        ("53200", "officedb.disk_full"),
        ("42501", "officedb.broker_rights"),
        ("55P03", "officedb.slow"),
        ("XX000", "officedb.failed"),
    ],
)
def test_what_the_server_reports_has_a_code_of_its_own(office: Office, sqlstate: str, code: str) -> None:
    with pytest.raises(Unavailable) as refusal, worded("DML"):
        office.broker.execute(
            psycopg.sql.SQL("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = {}; END $$").format(sqlstate)
        )
    assert refusal.value.code == code


def test_a_wrong_password_of_the_service_is_told_from_an_office_that_is_down(office: Office) -> None:
    known = address(office.cluster, "dml")
    wrong = OfficeAddress(make_conninfo(known.broker, password="wrong"), known.witness)
    assert code_of(OfficeDatabases({"DML": wrong})) == "officedb.login_refused"


def test_a_database_without_the_gate_is_said(office: Office, office_cluster: Cluster) -> None:
    create_database(office_cluster, "ungated")
    try:
        office.admin.execute("GRANT CONNECT ON DATABASE ungated TO accessctl_broker")
        known = address(office_cluster, "ungated")
        with OfficeDatabases({"DML": known}) as databases:
            assert code_of(databases) == "officedb.not_installed"
    finally:
        office.admin.execute("DROP DATABASE ungated WITH (FORCE)")


def test_a_broker_that_may_not_use_the_functions_any_more_is_said(office: Office) -> None:
    signature = "access.open_lease"
    office.admin.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM accessctl_broker")
    try:
        with pytest.raises(Unavailable) as refusal, office.databases.broker("DML") as conn:
            open_lease(conn, office.order()[1])
        assert refusal.value.code == "officedb.broker_rights"
    finally:
        office.admin.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO accessctl_broker")


def test_the_service_works_as_the_account_and_leaves_nothing_open(office: Office) -> None:
    lent = office.lend()
    with office.databases.as_account("DML", lent.role, lent.secret, lent.lease_id) as session:
        row = session.execute("SELECT outcome FROM bhyt.view_reissue(%s)", (MAI,)).fetchone()
        assert row == ("ok",)
        assert session.info.parameter_status("application_name") == lent.lease_id
    assert session.closed
    with (
        pytest.raises(Unavailable) as refusal,
        office.databases.as_account("DML", lent.role, "not the secret", lent.lease_id),
    ):
        pytest.fail("a wrong secret must not open a session")
    assert refusal.value.code == "officedb.login_refused"


def test_the_address_for_an_account_has_its_name_and_no_password(office: Office) -> None:
    known = conninfo_to_dict(office.databases.account_dsn("DML", "tkcl_cjt_dml"))
    assert known["user"] == "tkcl_cjt_dml"
    assert "password" not in known
    assert office.databases.place("DML") == ("127.0.0.1", office.cluster.port, "dml")
    assert office.databases.offices == ("DML",)


@pytest.mark.parametrize("host", ["", "/var/run/postgresql", "localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_needs_no_certificate(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["db.dml.example", "10.0.0.7", "192.0.2.1", "127.0.0.1.example.com", "fe80::1"]
)
def test_elsewhere_the_server_is_verified_unless_a_setting_says_otherwise(host: str) -> None:
    assert not is_loopback(host)
    dsn = make_conninfo("", host=host, user="broker", dbname="dml")
    known = {"DML": OfficeAddress(dsn, dsn)}
    strict = conninfo_to_dict(OfficeDatabases(known).account_dsn("DML", "tkcl_cjt_dml"))
    assert strict["sslmode"] == "verify-full"
    weaker = make_conninfo(dsn, sslmode="require")
    assert "verify-full" in OfficeDatabases({"DML": OfficeAddress(weaker, weaker)}).account_dsn("DML", "x")
    open_ = conninfo_to_dict(OfficeDatabases(known, plaintext_ok=True).account_dsn("DML", "tkcl_cjt_dml"))
    assert "sslmode" not in open_


def test_passwords_do_not_show_in_the_registrys_texts(office: Office) -> None:
    assert "secret" not in repr(address(office.cluster, "dml"))
    assert "secret" not in repr(office.databases)
