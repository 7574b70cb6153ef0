"""`accessctl policy grants|drift|repair`: keys that others script against, exit statuses, where the DBA comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from accessctl.services import drift, repair
from tests.common.command_line import CommandLine
from tests.common.world import World

IT = "vpt.cntt1"
TABLE = "GRANT SELECT ON bhyt.participant TO tkcl_cjt_kno"
LIMIT = "ALTER ROLE tkcl_cjt_kno CONNECTION LIMIT 7"


@pytest.fixture
def tampered(world: World) -> Iterator[World]:
    with world.admin_office("KNO") as admin:
        for statement in (TABLE, LIMIT):
            admin.execute(sql.SQL(statement))
    yield world
    repair.apply(world.rt, world.actor(IT), ["KNO"], lambda _: world.province.cluster.dsn())


def test_S05_drift_is_shown_planned_and_repaired_with_the_keys_and_statuses_of_the_contract(
    tampered: World, accessctl: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    [kno] = accessctl("policy", "drift", "KNO", who=IT).json
    assert set(kno) == {"office", "drifts", "code"}
    table, limit = kno["drifts"]
    assert {
        "role",
        "what",
        "object",
        "repair",
        "direction",
        "severity",
        "who",
        "privileges",
        "vi",
        "en",
    } <= set(table)
    assert (table["what"], table["who"], table["severity"]) == ("grant", "admin", 1)
    assert (limit["object"], limit["who"], limit["severity"]) == ("CONNECTION LIMIT", "broker", 2)
    assert accessctl("policy", "drift", "KNO", "--check", who=IT).status == 1
    assert accessctl("policy", "drift", "KNO", "DML", "--check", who=IT).status == 1
    assert accessctl("policy", "drift", "DML", "--check", who=IT).status == 0
    assert accessctl("policy", "repair", "KNO", "--plan", who=IT).json == [kno]
    assert drift.look(tampered.rt, "KNO").drifts  # a plan does nothing

    missing = accessctl("policy", "repair", "KNO", "--apply", "--admin-dsn-from", "env", who=IT)
    assert missing.refusal[:2] == (2, "officedb.no_admin_dsn")
    alone = accessctl("policy", "repair", "KNO", "--apply", "--broker-only", who=IT)
    assert alone.status == 1
    assert '"why": "needs_admin"' in alone.out
    monkeypatch.setenv("ACCESSCTL_ADMIN_DSN", tampered.province.cluster.dsn())
    [done] = accessctl("policy", "repair", "KNO", "--apply", "--admin-dsn-from", "env", who=IT).json
    assert (done["office"], done["drifts"], done["code"], len(done["repaired"])) == ("KNO", [], None, 1)
    assert accessctl("policy", "drift", "KNO", "--check", who=IT).status == 0


def test_grants_are_listed_for_an_office_and_refused_to_whoever_may_not_look(
    world: World, accessctl: CommandLine
) -> None:
    [kno] = accessctl("policy", "grants", "KNO", who=IT).json
    assert set(kno) == {"office", "database", "policy_version", "lines"}
    assert set(kno["lines"][0]) == {"role", "what", "object", "privileges", "sql"}
    assert accessctl("policy", "grants", "KNO", who="cjt.the1").refusal[:2] == (1, "policy.no_rule")
    assert accessctl("policy", "grants", "XXX", who=IT).refusal[0] in (1, 2)
