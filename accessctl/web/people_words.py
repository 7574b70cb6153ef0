"""Words for people and offices: departments as each office calls them, whose word a role waits for, states."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from flask import Flask
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accessctl import clock
from accessctl.domain.custody import Department
from accessctl.domain.offices import Level, department_name
from accessctl.domain.permissions import Role
from accessctl.domain.separation import BY_APPOINTMENT
from accessctl.domain.text import folded
from accessctl.services.office_names import office_names
from accessctl.services.officer_list import OfficerRow
from accessctl.services.sheets import Cell
from accessctl.web.context import runtime
from accessctl.web.display import ROLES, Status, office
from accessctl.web.i18n import language

DEPARTMENTS = {
    "BGD": _l("Ban Giám đốc"),
    "THU": _l("Quản lý thu"),
    "CST": _l("Cấp sổ, thẻ"),
    "TNTKQ": _l("Tiếp nhận và Trả kết quả TTHC"),
    "KHTC": _l("Kế hoạch - Tài chính"),
    "CNTT": _l("Công nghệ thông tin"),
    "TTKT": _l("Thanh tra - Kiểm tra"),
    "VP": _l("Văn phòng"),
}
"""For choosing one whatever the office; `department` says it as a given office does."""
LEVELS = {
    "province": _l("Cơ quan BHXH cấp tỉnh"),
    "district": _l("BHXH cấp huyện"),
    "town": _l("BHXH cấp thị xã"),
}
ENTERABLE = tuple(role.value for role in Role if role not in BY_APPOINTMENT)
"""Roles that are entered; custody comes with an appointment."""
WORDS = {
    "head": _l("chờ thủ trưởng đơn vị đề nghị"),
    "it": _l("chờ Phòng Công nghệ thông tin nhập"),
    "director": _l("chờ Giám đốc BHXH tỉnh duyệt"),
}
AGREE = {"head": _l("Đề nghị giao"), "it": _l("Nhập vai trò"), "director": _l("Duyệt giao")}
LINES = {
    "new": Status("plus", _l("Thêm mới"), "good"),
    "changed": Status("edit", _l("Thay đổi"), "busy"),
    "same": Status("circle-check", _l("Không đổi"), "quiet"),
    "wrong": Status("alert-circle", _l("Sai"), "bad"),
}
WINDOWS = {
    "coming": Status("calendar-time", _l("Sắp tới"), "busy"),
    "open": Status("clock-play", _l("Đang mở"), "good"),
    "over": Status("circle-check", _l("Đã qua"), "quiet"),
    "withdrawn": Status("ban", _l("Đã rút lại"), "quiet"),
}
CHANGES = {
    "full_name": _l("họ và tên"),
    "title": _l("chức danh"),
    "phone": _l("điện thoại"),
    "email": _l("thư điện tử"),
    "roles": _l("thêm vai trò"),
}


def register(app: Flask) -> None:
    """Filters and names for the templates of people and offices."""
    app.jinja_env.filters.update(
        department=department, weekday=weekday, today=today, office_choices=office_choices
    )
    app.jinja_env.globals.update(
        DEPARTMENTS=DEPARTMENTS,
        LEVELS=LEVELS,
        ENTERABLE=ENTERABLE,
        ROLE_WORDS=WORDS,
        AGREE=AGREE,
        LINES=LINES,
        WINDOWS=WINDOWS,
        CHANGES=CHANGES,
    )


def department(code: str, level: str = Level.DISTRICT) -> Any:
    """Phòng … at the province, Bộ phận … elsewhere (R56), in the reader's language; unknown codes as they are."""
    if code not in set(Department):
        return code
    name = department_name(code, Level(level))
    return name.en if language() == "en" else name.vi


def weekday(day: date) -> str:
    """`Thứ Năm, 24/04/2026`."""
    name = format_date(day, "EEEE")
    return f"{name[:1].upper()}{name[1:]}, {day:%d/%m/%Y}"


def today(at: datetime) -> date:
    """The local day of an instant."""
    return clock.local(at).date()


def office_choices(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Office codes with their names in the reader's language, for a choice: the province first, then by name."""
    names = office_names(runtime())

    def place(code: str) -> tuple[bool, str]:
        name = names.get(code)
        return name is None or name.level != Level.PROVINCE, folded(name.vi if name else code)

    return [(code, office(code)) for code in sorted(codes, key=place)]


def header() -> list[str]:
    """The first line of the file of the staff."""
    return [
        _("Họ và tên"), _("Tên đăng nhập"), _("Chức danh"), _("Đơn vị"), _("Phòng, bộ phận"), _("Vai trò"),
        _("Điện thoại"), _("Thư điện tử"), _("Tình trạng"), _("Thôi công tác từ"),
    ]  # fmt: skip


def cells(row: OfficerRow) -> list[Cell]:
    """One officer as a line of the file."""
    return [
        row.full_name, row.username, row.title, office(row.office), str(department(row.department, row.level)),
        ", ".join(str(ROLES.get(role, role)) for role in row.roles), row.phone, row.email,
        _("Đã thôi công tác") if row.left_at else _("Đang công tác"), row.left_at,
    ]  # fmt: skip
