"""How things are written for people: local time, readable accounts, a status as icon + word + tone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from accessctl import __version__, clock
from accessctl.domain.accounts import AccountName, BadAccountName, Kind
from accessctl.errors import catalogue, message
from accessctl.services.office_names import office_names
from accessctl.web.context import now, runtime
from accessctl.web.i18n import language

_PLACE_WORDS = ("BHXH huyện ", "BHXH thị xã ", "BHXH thành phố ")


@dataclass(frozen=True, slots=True)
class Status:
    """Never colour alone (ui.md principle 3). `tone` ∈ good, busy, warn, bad, quiet."""

    icon: str
    word: Any
    tone: str


STATUSES = {
    "ACTIVE": Status("circle-check", _l("Sẵn sàng"), "good"),
    "IN_USE": Status("clock-play", _l("Đang sử dụng"), "busy"),
    "PROVISIONED": Status("circle-off", _l("Chưa kích hoạt"), "quiet"),
    "SUSPENDED": Status("player-pause", _l("Tạm ngừng sử dụng"), "warn"),
    "LOCKED": Status("lock", _l("Đã khóa"), "bad"),
    "QUARANTINED": Status("shield-x", _l("Cách ly"), "bad"),
    "RETIRED": Status("ban", _l("Đã thu hồi vĩnh viễn"), "quiet"),
    "MISSING": Status("circle-off", _l("Chưa cấp"), "quiet"),
}
SHORT_STATUSES = {
    "PROVISIONED": _l("Chưa kích hoạt"),
    "SUSPENDED": _l("Tạm ngừng"),
    "LOCKED": _l("Khóa"),
    "QUARANTINED": _l("Cách ly"),
    "RETIRED": _l("Thu hồi"),
}
"""As they fit into a cell of the matrix."""
LEASE_STATUSES = {
    "QUEUED": Status("hourglass-high", _l("Trong hàng chờ"), "warn"),
    "OPENING": Status("refresh", _l("Đang mở"), "busy"),
    "ACTIVE": Status("clock-play", _l("Đang sử dụng"), "busy"),
    "CLOSING": Status("refresh", _l("Đang trả"), "warn"),
    "CLOSED": Status("circle-check", _l("Đã kết thúc"), "quiet"),
    "DENIED": Status("ban", _l("Bị từ chối"), "bad"),
    "CANCELLED": Status("x", _l("Đã hủy bỏ"), "quiet"),
}
OUTCOMES = {
    "ok": Status("circle-check", _l("Thành công"), "good"),
    "failed": Status("ban", _l("Không thành công"), "bad"),
    "intent": Status("clock", _l("Ý định"), "quiet"),
    "denied": Status("ban", _l("Bị từ chối"), "bad"),
}
END_REASONS = {
    "returned": _l("đã trả tài khoản"),
    "expired": _l("hết hạn phiên"),
    "revoked": _l("bị thu hồi"),
    "abandoned": _l("mất kết nối, hệ thống tự đóng"),
}
KINDS = {
    "TKCL": _l("Tài khoản cấp lại thẻ BHYT"),
    "TKHCTT": _l("Tài khoản hiệu chỉnh thông tin"),
    "LOCAL_CL": _l("Cấp lại thẻ tại đơn vị mình"),
    "LOCAL_HC": _l("Hiệu chỉnh thông tin tại đơn vị mình"),
}
FIELDS = {
    "full_name": _l("Họ và tên"),
    "birth_date": _l("Ngày sinh"),
    "sex": _l("Giới tính"),
    "address": _l("Địa chỉ"),
    "id_no": _l("Số CMND/CCCD"),
    "initial_care": _l("Nơi đăng ký KCB ban đầu"),
}
REISSUE_REASONS = {"MAT": _l("Mất"), "HONG": _l("Hỏng"), "THAY_DOI": _l("Thay đổi thông tin")}
PARTICIPATIONS = {"CHI_BHYT": _l("Chỉ tham gia BHYT"), "BHXH_BHYT": _l("Tham gia BHXH và BHYT")}
SEXES = {"M": _l("Nam"), "F": _l("Nữ")}
ROLES = {
    "director": _l("Giám đốc BHXH tỉnh"),
    "deputy_director": _l("Phó Giám đốc BHXH tỉnh"),
    "unit_head": _l("Thủ trưởng đơn vị"),
    "custodian_tkcl": _l("Cán bộ quản lý TKCL"),
    "custodian_tkhctt": _l("Cán bộ quản lý TKHCTT"),
    "it_admin": _l("Quản trị công nghệ thông tin"),
    "reception": _l("Tiếp nhận và Trả kết quả"),
    "collection": _l("Quản lý thu"),
    "card": _l("Cấp sổ, thẻ"),
    "blank_keeper": _l("Quản lý phôi thẻ"),
    "auditor": _l("Thanh tra - kiểm tra"),
    "publicity": _l("Văn phòng"),
    "finance_viewer": _l("Kế hoạch – Tài chính"),
}


def register(app: Flask) -> None:
    """Filters and names for the templates."""
    app.jinja_env.filters.update(
        when=when,
        wall=wall,
        day=day,
        iso=iso,
        left=left,
        ago=ago,
        place=place,
        office=office,
        number=number,
        last_day=last_day,
        account_code=account_code,
        worded=worded,
        phone=phone,
    )
    app.jinja_env.globals.update(
        STATUSES=STATUSES,
        SHORT_STATUSES=SHORT_STATUSES,
        reason_words=reason_words,
        shade=shade,
        LEASE_STATUSES=LEASE_STATUSES,
        OUTCOMES=OUTCOMES,
        END_REASONS=END_REASONS,
        KINDS=KINDS,
        FIELDS=FIELDS,
        REISSUE_REASONS=REISSUE_REASONS,
        PARTICIPATIONS=PARTICIPATIONS,
        SEXES=SEXES,
        ROLES=ROLES,
        now=now,
        version=__version__,
    )


def when(at: datetime | None) -> str:
    """`24/04/2018 07:44`, local."""
    return clock.local(at).strftime("%d/%m/%Y %H:%M") if at else "–"


def wall(at: datetime | None) -> str:
    """`07:44`, local."""
    return clock.local(at).strftime("%H:%M") if at else "–"


def day(at: Any) -> str:
    """`24/04/2018` for a date, an instant, or a text that already is one."""
    if at is None or at == "":
        return "–"
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            return str(at)
    if isinstance(at, datetime) and at.tzinfo:
        at = clock.local(at)
    return str(at.strftime("%d/%m/%Y"))


def last_day(until: datetime | None) -> str:
    """The last day on which something holds whose end is excluded."""
    return day(until - timedelta(microseconds=1)) if until else "–"


def shade(count: int, most: int) -> int:
    """How dark a count stands in a heat map: 0 for none, 1 to 4 in equal steps of the largest."""
    return min(4, -(-4 * count // most)) if count > 0 and most > 0 else 0


def iso(at: datetime | None) -> str:
    """For `<time datetime>` and the countdown."""
    return clock.rfc3339(at) if at else ""


def left(until: datetime | None) -> str:
    """`còn 12 phút`, rounded up, so that nobody is promised less than there is."""
    if until is None:
        return ""
    seconds = int((until - now()).total_seconds())
    if seconds <= 0:
        return _("đã hết hạn")
    if seconds < 60:
        return _("còn dưới 1 phút")
    minutes = -(-seconds // 60)
    return str(ngettext("còn %(num)d phút", "còn %(num)d phút", minutes))


def ago(at: datetime | None) -> str:
    """`3 phút trước`; days past a week are left to the date beside it."""
    if at is None:
        return ""
    past = now() - at
    if past < timedelta(minutes=1):
        return _("vừa xong")
    if past < timedelta(hours=1):
        return str(ngettext("%(num)d phút trước", "%(num)d phút trước", past.seconds // 60))
    if past < timedelta(days=1):
        return str(ngettext("%(num)d giờ trước", "%(num)d giờ trước", past.seconds // 3600))
    return str(ngettext("%(num)d ngày trước", "%(num)d ngày trước", past.days)) if past.days < 8 else ""


def office(known: str | None) -> str:
    """An office by its code or its Vietnamese name, as the reader's language calls it; other words as they are."""
    name = office_names(runtime()).get(known or "")
    if name is None:
        return known or ""
    return name.en if language() == "en" and name.en else name.vi


def place(known: str | None) -> str:
    """The office, by code or name, as people say it: `Cư Jút`, `Gia Nghĩa`, `Văn phòng tỉnh`."""
    found = office_names(runtime()).get((known or "").strip())
    name = found.vi if found else (known or "").strip()
    for words in _PLACE_WORDS:
        name = name.removeprefix(words)
    return _("Văn phòng tỉnh") if name.startswith("Văn phòng BHXH tỉnh") else name


def number(value: int | None) -> str:
    """`1.234.567` in Vietnamese, `1,234,567` in English (domain.md §13)."""
    if value is None:
        return "–"
    written = f"{value:,}"
    return written if language() == "en" else written.replace(",", ".")


def phone(number: str) -> str:
    """`0900 000 123`: ten digits in groups, anything else as it is."""
    digits = number.replace(" ", "")
    return f"{digits[:4]} {digits[4:7]} {digits[7:]}" if digits.isdigit() and len(digits) == 10 else number


def account_code(account: str | None) -> str:
    """`TKCL · Cư Jút → Đắk Mil`, never the name of a role; an account of the own pool by place and number."""
    try:
        name = AccountName.parse(account or "")
    except BadAccountName:
        return account or "–"
    if name.kind.shared:
        return f"{name.kind} · {place(name.guest)} → {place(name.host)}"
    return f"{short_kind(name.kind)} · {place(name.guest)} {name.number:02d}"


def worded(code: str | None, facts: Mapping[str, Any] | None = None) -> str:
    """The sentence for a stable code; a person's own words stay as they are."""
    told = {key: readable(key, value) for key, value in dict(facts or {}).items()}
    return message(code, language(), **told) if code and code in catalogue() else code or ""


def reason_words(reason: str | None) -> str:
    """Why an account is not ready: a stable code in words, a person's own words as they are."""
    for code in (f"finding.{reason}", reason or ""):
        if code in catalogue():
            return message(code, language())
    return reason or ""


def readable(key: str, value: Any) -> Any:
    """A fact of a sentence as people read it: instants local, accounts by their code, offices by their name."""
    if isinstance(value, datetime):
        return when(value)
    if key == "account" and isinstance(value, str):
        return account_code(value)
    if key in ("role", "other_role"):
        return ROLES.get(value, value)
    if key == "office" and isinstance(value, str):
        return office(value)
    return value


def short_kind(kind: str) -> str:
    """The kind as it begins a readable account code."""
    local = {Kind.LOCAL_CL: _("Cấp lại"), Kind.LOCAL_HC: _("Hiệu chỉnh")}
    return local.get(Kind(kind), kind)
