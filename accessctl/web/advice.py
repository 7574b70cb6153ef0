"""What an error page says beside what happened: what was not done, and what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True, slots=True)
class Advice:
    """Two short sentences and the mark of the page."""

    not_done: Any
    to_do: Any
    icon: str = "alert-circle"


_NOTHING_CHANGED = _l("Không có gì bị thay đổi.")
_NOT_CARRIED_OUT = _l("Yêu cầu vừa gửi chưa được thực hiện; không có gì bị thay đổi.")

_BY_CODE = {
    "web.form_expired": Advice(
        _l("Biểu mẫu chưa được gửi đi; không có gì bị thay đổi."),
        _l(
            "Mở lại trang, nhập lại rồi gửi. Nếu mở nhiều thẻ hoặc đã đăng nhập lại ở thẻ khác, dùng thẻ mới nhất."
        ),
        "refresh",
    ),
    "web.cross_site": Advice(
        _NOT_CARRIED_OUT,
        _l(
            "Chỉ thao tác trên trang của hệ thống; nếu một trang khác đưa ông/bà tới đây, "
            "báo Phòng Công nghệ thông tin."
        ),
        "shield-x",
    ),
    "policy.policy_broken": Advice(
        _l("Không có dữ liệu nào được xem hay thay đổi."),
        _l(
            "Báo ngay Phòng Công nghệ thông tin. Hệ thống hoạt động lại ngay khi tệp chính sách được sửa, "
            "không cần khởi động lại."
        ),
        "shield-x",
    ),
    "control.down": Advice(
        _NOT_CARRIED_OUT,
        _l("Đợi vài phút rồi tải lại trang. Phiên đang mở vẫn tự đóng đúng giờ tại đơn vị."),
        "plug-connected",
    ),
}

_BY_STATUS = {
    400: Advice(_NOT_CARRIED_OUT, _l("Mở lại trang và thao tác lại từ đầu.")),
    403: Advice(
        _l("Không có dữ liệu nào được xem hay thay đổi."),
        _l(
            "Nếu việc này thuộc nhiệm vụ của ông/bà: thủ trưởng đơn vị đề nghị vai trò, Phòng Công nghệ thông tin giao."
        ),
        "shield-lock",
    ),
    404: Advice(
        _NOTHING_CHANGED,
        _l(
            "Kiểm tra lại địa chỉ, hoặc mở mục cần xem ở cột bên trái. "
            "Có thể trang có nhưng ông/bà không được quyền biết."
        ),
        "search",
    ),
    405: Advice(
        _NOT_CARRIED_OUT,
        _l("Dùng nút và liên kết trên trang thay vì gõ địa chỉ hay tải lại trang sau khi gửi."),
    ),
    409: Advice(_NOT_CARRIED_OUT, _l("Mở lại trang để xem tình trạng mới rồi quyết định lại."), "refresh"),
    413: Advice(_NOT_CARRIED_OUT, _l("Rút gọn nội dung hoặc chia tệp thành nhiều phần rồi gửi lại.")),
    422: Advice(_NOT_CARRIED_OUT, _l("Quay lại, sửa chỗ được nêu rồi gửi lại.")),
    429: Advice(_NOT_CARRIED_OUT, _l("Đợi vài phút rồi thử lại; không cần bấm nhiều lần."), "clock"),
    500: Advice(
        _l("Chưa chắc việc đang làm đã được ghi nhận hay chưa."),
        _l("Mở lại trang để xem đã được ghi nhận hay chưa, rồi mới thao tác lại."),
    ),
    503: Advice(
        _NOT_CARRIED_OUT,
        _l("Đợi vài phút rồi thử lại. Nếu vẫn không được, báo Phòng Công nghệ thông tin."),
        "plug-connected",
    ),
}


def advice_for(status: int, code: str) -> Advice:
    """By the code where it needs words of its own, else by the status."""
    return _BY_CODE.get(code) or _BY_STATUS.get(status) or _BY_STATUS[500]
