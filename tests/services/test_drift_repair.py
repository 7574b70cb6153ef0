"""What becomes of a deviation: a finding, a word that it is gone, a repair by the broker or with a DBA, the board."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from accessctl.errors import Conflict, NotFound, Refused
from accessctl.services import drift, drift_board, grants, repair
from accessctl.services.control import transaction
from accessctl.services.repair import Outcome
from tests.common.world import World

IT, HEAD, AUDITOR, CLERK = "vpt.cntt1", "kno.gd", "vpt.ktra1", "cjt.the1"
TABLE = "GRANT SELECT ON bhyt.participant TO tkcl_cjt_kno"
SET = "GRANT tkcl_cjt_kno TO accessctl_broker WITH SET TRUE, INHERIT FALSE GRANTED BY accessctl_broker"


@contextmanager
def tampered(world: World, *statements: str, office: str = "KNO") -> Iterator[None]:
    with world.admin_office(office) as admin:
        for statement in statements:
            admin.execute(sql.SQL(statement))
        try:
            yield
        finally:
            dsn = world.province.cluster.dsn()
            repair.apply(world.rt, world.actor(IT), [office], lambda _: dsn)
    assert drift.look(world.rt, office).drifts == ()


def steps(world: World) -> list[tuple[str, str]]:
    with world.admin_control() as admin:
        query = (
            "SELECT f.state, r.what FROM finding f JOIN finding_remark r ON r.finding_id = f.id"
            " WHERE f.kind = 'drift' ORDER BY r.id"
        )
        return admin.execute(query).fetchall()


def apply(world: World, *offices: str, admin: bool = False) -> list[Outcome]:
    dsn = world.province.cluster.dsn()
    return repair.apply(world.rt, world.actor(IT), list(offices), (lambda _: dsn) if admin else None)


def test_S05_one_finding_for_a_deviation_and_the_service_notes_when_it_is_gone_and_when_it_is_back(
    world: World,
) -> None:
    with tampered(world, TABLE):
        for _ in range(2):
            [seen] = drift.look(world.rt, "KNO").drifts
        assert len(world.records("policy.drift")) == 1
        assert steps(world) == []
        with world.admin_office("KNO") as admin:
            admin.execute("REVOKE SELECT ON bhyt.participant FROM tkcl_cjt_kno")
            drift.look(world.rt, "KNO")
            drift.look(world.rt, "KNO")
            assert steps(world) == [("OPEN", "gone")]
            admin.execute(TABLE)
        assert drift.look(world.rt, "KNO").drifts == (seen,)
        assert steps(world) == [("OPEN", "gone"), ("OPEN", "again")]
    assert [step for _, step in steps(world)] == ["gone", "again", "gone"]


def test_severity_says_whether_something_is_open_or_something_is_missing(world: World) -> None:
    missing = "REVOKE EXECUTE ON FUNCTION bhyt.view_holder(text) FROM tkhctt"
    with tampered(world, TABLE, missing):
        drift.look(world.rt, "KNO")
        with world.admin_control() as admin:
            rows = admin.execute(
                "SELECT details->>'what', severity FROM finding WHERE kind = 'drift' ORDER BY 2"
            )
            assert rows.fetchall() == [("grant", 1), ("missing", 2)]


def test_without_a_DBA_the_broker_ends_its_own_and_the_record_says_what_is_left(world: World) -> None:
    with tampered(world, TABLE, SET):
        [done] = apply(world, "KNO")
        assert [d.what for d in done.repaired] == ["member"]
        assert [(left.drift.what, left.why) for left in done.left] == [("grant", "needs_admin")]
        [last] = world.records("policy.repaired.failed")
        assert last["reason"] == "officedb.drift_left"
        assert last["details"] == {"repaired": 1, "left": 1}
        [again] = apply(world, "KNO", admin=True)
        assert again.left == ()


def test_an_office_out_of_reach_is_red_and_the_others_are_repaired(world: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    known = json.loads(Path(world.settings.need("ACCESSCTL_OFFICES_FILE")).read_text(encoding="utf-8"))
    for service, dsn in known["DML"].items():
        known["DML"][service] = psycopg.conninfo.make_conninfo(dsn, host="127.0.0.1", port=port)
    path = tmp_path / "offices.json"
    path.write_text(json.dumps(known), encoding="utf-8")
    os.chmod(path, 0o600)
    rt = world.runtime(ACCESSCTL_OFFICES_FILE=str(path))
    try:
        with tampered(world, TABLE):
            dsn = world.province.cluster.dsn()
            dml, kno = repair.apply(rt, world.actor(IT), ["DML", "KNO"], lambda _: dsn)
            assert (dml.code, dml.repaired) == ("officedb.down", ())
            assert (kno.code, kno.drifts) == (None, ())
            assert len(kno.repaired) == 1
            with transaction(rt) as session:
                looks = drift_board.boards(rt, session, world.actor(IT))
        assert (looks[0].office, looks[0].code) == ("DML", "officedb.down")  # the red one first
        assert (
            drift.look(world.rt, "DML").drifts == ()
        )  # nothing of the neighbour on the same server was touched
    finally:
        rt.close()


def test_the_plan_that_is_carried_out_is_the_one_that_was_seen(world: World) -> None:
    it = world.actor(IT)
    with tampered(world, SET):
        drift.look(world.rt, "KNO")
        with transaction(world.rt) as session:
            plan = drift_board.preview(world.rt, session, it, "KNO")
        with world.admin_office("KNO") as admin:
            admin.execute("ALTER ROLE tkcl_cjt_kno CONNECTION LIMIT 7")
        with pytest.raises(Conflict) as raised:
            drift_board.apply(world.rt, it, "KNO", plan.seen)
        assert raised.value.code == "drift.moved_on"
        with transaction(world.rt) as session:
            plan = drift_board.preview(world.rt, session, it, "KNO")
        assert drift_board.apply(world.rt, it, "KNO", plan.seen).left == ()
        with transaction(world.rt) as session:
            look = drift_board.board(world.rt, session, it, "KNO")
        assert (look.drifts, look.repaired_by, look.repaired, look.remaining) == ((), it.full_name, 2, 0)


def test_S54_who_may_look_and_who_may_repair(world: World) -> None:
    rt = world.rt
    drift.look(rt, "KNO")
    with transaction(rt) as session:
        assert len(drift_board.boards(rt, session, world.actor(AUDITOR))) == 9
        assert [look.office for look in drift_board.boards(rt, session, world.actor(HEAD))] == ["KNO"]
        assert drift_board.board(rt, session, world.actor(HEAD), "KNO").looked_at is not None
        with pytest.raises(NotFound):
            drift_board.board(rt, session, world.actor(IT), "XXX")
        for refused in (
            lambda: drift_board.boards(rt, session, world.actor(CLERK)),
            lambda: drift_board.board(rt, session, world.actor(HEAD), "DML"),
            lambda: drift_board.look_now(rt, world.actor(CLERK), "KNO"),
            lambda: drift_board.preview(rt, session, world.actor(AUDITOR), "KNO"),
            lambda: drift_board.apply(rt, world.actor(AUDITOR), "KNO", ""),
            lambda: repair.apply(rt, world.actor(HEAD), ["KNO"]),
            lambda: grants.listed(rt, world.actor(CLERK), "KNO"),
        ):
            with pytest.raises(Refused):
                refused()
    assert not world.records("policy.repaired")


def test_what_the_policy_wants_is_listed_for_an_office_without_asking_its_database(world: World) -> None:
    found = grants.listed(world.rt, world.actor(AUDITOR), "KNO")
    lines = {line.sql for line in found.lines}
    assert "GRANT EXECUTE ON ROUTINE bhyt.reissue_card(text,text,text,text) TO tkcl" in lines
    assert "GRANT tkcl TO tkcl_cjt_kno WITH ADMIN FALSE, INHERIT TRUE, SET FALSE" in lines
    assert "GRANT CONNECT ON DATABASE bhyt_kno TO tkcl_cjt_kno" in lines
    groups = [line for line in found.lines if line.role in ("tkcl", "tkhctt") and line.what == "grant"]
    assert len(groups) == 6  # two functions and the schema for each of them: nothing else, ever
    assert not [line for line in found.lines if line.role == "tkcl_cjt_dml"]


def test_all_nine_databases_of_the_demo_are_clean_and_kept_as_looked_at(world: World) -> None:
    drift.watch(world.rt)
    with transaction(world.rt) as session:
        looks = drift_board.boards(world.rt, session, world.actor(IT))
    assert [(len(look.drifts), look.code, look.looked_at is not None) for look in looks] == [
        (0, None, True)
    ] * 9
