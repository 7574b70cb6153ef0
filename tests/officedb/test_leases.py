"""Opening and closing in the office: exclusive, repeatable in any order, and never held up by the holder."""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import psycopg
import pytest

from accessctl import clock
from accessctl.domain.dossiers import Field
from accessctl.domain.leases import EndReason
from accessctl.errors import AccessError, Conflict, Unavailable
from accessctl.officedb import sessions
from accessctl.officedb.accounts import disable_account, disable_all, logins_enabled
from accessctl.officedb.leases import CloseOrder, OpenOrder, close_lease, open_lease, open_roles, renew_lease
from tests.officedb.conftest import MAI, Lent, Office


def dead_within(session: psycopg.Connection, seconds: float) -> float:
    """How long until the session is dead; fails when it still lives after `seconds`."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        try:
            session.execute("SELECT 1")
        except psycopg.Error as error:
            if session.closed:
                return time.monotonic() - start
            assert isinstance(error, psycopg.errors.InFailedSqlTransaction)  # noqa: PT017
        time.sleep(0.005)
    pytest.fail(f"the session still lives after {seconds} s")


def role_facts(office: Office, role: str) -> tuple[bool, bool, int]:
    """May log in, has a password, has settings of its own."""
    row = office.admin.execute(
        "SELECT rolcanlogin, rolpassword IS NOT NULL,"
        " (SELECT count(*)::int FROM pg_db_role_setting s WHERE s.setrole = a.oid)"
        " FROM pg_authid a WHERE rolname = %s",
        (role,),
    ).fetchone()
    assert row is not None
    return row


def test_a_lease_opens_the_account_until_its_end_on_the_hosts_clock(office: Office) -> None:
    _, order = office.order(seconds=900)
    before = datetime.now(UTC)
    lease = open_lease(office.broker, order)
    assert abs(lease.host_now - before) < timedelta(seconds=2)
    assert lease.expires_at - lease.opened_at == timedelta(seconds=900)
    row = office.admin.execute(
        "SELECT rolcanlogin, rolvaliduntil, rolconnlimit FROM pg_roles WHERE rolname = %s", (order.role,)
    ).fetchone()
    assert row == (True, lease.expires_at, 2)
    (found,) = open_roles(office.broker)
    assert (found.role, found.lease_id, found.expires_at, found.can_login) == (
        order.role, order.lease_id, lease.expires_at, True,
    )  # fmt: skip


def test_a_third_connection_of_one_account_is_refused(office: Office) -> None:
    lent = office.lend()
    with office.login(lent), office.login(lent):
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            office.login(lent)
        assert office.sessions(lent.role) == 2


def test_rolling_an_opening_forward_again_keeps_the_first_expiry_and_the_secret(office: Office) -> None:
    secret, order = office.order()
    first = open_lease(office.broker, order)
    again = open_lease(office.broker, replace(order, remaining=timedelta(hours=1)))
    assert (again.opened_at, again.expires_at) == (first.opened_at, first.expires_at)
    office.login(Lent(order.lease_id, order.role, secret, order)).close()


def test_S28_another_lease_of_an_open_account_is_refused(office: Office) -> None:
    lent = office.lend()
    _, other = office.order(lent.role)
    with pytest.raises(Conflict) as refusal:
        open_lease(office.broker, other)
    assert refusal.value.code == "officedb.account_busy"
    office.login(lent).close()


def _open_in_a_process(dsn: str, order: OpenOrder, together: Barrier, answers: Queue[str]) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        together.wait(timeout=60)
        try:
            open_lease(conn, order)
            answers.put("ok")
        except AccessError as error:
            answers.put(error.code)


def test_S28_four_processes_at_one_instant_open_exactly_one_lease(office: Office) -> None:
    context = multiprocessing.get_context("spawn")
    answers, together = context.Queue(), context.Barrier(4)
    dsn = psycopg.conninfo.make_conninfo(office.admin_dsn, user="accessctl_broker", password="broker-secret")
    orders = [office.order()[1] for _ in range(4)]
    workers = [
        context.Process(target=_open_in_a_process, args=(dsn, order, together, answers)) for order in orders
    ]
    for worker in workers:
        worker.start()
    found = sorted(answers.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join(timeout=60)
    assert found.count("ok") == 1
    assert set(found) == {"ok", "officedb.account_busy"}
    assert len(open_roles(office.broker)) == 1


def test_a_lease_that_was_closed_can_never_be_opened_again(office: Office) -> None:
    """A worker that was held up must not reopen what another one has closed meanwhile."""
    _, order = office.order()
    close_lease(office.broker, CloseOrder(order.lease_id, order.role, EndReason.REVOKED))
    with pytest.raises(Conflict) as refusal:
        open_lease(office.broker, order)
    assert refusal.value.code == "officedb.lease_ended"
    assert role_facts(office, order.role) == (False, False, 0)


def test_closing_takes_login_password_and_session_and_writes_the_end_once(office: Office) -> None:
    lent = office.lend()
    session = office.login(lent)
    assert office.close(lent).sessions_ended == 1
    dead_within(session, 1)
    assert role_facts(office, lent.role) == (False, False, 0)
    assert office.close(lent, EndReason.REVOKED).sessions_ended == 1  # again: the same answer, nothing new
    ends = office.admin.execute(
        "SELECT reason, sessions, officer FROM access.lease_end WHERE lease_id = %s", (lent.lease_id,)
    ).fetchall()
    assert ends == [("returned", 1, "nguyen.thi.lan")]
    assert logins_enabled(office.broker) == []


def test_a_late_closing_of_an_old_lease_leaves_the_next_holder_alone(office: Office) -> None:
    old = office.lend()
    office.close(old)
    new = office.lend(old.role)
    with office.login(new) as session:
        assert office.close(old, EndReason.ABANDONED).sessions_ended == 0
        assert session.execute("SELECT 1").fetchone() == (1,)
        assert [lease.lease_id for lease in open_roles(office.broker)] == [new.lease_id]


def test_a_role_that_does_not_exist_any_more_counts_as_closed_and_its_sessions_end(office: Office) -> None:
    office.admin.execute("CREATE ROLE tkcl_zzz_dml LOGIN PASSWORD 'x'")
    office.admin.execute("GRANT accessctl_managed TO tkcl_zzz_dml WITH INHERIT FALSE, SET FALSE")
    office.admin.execute("GRANT tkcl TO tkcl_zzz_dml WITH INHERIT TRUE, SET FALSE")
    office.admin.execute("GRANT CONNECT ON DATABASE dml TO tkcl_zzz_dml")
    office.admin.execute("GRANT tkcl_zzz_dml TO accessctl_broker WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    office.admin.execute("INSERT INTO access.account VALUES ('tkcl_zzz_dml', 'TKCL', 'ZZZ', 'DML')")
    lent = office.lend("tkcl_zzz_dml")
    session = office.login(lent)
    try:
        office.admin.execute("REVOKE CONNECT ON DATABASE dml FROM tkcl_zzz_dml")
        office.admin.execute("DROP ROLE tkcl_zzz_dml")
        assert office.close(lent).sessions_ended == 1
        dead_within(session, 1)
        assert open_roles(office.broker) == []
    finally:
        office.admin.execute("DELETE FROM access.account WHERE role = 'tkcl_zzz_dml'")


def test_an_open_transaction_and_set_role_by_a_hand_made_grant_are_dead_within_a_second_of_revoke(
    office: Office,
) -> None:
    office.admin.execute("CREATE ROLE helper NOLOGIN")
    lent = office.lend("tkcl_cjt_dml")  # before the grant: a drifted account is not lent
    office.admin.execute("GRANT helper TO tkcl_cjt_dml WITH INHERIT FALSE, SET TRUE")
    try:
        session = office.login(lent)
        session.execute("BEGIN")
        assert session.execute("SELECT outcome FROM bhyt.view_reissue(%s)", (MAI,)).fetchone() == ("ok",)
        session.execute("SET ROLE helper")
        start = time.monotonic()
        office.close(lent, EndReason.REVOKED)
        dead_within(session, 1)
        assert time.monotonic() - start < 1
        assert office.sessions(lent.role) == 0
        assert (
            office.acts(lent.lease_id) == []
        )  # the transaction was rolled back; the server's log has its line
    finally:
        office.admin.execute("DROP ROLE helper")


@pytest.mark.parametrize("change", ["PASSWORD 'my own'", "SET work_mem = '8MB'"])
def test_a_holder_who_changes_the_role_in_an_open_transaction_does_not_block_the_closing(
    office: Office, change: str
) -> None:
    """The first locks the role's row: without a lock timeout the closing would wait for ever."""
    lent = office.lend()
    session = office.login(lent)
    session.execute("BEGIN")
    session.execute(f"ALTER ROLE tkcl_cjt_dml {change}")
    start = time.monotonic()
    office.close(lent, EndReason.EXPIRED)
    assert time.monotonic() - start < 1
    dead_within(session, 1)
    assert role_facts(office, lent.role) == (False, False, 0)


def test_a_holder_who_keeps_changing_the_role_does_not_block_the_closing_either(office: Office) -> None:
    """`tuple concurrently updated` instead of a wait, when the other transaction commits."""
    lent = office.lend()
    session = office.login(lent)

    def change() -> None:
        while not session.closed:
            with suppress(psycopg.Error):  # now and then it is this side that was too late
                session.execute("ALTER ROLE tkcl_cjt_dml PASSWORD NULL")

    busy = threading.Thread(target=change)
    busy.start()
    time.sleep(0.05)
    start = time.monotonic()
    office.close(lent)
    assert time.monotonic() - start < 1
    busy.join(timeout=5)
    assert session.closed
    assert role_facts(office, lent.role) == (False, False, 0)


def test_settings_that_an_account_gives_itself_are_gone_at_the_end_and_reported(office: Office) -> None:
    lent = office.lend()
    with office.login(lent) as session:
        session.execute("ALTER ROLE tkcl_cjt_dml SET default_transaction_read_only = on")
        session.execute("ALTER ROLE tkcl_cjt_dml IN DATABASE dml SET statement_timeout = '1ms'")
        assert role_facts(office, lent.role)[2] == 2
    closed = office.close(lent)
    assert closed.settings_changed
    assert role_facts(office, lent.role) == (False, False, 0)
    following = office.lend(lent.role)
    with office.login(following) as session:
        assert session.execute("SHOW default_transaction_read_only").fetchone() == ("off",)
    assert not office.close(following).settings_changed


def test_settings_left_behind_are_gone_at_the_next_opening(office: Office) -> None:
    office.admin.execute("ALTER ROLE tkcl_cjt_dml SET default_transaction_read_only = on")
    lent = office.lend("tkcl_cjt_dml")
    assert role_facts(office, lent.role)[2] == 0
    office.login(lent).close()


def test_an_account_made_superuser_by_hand_is_not_lent(office: Office) -> None:
    office.admin.execute("ALTER ROLE tkcl_cjt_dml SUPERUSER")
    try:
        _, order = office.order("tkcl_cjt_dml")
        with pytest.raises(Unavailable) as refusal:
            open_lease(office.broker, order)
        assert refusal.value.code == "officedb.account_tampered"
        assert open_roles(office.broker) == []
    finally:
        office.admin.execute("ALTER ROLE tkcl_cjt_dml NOSUPERUSER")


def test_what_cannot_be_closed_is_said_and_not_given_up_in_silence(office: Office) -> None:
    """A superuser's hand beats the broker: the caller hears it (and quarantines)."""
    lent = office.lend("tkcl_cjt_dml")
    session = office.login(lent)
    office.admin.execute("ALTER ROLE tkcl_cjt_dml SUPERUSER")
    try:
        with pytest.raises(Unavailable) as failure:
            office.close(lent)
        assert failure.value.code == "officedb.not_closed"
    finally:
        office.admin.execute("ALTER ROLE tkcl_cjt_dml NOSUPERUSER")
    office.close(lent)
    dead_within(session, 1)


def test_sessions_that_do_not_end_are_reported_after_the_patience(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "PATIENCE", 0.1)
    monkeypatch.setattr(sessions, "_END", "SELECT 4711, %(role)s, %(lease)s::text")  # one that never goes
    with pytest.raises(Unavailable) as failure:
        sessions.end_sessions(office.broker, "tkcl_cjt_dml")
    assert failure.value.code == "officedb.not_closed"


@pytest.mark.parametrize("off", [timedelta(seconds=7), timedelta(seconds=-7)])
def test_clocks_that_differ_by_more_than_five_seconds_open_nothing(office: Office, off: timedelta) -> None:
    _, order = office.order()
    with pytest.raises(Unavailable) as refusal:
        open_lease(office.broker, order, now=lambda: clock.now() + off)
    assert refusal.value.code == "officedb.clock_skew"
    assert logins_enabled(office.broker) == []


def test_four_seconds_of_difference_are_borne(office: Office) -> None:
    _, order = office.order()
    lease = open_lease(office.broker, order, now=lambda: clock.now() + timedelta(seconds=4))
    assert lease.expires_at - lease.opened_at == order.remaining
    assert logins_enabled(office.broker) == [order.role]


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_lease_without_time_left_is_not_opened(office: Office, seconds: int) -> None:
    _, order = office.order(seconds=seconds)
    with pytest.raises(Unavailable) as refusal:
        open_lease(office.broker, order)
    assert refusal.value.code == "officedb.lease_over"
    assert logins_enabled(office.broker) == []


def test_the_database_itself_refuses_a_lease_of_more_than_an_hour_and_a_field_it_does_not_know(
    office: Office,
) -> None:
    _, long = office.order(seconds=3700)
    _, odd = office.order("tkhctt_cjt_dml", fields=[Field.SEX, "category"])  # type: ignore[list-item]
    for order in (long, odd):
        with pytest.raises(psycopg.errors.CheckViolation):
            open_lease(office.broker, order)
    assert logins_enabled(office.broker) == []


def test_an_account_that_is_not_ours_is_not_lent(office: Office) -> None:
    _, order = office.order("accessctl_witness")
    with pytest.raises(Unavailable) as refusal:
        open_lease(office.broker, order)
    assert refusal.value.code == "officedb.account_missing"


def test_S30_a_renewal_moves_the_end_on_the_hosts_clock_and_of_the_password(office: Office) -> None:
    lent = office.lend(seconds=60)
    renewed = renew_lease(office.broker, lent.lease_id, timedelta(minutes=15))
    assert timedelta(minutes=14) < renewed.expires_at - renewed.host_now <= timedelta(minutes=15)
    row = office.admin.execute(
        "SELECT rolvaliduntil FROM pg_roles WHERE rolname = %s", (lent.role,)
    ).fetchone()
    assert row == (renewed.expires_at,)
    with pytest.raises(psycopg.errors.CheckViolation):
        renew_lease(office.broker, lent.lease_id, timedelta(minutes=70))
    office.close(lent)
    with pytest.raises(Unavailable) as refusal:
        renew_lease(office.broker, lent.lease_id, timedelta(minutes=5))
    assert refusal.value.code == "officedb.lease_over"


def test_an_expired_lease_cannot_be_renewed(office: Office) -> None:
    lent = office.lend(seconds=0.05)
    time.sleep(0.1)
    with pytest.raises(Unavailable) as refusal:
        renew_lease(office.broker, lent.lease_id, timedelta(minutes=5))
    assert refusal.value.code == "officedb.lease_over"


def test_after_a_restore_every_role_is_closed_whatever_state_it_was_in(office: Office) -> None:
    one, two = office.lend("tkcl_cjt_dml"), office.lend("tkhctt_gng_dml", fields=[Field.SEX])
    held = [office.login(one), office.login(two)]
    office.enable_by_hand("tkcl_dgl_dml", "by hand")  # an orphan: LOGIN without a lease
    assert logins_enabled(office.broker) == ["tkcl_cjt_dml", "tkcl_dgl_dml", "tkhctt_gng_dml"]
    assert disable_all(office.broker) == 2
    for session in held:
        dead_within(session, 1)
    assert logins_enabled(office.broker) == []
    assert open_roles(office.broker) == []
    assert role_facts(office, "tkcl_dgl_dml") == (False, False, 0)


def test_an_account_can_be_shut_alone_and_a_second_time(office: Office) -> None:
    lent = office.lend()
    office.login(lent)
    assert disable_account(office.broker, lent.role) == 1
    assert disable_account(office.broker, lent.role) == 0
    assert role_facts(office, lent.role) == (False, False, 0)
