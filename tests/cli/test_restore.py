"""`accessctl officedb disable-all`: the first step after a restore of the control database (access.md §4)."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from accessctl.cli import cli
from accessctl.services import leasing
from accessctl.services.evidence import Collector
from tests.common.world import World

ACCOUNT, OTHER = "TKCL-CJT-DML", "TKCL-GNG-KNO"


def run(world: World, *words: str, **changed: str) -> Result:
    """The command with this world's settings as its environment."""
    return CliRunner().invoke(
        cli, ["officedb", "disable-all", *words], env=dict(world.settings.env) | changed
    )


def told(result: Result) -> dict[str, dict[str, Any]]:
    """What the command printed, by office."""
    return {entry["office"]: entry for entry in json.loads(result.stdout)}


def test_after_disable_all_no_account_of_any_office_can_log_in_and_no_session_is_left(world: World) -> None:
    leases = [world.lend("cjt.the1", ACCOUNT), world.lend("gng.the1", OTHER)]
    sessions = [psycopg.connect(lease.dsn or "", autocommit=True) for lease in leases]
    result = run(world, "--yes", "--json")
    assert result.exit_code == 0, result.output
    assert (world.roles_with_login(), world.sessions_of_accounts()) == (set(), 0)
    answer = told(result)
    assert len(answer) == 9
    assert all(entry["sound"] and entry["recorded"] for entry in answer.values())
    assert {code: entry["sessions_ended"] for code, entry in answer.items() if entry["sessions_ended"]} == {
        "DML": 1,
        "KNO": 1,
    }
    for session, lease in zip(sessions, leases, strict=True):
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(lease.dsn or "")
        session.close()
    assert len(world.records("officedb.shut")) == 9


def test_one_office_alone_can_be_shut_and_the_others_go_on(world: World) -> None:
    world.lend("cjt.the1", ACCOUNT)
    world.lend("gng.the1", OTHER)
    assert list(told(run(world, "DML", "--yes", "--json"))) == ["DML"]
    assert world.roles_with_login() == {"tkcl_gng_kno"}


def test_without_yes_the_command_asks_and_no_means_that_nothing_happens(world: World) -> None:
    world.lend("cjt.the1", ACCOUNT)
    asked = CliRunner().invoke(cli, ["officedb", "disable-all"], input="n\n", env=dict(world.settings.env))
    assert asked.exit_code == 1
    assert world.roles_with_login() == {"tkcl_cjt_dml"}
    assert world.records("officedb.shut") == []


def test_accounts_are_shut_even_when_the_control_database_is_gone(world: World) -> None:
    world.lend("cjt.the1", ACCOUNT)
    nowhere = "postgresql+psycopg://accessctl_app:x@127.0.0.1:1/accessctl"
    result = run(world, "DML", "--yes", "--json", ACCESSCTL_DATABASE_URL=nowhere)
    assert result.exit_code == 0, result.output
    assert world.roles_with_login() == set()
    assert told(result)["DML"]["recorded"] is False


def test_an_account_that_resists_is_named_and_the_others_are_shut_all_the_same(world: World) -> None:
    world.lend("cjt.the1", ACCOUNT)
    world.lend("gng.the1", "TKCL-GNG-DML")
    with world.admin_office("DML") as admin:
        admin.execute("ALTER ROLE tkcl_cjt_dml SUPERUSER")
        try:
            result = run(world, "DML", "--yes", "--json")
        finally:
            admin.execute("ALTER ROLE tkcl_cjt_dml NOSUPERUSER")
    assert result.exit_code == 3, result.output
    entry = told(result)["DML"]
    assert (entry["sound"], list(entry["failed"])) == (False, ["tkcl_cjt_dml"])
    assert world.roles_with_login() == {"tkcl_cjt_dml"}
    assert [record["outcome"] for record in world.records("officedb.shut.failed")] == ["failed"]


def test_an_unknown_office_is_refused(world: World) -> None:
    result = run(world, "ZZZ", "--yes", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stderr)["code"] == "office.unknown"


def test_a_lease_that_was_ended_by_it_is_settled_in_the_ledger_from_the_hosts_own_record(
    world: World,
) -> None:
    lease = world.lend("cjt.the1", ACCOUNT)
    run(world, "--yes")
    Collector(world.rt, "DML").turn()
    shown = leasing.show_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    assert (shown.state, shown.end_reason) == ("CLOSED", "revoked")
