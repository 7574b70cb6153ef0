"""The gate: nobody but the holder of an open lease gets in as an account, and nobody else is ever locked out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.officedb.conftest import MAI, Office

VIEW = "SELECT outcome FROM bhyt.view_reissue(%s)"


@pytest.fixture
def stranger(office: Office) -> Iterator[str]:
    """An unmanaged login role of the agency, with CONNECT on this database only."""
    office.admin.execute("CREATE ROLE agency_app LOGIN PASSWORD 'agency'")
    office.admin.execute("GRANT CONNECT ON DATABASE dml TO agency_app")
    yield make_conninfo(office.admin_dsn, user="agency_app", password="agency")
    office.admin.execute("REVOKE CONNECT ON DATABASE dml FROM agency_app")
    office.admin.execute("DROP ROLE agency_app")


def enters(dsn: str) -> bool:
    with psycopg.connect(dsn, autocommit=True) as session:
        return session.execute("SELECT 1").fetchone() == (1,)


def test_a_right_password_without_a_lease_is_refused_by_the_database(office: Office) -> None:
    dsn = office.enable_by_hand("tkcl_cjt_dml", "by hand")
    with pytest.raises(psycopg.OperationalError, match="accessctl: no open lease for account tkcl_cjt_dml"):
        psycopg.connect(dsn)


def test_S33_the_credential_of_a_lease_that_is_over_opens_nothing(office: Office) -> None:
    lent = office.lend()
    office.close(lent)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        office.login(lent)
    office.lend(lent.role)  # the account is open again, for somebody else
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        office.login(lent)


def test_a_lease_past_its_end_lets_nobody_in_although_the_service_is_dead(office: Office) -> None:
    lent = office.lend(seconds=0.3)
    office.login(lent).close()
    time.sleep(0.4)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        office.login(lent)  # the password itself has run out
    office.admin.execute("ALTER ROLE tkcl_cjt_dml VALID UNTIL 'infinity'")
    with pytest.raises(psycopg.OperationalError, match="no open lease"):
        office.login(lent)


def test_a_login_is_written_with_lease_process_address_port_and_application_name(office: Office) -> None:
    lent = office.lend()
    with office.login(lent, application_name=lent.lease_id) as session:
        row = office.admin.execute(
            "SELECT l.role, l.lease_id, l.pid, l.backend_start = s.backend_start, l.client_addr = s.client_addr,"
            " l.client_port = s.client_port, l.application_name"
            " FROM access.login l JOIN pg_stat_activity s USING (pid) WHERE l.lease_id = %s",
            (lent.lease_id,),
        ).fetchall()
        assert row == [(lent.role, lent.lease_id, session.info.backend_pid, True, True, True, lent.lease_id)]


def test_a_role_that_is_read_only_by_default_is_not_locked_out(office: Office, stranger: str) -> None:
    office.admin.execute("ALTER ROLE agency_app SET default_transaction_read_only = on")
    assert enters(stranger)


def test_while_the_leases_are_locked_accounts_wait_outside_and_nobody_else_does(
    office: Office, stranger: str
) -> None:
    """Somebody works on the table for long: the agency's programs and the DBA come in all the same."""
    lent = office.lend()
    with office.admin.transaction():
        office.admin.execute("LOCK TABLE access.lease IN ACCESS EXCLUSIVE MODE")
        assert enters(stranger)
        assert enters(office.admin_dsn)
        with pytest.raises(psycopg.OperationalError, match="lock timeout"):
            office.login(lent)


def test_nobody_unmanaged_is_locked_out_when_the_login_cannot_be_written(
    office: Office, stranger: str
) -> None:
    with psycopg.connect(office.admin_dsn) as blocker:  # a transaction that holds the table
        blocker.execute("LOCK TABLE access.login IN ACCESS EXCLUSIVE MODE")
        start = time.monotonic()
        assert enters(stranger)
        assert enters(office.databases._addresses["DML"].broker)
        assert time.monotonic() - start < 10


def test_an_account_is_refused_when_its_login_cannot_be_written(office: Office) -> None:
    lent = office.lend()
    with psycopg.connect(office.admin_dsn) as blocker:
        blocker.execute("LOCK TABLE access.login IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.OperationalError, match="lock timeout"):
            office.login(lent)


def test_an_account_that_logs_in_read_only_is_refused_for_its_login_could_not_be_written(
    office: Office,
) -> None:
    lent = office.lend()
    with pytest.raises(psycopg.OperationalError, match="read-only transaction"):
        office.login(lent, options="-c default_transaction_read_only=on")


def test_broker_and_superuser_are_members_of_everything_and_yet_not_managed(office: Office) -> None:
    """`pg_has_role` is true for both; it once locked our own broker out."""
    row = office.admin.execute(
        "SELECT pg_has_role('accessctl_broker', 'accessctl_managed', 'MEMBER'),"
        " access.is_managed('accessctl_broker'), access.is_managed('postgres'), access.is_managed('tkcl_cjt_dml')"
    ).fetchone()
    assert row == (True, False, False, True)
    assert enters(office.databases._addresses["DML"].broker)


@pytest.mark.parametrize("group", ["accessctl_managed", "tkcl", "local_hc"])
def test_a_login_role_that_somebody_puts_into_our_groups_is_managed_and_refused(
    office: Office, stranger: str, group: str
) -> None:
    assert enters(stranger)
    office.admin.execute(psycopg.sql.SQL("GRANT {} TO agency_app").format(psycopg.sql.Identifier(group)))
    with pytest.raises(psycopg.OperationalError, match="no open lease"):
        psycopg.connect(stranger)


def test_the_broker_cannot_make_itself_a_door_with_a_new_member_of_tkcl(office: Office) -> None:
    office.broker.execute("CREATE ROLE backdoor LOGIN PASSWORD 'x'")
    try:
        office.broker.execute("GRANT tkcl TO backdoor")
        office.broker.execute("GRANT CONNECT ON DATABASE dml TO backdoor")
        with pytest.raises(psycopg.OperationalError, match="no open lease"):
            psycopg.connect(make_conninfo(office.admin_dsn, user="backdoor", password="x"))
    finally:
        office.broker.execute("REVOKE CONNECT ON DATABASE dml FROM backdoor")
        office.broker.execute("DROP ROLE backdoor")


@pytest.mark.parametrize(
    "option", ["event_triggers=off", "session_replication_role=replica", "log_min_messages=panic"]
)
def test_an_account_cannot_switch_the_gate_or_the_log_off(office: Office, option: str) -> None:
    dsn = make_conninfo(office.enable_by_hand("tkcl_cjt_dml", "by hand"), options=f"-c {option}")
    with pytest.raises(psycopg.OperationalError, match="permission denied to set parameter"):
        psycopg.connect(dsn)
    lent = office.lend("tkcl_cjt_dml")
    with office.login(lent) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("SELECT set_config(%s, %s, false)", option.split("="))


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_transaction_with_an_older_snapshot_may_not_act(office: Office, isolation: str) -> None:
    lent = office.lend()
    with office.login(lent) as session:
        session.execute(f"BEGIN ISOLATION LEVEL {isolation}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="read committed"):
            session.execute(VIEW, (MAI,))
        session.execute("ROLLBACK")
        assert session.execute(VIEW, (MAI,)).fetchone() == ("ok",)


def test_a_superuser_who_takes_over_the_accounts_name_may_not_act_in_it(office: Office) -> None:
    office.lend("tkcl_cjt_dml")
    with psycopg.connect(office.admin_dsn, autocommit=True) as session:
        session.execute("SET SESSION AUTHORIZATION tkcl_cjt_dml")
        assert session.execute("SELECT session_user::text").fetchone() == ("tkcl_cjt_dml",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="did not log in under a lease"):
            session.execute(VIEW, (MAI,))


def test_set_role_changes_nothing_about_whose_lease_it_is(office: Office) -> None:
    """Two accounts are open; one may by a hand-made grant become the other, and still has only its own lease."""
    lent = office.lend("tkcl_cjt_dml")  # before the grant: a drifted account is not lent
    other = office.lend("tkcl_gng_dml", subject="6799000004")
    office.admin.execute("GRANT tkcl_gng_dml TO tkcl_cjt_dml WITH INHERIT FALSE, SET TRUE")
    try:
        with office.login(lent) as session:
            session.execute("SET ROLE tkcl_gng_dml")
            assert session.execute(VIEW, ("6799000004",)).fetchone() == ("wrong_subject",)
            assert session.execute(VIEW, (MAI,)).fetchone() == ("ok",)
        assert office.acts(other.lease_id) == []
        assert [outcome for _, outcome in office.acts(lent.lease_id)] == ["wrong_subject", "ok"]
    finally:
        office.admin.execute("REVOKE tkcl_gng_dml FROM tkcl_cjt_dml")


def test_an_open_transaction_does_not_outlive_the_lease(office: Office) -> None:
    """With now() it would: the clock of a transaction stands still."""
    lent = office.lend(seconds=0.5)
    with office.login(lent) as session:
        session.execute("BEGIN")
        assert session.execute(VIEW, (MAI,)).fetchone() == ("ok",)
        time.sleep(0.6)
        assert session.execute(VIEW, (MAI,)).fetchone() == ("lease_over",)
        session.execute("COMMIT")
    assert office.acts(lent.lease_id) == [("reissue:view", "ok"), ("reissue:view", "lease_over")]


def test_a_change_that_is_committed_after_the_end_of_its_lease_does_not_take_effect(office: Office) -> None:
    lent = office.lend(seconds=1.0)
    reissue = "SELECT outcome FROM bhyt.reissue_card(%s, 'MAT', '67A0000099', 'late')"
    with psycopg.connect(office.dsn(lent)) as session:  # the service is dead: nobody ends this session
        assert session.execute(reissue, (MAI,)).fetchone() == ("ok",)
        time.sleep(1.1)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="ended before the commit"):
            session.commit()
    written = office.admin.execute("SELECT count(*) FROM bhyt.reissue WHERE blank_serial = '67A0000099'")
    assert written.fetchone() == (0,)


def test_a_session_of_the_last_lease_may_not_act_under_the_next_one(office: Office) -> None:
    """Were it to survive the closing: here the lease row is exchanged below its feet."""
    lent = office.lend()
    with office.login(lent) as session:
        office.admin.execute(
            "UPDATE access.lease SET lease_id = 'the next one', officer = 'le.van.b' WHERE account = %s",
            (lent.role,),
        )
        assert session.execute(VIEW, (MAI,)).fetchone() == ("lease_over",)
    rows = office.admin.execute(
        "SELECT lease_id, outcome FROM access.act WHERE lease_id IN (%s, 'the next one')", (lent.lease_id,)
    ).fetchall()
    assert rows == [(lent.lease_id, "lease_over")]
    office.admin.execute("DELETE FROM access.lease")


def test_no_row_lock_of_an_act_blocks_the_closing(office: Office) -> None:
    lent = office.lend("tkhctt_cjt_dml", fields=["full_name"])
    session = office.login(lent)
    session.execute("BEGIN")
    query = "SELECT outcome FROM bhyt.correct_holder(%s, '{\"full_name\": \"Trần Thị M\"}', 'k')"
    assert session.execute(query, (MAI,)).fetchone() == ("ok",)
    closing = "SELECT access.close_lease(%s, %s, 'revoked')"  # raises when it has to wait for a lock
    assert office.broker.execute(closing, (lent.role, lent.lease_id)).fetchone() == ("closed",)
    office.close(lent)
    row = office.admin.execute("SELECT full_name FROM bhyt.participant WHERE bhxh_no = %s", (MAI,)).fetchone()
    assert row == ("Trần Thị Mai",)  # S30: uncommitted work was rolled back


def test_an_account_may_connect_to_its_hosts_database_only(office: Office) -> None:
    lent = office.lend()
    databases = [row[0] for row in office.admin.execute("SELECT datname FROM pg_database WHERE datallowconn")]
    assert {"postgres", "template1", "dml"} <= set(databases)
    for name in databases:
        if name != "dml":
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(office.dsn(lent, name))


def test_the_code_of_the_login_trigger_never_runs_with_the_rights_of_who_logs_in(office: Office) -> None:
    row = office.admin.execute(
        "SELECT proowner::regrole::text, prosecdef, proconfig[1] FROM pg_proc WHERE oid = 'access.on_login'::regproc"
    ).fetchone()
    assert row == ("accessctl_owner", True, "search_path=pg_catalog, pg_temp")


def test_every_function_of_ours_has_a_fixed_search_path_and_none_is_open_to_public(office: Office) -> None:
    rows = office.admin.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc p"
        " WHERE p.pronamespace IN ('access'::regnamespace, 'bhyt'::regnamespace)"
        " AND (p.proowner <> 'accessctl_owner'::regrole"
        "  OR NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)"
        "  OR has_function_privilege('public', p.oid, 'EXECUTE'))"
    ).fetchall()
    assert rows == []


def test_a_use_that_is_rolled_back_leaves_a_gap_and_a_line_in_the_servers_log(office: Office) -> None:
    lent = office.lend()
    with office.login(lent) as session:
        statement = VIEW.replace(
            "%s", f"'{MAI}'"
        )  # as a person types it: the number is part of the statement
        session.execute("BEGIN")
        session.execute(statement)
        session.execute("ROLLBACK")
        session.execute(statement)
    assert office.acts(lent.lease_id) == [("reissue:view", "ok")]
    lines = office.logged(f"accessctl act lease={lent.lease_id} ", count=2)
    assert len(lines) == 2
    assert not any(MAI in line for line in lines)  # nor in the statement that PostgreSQL would add
