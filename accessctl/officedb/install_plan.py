"""What one DBA step does to an office's server, as a list of steps that can be shown, checked and executed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from accessctl.domain.accounts import Kind
from accessctl.officedb import roles
from accessctl.officedb.migrations import migrations

_SIGNATURE = re.compile(r"([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*)\(([a-z0-9_ ,\[\]]*)\)")


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """Everything an installation needs to know.

    `grants`: for each kind the functions it may execute, `schema.name(type,type)`. `keep_connect`: roles that keep
    CONNECT on a database of the server when PUBLIC loses it (the control database's own, another program's).
    """

    office: str
    dbname: str
    grants: Mapping[Kind, Sequence[str]]
    broker_password: str = field(repr=False)
    witness_password: str = field(repr=False)
    keep_connect: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `done` is a query that answers true when there is nothing (more) to do."""

    vi: str
    en: str
    sql: sql.Composable
    done: sql.Composable
    database: str | None = None  # None: the office's own
    version: int | None = None  # of the office schema; `done` cannot be asked before version 1
    password_of: str | None = None  # `done` then answers the stored verifier; the statement is never shown


def steps(plan: InstallPlan) -> tuple[Step, ...]:
    """The whole installation in order; each statement may be executed again without harm."""
    return (*_roles(), *_schema(plan), *_rights(plan), _trigger(), *_public(plan))


def _roles() -> list[Step]:
    made = [*((name, "NOLOGIN") for name in (roles.OWNER, roles.MARKER, *roles.GROUPS))]
    made += [(roles.BROKER, "LOGIN CREATEROLE"), (roles.WITNESS, "LOGIN")]
    found = [_role(name, attributes) for name, attributes in made]
    found += [_password(name) for name in roles.SERVICE]
    admin = (roles.MARKER, *roles.GROUPS)
    found.append(
        Step(
            "Cho broker quyền quản trị các nhóm tài khoản, không thừa hưởng, không chuyển vai",
            "Let the broker administer the account groups, without inheriting or becoming them",
            _q("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", _names(admin), _id(roles.BROKER)),
            _memberships(roles.BROKER, admin, "m.admin_option AND NOT m.inherit_option AND NOT m.set_option"),
        )
    )
    for group, member in (
        ("pg_signal_backend", roles.BROKER),
        ("pg_read_all_stats", roles.WITNESS),
        ("pg_monitor", roles.OWNER),
    ):
        found.append(
            Step(
                f"Cho {member} là thành viên thường của {group}",
                f"Make {member} a plain member of {group}",
                _q("GRANT {} TO {} WITH INHERIT TRUE, ADMIN FALSE", _id(group), _id(member)),
                _memberships(member, (group,), "m.inherit_option AND NOT m.admin_option"),
            )
        )
    return found


def _role(name: str, attributes: str) -> Step:
    create = _q("CREATE ROLE {} {}", _id(name), sql.SQL(attributes))
    comment = _q("COMMENT ON ROLE {} IS {}", _id(name), sql.Literal(roles.COMMENT))
    condition = _q("IF to_regrole({}) IS NULL THEN", sql.Literal(name))
    return Step(
        f"Tạo vai {name}",
        f"Create the role {name}",
        _q("DO $do$ BEGIN {} {}; {}; END IF; END $do$", condition, create, comment),
        _q("SELECT to_regrole({}) IS NOT NULL", sql.Literal(name)),
    )


def _password(name: str) -> Step:
    return Step(
        f"Đặt mật khẩu cho {name} (chỉ gửi giá trị kiểm tra SCRAM, không gửi mật khẩu)",
        f"Set the password of {name} (only its SCRAM verifier is sent, never the password)",
        sql.SQL(f"\\password {name}"),
        _q("SELECT rolpassword FROM pg_authid WHERE rolname = {}", sql.Literal(name)),
        password_of=name,
    )


def _schema(plan: InstallPlan) -> list[Step]:
    found = [
        Step(
            f"Tạo lược đồ {schema} thuộc {roles.OWNER}",
            f"Create the schema {schema}, owned by {roles.OWNER}",
            _q("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}", _id(schema), _id(roles.OWNER)),
            _q("SELECT to_regnamespace({}) IS NOT NULL", sql.Literal(schema)),
        )
        for schema in ("access", "bhyt")
    ]
    for migration in migrations():
        record = _q("INSERT INTO access.version (number, name) VALUES ({}, {})", migration.number, migration.name)
        body = [_q("SET ROLE {}", _id(roles.OWNER)), sql.SQL(migration.sql), record, sql.SQL("RESET ROLE")]
        found.append(
            Step(
                f"Áp dụng bản {migration.number} của lược đồ ({migration.name})",
                f"Apply version {migration.number} of the schema ({migration.name})",
                sql.SQL(";\n").join(body),
                _q("SELECT EXISTS (SELECT FROM access.version WHERE number = {})", migration.number),
                version=migration.number,
            )
        )
    return found


def _rights(plan: InstallPlan) -> list[Step]:
    database = _id(plan.dbname)
    found = [
        _granted(
            "Cho chủ lược đồ đọc tệp nhật ký máy chủ (chỉ qua access.server_log)",
            "Let the schema owner read the server's log files (only used by access.server_log)",
            "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean) TO accessctl_owner",
            "has_function_privilege('accessctl_owner',"
            " 'pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean)', 'EXECUTE')",
        ),
        Step(
            f"Cho broker kết nối {plan.dbname} và cấp quyền kết nối cho tài khoản của cơ quan này",
            f"Let the broker connect to {plan.dbname} and pass CONNECT on to this office's accounts",
            _q("GRANT CONNECT ON DATABASE {} TO {} WITH GRANT OPTION", database, _id(roles.BROKER)),
            _q(
                "SELECT has_database_privilege({}, {}, 'CONNECT WITH GRANT OPTION')",
                sql.Literal(roles.BROKER), sql.Literal(plan.dbname),
            ),
        ),
        Step(
            f"Cho nhân chứng kết nối {plan.dbname}",
            f"Let the witness connect to {plan.dbname}",
            _q("GRANT CONNECT ON DATABASE {} TO {}", database, _id(roles.WITNESS)),
            _connects(plan.dbname, roles.WITNESS),
        ),
    ]
    for privilege, objects, role in _TABLE_RIGHTS:
        found.append(_table_right(privilege, objects, role))
    found.append(_schema_use())
    found += [_functions_of(kind, signatures) for kind, signatures in plan.grants.items()]
    return found


_TABLE_RIGHTS = (
    ("SELECT, INSERT", ("account",), roles.BROKER),
    ("SELECT, INSERT, DELETE, UPDATE (expires_at)", ("lease",), roles.BROKER),
    ("SELECT, INSERT, UPDATE (sessions)", ("lease_end",), roles.BROKER),
    ("SELECT", ("login", "act", "version"), roles.BROKER),
    ("SELECT", ("account", "login", "act", "lease_end", "version"), roles.WITNESS),
)

_FUNCTIONS_OF_SERVICE = {
    roles.BROKER: ("open_lease", "close_lease", "renew_lease", "reset_settings"),
    roles.WITNESS: ("server_log", "server_log_files", "server_identity"),
}


def _table_right(privilege: str, tables: tuple[str, ...], role: str) -> Step:
    whole = [word.strip() for word in privilege.split(",") if "(" not in word]
    columns = [word.strip()[8:-1] for word in privilege.split(",") if "(" in word]
    checks = [
        _q("has_table_privilege({}, {}, {})", sql.Literal(role), sql.Literal(f"access.{table}"), sql.Literal(word))
        for table in tables
        for word in whole
    ] + [
        _q("has_column_privilege({}, {}, {}, 'UPDATE')", sql.Literal(role), sql.Literal(f"access.{table}"),
           sql.Literal(column))
        for table in tables
        for column in columns
    ]
    places = sql.SQL(", ").join(sql.Identifier("access", table) for table in tables)
    return Step(
        f"Cấp {privilege} trên {', '.join(tables)} cho {role}",
        f"Grant {privilege} on {', '.join(tables)} to {role}",
        _q("GRANT {} ON {} TO {}", sql.SQL(privilege), places, _id(role)),
        _q("SELECT {}", sql.SQL(" AND ").join(checks)),
    )


def _schema_use() -> Step:
    grants = [_q("GRANT USAGE ON SCHEMA access TO {}", _names(roles.SERVICE)),
              _q("GRANT USAGE ON SCHEMA bhyt TO {}", _names(roles.GROUPS))]
    checks = [_q("has_schema_privilege({}, 'access', 'USAGE')", sql.Literal(role)) for role in roles.SERVICE]
    checks += [_q("has_schema_privilege({}, 'bhyt', 'USAGE')", sql.Literal(group)) for group in roles.GROUPS]
    for role, names in _FUNCTIONS_OF_SERVICE.items():
        for name in names:
            found = sql.SQL("(SELECT oid FROM pg_proc WHERE pronamespace = 'access'::regnamespace AND proname = {})")
            checks.append(_q("has_function_privilege({}, {}, 'EXECUTE')", sql.Literal(role), found.format(name)))
            grants.append(_q("GRANT EXECUTE ON FUNCTION {} TO {}", sql.Identifier("access", name), _id(role)))
    return Step(
        "Cho các vai dịch vụ và các nhóm dùng lược đồ và hàm của mình",
        "Let the service roles and the groups use their schema and functions",
        sql.SQL(";\n").join(grants),
        _q("SELECT {}", sql.SQL(" AND ").join(checks)),
    )


def _functions_of(kind: Kind, signatures: Sequence[str]) -> Step:
    """Exactly these functions of `bhyt` and `access`: what the group may execute beyond them is taken away."""
    functions = [_function(text) for text in signatures]
    listed = sql.SQL(", ").join(functions)
    statements = [_q("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access, bhyt FROM {}", _id(kind.group))]
    if functions:
        statements.append(_q("GRANT EXECUTE ON FUNCTION {} TO {}", listed, _id(kind.group)))
    wanted = sql.SQL(", ").join(_q("to_regprocedure({})::oid", sql.Literal(text)) for text in signatures)
    return Step(
        f"Cho nhóm {kind.group} đúng các hàm: {', '.join(signatures) or 'không có'}",
        f"Let the group {kind.group} execute exactly: {', '.join(signatures) or 'nothing'}",
        sql.SQL(";\n").join(statements),
        _q(
            "SELECT ARRAY(SELECT p.oid FROM pg_proc p, aclexplode(p.proacl) a"
            " WHERE p.pronamespace IN ('access'::regnamespace, 'bhyt'::regnamespace)"
            " AND a.grantee = {}::regrole AND a.privilege_type = 'EXECUTE' ORDER BY p.oid)"
            " = ARRAY(SELECT o FROM unnest(ARRAY[{}]::oid[]) o ORDER BY o)",
            sql.Literal(kind.group), wanted,
        ),
    )


def _function(text: str) -> sql.Composed:
    match = _SIGNATURE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a function signature: {text!r:.80}")
    return _q("{}({})", sql.Identifier(match[1], match[2]), sql.SQL(match[3]))


def _trigger() -> Step:
    return Step(
        "Bật trình canh cổng đăng nhập (event trigger)",
        "Set the login event trigger",
        _q(
            "DROP EVENT TRIGGER IF EXISTS {0}; CREATE EVENT TRIGGER {0} ON login EXECUTE FUNCTION access.on_login();"
            " ALTER EVENT TRIGGER {0} ENABLE ALWAYS",
            _id(roles.TRIGGER),
        ),
        _q(
            "SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = {} AND evtevent = 'login'"
            " AND evtenabled = 'A' AND evtfoid = to_regproc('access.on_login'))",
            sql.Literal(roles.TRIGGER),
        ),
    )


def _public(plan: InstallPlan) -> list[Step]:
    keep = {name: tuple(kept) for name, kept in plan.keep_connect.items() if kept}
    found = [
        Step(
            f"Giữ quyền kết nối {name} cho {', '.join(kept)}",
            f"Keep CONNECT on {name} for {', '.join(kept)}",
            _q("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", _id(name), _names(kept)),
            _q("SELECT {}", sql.SQL(" AND ").join(
                _q("({})", part) for role in kept for part in (_connects(name, role),))),
        )
        for name, kept in keep.items()
    ]
    found.append(_granted(
        "Đóng PUBLIC trên mọi cơ sở dữ liệu của máy chủ (CONNECT, TEMPORARY)",
        "Close PUBLIC on every database of the server (CONNECT, TEMPORARY)",
        "DO $do$ DECLARE d name; BEGIN FOR d IN SELECT datname FROM pg_database LOOP"
        " EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', d); END LOOP; END $do$",
        "NOT EXISTS (SELECT FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
        " WHERE a.grantee = 0)",
    ))
    return found + [_closed(place, where) for where in (None, "template1") for place in _CLOSED]


_LARGE_OBJECTS = "'lo_create(oid)', 'lo_creat(integer)', 'lo_from_bytea(oid,bytea)'"
_OWN_FUNCTIONS = (
    "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname NOT LIKE 'pg\\_%'"
    " AND n.nspname <> 'information_schema', aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
    " WHERE a.grantee = 0"
)
_CLOSED = (
    (
        "quyền chạy hàm của các lược đồ",
        "EXECUTE on the functions of every schema",
        "DO $do$ DECLARE f regprocedure; BEGIN FOR f IN SELECT DISTINCT p.oid::regprocedure " + _OWN_FUNCTIONS
        + " LOOP EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', f); END LOOP; END $do$",
        "NOT EXISTS (SELECT " + _OWN_FUNCTIONS + ")",
    ),
    (
        "quyền tạo trong lược đồ public",
        "CREATE in the schema public",
        "DO $do$ BEGIN IF to_regnamespace('public') IS NOT NULL THEN"
        " REVOKE CREATE ON SCHEMA public FROM PUBLIC; END IF; END $do$",
        "NOT EXISTS (SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a"
        " WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE')",
    ),
    (
        "quyền tạo đối tượng lớn",
        "the creation of large objects",
        "REVOKE EXECUTE ON FUNCTION pg_catalog.lo_create(oid), pg_catalog.lo_creat(integer),"
        " pg_catalog.lo_from_bytea(oid, bytea) FROM PUBLIC",
        "NOT EXISTS (SELECT FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        f" WHERE a.grantee = 0 AND p.oid = ANY (ARRAY[{_LARGE_OBJECTS}]::regprocedure[]))",
    ),
    (
        "quyền mặc định trên hàm sẽ tạo sau này",
        "the default privileges of functions to come",
        "DO $do$ DECLARE r name; BEGIN FOREACH r IN ARRAY ARRAY['accessctl_owner', current_user]::name[] LOOP EXECUTE"
        " format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON ROUTINES FROM PUBLIC', r);"
        " END LOOP; END $do$",
        "(SELECT count(*) = 2 FROM pg_default_acl d WHERE d.defaclobjtype = 'f' AND d.defaclnamespace = 0"
        " AND d.defaclrole IN (to_regrole('accessctl_owner'), current_user::regrole)"
        " AND NOT EXISTS (SELECT FROM aclexplode(d.defaclacl) a WHERE a.grantee = 0))",
    ),
)


def _closed(what: tuple[str, str, str, str], where: str | None) -> Step:
    vi, en, statement, done = what
    place = f" ({where})" if where else ""
    return Step(
        f"Đóng PUBLIC: {vi}{place}", f"Close PUBLIC: {en}{place}",
        sql.SQL(statement), _q("SELECT {}", sql.SQL(done)), database=where,
    )  # fmt: skip


def _granted(vi: str, en: str, statement: str, done: str) -> Step:
    return Step(vi, en, sql.SQL(statement), _q("SELECT {}", sql.SQL(done)))


def _memberships(member: str, groups: Sequence[str], options: str) -> sql.Composed:
    return _q(
        "SELECT count(*) = {} FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
        " WHERE m.member = to_regrole({}) AND g.rolname = ANY ({}) AND {}",
        len(groups), sql.Literal(member), sql.Literal(list(groups)), sql.SQL(options),
    )  # fmt: skip


def _connects(dbname: str, role: str) -> sql.Composed:
    return _q(
        "SELECT EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = {}"
        " AND a.grantee = to_regrole({}) AND a.privilege_type = 'CONNECT')",
        sql.Literal(dbname), sql.Literal(role),
    )  # fmt: skip


def _q(template: str, *parts: object) -> sql.Composed:
    return sql.SQL(template).format(*parts)


def _id(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
