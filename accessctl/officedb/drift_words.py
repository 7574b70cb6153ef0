"""A deviation in words, Vietnamese and English, for somebody who has never seen a GRANT."""

from __future__ import annotations

import re

from accessctl.officedb import roles
from accessctl.officedb.drifted import EXTRA, Drift

_ACCOUNT = re.compile(r"(tkcl|tkhctt|local_cl|local_hc)_[a-z]{3}_")
_PRIVILEGES = {
    "SELECT": ("đọc", "read"), "INSERT": ("thêm dòng", "add rows"), "UPDATE": ("sửa", "change"),
    "DELETE": ("xóa dòng", "delete rows"), "TRUNCATE": ("xóa sạch", "empty"),
    "REFERENCES": ("tham chiếu", "refer to"), "TRIGGER": ("gắn bẫy xử lý", "attach triggers"),
    "MAINTAIN": ("bảo trì", "maintain"), "EXECUTE": ("chạy", "execute"), "USAGE": ("sử dụng", "use"),
    "CREATE": ("tạo đối tượng", "create things"), "CONNECT": ("kết nối", "connect"),
    "TEMPORARY": ("tạo bảng tạm", "create temporary tables"), "SET": ("đặt tham số", "set"),
    "ALTER SYSTEM": ("đổi tham số máy chủ", "change for the server"),
}  # fmt: skip
_CLASSES = {
    "table": "bảng", "sequence": "bộ đếm", "function": "hàm", "schema": "lược đồ", "database": "cơ sở dữ liệu",
    "type": "kiểu dữ liệu", "language": "ngôn ngữ", "foreign data wrapper": "trình nối nguồn ngoài",
    "foreign server": "máy chủ ngoài", "tablespace": "vùng lưu trữ", "parameter": "tham số",
    "large object": "đối tượng lớn", "role": "vai",
}  # fmt: skip
_FUTURE = {
    "TABLES": ("bảng", "tables"), "SEQUENCES": ("bộ đếm", "sequences"), "ROUTINES": ("hàm", "functions"),
    "TYPES": ("kiểu dữ liệu", "types"), "SCHEMAS": ("lược đồ", "schemas"),
    "LARGE OBJECTS": ("đối tượng lớn", "large objects"),
}  # fmt: skip


def words(drift: Drift) -> tuple[str, str]:
    """What is wrong, in one sentence of each language."""
    match drift.what:
        case "grant" | "public":
            return _right(drift)
        case "missing":
            return _missing(drift)
        case "membership" | "member":
            return _member(drift)
        case "default":
            return _future(drift)
        case "attribute":
            return _attribute(drift)
        case "trigger":
            return _trigger(drift)
    return _other(drift)


def _who(role: str) -> tuple[str, str]:
    match role:
        case "PUBLIC":
            return "Mọi người trên máy chủ", "Everybody on the server"
        case roles.BROKER:
            return "Vai dịch vụ của hệ thống", "The service's own role"
        case roles.WITNESS:
            return "Vai nhân chứng của hệ thống", "The service's witness"
        case roles.OWNER:
            return "Vai chủ lược đồ của hệ thống", "The owner of the service's schemas"
        case roles.MARKER:
            return "Nhóm mọi tài khoản", "The group of all accounts"
    if role in roles.GROUPS:
        return f"Nhóm tài khoản {role}", f"The account group {role}"
    if _ACCOUNT.match(role):
        return f"Tài khoản {role}", f"The account {role}"
    return f"Vai {role}", f"The role {role}"


def _thing(drift: Drift) -> tuple[str, str]:
    cls = next((name for name in _CLASSES if drift.object.startswith(f"{name} ")), None)
    if cls is not None:
        return f"{_CLASSES[cls]} {drift.object.removeprefix(f'{cls} ')}", drift.object
    if drift.object.startswith("column "):
        column, _, table = drift.object.removeprefix("column ").partition(" of ")
        return f"cột {column} của bảng {table.removeprefix('table ')}", drift.object
    return drift.object, drift.object


def _able(drift: Drift) -> tuple[str, str]:
    known = [_PRIVILEGES.get(word, (word, word)) for word in drift.privileges]
    return ", ".join(vi for vi, _ in known), ", ".join(en for _, en in known)


def _right(drift: Drift) -> tuple[str, str]:
    (vi, en), (vi_thing, en_thing), (vi_able, en_able) = _who(drift.role), _thing(drift), _able(drift)
    if drift.note == "elsewhere":
        return (
            f"{vi} có quyền trong {vi_thing}, nơi không được có quyền nào",
            f"{en} has rights in the {en_thing}, where it should have none",
        )
    if drift.note == "option":
        return (
            f"{vi} được phép cấp lại cho người khác quyền {vi_able} {vi_thing}",
            f"{en} may pass on to others the right to {en_able}: {en_thing}",
        )
    if drift.note == "login":
        return (
            f"{vi}, không thuộc hệ thống và đăng nhập được, có quyền {vi_able} {vi_thing}",
            f"{en}, which is not ours and can log in, may {en_able}: {en_thing}",
        )
    if drift.note == "foreign":
        return (
            f"{vi}, không thuộc hệ thống, có quyền {vi_able} {vi_thing}",
            f"{en}, which is not ours, may {en_able}: {en_thing}",
        )
    return f"{vi} có thêm quyền {vi_able} {vi_thing}", f"{en} may in addition {en_able}: {en_thing}"


def _missing(drift: Drift) -> tuple[str, str]:
    (vi, en), (vi_thing, en_thing), (vi_able, en_able) = _who(drift.role), _thing(drift), _able(drift)
    if drift.note == "absent":
        return (
            f"Không còn {vi_thing}; phải cài đặt lại cổng kiểm soát",
            f"The {en_thing} is gone; the gate must be installed again",
        )
    if drift.object.startswith("role "):
        group = drift.object.removeprefix("role ")
        return f"{vi} không còn thuộc {group}", f"{en} is no longer a member of {group}"
    if drift.object == " ".join(drift.privileges):
        return f"{vi} mất thuộc tính {drift.object}", f"{en} lost the attribute {drift.object}"
    return f"{vi} mất quyền {vi_able} {vi_thing}", f"{en} can no longer {en_able}: {en_thing}"


def _member(drift: Drift) -> tuple[str, str]:
    role, other = (drift.object, drift.role) if drift.what == "member" else (drift.role, drift.object)
    vi, en = _who(role)
    if "set" in drift.privileges:
        able = f"tự chuyển thành {other}", f"become {other} itself"
    elif "admin" in drift.privileges:
        able = f"cấp {other} cho người khác", f"give {other} to others"
    elif "inherit" in drift.privileges:
        able = f"dùng mọi quyền của {other}", f"use every right of {other}"
    else:
        able = f"thuộc về {other}", f"belong to {other}"
    stranger = drift.note in ("login", "super") and role not in roles.OURS and drift.what == "member"
    vi_note, en_note = (" (đăng nhập được)", " (can log in)") if stranger else ("", "")
    return f"{vi}{vi_note} có thể {able[0]}", f"{en}{en_note} can {able[1]}"


def _future(drift: Drift) -> tuple[str, str]:
    (vi, en), (vi_able, en_able) = _who(drift.role), _able(drift)
    cls, whose, *space = drift.object.split(" / ")
    vi_things, en_things = _FUTURE[cls]
    vi_where, en_where = (f" trong lược đồ {space[0]}", f" in the schema {space[0]}") if space else ("", "")
    return (
        f"{vi} sẽ có quyền {vi_able} mọi {vi_things} mà {whose} tạo{vi_where} sau này",
        f"{en} will be able to {en_able} all {en_things} that {whose} makes{en_where} from now on",
    )


def _attribute(drift: Drift) -> tuple[str, str]:
    vi, en = _who(drift.role)
    if drift.note == "limit":
        return f"{vi} không còn bị giới hạn 2 kết nối", f"{en} is no longer limited to 2 sessions"
    if drift.object == "LOGIN":
        return f"{vi} đăng nhập được mà không có phiên sử dụng nào", f"{en} can log in without any lease"
    return f"{vi} được nâng quyền: {drift.object}", f"{en} was raised: {drift.object}"


def _trigger(drift: Drift) -> tuple[str, str]:
    if drift.object == roles.TRIGGER:
        return (
            "Cổng kiểm soát đăng nhập bị tắt, bị thay hoặc không còn",
            "The login gate is switched off, replaced or gone",
        )
    if drift.object == "event_triggers":
        return (
            "Máy chủ tắt mọi cổng kiểm soát đăng nhập (event_triggers = off); người quản trị phải mở lại",
            "The server has switched all login gates off (event_triggers = off); a DBA has to change that",
        )
    return f"Kiểm tra {drift.object} bị tắt", f"The check {drift.object} is switched off"


def _other(drift: Drift) -> tuple[str, str]:
    (vi, en), (vi_thing, en_thing), (vi_able, en_able) = _who(drift.role), _thing(drift), _able(drift)
    match drift.what:
        case "owner" if drift.note == "elsewhere":
            return f"{vi} làm chủ đối tượng trong {vi_thing}", f"{en} owns things in the {en_thing}"
        case "owner" if drift.repair is not None:
            return (
                f"{vi_thing} không thuộc {roles.OWNER} mà thuộc {drift.role}",
                f"{en_thing} belongs to {drift.role} and not to {roles.OWNER}",
            )
        case "owner":
            return (
                f"{vi} làm chủ {vi_thing}; phải có người xem xét",
                f"{en} owns {en_thing}; a person has to look",
            )
        case "definer":
            return (
                f"{vi_thing} chạy với quyền của chủ mà không cố định nơi tìm đối tượng (search_path)",
                f"{en_thing} runs with its owner's rights and without a fixed search_path",
            )
        case "setting":
            said = f"{drift.object} = {drift.note}"
            if drift.role == "-":
                return (
                    f"Thiết lập chung của cơ sở dữ liệu: {said}",
                    f"A setting for the whole database: {said}",
                )
            return f"{vi} có thiết lập riêng: {said}", f"{en} has a setting of its own: {said}"
        case "account":
            return (
                f"{vi} được ghi là tài khoản nhưng sổ tài khoản không có",
                f"{en} is listed as an account that the ledger does not know",
            )
        case "wanted":
            given = ("cho", "gives") if drift.direction == EXTRA else ("không cho", "does not give")
            return (
                f"Bản đối chiếu tại đơn vị ghi sai rằng chính sách {given[0]} {drift.role} chạy {drift.object}",
                f"The database was told wrongly that the policy {given[1]} {drift.role} the function {drift.object}",
            )
        case "effect":
            able = (vi_able, en_able) if drift.privileges != ("any",) else ("dùng", "use")
            return f"{vi} thực tế có quyền {able[0]} {vi_thing}", f"{en} can in effect {able[1]}: {en_thing}"
    raise AssertionError(drift.what)
