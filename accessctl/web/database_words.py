"""How an office's database stands, in words: one status, and for each thing that is wrong why and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accessctl.services.office_board import CutOff, OfficeBoard
from accessctl.web import display
from accessctl.web.context import now
from accessctl.web.display import Status, number, worded

_QUIET_FOR = timedelta(minutes=1)
"""Evidence is read every second or two; older than this, nobody reads."""

GOOD = Status("circle-check", _l("Hoạt động"), "good")
LATE = Status("hourglass-high", _l("Chưa trả lời kịp"), "warn")
SHUT = Status("ban", _l("Không cho mượn tài khoản"), "bad")
DOWN = Status("plug-connected", _l("Mất kết nối"), "bad")

_WHY: dict[str, Any] = {
    "officedb.down": _l("Máy chủ không nhận kết nối."),
    "officedb.slow": _l("Máy chủ trả lời quá chậm."),
    "officedb.login_refused": _l("Máy chủ không chấp nhận thông tin đăng nhập của hệ thống."),
    "officedb.disk_full": _l("Máy chủ hết dung lượng, bộ nhớ hoặc số kết nối."),
    "officedb.not_installed": _l("Chưa cài đặt cổng kiểm soát tại cơ sở dữ liệu này."),
    "officedb.broker_rights": _l("Hệ thống thiếu quyền tại cơ sở dữ liệu này."),
    "officedb.not_closed": _l("Có kết nối không ngắt được."),
    "officedb.no_address": _l("Chưa khai báo địa chỉ cơ sở dữ liệu của đơn vị này."),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: what, what follows from it, what to do. `tone` as of a note."""

    title: str
    effect: str
    todo: str
    tone: str = "bad"


def standing(board: OfficeBoard) -> Status:
    """The one word for the list."""
    if board.late and board.status is None:
        return LATE
    if not board.up:
        return DOWN
    return GOOD if board.sound else SHUT


def why(what: OfficeBoard | CutOff, office: str) -> str:
    """Why there is no answer, or why an account is cut off."""
    return reason(what.code if isinstance(what, OfficeBoard) else what.reason, office)


def reason(code: str | None, office: str) -> str:
    """A code in words, short where there are short ones."""
    return str(_WHY.get(code or "", worded(code, {"office": office})))


def troubles(board: OfficeBoard) -> list[Trouble]:
    """Everything that is wrong, the worst first."""
    found = [] if board.up else [_unreachable(board)]
    if board.status is not None:
        found += _not_sound(board)
    if board.drifts:
        found.append(
            Trouble(
                _("%(n)s sai lệch quyền so với chính sách", n=number(board.drifts)),
                _("Tài khoản bị lệch không được cho mượn."),
                _("Mở bảng sai lệch quyền của đơn vị để xem từng sai lệch và cách khắc phục."),
                "warn",
            )
        )
    if board.up and board.evidence_at is not None and now() - board.evidence_at > _QUIET_FOR:
        found.append(
            Trouble(
                _("Chưa đọc chứng cứ đăng nhập quá 1 phút"),
                _("Đăng nhập không rõ nguồn gốc tại đây sẽ được phát hiện chậm."),
                _("Kiểm tra tiến trình nền “accessctl worker”."),
                "warn",
            )
        )
    return found


def _unreachable(board: OfficeBoard) -> Trouble:
    return Trouble(
        why(board, board.office),
        _("Không cho mượn tài khoản của đơn vị này; việc đóng phiên vẫn được thử lại."),
        _(
            "Kiểm tra máy chủ và đường truyền tới %(office)s, rồi bấm “Kiểm tra ngay”.",
            office=display.office(board.office),
        ),
    )


def _not_sound(board: OfficeBoard) -> list[Trouble]:
    status, found = board.status, []
    assert status is not None  # noqa: S101 - the caller has looked
    shut = _("Không cho mượn tài khoản của đơn vị này.")
    install = _("Quản trị cơ sở dữ liệu chạy “accessctl officedb install %(office)s”.", office=board.office)
    if not status.trigger_enabled:
        found.append(Trouble(_("Cổng kiểm soát đăng nhập không hoạt động"), shut, install))
    if status.version != status.wanted_version:
        words = _("Bản cài đặt %(have)s, cần bản %(want)s", have=status.version, want=status.wanted_version)
        found.append(Trouble(words, shut, install))
    if status.public_findings:
        words = _("Ai cũng có quyền (PUBLIC) trên: %(places)s", places="; ".join(status.public_findings))
        found.append(Trouble(words, shut, _("Quản trị cơ sở dữ liệu thu hồi các quyền này.")))
    if status.log_shortcomings:
        found.append(
            Trouble(
                _(
                    "Nhật ký máy chủ chưa làm nhân chứng được: %(what)s",
                    what="; ".join(status.log_shortcomings),
                ),
                _("Chỉ còn một nhân chứng (cổng kiểm soát) cho mỗi lần đăng nhập."),
                _("Bật nhật ký JSON của PostgreSQL theo tài liệu vận hành."),
                "warn",
            )
        )
    return found
