"""A deviation of rights and an office's standing in words."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from accessctl.domain.accounts import AccountName, BadAccountName
from accessctl.officedb.drifted import Drift
from accessctl.services.drift_board import OfficeLook
from accessctl.web.display import Status

CLEAN = Status("circle-check", _l("Khớp với chính sách"), "good")
DRIFTED = Status("alert-circle", _l("Có sai lệch"), "bad")
SLIGHT = Status("alert-triangle", _l("Có sai lệch nhẹ"), "warn")
OUT_OF_REACH = Status("plug-connected", _l("Không xem được"), "bad")
NEVER = Status("hourglass-high", _l("Chưa xem lần nào"), "quiet")

WHO = {
    "broker": _l("Hệ thống tự làm được"),
    "admin": _l("Cần quản trị cơ sở dữ liệu"),
    None: _l("Phải có người xem xét"),
}


def standing(look: OfficeLook) -> Status:
    """The one word for an office."""
    if look.code is not None:
        return OUT_OF_REACH
    if look.looked_at is None:
        return NEVER
    if look.grave:
        return DRIFTED
    return SLIGHT if look.drifts else CLEAN


def account_of(role: str) -> str | None:
    """The account behind a role; None for a role that is none."""
    kind, _sep, rest = role.upper().rpartition("_")
    kind, _sep, guest = kind.rpartition("_")
    try:
        return str(AccountName.parse(f"{kind}-{guest}-{rest}"))
    except BadAccountName:
        return None


def said(entry: Drift, language: str) -> str:
    """The deviation in the reader's language."""
    return entry.vi if language == "vi" else entry.en
