"""What a record says beyond its columns, in words: channels, details, the columns of a sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accessctl.domain.accounts import AccountName, BadAccountName
from accessctl.domain.event_groups import EventGroup
from accessctl.domain.events import TAGS, label
from accessctl.errors import catalogue
from accessctl.services.journal import JournalRow
from accessctl.services.sheets import Cell
from accessctl.web import display
from accessctl.web.i18n import language
from accessctl.web.journal_form import JournalForm

CHANNELS = {
    "web": _l("Trang web"),
    "api": _l("Giao diện lập trình"),
    "cli": _l("Dòng lệnh"),
    "worker": _l("Hệ thống tự thực hiện"),
    "db": _l("Cơ sở dữ liệu đơn vị ghi nhận"),
}
LISTS = {"accounts": _l("Tài khoản"), "leases": _l("Phiên sử dụng"), "officers": _l("Cán bộ")}
FOUND_BY = {"trigger": _l("cổng kiểm soát đăng nhập"), "log": _l("nhật ký máy chủ")}


def _moment(value: Any) -> str:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return display.when(at) if at.tzinfo else display.day(at)


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def account_of(value: Any) -> str:
    """A role of an office database is an account in small letters."""
    kind, _sep, rest = str(value).upper().rpartition("_")
    kind, _sep, guest = kind.rpartition("_")
    try:
        return display.account_code(str(AccountName.parse(f"{kind}-{guest}-{rest}")))
    except BadAccountName:
        return str(value)


def _fields(value: Any) -> str:
    names = value if isinstance(value, list) else [value]
    return ", ".join(str(display.FIELDS.get(str(name), name)) for name in names) or "–"


def _in(table: Mapping[str, Any]) -> Callable[[Any], str]:
    return lambda value: str(table.get(str(value), value))


def _coded(value: Any) -> str:
    text = str(value)
    return display.worded(
        next((c for c in (text, f"finding.{text}", f"db.{text}") if c in catalogue()), text)
    )


def _event(value: Any) -> str:
    return label(str(value), language()) if str(value) in TAGS else str(value)


DETAILS: dict[str, tuple[Any, Callable[[Any], str]]] = {
    "minutes": (_l("Thời hạn phiên (phút)"), str),
    "fields": (_l("Thông tin được hiệu chỉnh"), _fields),
    "end_reason": (_l("Lý do kết thúc"), _in(display.END_REASONS)),
    "sessions_ended": (_l("Kết nối đã đóng"), str),
    "reason": (_l("Lý do cấp lại"), _in(display.REISSUE_REASONS)),
    "blank": (_l("Số sê-ri phôi thẻ"), str),
    "at": (_l("Thời điểm theo máy chủ"), _moment),
    "pid": (_l("Số tiến trình"), str),
    "application": (_l("Phần mềm kết nối"), str),
    "address": (_l("Địa chỉ máy kết nối"), str),
    "role": (_l("Tên trong cơ sở dữ liệu"), account_of),
    "host": (_l("Cơ sở dữ liệu"), lambda value: display.office(str(value))),
    "witness": (_l("Nơi ghi nhận"), _in(FOUND_BY)),
    "why": (_l("Nguyên nhân"), _coded),
    "kind": (_l("Loại"), _coded),
    "account_kind": (_l("Loại tài khoản"), _in(display.KINDS)),
    "severity": (_l("Mức độ"), _in({"1": _l("Nghiêm trọng"), "2": _l("Cần xem xét"), "3": _l("Để biết")})),
    "custodian_name": (_l("Cán bộ quản lý"), str),
    "decision_no": (_l("Số quyết định"), str),
    "since": (_l("Từ"), _moment),
    "until": (_l("Đến"), _moment),
    "opens": (_l("Từ"), _moment),
    "closes": (_l("Đến"), _moment),
    "day": (_l("Ngày"), _moment),
    "oldest": (_l("Chờ từ"), _moment),
    "logins": (_l("Đăng nhập cơ sở dữ liệu"), str),
    "matched": (_l("Khớp với phiên sử dụng"), str),
    "failures": (_l("Số lần sai"), str),
    "event": (_l("Sự kiện"), _event),
    "index": (_l("Sự kiện số"), str),
    "first": (_l("Từ sự kiện số"), str),
    "last": (_l("Đến sự kiện số"), str),
    "size": (_l("Số sự kiện"), str),
    "count": (_l("Số lượng"), str),
    "format": (_l("Dạng tệp"), lambda value: str(value).upper()),
    "list": (_l("Danh sách"), _in(LISTS)),
    "waiver": (_l("Ngoại lệ số"), str),
    "people": (_l("Cán bộ"), _listed),
    "repaired": (_l("Đã khắc phục"), str),
    "left": (_l("Còn lại"), str),
    "version": (_l("Phiên bản"), str),
    "steps": (_l("Số bước"), str),
    "name": (_l("Tên"), str),
    "file": (_l("Tệp"), str),
    "line": (_l("Dòng"), str),
    "object": (_l("Đối tượng"), str),
}


def told(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The details that have a name of their own, in words; the whole record stands below them on the page."""
    found = []
    for name, (title, say) in DETAILS.items():
        value = details.get(name)
        if value not in (None, "", [], {}) and not isinstance(value, dict):
            found.append((str(title), say(value)))
    return found


def choices(offices: Mapping[str, str]) -> dict[str, list[tuple[str, Any]]]:
    """What the lists of the search form offer."""
    return {
        "names": [(code, display.office(code)) for code in offices],
        "kinds": [
            (kind, _("%(kind)s – %(name)s", kind=display.short_kind(kind), name=n)) for kind, n in _KINDS
        ],
        "outcomes": [(value, status.word) for value, status in display.OUTCOMES.items()],
    }


_KINDS = tuple(display.KINDS.items())


def filters(form: JournalForm) -> dict[str, str]:
    """The filters in force in words, for the head of a printed list."""
    said = form.kept
    for name in ("office", "guest", "host"):
        if name in said:
            said[name] = display.office(said[name])
    if "event" in said:
        said["event"] = _filtered_event(said["event"])
    if said.get("outcome") in display.OUTCOMES:
        said["outcome"] = str(display.OUTCOMES[said["outcome"]].word)
    return {str(form[name].label.text): value for name, value in said.items()}


def _filtered_event(wanted: str) -> str:
    group = next((g for g in EventGroup if wanted == f"group:{g.value}"), None)
    return (group.en if language() == "en" else group.vi) if group else _event(wanted)


def who(row: JournalRow) -> str:
    """The person's name, or the service itself."""
    return _("Hệ thống") if row.actor == "system" else row.actor_name


def roles(row: JournalRow) -> str:
    """The roles at the time."""
    return ", ".join(str(display.ROLES.get(role, role)) for role in row.said.get("roles", ()))


def why(row: JournalRow) -> str:
    """The reason in words; a person's own words stay."""
    return display.worded(row.reason, row.details)


def header() -> list[str]:
    """The columns of the journal as a sheet."""
    return [
        _("Số"), _("Thời điểm"), _("Sự kiện"), _("Kết quả"), _("Lý do"), _("Cán bộ"), _("Tên đăng nhập"),
        _("Vai trò"), _("Đơn vị của cán bộ"), _("Tài khoản"), _("Đơn vị tiếp nhận"), _("Đơn vị đang quản lý"),
        _("Mã hồ sơ"), _("Phiên sử dụng"), _("Nơi thao tác"), _("Địa chỉ máy"), _("Mã tra cứu"), _("Chi tiết"),
    ]  # fmt: skip


def cells(row: JournalRow) -> list[Cell]:
    """One record as a line of the sheet."""
    outcome = display.OUTCOMES.get(row.outcome)
    channel = str(row.said.get("channel", ""))
    return [
        row.index, row.at, row.event_label_en if language() == "en" else row.event_label_vi,
        str(outcome.word) if outcome else row.outcome, why(row), who(row), row.actor, roles(row),
        display.office(row.office) if row.office else "", row.account or "",
        display.office(row.guest) if row.guest else "", display.office(row.host) if row.host else "",
        row.dossier or "", row.lease or "", str(CHANNELS.get(channel, channel)), row.address or "",
        str(row.said.get("correlation", "")), "; ".join(f"{name}: {value}" for name, value in told(row.details)),
    ]  # fmt: skip
