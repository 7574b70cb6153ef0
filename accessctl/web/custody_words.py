"""Words for custody, rules and approvals: no code or number where a person expects a word."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext as _l

from accessctl.web.display import Status

WEEKDAYS = {
    1: _l("Thứ Hai"),
    2: _l("Thứ Ba"),
    3: _l("Thứ Tư"),
    4: _l("Thứ Năm"),
    5: _l("Thứ Sáu"),
    6: _l("Thứ Bảy"),
    7: _l("Chủ nhật"),
}
SUBSTITUTIONS = {
    "PROPOSED": Status("hourglass-high", _l("Chờ thủ trưởng quyết định"), "warn"),
    "PLANNED": Status("calendar-time", _l("Sắp đến"), "busy"),
    "RUNNING": Status("clock-play", _l("Đang thay thế"), "busy"),
    "DONE": Status("circle-check", _l("Đã hết thời gian"), "quiet"),
    "DECLINED": Status("ban", _l("Không chấp nhận"), "bad"),
    "WITHDRAWN": Status("x", _l("Đã rút lại"), "quiet"),
    "ENDED": Status("circle-off", _l("Kết thúc sớm"), "quiet"),
    "LAPSED": Status("clock", _l("Quá hạn, chưa quyết định"), "quiet"),
}
APPROVALS = {
    "ASKED": Status("hourglass-high", _l("Chờ phê duyệt"), "warn"),
    "GIVEN": Status("circle-check", _l("Đã phê duyệt, chưa sử dụng"), "good"),
    "USED": Status("key", _l("Đã sử dụng"), "quiet"),
    "DECLINED": Status("ban", _l("Không phê duyệt"), "bad"),
    "WITHDRAWN": Status("x", _l("Đã rút lại"), "quiet"),
    "LAPSED": Status("clock", _l("Quá thời gian"), "quiet"),
}
STOOD_IN = {
    "no_custodian": _l("thủ trưởng quyết định thay: chưa có cán bộ quản lý"),
    "asker": _l("thủ trưởng quyết định: người đề nghị là cán bộ quản lý"),
    "absent": _l("thủ trưởng quyết định thay: cán bộ quản lý vắng mặt hoặc chưa trả lời"),
}
WHY_NOT = {
    "custody.same_person": _l("Đang là cán bộ quản lý tài khoản này."),
    "custody.both_kinds": _l(
        "Đang quản lý loại tài khoản kia; quản lý cả hai loại chỉ khi có ngoại lệ do Giám đốc phê duyệt."
    ),
    "custody.wrong_department": _l(
        "Không thuộc đúng bộ phận: TKCL do Bộ phận Cấp sổ, thẻ, TKHCTT do Bộ phận Quản lý thu."
    ),
    "custody.self": _l("Thủ trưởng không tự phân công mình khi chưa có ngoại lệ do Giám đốc phê duyệt."),
    "custody.other_office": _l("Thuộc đơn vị khác."),
    "custody.by_function": _l("Loại tài khoản này do trưởng phòng của chức năng kia phân công."),
    "custody.other_office_head": _l("Chỉ thủ trưởng của chính đơn vị phân công."),
}
POST_WORDS = {
    "TKCL": _l("Tài khoản cấp lại thẻ BHYT (TKCL)"),
    "TKHCTT": _l("Tài khoản hiệu chỉnh thông tin (TKHCTT)"),
}


WAIVERS = {
    "PLANNED": Status("calendar-time", _l("Sắp có hiệu lực"), "busy"),
    "RUNNING": Status("clock-play", _l("Đang có hiệu lực"), "warn"),
    "DONE": Status("circle-check", _l("Đã hết thời hạn"), "quiet"),
    "ENDED": Status("circle-off", _l("Kết thúc sớm"), "quiet"),
}
WAIVED = [
    ("both_kinds", _l("Một người quản lý cả TKCL và TKHCTT")),
    ("self:TKCL", _l("Thủ trưởng tự phân công mình quản lý TKCL")),
    ("self:TKHCTT", _l("Thủ trưởng tự phân công mình quản lý TKHCTT")),
]


def waiver_words(rule: str, kind: str | None) -> str:
    """What a waiver lets its person do."""
    said = dict(WAIVED).get(f"{rule}:{kind}" if kind else rule, rule)
    return str(said)


def register(app: Flask) -> None:
    """The tables, in every template."""
    app.jinja_env.globals.update(
        WEEKDAYS=WEEKDAYS,
        SUBSTITUTIONS=SUBSTITUTIONS,
        APPROVALS=APPROVALS,
        STOOD_IN=STOOD_IN,
        POST_WORDS=POST_WORDS,
        WAIVERS=WAIVERS,
        WAIVED=WAIVED,
        waiver_words=waiver_words,
        why_not=lambda code: WHY_NOT.get(code, ""),
    )
