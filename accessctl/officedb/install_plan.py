"""What one DBA step does to an office's server, as steps that can be shown, checked and executed."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from accessctl.officedb import roles
from accessctl.officedb.install_public import public_steps
from accessctl.officedb.install_rights import right_steps
from accessctl.officedb.install_step import InstallPlan, Step, granted, ident, names, q
from accessctl.officedb.migrations import migrations

__all__ = ["InstallPlan", "Step", "steps"]


def steps(plan: InstallPlan) -> tuple[Step, ...]:
    """The whole installation in order; each statement may be executed again without harm."""
    return (*_roles(), *_schema(), *right_steps(plan), _trigger(), *public_steps(plan))


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
            q("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE", names(admin), ident(roles.BROKER)),
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
                q("GRANT {} TO {} WITH INHERIT TRUE, ADMIN FALSE", ident(group), ident(member)),
                _memberships(member, (group,), "m.inherit_option AND NOT m.admin_option"),
            )
        )
    found.append(
        granted(
            "Cho chủ lược đồ ghi dòng nhật ký không kèm câu lệnh (câu lệnh có thể nêu tên người)",
            "Let the schema owner write log lines without the statement, which may name a person",
            "GRANT SET ON PARAMETER log_min_error_statement TO accessctl_owner",
            "has_parameter_privilege('accessctl_owner', 'log_min_error_statement', 'SET')",
        )
    )
    return found


def _role(name: str, attributes: str) -> Step:
    create = q("CREATE ROLE {} {}", ident(name), sql.SQL(attributes))
    comment = q("COMMENT ON ROLE {} IS {}", ident(name), roles.COMMENT)
    condition = q("IF to_regrole({}) IS NULL THEN", name)
    return Step(
        f"Tạo vai {name}",
        f"Create the role {name}",
        q("DO $do$ BEGIN {} {}; {}; END IF; END $do$", condition, create, comment),
        q("SELECT to_regrole({}) IS NOT NULL", name),
    )


def _password(name: str) -> Step:
    return Step(
        f"Đặt mật khẩu cho {name} (chỉ gửi giá trị kiểm tra SCRAM, không gửi mật khẩu)",
        f"Set the password of {name} (only its SCRAM verifier is sent, never the password)",
        sql.SQL(f"\\password {name}"),
        q("SELECT rolpassword FROM pg_authid WHERE rolname = {}", name),
        password_of=name,
    )


def _schema() -> list[Step]:
    found = [
        Step(
            f"Tạo lược đồ {schema} thuộc {roles.OWNER}",
            f"Create the schema {schema}, owned by {roles.OWNER}",
            q("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}", ident(schema), ident(roles.OWNER)),
            q("SELECT to_regnamespace({}) IS NOT NULL", schema),
        )
        for schema in ("access", "bhyt")
    ]
    for migration in migrations():
        record = q(
            "INSERT INTO access.version (number, name) VALUES ({}, {})", migration.number, migration.name
        )
        body = [q("SET ROLE {}", ident(roles.OWNER)), sql.SQL(migration.sql), record, sql.SQL("RESET ROLE")]
        found.append(
            Step(
                f"Áp dụng bản {migration.number} của lược đồ ({migration.name})",
                f"Apply version {migration.number} of the schema ({migration.name})",
                sql.SQL(";\n").join(body),
                q("SELECT EXISTS (SELECT FROM access.version WHERE number = {})", migration.number),
                version=migration.number,
            )
        )
    return found


def _trigger() -> Step:
    return Step(
        "Bật trình canh cổng đăng nhập (event trigger)",
        "Set the login event trigger",
        q(
            "DROP EVENT TRIGGER IF EXISTS {0};"
            " CREATE EVENT TRIGGER {0} ON login EXECUTE FUNCTION access.on_login();"
            " ALTER EVENT TRIGGER {0} ENABLE ALWAYS",
            ident(roles.TRIGGER),
        ),
        q(
            "SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = {} AND evtevent = 'login'"
            " AND evtenabled = 'A' AND evtfoid = to_regproc('access.on_login'))",
            roles.TRIGGER,
        ),
    )


def _memberships(member: str, groups: Sequence[str], options: str) -> sql.Composed:
    return q(
        "SELECT count(*) = {} FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
        " WHERE m.member = to_regrole({}) AND g.rolname = ANY ({}) AND {}",
        len(groups), member, list(groups), sql.SQL(options),
    )  # fmt: skip
