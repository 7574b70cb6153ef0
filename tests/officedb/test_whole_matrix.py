"""The kind × permission matrix executed in PostgreSQL as the accounts, over every object there is (S03, S04).

Not just over the listed ones: what the policy does not allow, the database refuses.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from accessctl.access.wanted import wanted_functions
from accessctl.domain.accounts import AccountName
from tests.officedb.conftest import Office
from tests.officedb.test_forbidden import ROLES

_TABLES = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind::text,
           n.nspname ~ '^(pg_|information_schema)',
           EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0 AND a.privilege_type = 'SELECT')
               OR EXISTS (SELECT FROM pg_attribute a, aclexplode(a.attacl) x
                           WHERE a.attrelid = c.oid AND x.grantee = 0),
           ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                    AND NOT a.attisdropped ORDER BY a.attnum)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S') AND n.nspname !~ '^pg_(toast|temp)'
     ORDER BY 1
"""
_FUNCTIONS = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname),
           ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY g (t, i) ORDER BY i)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE NOT EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
       AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) t JOIN pg_type y ON y.oid = t WHERE y.typtype = 'p')
       AND p.prokind = 'f' AND p.oid <> ALL (ARRAY(SELECT aggtransfn::oid FROM pg_aggregate))
     ORDER BY 1
"""
_EFFECT = """
    SELECT 'table ' || c.oid::regclass, p FROM pg_class c,
           unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) p
     WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND has_table_privilege(%(role)s, c.oid, p)
       AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0 AND a.privilege_type = p
                          AND c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace))
    UNION ALL
    SELECT 'column ' || a.attname || ' of ' || c.oid::regclass, p
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid,
           unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
       AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
       AND has_column_privilege(%(role)s, c.oid, a.attnum, p)
    UNION ALL
    SELECT 'sequence ' || c.oid::regclass, p FROM pg_class c, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) p
     WHERE c.relkind = 'S' AND has_sequence_privilege(%(role)s, c.oid, p)
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure, 'EXECUTE' FROM pg_proc p
     WHERE has_function_privilege(%(role)s, p.oid, 'EXECUTE') AND NOT (p.pronamespace = 'pg_catalog'::regnamespace
           AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0))
       AND p.pronamespace <> 'information_schema'::regnamespace
    UNION ALL
    SELECT 'schema ' || n.nspname, p FROM pg_namespace n, unnest(ARRAY['USAGE', 'CREATE']) p
     WHERE has_schema_privilege(%(role)s, n.oid, p) AND n.nspname !~ '^(pg_catalog|information_schema)'
    UNION ALL
    SELECT 'database ' || d.datname, p FROM pg_database d, unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) p
     WHERE has_database_privilege(%(role)s, d.oid, p)
    UNION ALL
    SELECT 'tablespace ' || t.spcname, 'CREATE' FROM pg_tablespace t
     WHERE has_tablespace_privilege(%(role)s, t.oid, 'CREATE')
    UNION ALL
    SELECT 'parameter ' || a.parname, p FROM pg_parameter_acl a, unnest(ARRAY['SET', 'ALTER SYSTEM']) p
     WHERE has_parameter_privilege(%(role)s, a.parname, p)
    UNION ALL
    SELECT 'foreign server ' || s.srvname, 'USAGE' FROM pg_foreign_server s
     WHERE has_server_privilege(%(role)s, s.oid, 'USAGE')
    UNION ALL
    SELECT 'role ' || r.rolname, p FROM pg_roles r, unnest(ARRAY['USAGE', 'SET', 'USAGE WITH ADMIN OPTION']) p
     WHERE pg_has_role(%(role)s, r.oid, p) AND r.rolname <> %(role)s
"""


def attempts(office: Office) -> Iterator[tuple[str, str]]:
    """(what, statement) for each object of the database and each thing that can be done to it with one statement."""
    for name, kind, system, readable, columns in office.admin.execute(_TABLES).fetchall():
        if kind == "S":
            yield from ((f"{name}: {verb}", verb.format(name)) for verb in (
                "SELECT nextval('{}')", "SELECT setval('{}', 1)", "SELECT last_value FROM {}"))  # fmt: skip
            continue
        if not readable:
            yield f"{name}: SELECT", f"SELECT FROM {name} LIMIT 0"
            if not system:
                yield f"{name}: COPY", f"COPY {name} TO STDOUT"
                yield from ((f"{name}.{c}: SELECT", f"SELECT {c} FROM {name} LIMIT 0") for c in columns)  # noqa: S608
        if kind == "r":
            yield f"{name}: DELETE", f"DELETE FROM {name} WHERE false"  # noqa: S608
            yield f"{name}: UPDATE", f"UPDATE {name} SET {columns[-1]} = NULL WHERE false"  # noqa: S608
            yield f"{name}: INSERT", f"INSERT INTO {name} ({columns[-1]}) SELECT NULL WHERE false"
        if kind == "r" and not system:
            yield f"{name}: TRUNCATE", f"TRUNCATE {name}"
            yield f"{name}: LOCK", f"BEGIN; LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE; COMMIT"
            yield (
                f"{name}: TRIGGER",
                f"CREATE TRIGGER mine AFTER INSERT ON {name} EXECUTE FUNCTION bhyt.latest_card()",
            )
            yield f"{name}: OWNER", f"ALTER TABLE {name} ADD COLUMN mine int"
            yield f"{name}: DROP", f"DROP TABLE {name}"
    for name, arguments in office.admin.execute(_FUNCTIONS).fetchall():
        values = ", ".join(
            f"(SELECT NULL::{kind})" for kind in arguments
        )  # a bare NULL would call nothing strict
        yield f"{name}({','.join(arguments)}): EXECUTE", f"SELECT {name}({values})"
    for (name,) in office.admin.execute("SELECT quote_ident(nspname) FROM pg_namespace").fetchall():
        yield f"{name}: CREATE", f"CREATE VIEW {name}.mine AS SELECT 1"
    for (name,) in office.admin.execute("SELECT quote_ident(rolname) FROM pg_roles").fetchall():
        yield f"{name}: SET ROLE", f"SET ROLE {name}"


@pytest.mark.parametrize("role", ROLES)
def test_S03_S04_whatever_the_policy_does_not_allow_is_refused_on_every_object_there_is(
    office: Office, role: str
) -> None:
    kind = _kind(role)
    allowed = {f"{right}: EXECUTE" for right in wanted_functions(kind)} | {f"{role}: SET ROLE"}
    tried, done = 0, {}
    with office.login(office.lend(role)) as session:
        for what, statement in attempts(office):
            tried += 1
            try:
                session.execute(sql.SQL(statement))
            except psycopg.errors.InsufficientPrivilege:
                if session.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                    session.execute("ROLLBACK")
                continue
            except psycopg.Error as error:
                done[what] = f"{type(error).__name__}: {error}"
            else:
                done[what] = "done"
    assert tried > 500
    assert done.keys() == allowed, {what: how for what, how in done.items() if what not in allowed}


@pytest.mark.parametrize("role", ROLES)
def test_S03_S04_in_effect_an_account_has_exactly_what_the_policy_gives_its_kind(
    office: Office, role: str
) -> None:
    kind = _kind(role)
    found = {(what, p) for what, p in office.admin.execute(_EFFECT, {"role": role}).fetchall()}
    wanted = {(f"function {right}", "EXECUTE") for right in wanted_functions(kind)}
    wanted |= {("schema bhyt", "USAGE"), ("schema public", "USAGE"), ("database dml", "CONNECT")}
    wanted |= {(f"role {AccountName.parse(_name(role)).kind.group}", "USAGE")}
    assert found == wanted


def _name(role: str) -> str:
    kind, guest, last = role.upper().rsplit("_", 2)
    return f"{kind}-{guest}-{last}"


def _kind(role: str) -> str:
    return AccountName.parse(_name(role)).kind.value
