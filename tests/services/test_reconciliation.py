"""The daily statement: every database login against every lease, by the service and by the command line (S57)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from psycopg.conninfo import make_conninfo

from accessctl.cli import cli
from accessctl.clock import local
from accessctl.errors import Refused
from accessctl.services import desk, leasing, reconciliation
from accessctl.services.findings import Kind
from tests.common.evidence import certain_at_once, found, state_of
from tests.common.world import PASSWORD, World

ACCOUNT, ROLE = "TKCL-CJT-DML", "tkcl_cjt_dml"


@pytest.fixture(autouse=True)
def _certain_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    certain_at_once(monkeypatch)


def a_days_work(world: World) -> int:
    """Five leases in four hosts, by client and at the desk; returns how many logins they made."""
    for number, (username, account, client) in enumerate(
        [
            ("cjt.the1", "TKCL-CJT-DML", True),
            ("cjt.thu1", "TKHCTT-CJT-DRL", False),
            ("cjt.the2", "TKCL-CJT-DRL", False),
            ("gng.the1", "TKCL-GNG-DML", True),
            ("dml.the1", "LOCAL_CL-DML-01", True),
        ],
        start=1,
    ):
        lease = world.lend(username, account, number=number, client=client)
        subject = world.request(account).subject
        if lease.dsn is not None:
            with psycopg.connect(lease.dsn, autocommit=True) as session:
                session.execute("SELECT bhyt.view_reissue(%s)", (subject,))
        elif username == "cjt.thu1":
            desk.view_holder(world.rt, world.actor(username), lease.lease)
        else:
            desk.view_reissue(world.rt, world.actor(username), lease.lease)
        leasing.close_lease(world.rt, world.actor(username), lease.lease)
    return 5


@contextmanager
def injected(world: World) -> Iterator[None]:
    """Somebody with a superuser's rights passes the gate once, as an account, without a lease."""
    with world.admin_office("DML") as admin:
        admin.execute("ALTER EVENT TRIGGER accessctl_login DISABLE")
        admin.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD 'by hand'").format(sql.Identifier(ROLE)))
    try:
        dsn = world.province.cluster.dsn(world.province.dbnames["DML"])
        psycopg.connect(make_conninfo(dsn, user=ROLE, password="by hand", application_name="psql")).close()
        yield
    finally:
        with world.admin_office("DML") as admin:
            admin.execute("ALTER EVENT TRIGGER accessctl_login ENABLE ALWAYS")
            admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(ROLE)))


def run_reconcile(world: World, *more: str, username: str = "vpt.ktra1") -> Result:
    """`accessctl reconcile` as an auditor, with the settings of this world."""
    env = dict(world.settings.env) | {"ACCESSCTL_PASSWORD": PASSWORD}
    return CliRunner().invoke(cli, ["reconcile", "--json", "--as", username, *more], env=env)


def test_S57_a_days_logins_are_its_leases_and_the_difference_is_empty(world: World) -> None:
    logins = a_days_work(world)
    psycopg.connect(world.province.cluster.dsn("postgres")).close()  # a DBA's own login
    today = local(world.now()).date()
    statement = reconciliation.reconcile(world.rt, world.actor("vpt.ktra1"), today)
    assert (statement.leases, statement.logins, statement.matched, statement.acts) == (5, logins, logins, 5)
    assert (statement.unexplained, statement.unread) == ((), {})
    assert statement.admin_logins > 0, "the DBA's logins are listed, not hidden"
    (done,) = world.records("reconciliation.done")
    assert (done["outcome"], done["details"]["logins"], done["actor"]) == ("ok", logins, "vpt.ktra1")
    with world.admin_control() as admin:  # each login has both witnesses
        counts = admin.execute(
            "SELECT source, count(*) FROM login WHERE outcome = 'ok' AND matched GROUP BY 1 ORDER BY 1"
        )
        assert counts.fetchall() == [("log", logins), ("trigger", logins)]
    assert found(world) == []
    again = reconciliation.reconcile(world.rt, world.actor("vpt.ktra1"), today)
    ours = {"admin_logins": 0}  # looking is itself a login of the DBA in these tests
    assert asdict(again) | ours == asdict(statement) | ours
    yesterday = reconciliation.reconcile(world.rt, world.actor("vpt.ktra1"), today - timedelta(days=1))
    assert (yesterday.leases, yesterday.logins, yesterday.unexplained) == (0, 0, ())


def test_S57_one_injected_login_is_unexplained_alarms_locks_and_ends_the_command_with_1(world: World) -> None:
    a_days_work(world)
    with injected(world):
        result = run_reconcile(world)
    assert result.exit_code == 1, result.output
    said = json.loads(result.stdout)
    assert {"logins", "matched", "unexplained"} <= said.keys()
    assert (said["logins"], said["matched"], len(said["unexplained"])) == (6, 5, 1)
    (strange,) = said["unexplained"]
    assert (strange["role"], strange["host"], strange["lease"]) == (ROLE, "DML", None)
    assert strange["address"] == "127.0.0.1"
    assert state_of(world, ACCOUNT) == "LOCKED"
    assert [f["severity"] for f in found(world, Kind.UNEXPLAINED_LOGIN)] == [1]
    assert len(world.records("db.unexplained_login")) == 1
    failed = world.records("reconciliation.done.failed")
    assert [leaf["reason"] for leaf in failed] == ["finding.unexplained_login"]
    again = run_reconcile(world)  # it stays unexplained, and is one finding
    assert again.exit_code == 1
    assert len(found(world, Kind.UNEXPLAINED_LOGIN)) == 1


def test_S57_a_clean_day_ends_the_command_with_0_and_a_host_out_of_reach_with_3(world: World) -> None:
    a_days_work(world)
    name = sql.Identifier(world.province.dbnames["KNO"])
    with world.province.admin() as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            unread = run_reconcile(world)
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
    assert unread.exit_code == 3, unread.output
    assert list(json.loads(unread.stdout)["unread"]) == ["KNO"]
    clean = run_reconcile(world)
    assert clean.exit_code == 0, clean.output
    assert json.loads(clean.stdout)["unexplained"] == []


def test_the_statement_is_for_those_who_may_see_findings_of_every_office(world: World) -> None:
    for username in ("cjt.the1", "cjt.tn1", "cjt.gd"):
        with pytest.raises(Refused):
            reconciliation.reconcile(world.rt, world.actor(username), local(world.now()).date())
    denied = run_reconcile(world, username="cjt.the1")
    assert denied.exit_code == 1
    assert json.loads(denied.stderr)["code"].startswith("policy.")
    assert world.records("access.denied")[-1]["actor"] == "cjt.the1"


def test_a_day_that_is_none_is_wrong_usage(world: World) -> None:
    assert run_reconcile(world, "--day", "hôm qua").exit_code == 2
