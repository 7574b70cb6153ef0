"""The office databases as those who run them see them: fast beside a dead one, since when, who is in there."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from accessctl.clock import local
from accessctl.errors import Invalid, NotFound, Refused
from accessctl.services import office_board, office_links, statements
from accessctl.services.control import transaction
from accessctl.services.runtime import Runtime
from tests.common.evidence import certain_at_once, collect, found
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"


@contextmanager
def with_dml_at(world: World, folder: Path, port: int) -> Iterator[Runtime]:
    """Another process whose address of DML leads to this port."""
    known = json.loads(Path(world.settings.need("ACCESSCTL_OFFICES_FILE")).read_text(encoding="utf-8"))
    for service, dsn in known["DML"].items():
        known["DML"][service] = psycopg.conninfo.make_conninfo(dsn, host="127.0.0.1", port=port)
    path = folder / "offices.json"
    path.write_text(json.dumps(known), encoding="utf-8")
    os.chmod(path, 0o600)
    rt = world.runtime(ACCESSCTL_OFFICES_FILE=str(path))
    try:
        yield rt
    finally:
        rt.close()


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def shut() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_database_that_never_answers_does_not_hold_the_others_up(
    world: World, tmp_path: Path, deaf: int
) -> None:
    with with_dml_at(world, tmp_path, deaf) as rt:
        it = world.actor("vpt.cntt1")
        office_board.boards(rt, it)  # connections are made once
        began = time.monotonic()
        boards = {board.office: board for board in office_board.boards(rt, it)}
        assert time.monotonic() - began < 1.5
        assert len(boards) == 9
        assert (boards["DML"].late, boards["DML"].status, boards["DML"].sound) == (True, None, False)
        assert all(board.sound for code, board in boards.items() if code != "DML")


def test_a_dead_database_is_down_since_a_moment_that_stays_and_comes_back(
    world: World, tmp_path: Path, shut: int
) -> None:
    it = world.actor("vpt.cntt1")
    assert office_board.board(world.rt, it, "DML").up
    with with_dml_at(world, tmp_path, shut) as rt:
        first = office_board.board(rt, it, "DML")
        assert (first.up, first.code, first.sound) == (False, "officedb.down", False)
        assert first.seen_at is not None
        world.shift = timedelta(minutes=5)
        office_links.watch(rt)
        second = office_board.board(rt, it, "DML")
        assert second.since == first.since
        assert second.tried_at > first.tried_at
    back = office_board.board(world.rt, it, "DML")
    assert back.up
    assert back.since is not None
    assert first.since is not None
    assert back.since > first.since
    told = [
        (r["event"], r["host"], r.get("reason"))
        for r in world.records()
        if r["event"].startswith("officedb.un")
    ]
    assert told == [("officedb.unreachable", "DML", "officedb.down")]
    assert len(world.records("officedb.restored")) == 1


def test_who_is_in_there_is_told_with_the_lease_only_to_whom_the_lease_is_open(world: World) -> None:
    lease = world.lend("cjt.the1", ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, application_name="phần mềm cũ") as client:
        client.execute("SELECT 1")
        (seen,) = office_board.board(world.rt, world.actor("vpt.cntt1"), "DML").sessions
        assert (seen.account, seen.kind, seen.holder, seen.lease) == (
            ACCOUNT,
            "TKCL",
            lease.holder_name,
            None,
        )
        assert seen.address == "127.0.0.1"
        (seen,) = office_board.board(world.rt, world.actor("vpt.gd"), "DML").sessions
        assert seen.lease == lease.lease
    assert office_board.board(world.rt, world.actor("vpt.cntt1"), "CJT").sessions == ()


def test_a_gate_that_is_switched_off_is_not_sound(world: World) -> None:
    with world.admin_office("KNO") as admin:
        admin.execute("ALTER EVENT TRIGGER accessctl_login DISABLE")
        try:
            board = office_board.check_now(world.rt, world.actor("vpt.cntt1"), "KNO")
        finally:
            admin.execute("ALTER EVENT TRIGGER accessctl_login ENABLE ALWAYS")
    assert board.up
    assert not board.sound
    assert board.status is not None
    assert not board.status.trigger_enabled
    assert board.drifts == 1
    assert board.drift_at is not None
    assert [finding["office"] for finding in found(world)] == ["KNO"]


def test_a_quarantined_account_says_why_and_when_it_is_tried_again(world: World) -> None:
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE account SET state = 'QUARANTINED', reason = 'officedb.not_closed' WHERE name = %s",
            (ACCOUNT,),
        )
    (cut,) = office_board.board(world.rt, world.actor("vpt.cntt1"), "DML").cut_off
    assert (cut.account, cut.reason) == (ACCOUNT, "officedb.not_closed")


def test_a_unit_head_sees_the_own_database_and_a_clerk_none(world: World) -> None:
    assert [board.office for board in office_board.boards(world.rt, world.actor("cjt.gd"))] == ["CJT"]
    for username in ("cjt.the1", "cjt.tn1"):
        with pytest.raises(Refused):
            office_board.boards(world.rt, world.actor(username))
    with pytest.raises(Refused):
        office_board.board(world.rt, world.actor("cjt.gd"), "DML")
    for code in ("XXX", "cjt", "", "'; --"):
        with pytest.raises(NotFound):
            office_board.board(world.rt, world.actor("vpt.cntt1"), code)


# The daily statement


def test_S57_a_day_reads_the_same_on_the_page_and_in_the_list_of_days(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    certain_at_once(monkeypatch)
    lease = world.lend("cjt.the1", ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn) as client:
        client.execute("SELECT 1")
    collect(world, "DML")
    it, today = world.actor("vpt.cntt1"), local(world.now()).date()
    with transaction(world.rt) as session:
        lines = statements.days(world.rt, session, it)
        sheet = statements.day_sheet(world.rt, session, it, today)
    assert len(lines) == statements.DAYS
    assert lines[0].day == today
    assert (lines[0].logins, lines[0].matched, lines[0].unexplained) == (1, 1, 0)
    assert (sheet.statement.logins, sheet.statement.matched, sheet.statement.unexplained) == (1, 1, ())
    assert sheet.read_at["DML"] is not None
    assert lines[0].done_at is None
    said = statements.reconcile_day(world.rt, it, today)
    assert (said.logins, said.matched) == (1, 1)
    world.settle()
    with transaction(world.rt) as session:
        line = statements.days(world.rt, session, it)[0]
    assert (line.done_by, line.clean) == (it.full_name, True)


def test_S57_a_login_that_no_lease_explains_is_counted_on_its_day(world: World) -> None:
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO login (source, server, host, at, role, pid, started, outcome, matched)"
            " VALUES ('trigger', '1', 'DML', now() - interval '3 days', 'tkcl_cjt_dml', 7, now() - interval '3 days',"
            " 'ok', false), ('log', '1', 'DML', now() - interval '3 days', 'tkcl_cjt_dml', 7,"
            " now() - interval '3 days', 'ok', false)"
        )
    with transaction(world.rt) as session:
        lines = statements.days(world.rt, session, world.actor("vpt.ktra1"))
    assert [(line.logins, line.unexplained) for line in lines if line.logins] == [(1, 1)]
    assert lines[3].unexplained == 1


def test_the_statement_is_for_those_to_whom_all_findings_are_open_and_for_days_that_were(
    world: World,
) -> None:
    today = local(world.now()).date()
    with transaction(world.rt) as session:
        for username in ("cjt.gd", "cjt.the1"):
            with pytest.raises(Refused):
                statements.days(world.rt, session, world.actor(username))
        for day in (today + timedelta(days=1), today.replace(year=2017)):
            with pytest.raises(Invalid):
                statements.day_sheet(world.rt, session, world.actor("vpt.gd"), day)
