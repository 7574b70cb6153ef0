"""The accounts as fixed PostgreSQL roles: made once, NOLOGIN, by the broker; no foreign one is taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from accessctl.domain.accounts import AccountName
from accessctl.errors import Conflict, Unavailable
from accessctl.officedb import roles
from accessctl.officedb.sessions import end_sessions, role_may_change

_FACTS = """
    SELECT w.role, r.oid IS NOT NULL AS there,
           EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid = to_regrole(%(marker)s)
                      AND NOT m.admin_option AND NOT m.inherit_option AND NOT m.set_option) AS marked,
           EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid = to_regrole(w.grp)
                      AND NOT m.admin_option AND m.inherit_option AND NOT m.set_option) AS grouped,
           EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
                      AND a.grantee = r.oid AND a.privilege_type = 'CONNECT') AS connects,
           EXISTS (SELECT FROM access.account a WHERE a.role = w.role) AS listed,
           coalesce(r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls,
                    false) AS raised
      FROM unnest(%(names)s::text[], %(groups)s::text[]) AS w (role, grp)
      LEFT JOIN pg_roles r ON r.rolname = w.role
"""


@dataclass(frozen=True, slots=True)
class _Fact:
    role: str
    there: bool
    marked: bool
    grouped: bool
    connects: bool
    listed: bool
    raised: bool

    @property
    def foreign(self) -> bool:
        """There, and not ours: without our mark, or with attributes that we never give."""
        return self.there and (not self.marked or self.raised)

    @property
    def complete(self) -> bool:
        return self.there and self.marked and self.grouped and self.connects and self.listed


def ensure_accounts(broker: psycopg.Connection, names: Sequence[AccountName]) -> list[AccountName]:
    """Create what is missing of one host's accounts, as the broker, in its database; the created ones.

    One transaction. Raises Conflict("officedb.foreign_role") and changes nothing when a role of such a name
    is not ours; Unavailable("officedb.broker_rights") when a GRANT did nothing: PostgreSQL only warns then.
    """
    if not names:
        return []
    if len({name.host for name in names}) != 1:
        raise ValueError("one call is for the accounts of one host")
    with broker.transaction():
        facts = _facts(broker, names)
        if foreign := [fact.role for fact in facts.values() if fact.foreign]:
            raise Conflict("officedb.foreign_role", office=names[0].host, role=", ".join(foreign))
        lacking = [name for name in names if not facts[name.role].complete]
        if lacking:
            _complete(broker, lacking, facts)
            after = _facts(broker, lacking)
            if wrong := [role for role, fact in after.items() if not fact.complete]:
                raise Unavailable("officedb.broker_rights", office=names[0].host, role=", ".join(wrong))
    return [name for name in names if not facts[name.role].there]


def _complete(broker: psycopg.Connection, names: Sequence[AccountName], facts: dict[str, _Fact]) -> None:
    database = sql.Identifier(broker.info.dbname)
    try:
        with broker.pipeline():
            for name in names:
                for statement in _missing(name, facts[name.role]):
                    broker.execute(statement)
            grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
            broker.execute(grant.format(database, _identifiers(name.role for name in names)))
            for name in names:
                broker.execute(
                    "INSERT INTO access.account (role, kind, guest, host, number) VALUES (%s, %s, %s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    (name.role, name.kind.value, name.guest, name.host, name.number),
                )
    except psycopg.errors.InsufficientPrivilege as error:
        raise Unavailable("officedb.broker_rights", office=names[0].host, role=names[0].role) from error


def _missing(name: AccountName, fact: _Fact) -> list[sql.Composed]:
    role, group, marker = (sql.Identifier(text) for text in (name.role, name.kind.group, roles.MARKER))
    statements = []
    if not fact.there:
        statements.append(sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT CONNECTION LIMIT 2").format(role))
    if not fact.marked:
        statements.append(sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET FALSE").format(marker, role))
    if not fact.grouped:
        statements.append(sql.SQL("GRANT {} TO {} WITH INHERIT TRUE, SET FALSE").format(group, role))
    return statements


def _facts(conn: psycopg.Connection, names: Sequence[AccountName]) -> dict[str, _Fact]:
    parameters = {
        "marker": roles.MARKER,
        "names": [name.role for name in names],
        "groups": [name.kind.group for name in names],
    }
    return {row[0]: _Fact(*row) for row in conn.execute(_FACTS, parameters)}


def managed_roles(conn: psycopg.Connection) -> list[str]:
    """Every account role of this database, sorted."""
    return [row[0] for row in conn.execute("SELECT role FROM access.account ORDER BY role")]


def logins_enabled(conn: psycopg.Connection) -> list[str]:
    """The accounts of this database whose role may log in at this moment; nobody else's."""
    query = (
        "SELECT a.role FROM access.account a JOIN pg_roles r ON r.rolname = a.role"
        " WHERE r.rolcanlogin ORDER BY a.role"
    )
    return [row[0] for row in conn.execute(query)]


def disable_account(conn: psycopg.Connection, role: str) -> int:
    """NOLOGIN, no password, no lease, no session: whatever state the account was in. The sessions ended.

    For an account that nobody may hold (orphan, locked, after a restore); a lease is ended as revoked.
    """

    def change() -> None:
        with conn.transaction():
            conn.execute("SET LOCAL lock_timeout = '200ms'")
            held = conn.execute("SELECT lease_id FROM access.lease WHERE account = %s", (role,)).fetchone()
            if held is not None:
                conn.execute("SELECT access.close_lease(%s, %s, 'revoked')", (role, held[0]))
            elif conn.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is not None:
                conn.execute("SELECT access.reset_settings(%s)", (role,))
                conn.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))

    ended = role_may_change(conn, role, change)
    return ended + end_sessions(conn, role)


_NOT_SHUT = """
    SELECT a.role FROM access.account a LEFT JOIN pg_roles r ON r.rolname = a.role
     WHERE r.rolcanlogin OR EXISTS (SELECT FROM access.lease l WHERE l.account = a.role)
        OR EXISTS (SELECT FROM pg_stat_activity s WHERE s.usename = a.role)
        OR EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = r.oid)
     ORDER BY a.role
"""


def disable_all(conn: psycopg.Connection) -> int:
    """Every account of this database, as after a restore of the control database; the sessions ended.

    Accounts that are shut already – no login, lease, session or setting of their own – are left as they are.
    """
    return sum(disable_account(conn, row[0]) for row in conn.execute(_NOT_SHUT).fetchall())


def _identifiers(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
