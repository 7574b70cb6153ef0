"""PUBLIC is closed: on every database of the server, in the office's own, and in the template."""

from __future__ import annotations

from psycopg import sql

from accessctl.officedb.install_step import InstallPlan, Step, connects, granted, ident, names, q


def public_steps(plan: InstallPlan) -> list[Step]:
    keep = {name: tuple(kept) for name, kept in plan.keep_connect.items() if kept}
    found = [
        Step(
            f"Giữ quyền kết nối {name} cho {', '.join(kept)}",
            f"Keep CONNECT on {name} for {', '.join(kept)}",
            q("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", ident(name), names(kept)),
            q("SELECT {}", sql.SQL(" AND ").join(q("({})", connects(name, role)) for role in kept)),
        )
        for name, kept in keep.items()
    ]
    found.append(
        granted(
            "Đóng PUBLIC trên mọi cơ sở dữ liệu của máy chủ (CONNECT, TEMPORARY)",
            "Close PUBLIC on every database of the server (CONNECT, TEMPORARY)",
            "DO $do$ DECLARE d name; BEGIN FOR d IN SELECT datname FROM pg_database LOOP"
            " EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', d); END LOOP; END $do$",
            "NOT EXISTS (SELECT"
            " FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
            " WHERE a.grantee = 0)",
        )
    )
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
        "DO $do$ DECLARE f regprocedure; BEGIN FOR f IN SELECT DISTINCT p.oid::regprocedure "  # noqa: S608 – constants
        + _OWN_FUNCTIONS
        + " LOOP EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', f); END LOOP; END $do$",
        "NOT EXISTS (SELECT " + _OWN_FUNCTIONS + ")",
    ),
    (
        "quyền tạo trong lược đồ public",
        "CREATE in the schema public",
        "DO $do$ BEGIN IF to_regnamespace('public') IS NOT NULL THEN"
        " REVOKE CREATE ON SCHEMA public FROM PUBLIC; END IF; END $do$",
        "NOT EXISTS (SELECT"
        " FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a"
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
        "DO $do$ DECLARE r name; BEGIN"
        " FOREACH r IN ARRAY ARRAY['accessctl_owner', current_user]::name[] LOOP"
        " EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I REVOKE EXECUTE ON ROUTINES FROM PUBLIC', r);"
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
        sql.SQL(statement), q("SELECT {}", sql.SQL(done)), database=where,
    )  # fmt: skip
