"""How an office database stands: what an operator must know before trusting its gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from accessctl.officedb import roles
from accessctl.officedb.migrations import newest
from accessctl.officedb.server import logging_shortcomings, schema_version


@dataclass(frozen=True, slots=True)
class Status:
    """An office database as broker or witness see it.

    `logins_enabled`: accounts with LOGIN; `open_now`: of these, whose time is not over.
    `log_shortcomings` empty ⇔ the server's log is a witness. `public_findings`: what PUBLIC may still do
    here, or CONNECT on any database of the server.
    """

    version: int
    wanted_version: int
    server_version: str
    dbname: str
    log_shortcomings: tuple[str, ...]
    trigger_enabled: bool
    accounts: int
    logins_enabled: int
    open_now: int
    public_findings: tuple[str, ...]

    @property
    def log_witness(self) -> bool:
        return not self.log_shortcomings

    @property
    def sound(self) -> bool:
        """Whether leases may be given here at all."""
        return self.version == self.wanted_version and self.trigger_enabled and not self.public_findings


_COUNTS = """
    SELECT count(*), count(*) FILTER (WHERE r.rolcanlogin), count(*) FILTER (WHERE r.rolvaliduntil > now()
               AND r.rolcanlogin)
      FROM access.account a LEFT JOIN pg_roles r ON r.rolname = a.role
"""


def status(conn: psycopg.Connection[Any]) -> Status:
    """Look, as broker or as witness; raises nothing of its own, so wrap it in `OfficeDatabases.broker`."""
    version = schema_version(conn)
    accounts = logins = leases = 0
    if version:
        accounts, logins, leases = conn.execute(_COUNTS).fetchone() or (0, 0, 0)
    return Status(
        version=version,
        wanted_version=newest(),
        server_version=conn.info.parameter_status("server_version") or "",
        dbname=conn.info.dbname,
        log_shortcomings=logging_shortcomings(conn),
        trigger_enabled=trigger_enabled(conn),
        accounts=accounts,
        logins_enabled=logins,
        open_now=leases,
        public_findings=public_findings(conn),
    )


def trigger_enabled(conn: psycopg.Connection[Any]) -> bool:
    """Whether the login trigger is there, is ours, fires always, and event triggers are on."""
    row = conn.execute(
        "SELECT current_setting('event_triggers') = 'on' AND EXISTS (SELECT FROM pg_event_trigger t"
        " JOIN pg_proc p ON p.oid = t.evtfoid AND p.oid = to_regproc('access.on_login')"
        " AND p.proowner = to_regrole(%s)::oid"
        " WHERE t.evtname = %s AND t.evtevent = 'login' AND t.evtenabled = 'A')",
        (roles.OWNER, roles.TRIGGER),
    ).fetchone()
    return bool(row and row[0])


# The schemas are told apart once: for each of PostgreSQL's three thousand functions it took four fifths of a knock.
_FINDINGS = """
    WITH ours AS MATERIALIZED (
        SELECT oid, nspname, nspacl, nspowner FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'
    ), public AS (
        SELECT 'database ' || d.datname AS place, a.privilege_type AS privilege
          FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE a.grantee = 0
        UNION ALL
        SELECT 'schema ' || n.nspname, a.privilege_type
          FROM ours n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
         WHERE a.grantee = 0 AND NOT (n.nspname = 'public' AND a.privilege_type = 'USAGE')
        UNION ALL
        SELECT 'function ' || p.oid::regprocedure::text, a.privilege_type
          FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
         WHERE a.grantee = 0
           AND (p.pronamespace IN (SELECT oid FROM ours)
                OR p.oid = ANY (ARRAY['lo_create(oid)', 'lo_creat(integer)', 'lo_from_bytea(oid,bytea)']
                                ::regprocedure[]))
        UNION ALL
        SELECT 'relation ' || c.oid::regclass::text, a.privilege_type
          FROM pg_class c, aclexplode(c.relacl) a
         WHERE a.grantee = 0 AND c.relnamespace IN (SELECT oid FROM ours)
        UNION ALL
        SELECT 'default privileges of ' || d.defaclrole::regrole::text, a.privilege_type
          FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE a.grantee = 0
    )
    SELECT place || ': ' || string_agg(privilege, ', ' ORDER BY privilege)
      FROM public GROUP BY place ORDER BY place
"""


def public_findings(conn: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Every right that PUBLIC has on this database's objects and on any database of the server."""
    return tuple(row[0] for row in conn.execute(_FINDINGS))
