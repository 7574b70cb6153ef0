"""Installing the gate in an office database: once, with a superuser's connection that is never stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from accessctl.errors import Conflict, Refused, Unavailable
from accessctl.officedb import roles
from accessctl.officedb.credentials import PERSON_ITERATIONS, scram_verifier, verifier_matches
from accessctl.officedb.install_plan import InstallPlan, Step, steps
from accessctl.officedb.install_step import Statement
from accessctl.officedb.migrations import newest
from accessctl.officedb.server import (
    MINIMUM_SERVER,
    check_schema,
    check_server,
    logging_shortcomings,
    schema_version,
)

__all__ = ["InstallPlan", "InstallReport", "StepDone", "hba_advice", "install", "render"]


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step as it went: `executed` is False when there was nothing to do."""

    vi: str
    en: str
    executed: bool


@dataclass(frozen=True, slots=True)
class InstallReport:
    """What was done; `shortcomings` are stable words, see `server.logging_shortcomings`."""

    office: str
    version: int
    steps: tuple[StepDone, ...]
    shortcomings: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return any(step.executed for step in self.steps)


def install(admin_dsn: str, plan: InstallPlan) -> InstallReport:
    """Install or complete; a second run changes nothing. The steps in the office database: one transaction.

    Raises Unavailable (officedb.too_old, officedb.schema_newer, officedb.encoding, officedb.down,
    officedb.install_incomplete), Refused (officedb.not_superuser), Conflict (officedb.foreign_role).
    """
    done: list[StepDone] = []
    with _connection(admin_dsn, plan, plan.dbname) as conn:
        check_server(conn, plan.office)
        _check_admin(conn, plan.office)
        _check_foreign(conn, plan.office)
        if schema_version(conn):
            check_schema(conn, plan.office)
        done += [_execute(conn, step, plan) for step in steps(plan) if step.database is None]
        shortcomings = logging_shortcomings(conn)
    with _connection(admin_dsn, plan, "template1") as conn:
        done += [_execute(conn, step, plan) for step in steps(plan) if step.database is not None]
    return InstallReport(plan.office, newest(), tuple(done), shortcomings)


def render(plan: InstallPlan) -> str:
    """The SQL of the installation as a script for `psql`, without any password or verifier."""
    lines = [
        f"-- accessctl officedb install {plan.office} · PostgreSQL >= {MINIMUM_SERVER // 10000}",
        "\\set ON_ERROR_STOP on",
        f"\\connect {plan.dbname}",
        "SELECT current_setting('server_version_num')::int >= "
        f"{MINIMUM_SERVER} AND current_setting('is_superuser')::bool AS fit \\gset",
        "\\if :fit \\else \\warn 'PostgreSQL >= 17 and a superuser are needed' \\q \\endif",
    ]
    here: str | None = None
    for step in steps(plan):
        if step.database != here:
            here = step.database
            lines.append(f"\\connect {here or plan.dbname}")
        lines += ["", f"-- {step.vi}", f"-- {step.en}", _shown(step)]
    return "\n".join([*lines, "", hba_advice(plan), ""])


def hba_advice(plan: InstallPlan) -> str:
    """What the DBA may add to pg_hba.conf; the broker is a '+' member too, so its line stands above."""
    return "\n".join(
        (
            "-- pg_hba.conf, the first line that fits counts (<service>, <offices>: their addresses):",
            f"--   hostssl  {plan.dbname:<16} {roles.BROKER:<22} <service>  scram-sha-256",
            f"--   hostssl  {plan.dbname:<16} {roles.WITNESS:<22} <service>  scram-sha-256",
            f"--   hostssl  {plan.dbname:<16} {'+' + roles.MARKER:<22} <offices>  scram-sha-256",
            f"--   host     {'all':<16} {'+' + roles.MARKER:<22} all        reject",
        )
    )


@contextmanager
def _connection(admin_dsn: str, plan: InstallPlan, dbname: str) -> Iterator[psycopg.Connection]:
    """One transaction in one database, rolled back when a step fails."""
    dsn = make_conninfo(admin_dsn, dbname=dbname, connect_timeout=5, application_name="accessctl install")
    try:
        with psycopg.connect(dsn) as conn:
            yield conn
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused("officedb.not_superuser", office=plan.office) from error
    except psycopg.OperationalError as error:
        raise Unavailable("officedb.down", office=plan.office) from error


def _execute(conn: psycopg.Connection, step: Step, plan: InstallPlan) -> StepDone:
    """Look, do, and look again: a GRANT that changed nothing also 'succeeds'."""
    executed = not _is_done(conn, step, plan)
    if executed:
        conn.execute(_statement(step, plan))
        if not _is_done(conn, step, plan):
            raise Unavailable("officedb.install_incomplete", office=plan.office, step=step.vi)
    return StepDone(step.vi, step.en, executed)


def _is_done(conn: psycopg.Connection, step: Step, plan: InstallPlan) -> bool:
    if step.version is not None and schema_version(conn) == 0:
        return False
    row = conn.execute(step.done).fetchone()
    if step.password_of is not None:
        return row is not None and verifier_matches(row[0], _password(step.password_of, plan))
    return row is not None and row[0] is True


def _statement(step: Step, plan: InstallPlan) -> Statement:
    if step.password_of is None:
        return step.statement
    verifier = scram_verifier(_password(step.password_of, plan), PERSON_ITERATIONS)
    return sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(step.password_of), verifier)


def _password(role: str, plan: InstallPlan) -> str:
    return plan.broker_password if role == roles.BROKER else plan.witness_password


def _shown(step: Step) -> str:
    """A statement as psql reads it; a migration is skipped when its version is there."""
    text = step.statement.as_string(None)
    if step.password_of is not None:
        return text
    if step.version is None:
        return f"{text};"
    table = "to_regclass('access.version')"
    guard = f"SELECT {table} IS NULL AS missing \\gset\n\\if :missing\n"
    if step.version > 1:
        guard = f"{step.done.as_string(None)} AS applied \\gset\n\\if :applied\n\\else\n"
    return f"{guard}BEGIN;\n{text};\nCOMMIT;\n\\endif"


def _check_admin(conn: psycopg.Connection, office: str) -> None:
    row = conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is None or not row[0]:
        raise Refused("officedb.not_superuser", office=office)


def _check_foreign(conn: psycopg.Connection, office: str) -> None:
    """A role or schema of our name that is not ours is left alone, and said."""
    found = conn.execute(
        "SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%s)"
        " AND shobj_description(oid, 'pg_authid') IS DISTINCT FROM %s"
        " UNION ALL SELECT 'schema ' || nspname FROM pg_namespace"
        " WHERE nspname IN ('access', 'bhyt') AND nspowner IS DISTINCT FROM to_regrole(%s)::oid",
        (list(roles.OURS), roles.COMMENT, roles.OWNER),
    ).fetchall()
    if found:
        raise Conflict("officedb.foreign_role", office=office, role=", ".join(row[0] for row in found))
