"""The control database as migrated: equal to the models, named by convention, and four roles with their rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from accessctl.store import models
from accessctl.store.base import Base
from accessctl.store.install import OWNER, SERVICE_ROLES, install
from tests.common.world import World

TABLES = {table.name for table in Base.metadata.sorted_tables}
LOG = ("audit_log", "audit_checkpoint")


@pytest.fixture(scope="module")
def rights(province: Any) -> dict[str, dict[str, set[str]]]:
    """What each role may do with each table (partitions of the log included), as the server says."""
    found: dict[str, dict[str, set[str]]] = {role: {} for role in (*SERVICE_ROLES, "public")}
    query = (
        "SELECT c.relname, coalesce(r.rolname, 'public'), a.privilege_type FROM pg_class c"
        " CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a"
        " LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    )
    with province.admin("accessctl") as admin:
        for table, role, right in admin.execute(query):
            if role in found:
                found[role].setdefault(table, set()).add(right)
    return found


@pytest.fixture
def as_role(world: World) -> Iterator[dict[str, psycopg.Connection[Any]]]:
    """A session of each service role with its own password, as the processes have it."""
    names = {"app": "DATABASE", "sequencer": "SEQUENCER", "reader": "READER"}
    open_ones = {
        role: psycopg.connect(
            world.settings.env[f"ACCESSCTL_{name}_URL"].replace("+psycopg", ""), autocommit=True
        )
        for role, name in names.items()
    }
    yield open_ones
    for session in open_ones.values():
        session.close()


def test_the_migrations_make_exactly_what_the_models_say(world: World) -> None:
    assert set(models.__all__) <= {mapper.class_.__name__ for mapper in Base.registry.mappers}
    engine = create_engine(
        world.province.cluster.dsn(world.control).replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=NullPool,
    )

    def ours(_: Any, name: str | None, kind: str, *__: Any) -> bool:
        return not (kind == "table" and re.fullmatch(r"audit_log_\d+|alembic_version", name or ""))

    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
    engine.dispose()
    assert differences == []


def test_constraints_and_indexes_are_named_by_convention_in_models_and_database_alike(world: World) -> None:
    with world.admin_control() as admin:
        stored = {
            row[0]
            for row in admin.execute(
                "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
                " AND contype IN ('p', 'u', 'f', 'c', 'x') AND conrelid::regclass::text = ANY(%s)",
                (list(TABLES),),
            )
        }
        indexes = {
            row[0]
            for row in admin.execute(
                "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)",
                (list(TABLES),),
            )
        }
    wanted = {str(c.name) for table in Base.metadata.sorted_tables for c in table.constraints}
    assert stored == wanted
    assert all(re.match(r"(pk|uq|fk|ck|ex)_", name) for name in stored)
    assert indexes - stored == {str(i.name) for table in Base.metadata.sorted_tables for i in table.indexes}
    assert "ex_custody_one_at_a_time" in stored


def test_installing_again_changes_nothing_and_the_owner_cannot_log_in(world: World) -> None:
    url = world.province.cluster.dsn().replace("postgresql://", "postgresql+psycopg://", 1)
    assert install(url, world.control, {}) is False
    with world.admin_control() as admin:
        logins = dict(
            admin.execute(
                "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = ANY(%s)",
                ([OWNER, *SERVICE_ROLES],),
            ).fetchall()
        )
        assert logins == {OWNER: False} | dict.fromkeys(SERVICE_ROLES, True)
        raised = admin.execute(
            "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolcreaterole OR rolcreatedb"
            " OR rolreplication OR rolbypassrls)",
            ([OWNER, *SERVICE_ROLES],),
        ).fetchone()
        assert raised == (0,)
        owners = admin.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        assert owners == [(OWNER,)]


def test_S52_the_application_can_neither_change_nor_delete_nor_truncate_the_log(
    world: World, as_role: dict[str, psycopg.Connection[Any]]
) -> None:
    world.settle()
    tables = [*LOG, "audit_inbox", "audit_log_0"]
    for role, session in as_role.items():
        for table in tables:
            for statement in (
                "UPDATE {} SET at = now()",
                "DELETE FROM {}",
                "TRUNCATE {}",
                "DROP TABLE {}",
                "ALTER TABLE {} DISABLE TRIGGER ALL",
            ):
                if (role, table, statement[:6]) == ("sequencer", "audit_inbox", "DELETE"):
                    continue
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(sql.SQL(statement).format(sql.Identifier(table)))
    for table in (*LOG, "audit_log_0"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role["app"].execute(
                sql.SQL("INSERT INTO {} SELECT * FROM {} LIMIT 1").format(*[sql.Identifier(table)] * 2)
            )


def test_S52_a_superuser_meets_the_triggers_even_on_a_piece_of_the_log(world: World) -> None:
    world.settle()
    with world.admin_control() as admin:
        for table in ("audit_log", "audit_log_0", "audit_log_19", "audit_checkpoint"):
            name = sql.Identifier(table)
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                admin.execute(sql.SQL("TRUNCATE {}").format(name))
        for statement in ("UPDATE audit_log SET at = now()", "DELETE FROM audit_log_0"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                admin.execute(statement)


def test_only_the_sequencer_moves_records_and_it_can_do_nothing_else(
    rights: dict[str, dict[str, set[str]]],
) -> None:
    assert rights["accessctl_sequencer"] == {
        "audit_inbox": {"SELECT", "DELETE"},
        "audit_log": {"SELECT", "INSERT"},
        "audit_checkpoint": {"SELECT", "INSERT"},
    }


def test_the_application_deletes_nothing_but_old_notices_with_their_mails_and_adds_to_the_inbox_only(
    rights: dict[str, dict[str, set[str]]],
) -> None:
    mine = rights["accessctl_app"]
    assert set(mine) >= TABLES
    assert {table for table, held in mine.items() if "DELETE" in held} == {"notice", "mail"}
    assert {table for table, held in mine.items() if held & {"TRUNCATE", "TRIGGER"}} == set()
    append_only = {table for table, held in mine.items() if "INSERT" in held and "UPDATE" not in held}
    assert append_only == {
        "subject", "audit_inbox", "audit_index", "standing_rule", "contact_publication", "contact_receipt",
        "finding_remark",
    }  # fmt: skip
    log = {table for table in mine if table.startswith(("audit_log", "audit_checkpoint"))}
    assert {right for table in log for right in mine[table]} == {"SELECT"}


def test_the_reader_reads_and_sees_no_password_no_session_and_no_clear_number(
    rights: dict[str, dict[str, set[str]]], as_role: dict[str, psycopg.Connection[Any]]
) -> None:
    mine = rights["accessctl_reader"]
    assert {right for held in mine.values() for right in held} == {"SELECT"}
    reader = as_role["reader"]
    for table in ("officer", "web_session", "subject"):
        assert table not in mine
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
    assert reader.execute("SELECT count(*) FROM account").fetchone() is not None


def test_public_has_no_right_and_no_service_role_can_create_or_reach_another_database(
    world: World, rights: dict[str, dict[str, set[str]]], as_role: dict[str, psycopg.Connection[Any]]
) -> None:
    assert rights["public"] == {}
    for role, session in as_role.items():
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("CREATE TABLE mine (a int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SET ROLE accessctl_control")
        for dbname in ("postgres", world.province.dbnames["CJT"]):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(session.info.dsn, dbname=dbname, password=session.info.password)
        assert session.execute("SELECT current_user").fetchone() == (f"accessctl_{role}",)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role["app"].execute("SELECT audit_immutable()")


def test_R31_the_database_itself_refuses_two_custodians_of_a_kind_at_once(world: World) -> None:
    with world.admin_control() as admin:
        insert = (
            "INSERT INTO custody (office_code, kind, officer_id, period, decision_no, appointed_by)"
            " SELECT office_code, kind, officer_id, tstzrange(%s, %s), 'x', appointed_by FROM custody"
            " WHERE office_code = 'CJT' AND kind = 'TKCL'"
        )
        with pytest.raises(psycopg.errors.ExclusionViolation) as refused:
            admin.execute(insert, ("2030-01-01", None))
        assert refused.value.diag.constraint_name == "ex_custody_one_at_a_time"
        admin.execute(
            "UPDATE custody SET period = tstzrange(lower(period), '2030-01-01')"
            " WHERE office_code = 'CJT' AND kind = 'TKCL'"
        )
        admin.execute(insert, ("2030-01-01", "2030-02-01"))  # touching is not overlapping
        with pytest.raises(psycopg.errors.ExclusionViolation):
            admin.execute(insert.replace("= 'TKCL'", "= 'TKCL' LIMIT 1"), ("2030-01-31", "2030-03-01"))


def test_S28_the_database_itself_refuses_a_second_holder_and_a_second_lease_of_one_officer(
    world: World,
) -> None:
    world.lend("cjt.the1", "TKCL-CJT-DML")
    copy = (
        "INSERT INTO lease SELECT gen_random_uuid(), {place}, {account}, host, guest, {officer}, officer_name, dossier,"
        " subject, fields, reason, client, revealed_at, state, minutes, requested_at, opened_at, expires_at, limit_at,"
        " renewals, seen_at, end_reason, end_note, ended_by, closed_at, sessions_ended, kid, nonce, epoch, tries,"
        " next_try_at, correlation, policy_version FROM lease"
    )
    other = "(SELECT id FROM officer WHERE username = 'cjt.the2')"
    with world.admin_control() as admin:
        for words, constraint in [
            ({"account": "account_name", "officer": other}, "uq_lease_account_held"),
            ({"account": "'TKCL-CJT-KNO'", "officer": "officer_id"}, "uq_lease_officer_holds"),
        ]:
            parts = {name: sql.SQL(text) for name, text in {**words, "place": "place + 1"}.items()}  # type: ignore[arg-type]
            with pytest.raises(psycopg.errors.UniqueViolation) as refused:
                admin.execute(sql.SQL(copy).format(**parts))
            assert refused.value.diag.constraint_name == constraint
