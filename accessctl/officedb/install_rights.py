"""Who may do what in an office database: the schema owner, the two service roles, the four groups."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psycopg import sql

from accessctl.domain.accounts import Kind
from accessctl.officedb import roles
from accessctl.officedb.install_step import InstallPlan, Step, connects, granted, ident, names, q

_SIGNATURE = re.compile(r"([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*)\(([a-z0-9_ ,\[\]]*)\)")


def right_steps(plan: InstallPlan) -> list[Step]:
    database = ident(plan.dbname)
    found = [
        granted(
            "Cho chủ lược đồ đọc tệp nhật ký máy chủ (chỉ qua access.server_log)",
            "Let the schema owner read the server's log files (only used by access.server_log)",
            "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean)"
            " TO accessctl_owner",
            "has_function_privilege('accessctl_owner',"
            " 'pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean)', 'EXECUTE')",
        ),
        Step(
            f"Cho broker kết nối {plan.dbname} và cấp quyền kết nối cho tài khoản của cơ quan này",
            f"Let the broker connect to {plan.dbname} and pass CONNECT on to this office's accounts",
            q("GRANT CONNECT ON DATABASE {} TO {} WITH GRANT OPTION", database, ident(roles.BROKER)),
            q(
                "SELECT has_database_privilege({}, {}, 'CONNECT WITH GRANT OPTION')",
                roles.BROKER,
                plan.dbname,
            ),
        ),
        Step(
            f"Cho nhân chứng kết nối {plan.dbname}",
            f"Let the witness connect to {plan.dbname}",
            q("GRANT CONNECT ON DATABASE {} TO {}", database, ident(roles.WITNESS)),
            connects(plan.dbname, roles.WITNESS),
        ),
    ]
    found += [_table_right(*right) for right in TABLE_RIGHTS]
    found.append(_schema_use())
    found += [_functions_of(kind, signatures) for kind, signatures in plan.grants.items()]
    found.append(_wanted(plan))
    return found


# role, privileges on whole tables, columns that may be updated, tables
TABLE_RIGHTS = (
    (roles.BROKER, ("SELECT", "INSERT"), (), ("account",)),
    (roles.BROKER, ("SELECT", "INSERT", "DELETE"), ("expires_at",), ("lease",)),
    (roles.BROKER, ("SELECT", "INSERT"), ("sessions", "changed"), ("lease_end",)),
    (roles.BROKER, ("SELECT",), (), ("login", "act", "version", "wanted")),
    (roles.WITNESS, ("SELECT",), (), ("account", "login", "act", "lease_end", "version", "wanted")),
)

_LOOK = ("account_drift",)

FUNCTIONS_OF_SERVICE = {
    roles.BROKER: ("lock_account", "open_lease", "close_lease", "renew_lease", "reset_settings", *_LOOK),
    roles.WITNESS: ("is_managed", "server_log", "server_log_files", "server_identity", *_LOOK),
}


def _table_right(role: str, privileges: Sequence[str], columns: Sequence[str], tables: Sequence[str]) -> Step:
    words: list[sql.SQL | sql.Composed] = [sql.SQL(word) for word in privileges]
    if columns:
        words.append(q("UPDATE ({})", names(columns)))
    checks = [
        q("has_table_privilege({}, {}, {})", role, f"access.{table}", word)
        for table in tables
        for word in privileges
    ] + [
        q("has_column_privilege({}, {}, {}, 'UPDATE')", role, f"access.{table}", column)
        for table in tables
        for column in columns
    ]
    said = ", ".join([*privileges, *(f"UPDATE ({column})" for column in columns)])
    return Step(
        f"Cấp {said} trên {', '.join(tables)} cho {role}",
        f"Grant {said} on {', '.join(tables)} to {role}",
        q(
            "GRANT {} ON {} TO {}",
            sql.SQL(", ").join(words),
            sql.SQL(", ").join(sql.Identifier("access", table) for table in tables),
            ident(role),
        ),
        q("SELECT {}", sql.SQL(" AND ").join(checks)),
    )


def _schema_use() -> Step:
    grants = [
        q("GRANT USAGE ON SCHEMA access TO {}", names(roles.SERVICE)),
        q("GRANT USAGE ON SCHEMA bhyt TO {}", names(roles.GROUPS)),
    ]
    checks = [q("has_schema_privilege({}, 'access', 'USAGE')", role) for role in roles.SERVICE]
    checks += [q("has_schema_privilege({}, 'bhyt', 'USAGE')", group) for group in roles.GROUPS]
    for role, functions in FUNCTIONS_OF_SERVICE.items():
        for name in functions:
            found = sql.SQL(
                "(SELECT oid FROM pg_proc WHERE pronamespace = 'access'::regnamespace AND proname = {})"
            )
            checks.append(q("has_function_privilege({}, {}, 'EXECUTE')", role, found.format(name)))
            grants.append(
                q("GRANT EXECUTE ON FUNCTION {} TO {}", sql.Identifier("access", name), ident(role))
            )
    return Step(
        "Cho các vai dịch vụ và các nhóm dùng lược đồ và hàm của mình",
        "Let the service roles and the groups use their schema and functions",
        sql.SQL(";\n").join(grants),
        q("SELECT {}", sql.SQL(" AND ").join(checks)),
    )


def _functions_of(kind: Kind, signatures: Sequence[str]) -> Step:
    """Exactly these functions of `bhyt` and `access`: what more the group may execute is taken away."""
    functions = [_function(text) for text in signatures]
    listed = sql.SQL(", ").join(functions)
    statements: list[sql.Composable] = [
        q("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access, bhyt FROM {}", ident(kind.group))
    ]
    if functions:
        statements.append(q("GRANT EXECUTE ON FUNCTION {} TO {}", listed, ident(kind.group)))
    wanted = sql.SQL(", ").join(q("to_regprocedure({})::oid", text) for text in signatures)
    return Step(
        f"Cho nhóm {kind.group} đúng các hàm: {', '.join(signatures) or 'không có'}",
        f"Let the group {kind.group} execute exactly: {', '.join(signatures) or 'nothing'}",
        sql.SQL(";\n").join(statements),
        q(
            "SELECT ARRAY(SELECT p.oid FROM pg_proc p, aclexplode(p.proacl) a"
            " WHERE p.pronamespace IN ('access'::regnamespace, 'bhyt'::regnamespace)"
            " AND a.grantee = {}::regrole AND a.privilege_type = 'EXECUTE' ORDER BY p.oid)"
            " = ARRAY(SELECT o FROM unnest(ARRAY[{}]::oid[]) o ORDER BY o)",
            kind.group,
            wanted,
        ),
    )


def _wanted(plan: InstallPlan) -> Step:
    """What the policy gives each kind, written where every opening compares it with what is granted."""
    pairs = [(kind.value, text) for kind, signatures in plan.grants.items() for text in signatures]
    rows = sql.SQL(", ").join(q("({}, {})", kind, text) for kind, text in pairs)
    return Step(
        "Ghi các quyền theo chính sách để đối chiếu trước mỗi phiên sử dụng",
        "Write down what the policy gives, to be compared before each lease",
        q("DELETE FROM access.wanted; INSERT INTO access.wanted (kind, signature) VALUES {}", rows),
        q(
            "SELECT ARRAY(SELECT (kind, signature)::text FROM access.wanted ORDER BY 1)"
            " = ARRAY(SELECT (v.kind, v.signature)::text FROM (VALUES {}) v (kind, signature) ORDER BY 1)",
            rows,
        ),
    )


def _function(text: str) -> sql.Composed:
    match = _SIGNATURE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a function signature: {text!r:.80}")
    return q("{}({})", sql.Identifier(match[1], match[2]), sql.SQL(match[3]))
