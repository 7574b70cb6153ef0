"""What somebody may do by hand to the rights of an office's database, and how each deviation should be told.

All of it in the database `dml`, by a DBA unless it says that the broker does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ACCOUNT, HOLDER = "tkcl_cjt_dml", "tkhctt_cjt_dml"


@dataclass(frozen=True)
class Tamper:
    """`done`: the hand's statements; `role`, `what`, `severity`, `who` and some words of the deviation it makes;
    `undo`: what the repair rightly leaves behind, such as the stranger's own role.
    """

    done: Sequence[str]
    role: str
    what: str
    says: str
    severity: int = 1
    who: str | None = "admin"
    undo: Sequence[str] = ()
    before: Sequence[str] = ()
    by_broker: bool = False


def dba(*done: str, role: str, what: str, says: str, **more: object) -> Tamper:
    return Tamper(done, role, what, says, **more)  # type: ignore[arg-type]


def broker(*done: str, role: str, what: str, says: str, **more: object) -> Tamper:
    return Tamper(done, role, what, says, by_broker=True, **({"who": "broker"} | more))  # type: ignore[arg-type]


STRANGER = {"before": ("CREATE ROLE stranger",), "undo": ("DROP ROLE stranger",)}
REPORTER = {"before": ('CREATE ROLE "order" LOGIN',), "undo": ('DROP ROLE "order"',)}
"""Named by a word of SQL: the statement that is shown has to be one all the same."""

SEVEN = {
    "extra table grant": dba(
        f"GRANT SELECT, DELETE ON bhyt.participant TO {ACCOUNT}",
        role=ACCOUNT, what="grant", says="có thêm quyền xóa dòng, đọc bảng bhyt.participant",
    ),
    "PUBLIC function": dba(
        "GRANT EXECUTE ON FUNCTION bhyt.view_holder(text) TO PUBLIC",
        role="PUBLIC", what="public", says="Mọi người trên máy chủ có thêm quyền chạy hàm bhyt.view_holder(text)",
    ),
    "changed owner": dba(
        "ALTER TABLE bhyt.card OWNER TO stranger",
        role="stranger", what="owner", says="bảng bhyt.card không thuộc accessctl_owner mà thuộc stranger", **STRANGER,
    ),
    "added membership": dba(
        f"GRANT tkhctt TO {ACCOUNT}", role=ACCOUNT, what="membership", says="có thể tự chuyển thành tkhctt",
    ),
    "role attribute": dba(
        f"ALTER ROLE {ACCOUNT} CREATEDB", role=ACCOUNT, what="attribute", says="được nâng quyền: CREATEDB",
    ),
    "column grant": dba(
        "GRANT UPDATE (full_name) ON bhyt.participant TO tkhctt",
        role="tkhctt", what="grant", says="quyền sửa cột full_name của bảng bhyt.participant",
    ),
    "default privilege": dba(
        "ALTER DEFAULT PRIVILEGES FOR ROLE accessctl_owner IN SCHEMA bhyt GRANT SELECT ON TABLES TO tkcl",
        role="tkcl", what="default", says="sẽ có quyền đọc mọi bảng mà accessctl_owner", severity=2,
    ),
}  # fmt: skip
OURS = {
    "event trigger disabled": dba(
        "ALTER EVENT TRIGGER accessctl_login DISABLE", role="-", what="trigger", says="Cổng kiểm soát đăng nhập bị tắt",
    ),
    "event trigger gone": dba(
        "DROP EVENT TRIGGER accessctl_login", role="-", what="trigger", says="không còn",
    ),
    "check at commit disabled": dba(
        "ALTER TABLE access.act DISABLE TRIGGER commit_in_time",
        role="-", what="trigger", says="Kiểm tra commit_in_time on access.act bị tắt",
    ),
    "event triggers off for the database": dba(
        "ALTER DATABASE dml SET event_triggers = off", role="-", what="setting", says="event_triggers in dml = off",
    ),
    "broker may become an account": broker(
        f"GRANT {ACCOUNT} TO accessctl_broker WITH SET TRUE, INHERIT FALSE",
        role=ACCOUNT, what="member", says=f"Vai dịch vụ của hệ thống có thể tự chuyển thành {ACCOUNT}",
    ),
    "login member of tkcl": broker(
        "CREATE ROLE sneaky LOGIN", "GRANT tkcl TO sneaky",
        role="tkcl", what="member", says="Vai sneaky (đăng nhập được) có thể tự chuyển thành tkcl",
        undo=("DROP ROLE sneaky",),
    ),
    "CONNECT on another database": dba(
        f"GRANT CONNECT ON DATABASE postgres TO {ACCOUNT}",
        role=ACCOUNT, what="grant", says="quyền kết nối cơ sở dữ liệu postgres",
    ),
    "a library at each login": dba(
        f"ALTER ROLE {ACCOUNT} SET session_preload_libraries = 'auto_explain'",
        role=ACCOUNT, what="setting", says="session_preload_libraries = auto_explain",
    ),
    "a search path of its own": dba(
        f"ALTER ROLE {HOLDER} IN DATABASE dml SET search_path = pg_temp, pg_catalog",
        role=HOLDER, what="setting", says="có thiết lập riêng: search_path in dml", who="broker",
    ),
    "definer without search_path": dba(
        "ALTER FUNCTION bhyt.view_reissue(text) RESET search_path",
        role="accessctl_owner", what="definer", says="hàm bhyt.view_reissue(text) chạy với quyền của chủ",
    ),
    "a stranger's login with rights": dba(
        'GRANT SELECT ON bhyt.card TO "order"',
        role="order", what="grant", says="không thuộc hệ thống và đăng nhập được, có quyền đọc bảng bhyt.card",
        **REPORTER,
    ),
    "a stranger's role with rights": dba(
        "GRANT SELECT ON access.act TO stranger",
        role="stranger", what="grant", says="Vai stranger, không thuộc hệ thống, có quyền đọc", severity=2, **STRANGER,
    ),
    "a sequence": dba(
        "GRANT USAGE ON SEQUENCE access.act_id_seq TO tkcl",
        role="tkcl", what="grant", says="quyền sử dụng bộ đếm access.act_id_seq",
    ),
    "TEMPORARY for all": dba(
        "GRANT TEMPORARY ON DATABASE dml TO PUBLIC",
        role="PUBLIC", what="public", says="tạo bảng tạm cơ sở dữ liệu dml",
    ),
    "a large object": dba(
        f"GRANT SELECT ON LARGE OBJECT 4711 TO {ACCOUNT}",
        role=ACCOUNT, what="grant", says="quyền đọc đối tượng lớn 4711",
        before=("SELECT lo_create(4711)",), undo=("SELECT lo_unlink(4711)",),
    ),
    "CREATE in the schema": dba(
        "GRANT CREATE ON SCHEMA bhyt TO tkcl", role="tkcl", what="grant", says="quyền tạo đối tượng lược đồ bhyt",
    ),
    "grant option": dba(
        "GRANT EXECUTE ON FUNCTION bhyt.view_reissue(text) TO tkcl WITH GRANT OPTION",
        role="tkcl", what="grant", says="được phép cấp lại cho người khác quyền chạy hàm bhyt.view_reissue(text)",
    ),
    "a function taken away": dba(
        "REVOKE EXECUTE ON FUNCTION bhyt.view_holder(text) FROM tkhctt",
        role="tkhctt", what="missing", says="Nhóm tài khoản tkhctt mất quyền chạy hàm bhyt.view_holder(text)",
        severity=2,
    ),
    "admin option": dba(
        f"GRANT tkcl TO {ACCOUNT} WITH ADMIN TRUE, SET FALSE",
        role=ACCOUNT, what="membership", says="có thể cấp tkcl cho người khác",
    ),
    "replication and row security": dba(
        f"ALTER ROLE {HOLDER} REPLICATION BYPASSRLS",
        role=HOLDER, what="attribute", says="được nâng quyền: BYPASSRLS REPLICATION",
    ),
    "superuser": dba(f"ALTER ROLE {ACCOUNT} SUPERUSER", role=ACCOUNT, what="attribute", says="SUPERUSER"),
    "a type": dba(
        "GRANT USAGE ON TYPE bhyt.code TO tkcl", role="tkcl", what="grant", says="kiểu dữ liệu bhyt.code", severity=2,
        before=("CREATE DOMAIN bhyt.code AS text", "ALTER DOMAIN bhyt.code OWNER TO accessctl_owner"),
        undo=("DROP DOMAIN bhyt.code",),
    ),
    "function owner": dba(
        "ALTER FUNCTION bhyt.latest_card(text) OWNER TO stranger",
        role="stranger", what="owner", says="hàm bhyt.latest_card(text) không thuộc accessctl_owner", **STRANGER,
    ),
    "a right over all data": dba(
        "GRANT pg_read_all_data TO tkcl", role="tkcl", what="membership", says="tự chuyển thành pg_read_all_data",
    ),
    "login without a lease": dba(
        f"ALTER ROLE {ACCOUNT} LOGIN VALID UNTIL 'infinity'",
        role=ACCOUNT, what="attribute", says="đăng nhập được mà không có phiên sử dụng nào", who="broker",
    ),
    "any number of sessions": dba(
        f"ALTER ROLE {ACCOUNT} CONNECTION LIMIT -1",
        role=ACCOUNT, what="attribute", says="không còn bị giới hạn 2 kết nối", severity=2, who="broker",
    ),
    "the broker may pass nothing on": dba(
        "REVOKE GRANT OPTION FOR CONNECT ON DATABASE dml FROM accessctl_broker CASCADE",
        role="accessctl_broker", what="missing", says="mất quyền kết nối cơ sở dữ liệu dml", severity=2,
    ),
    "the broker's table widened": dba(
        "GRANT UPDATE ON access.lease TO accessctl_broker",
        role="accessctl_broker", what="grant", says="Vai dịch vụ của hệ thống có thêm quyền sửa bảng access.lease",
    ),
    "files of the server": dba(
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO tkcl",
        role="tkcl", what="grant", says="chạy hàm pg_catalog.pg_read_file(text)",
    ),
    "large objects for all": dba(
        "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC",
        role="PUBLIC", what="public", says="chạy hàm pg_catalog.lo_create(oid)",
    ),
    "a parameter": dba(
        f"GRANT SET ON PARAMETER session_replication_role TO {ACCOUNT}",
        role=ACCOUNT, what="grant", says="đặt tham số tham số session_replication_role",
    ),
    "the owner deprived": dba(
        "REVOKE SELECT ON access.lease FROM accessctl_owner",
        role="accessctl_owner", what="missing", says="mất quyền đọc bảng access.lease", severity=2,
    ),
    "an account nobody knows": dba(
        "INSERT INTO access.account (role, kind, guest, host) VALUES ('stranger', 'TKCL', 'XYZ', 'DML')",
        role="stranger", what="account", says="được ghi là tài khoản nhưng sổ tài khoản không có", **STRANGER,
    ),
    "a lie to the check before each lease": dba(
        "INSERT INTO access.wanted (kind, signature) VALUES ('TKCL', 'bhyt.view_holder(text)')",
        role="tkcl", what="wanted", says="ghi sai rằng chính sách cho tkcl chạy bhyt.view_holder(text)",
    ),
    "a line kept from the check": dba(
        "DELETE FROM access.wanted WHERE kind = 'TKCL' AND signature ~ 'view_reissue'",
        role="tkcl", what="wanted", says="không cho tkcl chạy bhyt.view_reissue(text)", severity=2,
    ),
    "a foreign source": dba(
        "GRANT USAGE ON FOREIGN DATA WRAPPER outside TO tkcl",
        role="tkcl", what="grant", says="trình nối nguồn ngoài outside",
        before=("CREATE FOREIGN DATA WRAPPER outside",), undo=("DROP FOREIGN DATA WRAPPER outside",),
    ),
    "room for tables": dba(
        "GRANT CREATE ON TABLESPACE pg_default TO tkcl", role="tkcl", what="grant", says="vùng lưu trữ pg_default",
    ),
    "an account in an account": dba(
        f"GRANT tkcl_dgl_dml TO {ACCOUNT}", role=ACCOUNT, what="membership", says="tự chuyển thành tkcl_dgl_dml",
    ),
    "a stranger in an account": dba(
        f'GRANT {ACCOUNT} TO "order"',
        role=ACCOUNT, what="member", says="Vai order (đăng nhập được) có thể tự chuyển thành tkcl_cjt_dml",
        **REPORTER,
    ),
    "functions to come for all": dba(
        "ALTER DEFAULT PRIVILEGES FOR ROLE accessctl_owner GRANT EXECUTE ON ROUTINES TO PUBLIC",
        role="PUBLIC", what="default", says="sẽ có quyền chạy mọi hàm mà accessctl_owner tạo", severity=2,
    ),
    "out of the group": dba(
        f"REVOKE tkcl FROM {ACCOUNT} GRANTED BY accessctl_broker",
        role=ACCOUNT, what="missing", says="không còn thuộc tkcl", severity=2, who="broker",
    ),
}  # fmt: skip
ALL = SEVEN | OURS
