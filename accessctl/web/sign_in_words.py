"""Words of the pages about signing in: browsers as their owner knows them, tokens, resets."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accessctl.services.password_change import Ends
from accessctl.web.display import Status

TOKEN_SCOPES = {"read": _l("Chỉ xem"), "use": _l("Sử dụng: xem và thao tác như chủ mã")}
TOKEN_STATES = {
    "in_force": Status("circle-check", _l("Còn hiệu lực"), "good"),
    "expired": Status("clock", _l("Hết hạn"), "quiet"),
    "ended": Status("ban", _l("Đã kết thúc"), "quiet"),
}
TOKEN_ENDS = {
    "by_owner": _l("chủ mã thu hồi"),
    "by_it": _l("Phòng Công nghệ thông tin thu hồi"),
    "roles_lost": _l("mất một vai trò"),
    "officer_left": _l("thôi công tác"),
    "officer.left": _l("thôi công tác"),
    "password_changed": _l("đổi mật khẩu"),
    "reset": _l("đặt lại thông tin đăng nhập"),
}
RESET_PURPOSES = {
    "password": _l("Đặt mật khẩu mới"),
    "second_factor": _l("Gỡ yếu tố xác thực thứ hai"),
}

_BROWSERS = (  # the first that fits: most call themselves Chrome and Safari, too
    ("Edg", "Microsoft Edge"),
    ("OPR/", "Opera"),
    ("coc_coc_browser", "Cốc Cốc"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def register(app: Flask) -> None:
    """The tables, and `called(agent)`, in every template."""
    app.jinja_env.globals.update(
        called=called,
        TOKEN_SCOPES=TOKEN_SCOPES,
        TOKEN_STATES=TOKEN_STATES,
        TOKEN_ENDS=TOKEN_ENDS,
        RESET_PURPOSES=RESET_PURPOSES,
    )


def ended(ends: Ends) -> str:
    """What a new password has ended, in a sentence."""
    return str(
        _(
            "Đã đăng xuất %(sessions)s nơi khác, thu hồi %(tokens)s mã truy cập dòng lệnh.",
            sessions=ends.sessions,
            tokens=ends.tokens,
        )
    )


def called(agent: str | None) -> str:
    """`Chrome, Windows`; other words for what is not known. Only for showing: anybody can claim anything."""
    known = [
        next((name for sign, name in table if sign in (agent or "")), "") for table in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(name for name in known if name) or str(_("Trình duyệt khác"))
