"""What the witness reads: rows that are never missed, and the server's own log over rotation and gaps."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from zoneinfo import ZoneInfo

import psycopg
import pytest

from accessctl.domain.leases import EndReason
from accessctl.officedb import server_log, witness
from accessctl.officedb.credentials import subject_hash
from accessctl.officedb.server_events import EventKind, Roles, ServerEvent, classify, instant
from accessctl.officedb.server_log import LogBatch, LogMark, LogTrouble, log_mark_now, read_log
from tests.common.world import eventually
from tests.officedb.conftest import MAI, Office

VIEW = "SELECT outcome FROM bhyt.view_reissue(%s)"
SOON = timedelta(seconds=0.2)


def read_on(
    office: Office, mark: LogMark | None, settle: timedelta = SOON
) -> tuple[list[ServerEvent], LogBatch]:
    events: list[ServerEvent] = []
    while True:
        batch = read_log(office.witness, mark, settle=settle)
        events += batch.events
        mark = batch.mark
        if not batch.more:
            return events, batch


def events_of(
    office: Office, mark: LogMark | None, role: str, wanted: EventKind, count: int = 1
) -> list[ServerEvent]:
    """The role's events since the mark, once enough of the wanted kind have come: the collector is a bit behind."""
    until = time.monotonic() + 30
    while True:
        found = [event for event in read_on(office, mark)[0] if event.role == role]
        if [event.kind for event in found].count(wanted) >= count or time.monotonic() > until:
            return found
        time.sleep(0.02)


def test_logins_acts_and_ends_are_read_with_all_that_evidence_needs(office: Office) -> None:
    mark = witness.read_on(office.witness).mark
    lent = office.lend()
    with office.login(lent, application_name=lent.lease_id) as session:
        session.execute(VIEW, (MAI,))
        (running,) = witness.sessions(office.witness)
        assert (running.role, running.pid) == (lent.role, session.info.backend_pid)
        pid = session.info.backend_pid
    eventually(lambda: not witness.sessions(office.witness))  # the server takes a moment to see the client go
    office.close(lent, EndReason.EXPIRED)
    news = witness.read_on(office.witness, mark, mark, mark)
    (login,) = [row for row in news.logins if row.managed]
    assert (login.role, login.lease_id, login.pid) == (lent.role, lent.lease_id, pid)
    assert (login.client_addr, login.application_name) == (ip_address("127.0.0.1"), lent.lease_id)
    assert login.client_port == running.client_port
    assert login.backend_start == running.backend_start
    (act,) = news.acts
    assert (act.lease_id, act.officer, act.action, act.outcome) == (
        lent.lease_id, "nguyen.thi.lan", "reissue:view", "ok",
    )  # fmt: skip
    assert (act.pid, act.backend_start) == (login.pid, login.backend_start)  # every act belongs to one login
    assert act.subject == subject_hash(lent.order.subject_key, MAI).hex()
    (end,) = news.ends
    assert (end.lease_id, end.reason, end.account, end.sessions) == (lent.lease_id, "expired", lent.role, 0)
    assert witness.sessions(office.witness) == []


def test_a_row_whose_transaction_was_long_is_not_missed(office: Office) -> None:
    """Its id is older than rows that were read before it was there."""
    slow = office.lend("tkcl_cjt_dml")
    quick = office.lend("tkcl_gng_dml")
    mark = witness.read_on(office.witness).mark
    with office.login(slow) as held, office.login(quick) as session:
        held.execute("BEGIN")
        held.execute(VIEW, (MAI,))
        session.execute(VIEW, (MAI,))
        first = witness.read_on(office.witness, act=mark)
        assert [row.lease_id for row in first.acts] == [quick.lease_id]
        held.execute("COMMIT")
        second = witness.read_on(office.witness, act=first.mark)
    assert {row.lease_id for row in second.acts} >= {slow.lease_id}
    assert min(row.id for row in second.acts) < first.acts[0].id
    third = witness.read_on(office.witness, act=second.mark)
    assert witness.read_on(office.witness, act=third.mark).acts == ()


def test_logins_of_others_are_read_too_and_are_not_managed(office: Office) -> None:
    mark = witness.read_on(office.witness).mark
    psycopg.connect(office.admin_dsn, application_name="dba at work").close()
    rows = witness.read_on(office.witness, mark).logins
    assert [
        (row.role, row.managed, row.lease_id) for row in rows if row.application_name == "dba at work"
    ] == [("postgres", False, None)]


def test_the_log_shows_login_use_end_and_the_same_session_in_both_witnesses(office: Office) -> None:
    mark = log_mark_now(office.witness)
    lent = office.lend()
    with office.login(lent, application_name=lent.lease_id) as session:
        session.execute(VIEW, (MAI,))
        pid = session.info.backend_pid
    found = events_of(office, mark, lent.role, EventKind.DISCONNECTED)
    assert [event.kind for event in found] == [EventKind.LOGIN_OK, EventKind.ACT, EventKind.DISCONNECTED]
    assert {event.pid for event in found} == {pid}
    assert len({event.session_id for event in found}) == 1
    assert {event.app_name for event in found} == {lent.lease_id}
    assert all(event.managed and event.addr == "127.0.0.1" and event.port for event in found)
    assert abs(found[0].at - datetime.now(UTC)) < timedelta(seconds=30)
    assert f"lease={lent.lease_id} action=reissue:view outcome=ok" in found[1].message


def test_a_wrong_password_is_a_failed_login(office: Office) -> None:
    mark = log_mark_now(office.witness)
    lent = office.lend()
    wrong = psycopg.conninfo.make_conninfo(office.dsn(lent), password="wrong")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(wrong)
    found = events_of(office, mark, lent.role, EventKind.LOGIN_FAILED)
    assert [(event.kind, event.code) for event in found] == [(EventKind.LOGIN_FAILED, "28P01")]


def test_a_right_password_without_a_lease_is_refused_and_never_counts_as_a_login(office: Office) -> None:
    """The trigger's refusal rolls its own row back: only the server's log has it, as authorized and then FATAL."""
    mark = log_mark_now(office.witness)
    since = witness.read_on(office.witness).mark
    dsn = office.enable_by_hand("tkcl_dgl_dml", "by hand")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn, dbname="postgres")
    found = events_of(office, mark, "tkcl_dgl_dml", EventKind.LOGIN_REFUSED, 2)
    refused = [event for event in found if event.kind is EventKind.LOGIN_REFUSED]
    assert [(event.dbname, event.code) for event in refused] == [("dml", "28000"), ("postgres", "42501")]
    assert EventKind.LOGIN_OK not in {event.kind for event in found}
    assert [row for row in witness.read_on(office.witness, since).logins if row.managed] == []


def test_a_denied_statement_of_an_account_is_an_event_and_one_of_somebody_else_is_not(office: Office) -> None:
    mark = log_mark_now(office.witness)
    lent = office.lend()
    with office.login(lent) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute("SELECT * FROM bhyt.participant")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        office.witness.execute("SELECT * FROM bhyt.participant")
    found = [event for event in events_of(office, mark, lent.role, EventKind.DISCONNECTED)]
    denied = [event for event in found if event.kind is EventKind.DENIED]
    assert [(event.code, event.message) for event in denied] == [
        ("42501", "permission denied for table participant")
    ]
    assert all(event.kind is not EventKind.DENIED or event.managed for event in read_on(office, mark)[0])


def test_a_superusers_login_is_told_from_others(office: Office) -> None:
    mark = log_mark_now(office.witness)
    psycopg.connect(office.admin_dsn).close()
    found = events_of(office, mark, "postgres", EventKind.ADMIN_LOGIN)
    assert found[0].kind is EventKind.ADMIN_LOGIN
    assert not found[0].managed


def test_a_lost_connection_is_seen(office: Office) -> None:
    mark = log_mark_now(office.witness)
    lent = office.lend()
    session = office.login(lent)
    with socket.socket(fileno=os.dup(session.fileno())) as wire:  # the network is cut
        wire.shutdown(socket.SHUT_RDWR)
    session.close()
    session = office.login(lent)
    session.pgconn.send_query(b"BEGIN")
    with socket.socket(fileno=os.dup(session.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
    session.close()
    found = events_of(office, mark, lent.role, EventKind.LOST_CONNECTION)
    assert EventKind.LOST_CONNECTION in {event.kind for event in found}


def test_reading_goes_to_the_last_newline_and_goes_on_there(office: Office) -> None:
    mark = log_mark_now(office.witness)
    lent = office.lend()
    office.login(lent).close()
    assert [event.kind for event in events_of(office, mark, lent.role, EventKind.DISCONNECTED)]
    _, batch = read_on(office, mark)
    assert batch.mark is not None
    path = office.cluster.log_folder / batch.mark.file
    assert path.read_bytes()[: batch.mark.offset].endswith(b"\n")
    office.login(lent).close()
    again = events_of(office, batch.mark, lent.role, EventKind.DISCONNECTED)
    assert [event.kind for event in again] == [EventKind.LOGIN_OK, EventKind.DISCONNECTED]


def test_a_young_login_waits_until_it_is_known_whether_the_trigger_refused_it(office: Office) -> None:
    mark = log_mark_now(office.witness)
    lent = office.lend()
    session = office.login(lent)
    time.sleep(0.2)  # the collector has its line by now
    events, _ = read_on(office, mark, settle=timedelta(hours=1))
    assert [event for event in events if event.role == lent.role] == []
    session.close()
    found = events_of(office, mark, lent.role, EventKind.DISCONNECTED)
    assert found[0].kind is EventKind.LOGIN_OK  # settled by the line that followed it


def test_a_rotated_log_is_read_through_to_the_new_file(office: Office) -> None:
    mark = log_mark_now(office.witness)
    assert mark is not None
    first, second = office.lend("tkcl_cjt_dml"), office.lend("tkcl_gng_dml")
    office.login(first).close()
    time.sleep(1.1)  # a file's name has seconds
    office.admin.execute("SELECT pg_rotate_logfile()")
    until = time.monotonic() + 30
    while (now := log_mark_now(office.witness)) and now.file == mark.file and time.monotonic() < until:
        time.sleep(0.02)
    office.login(second).close()
    found = events_of(office, mark, second.role, EventKind.DISCONNECTED)
    assert [event.kind for event in found] == [EventKind.LOGIN_OK, EventKind.DISCONNECTED]
    events, batch = read_on(office, mark)
    assert {first.role, second.role} <= {event.role for event in events}
    assert batch.mark is not None
    assert batch.mark.file != mark.file
    assert batch.troubles == ()


def test_a_shrunken_a_missing_and_another_servers_log_are_findings_and_reading_goes_on(
    office: Office,
) -> None:
    mark = log_mark_now(office.witness)
    assert mark is not None
    longer = LogMark(mark.system_identifier, mark.file, mark.offset + 10_000_000)
    gone = LogMark(mark.system_identifier, "server-19990101-000000.json", 5)
    other = LogMark("1", mark.file, 5)
    for wrong, trouble in (
        (longer, LogTrouble.SHRUNKEN),
        (gone, LogTrouble.MISSING),
        (other, LogTrouble.OTHER_SERVER),
    ):
        batch = read_log(office.witness, wrong, settle=SOON)
        assert [found.kind for found in batch.troubles] == [trouble]
        assert batch.mark is not None
        assert batch.mark.system_identifier == mark.system_identifier
        assert batch.events


def test_a_broken_line_is_a_finding_and_the_others_are_read() -> None:
    lines, broken = server_log._parse(b'{"a": 1}\nnot json\n[1]\n{"b": 2}\n')
    assert [(place, line) for place, line in lines] == [(0, {"a": 1}), (22, {"b": 2})]
    assert broken == 2


@pytest.mark.parametrize(
    "name",
    [
        "pg_hba.conf", "../pg_hba.conf", "../data/pg_hba.json", "/etc/passwd", "/etc/passwd.json", ".hidden.json",
        "a/b.json", "..json", "x.json/../y.json", "x.json\n", "", None, "x" * 300 + ".json", "server.JSON",
    ],
)  # fmt: skip
def test_the_log_function_reads_bare_names_of_json_files_in_the_log_folder_only(
    office: Office, name: str | None
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        office.witness.execute("SELECT access.server_log(%s, 0, 100)", (name,))


def test_the_log_function_refuses_odd_ranges_and_bounds_the_length(office: Office) -> None:
    mark = log_mark_now(office.witness)
    assert mark is not None
    for offset, length in ((-1, 10), (0, -1), (None, 10), (0, None)):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            office.witness.execute("SELECT access.server_log(%s, %s, %s)", (mark.file, offset, length))
    query = "SELECT access.server_log(%s, %s, %s)"
    assert office.witness.execute(query, (mark.file, 10**12, 10)).fetchone() == (b"",)
    assert office.witness.execute(query, ("no-such-file.json", 0, 10)).fetchone() == (None,)
    row = office.witness.execute(query, (mark.file, 0, 10**12)).fetchone()
    assert row is not None
    assert len(row[0]) <= 4 << 20
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        office.broker.execute(query, (mark.file, 0, 10))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018-04-24 07:44:00.123 UTC", "2018-04-24T07:44:00.123000+00:00"),
        ("2018-04-24 07:44:00.123 GMT", "2018-04-24T07:44:00.123000+00:00"),
        ("2018-04-24 14:44:00.123 +07", "2018-04-24T07:44:00.123000+00:00"),
        ("2018-04-24 03:14:00.123 -0430", "2018-04-24T07:44:00.123000+00:00"),
        ("2018-04-24 14:44:00.123 ICT", "2018-04-24T07:44:00.123000+00:00"),
    ],
)
def test_the_servers_time_is_read_in_whatever_zone_it_logs(text: str, expected: str) -> None:
    at = instant({"timestamp": text}, ZoneInfo("Asia/Ho_Chi_Minh"))
    assert at is not None
    assert at.isoformat() == expected
    assert instant({"timestamp": "yesterday"}, ZoneInfo("UTC")) is None


def test_a_termination_hours_later_does_not_turn_a_login_into_a_refusal() -> None:
    common = {"timestamp": "2018-04-24 07:44:00.123 UTC", "user": "tkcl_cjt_dml", "session_id": "s", "pid": 7}
    lines = [
        {
            **common,
            "error_severity": "LOG",
            "ps": "authentication",
            "message": "connection authorized: user=x",
        },
        {**common, "error_severity": "FATAL", "ps": "idle", "state_code": "57P01", "message": "terminating"},
    ]
    known = Roles(frozenset({"tkcl_cjt_dml"}), frozenset())
    assert [event.kind for event in classify(lines, known, ZoneInfo("UTC"))] == [EventKind.LOGIN_OK]
    lines[1]["ps"] = "startup"
    assert [event.kind for event in classify(lines, known, ZoneInfo("UTC"))] == [EventKind.LOGIN_REFUSED]


def test_switching_the_trigger_off_is_an_event_where_statements_are_logged(office: Office) -> None:
    mark = log_mark_now(office.witness)
    with psycopg.connect(office.admin_dsn, options="-c log_statement=ddl", autocommit=True) as conn:
        conn.execute("ALTER EVENT TRIGGER accessctl_login DISABLE")
        conn.execute("ALTER EVENT TRIGGER accessctl_login ENABLE ALWAYS")
    found = events_of(office, mark, "postgres", EventKind.TRIGGER_DISABLED)
    assert EventKind.TRIGGER_DISABLED in {event.kind for event in found}
