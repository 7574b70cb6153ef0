"""An office database that is down, slow, full, or not as it should be: a stable code, nothing half done (issue 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from accessctl.errors import AccessError
from accessctl.services import leasing
from tests.common.world import World, eventually
from tests.faults.conftest import Working, assert_log_whole, half_done, leases

ACCOUNT, HOLDER, ROLE = "TKCL-CJT-DML", "cjt.the1", "tkcl_cjt_dml"


@contextmanager
def down(world: World) -> Iterator[None]:
    """Nobody connects, and every session there was is ended."""
    name = world.province.dbnames["DML"]
    with world.province.admin() as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        admin.execute(
            "SELECT pg_terminate_backend(pid, 3000) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        try:
            yield
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


@contextmanager
def slow(world: World) -> Iterator[None]:
    """Somebody works on the table of leases for long."""
    with world.admin_office("DML") as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE access.lease IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def full(world: World) -> Iterator[None]:
    """What the server says when no block can be added (SQLSTATE 53100), said by a trigger: no disk is filled here."""
    with world.admin_office("DML") as admin:
        admin.execute(
            "CREATE FUNCTION access.no_space() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
        )
        admin.execute(
            "CREATE TRIGGER no_space BEFORE INSERT ON access.lease EXECUTE FUNCTION access.no_space()"
        )
        try:
            yield
        finally:
            admin.execute("DROP FUNCTION access.no_space() CASCADE")


@contextmanager
def newer(world: World) -> Iterator[None]:
    """A newer service has been here."""
    with world.admin_office("DML") as admin:
        admin.execute("INSERT INTO access.version (number, name) VALUES (9999, 'from the future')")
        try:
            yield
        finally:
            admin.execute("DELETE FROM access.version WHERE number = 9999")


@contextmanager
def without_gate(world: World) -> Iterator[None]:
    """Nobody has installed the gate, or somebody took it away."""
    with world.admin_office("DML") as admin:
        (trigger,) = admin.execute(
            "SELECT evtname FROM pg_event_trigger WHERE evtevent = 'login'"
        ).fetchone() or ("",)
        admin.execute(sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(sql.Identifier(trigger)))
        admin.execute("ALTER SCHEMA access RENAME TO access_gone")
        try:
            yield
        finally:
            admin.execute("ALTER SCHEMA access_gone RENAME TO access")
            admin.execute(sql.SQL("ALTER EVENT TRIGGER {} ENABLE ALWAYS").format(sql.Identifier(trigger)))


@contextmanager
def broker_without_rights(world: World) -> Iterator[None]:
    """Somebody took from the broker what the installation gave it."""
    with world.admin_office("DML") as admin:
        admin.execute(
            "REVOKE EXECUTE ON FUNCTION access.open_lease, access.close_lease FROM accessctl_broker"
        )
        try:
            yield
        finally:
            admin.execute(
                "GRANT EXECUTE ON FUNCTION access.open_lease, access.close_lease TO accessctl_broker"
            )


Trouble = Callable[[World], "contextmanager[None]"]
TROUBLES = {
    "officedb.down": down,
    "officedb.slow": slow,
    "officedb.disk_full": full,
    "officedb.schema_newer": newer,
    "officedb.not_installed": without_gate,
    "officedb.broker_rights": broker_without_rights,
}


@pytest.mark.parametrize("code", TROUBLES)
def test_lending_into_an_office_in_trouble_is_refused_by_its_code_and_leaves_nothing(
    world: World, working: Working, code: str
) -> None:
    actor, request = world.actor(HOLDER), world.request(ACCOUNT, client=True)
    rt = world.runtime()  # a process that has no connection to the office yet
    with TROUBLES[code](world):
        with pytest.raises(AccessError) as refused:
            leasing.open_lease(rt, actor, request)
        assert refused.value.code == code
        assert world.roles_with_login() == set()
    rt.close()
    assert [leaf["reason"] for leaf in world.records("lease.denied")] == [code]
    with working():
        eventually(lambda: not half_done(world), within=20)
    assert [(state, reason) for _, state, reason in leases(world)] == [("CLOSED", "abandoned")]
    assert "lease.checkout" not in {leaf["event"] for leaf in world.records()}
    assert world.lend(HOLDER, ACCOUNT, number=2).state == "ACTIVE"
    assert_log_whole(world)


@pytest.mark.parametrize("trouble", [down, broker_without_rights])
def test_an_account_that_cannot_be_closed_is_quarantined_and_released_when_the_office_is_back(
    world: World, working: Working, trouble: Trouble
) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    with working():
        with trouble(world):
            shown = leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
            assert shown.state == "CLOSING"  # not called closed as long as nobody knows
            eventually(lambda: _state(world) == "QUARANTINED" or _hurry(world), within=20)
            with pytest.raises(AccessError) as refused:
                world.lend("cjt.the2", ACCOUNT, number=2)
            assert refused.value.code == "account.quarantined"
            assert {leaf["event"] for leaf in world.records()} >= {
                "account.quarantined",
                "lease.closed.failed",
            }
            assert _finding(world) == (1, ACCOUNT)
        eventually(lambda: not half_done(world) or _hurry(world), within=20)
    assert _state(world) == "ACTIVE"
    assert leases(world) == [(lease.lease, "CLOSED", "returned")]
    assert world.roles_with_login() == set()
    assert lease.dsn is not None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)
    assert world.lend("cjt.the2", ACCOUNT, number=2).state == "ACTIVE"
    assert_log_whole(world)


def _hurry(world: World) -> None:
    """The pause before the next try is over: the back-off doubles up to a minute."""
    with world.admin_control() as admin:
        admin.execute("UPDATE lease SET next_try_at = now() WHERE state = 'CLOSING' AND next_try_at > now()")


def _state(world: World) -> str:
    with world.admin_control() as admin:
        row = admin.execute("SELECT state FROM account WHERE name = %s", (ACCOUNT,)).fetchone()
        return str(row[0]) if row else ""


def _finding(world: World) -> tuple[int, str] | None:
    with world.admin_control() as admin:
        row = admin.execute("SELECT severity, account FROM finding WHERE kind = 'quarantined'").fetchone()
        return (row[0], row[1]) if row else None
