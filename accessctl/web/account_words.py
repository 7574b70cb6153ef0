"""The words of an act on an account: what each is called, what it does, what its button says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accessctl.services.account_before import Act
from accessctl.services.account_list import Listed
from accessctl.services.sheets import Cell
from accessctl.web.display import STATUSES, place


@dataclass(frozen=True, slots=True)
class ActWords:
    """Title, button, mark and tone of an act, the hint beside its reason, and what is said when it is done."""

    title: Any
    button: Any
    icon: str
    tone: str
    hint: Any
    done: Any


ACTS = {
    Act.LOCK: ActWords(
        _l("Khóa tài khoản"),
        _l("Khóa tài khoản"),
        "lock",
        "danger",
        _l("Bắt buộc. Cán bộ quản lý, thủ trưởng đơn vị và thanh tra - kiểm tra đọc được câu này"),
        _l("Đã khóa tài khoản; mọi phiên đang mở đã được kết thúc."),
    ),
    Act.ASK_UNLOCK: ActWords(
        _l("Đề nghị mở khóa tài khoản"),
        _l("Gửi đề nghị mở khóa"),
        "lock-open",
        "primary",
        _l("Bắt buộc. Đã kiểm tra những gì, vì sao có thể sử dụng lại"),
        _l("Đã gửi đề nghị mở khóa đến Phòng Công nghệ thông tin."),
    ),
    Act.UNLOCK: ActWords(
        _l("Mở khóa tài khoản"),
        _l("Mở khóa tài khoản"),
        "lock-open",
        "primary",
        _l("Bắt buộc. Đã tìm thấy gì, đã xử lý thế nào"),
        _l("Đã mở khóa tài khoản; thông tin đăng nhập cũ không còn giá trị."),
    ),
    Act.ROTATE: ActWords(
        _l("Vô hiệu thông tin đăng nhập cũ"),
        _l("Vô hiệu thông tin đăng nhập cũ"),
        "refresh",
        "danger",
        _l("Bắt buộc; được ghi vào nhật ký"),
        _l("Đã vô hiệu thông tin đăng nhập cũ."),
    ),
    Act.RETIRE: ActWords(
        _l("Thu hồi vĩnh viễn tài khoản"),
        _l("Thu hồi vĩnh viễn"),
        "ban",
        "danger",
        _l("Bắt buộc. Căn cứ (số quyết định, kế hoạch sắp xếp đơn vị)"),
        _l("Đã thu hồi vĩnh viễn tài khoản."),
    ),
}
TOLD = {
    "holder": _l("đang sử dụng tài khoản"),
    "waiting": _l("đang trong hàng chờ"),
    "custodian": _l("cán bộ quản lý tài khoản"),
    "head": _l("thủ trưởng đơn vị"),
    "it": _l("Phòng Công nghệ thông tin"),
    "auditor": _l("thanh tra - kiểm tra"),
}
DRIFTS = {
    "attribute": _l("thuộc tính của vai trò khác quy định"),
    "grant": _l("có quyền mà chính sách không giao"),
    "owner": _l("sở hữu đối tượng trong cơ sở dữ liệu"),
    "membership": _l("thuộc một nhóm ngoài quy định"),
    "member": _l("có thành viên ngoài quy định"),
    "missing": _l("thiếu quyền mà chính sách giao"),
    "public": _l("quyền mở cho mọi vai trò"),
    "setting": _l("có thiết lập riêng ngoài quy định"),
    "default": _l("sẽ có quyền trên đối tượng tạo sau này"),
    "account": _l("không có trong sổ tài khoản"),
    "wanted": _l("bản đối chiếu trong cơ sở dữ liệu khác chính sách"),
    "effect": _l("thực tế có quyền mà chính sách không giao"),
}


def header() -> list[str]:
    """The first line of the file of accounts."""
    return [
        _("Mã tài khoản"),
        _("Loại"),
        _("Đơn vị tiếp nhận"),
        _("Đơn vị đang quản lý"),
        _("Tình trạng"),
        _("Lý do"),
        _("Đang sử dụng"),
        _("Từ"),
        _("Đến"),
        _("Số người chờ"),
        _("Cán bộ quản lý"),
    ]


def cells(row: Listed, why: Callable[[str | None], str]) -> list[Cell]:
    """One account as a line of the file."""
    return [
        row.account,
        row.kind,
        place(row.guest),
        place(row.host),
        str(STATUSES[row.state].word),
        why(row.reason),
        row.holder,
        row.since,
        row.until,
        row.queue,
        row.custodian,
    ]
