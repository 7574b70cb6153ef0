"""The filters of the list of leases, their words, and the columns of its file."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField

from accessctl.services.lease_list import ALL, ENDED, RUNNING, SORTS, LeaseQuery, Listed
from accessctl.services.sheets import Cell
from accessctl.web.display import (
    END_REASONS,
    FIELDS,
    KINDS,
    LEASE_STATUSES,
    office,
    place,
    short_kind,
    worded,
)
from accessctl.web.forms import Folded
from accessctl.web.journal_form import moment

_BEGUN = ("QUEUED", "OPENING", "ACTIVE", "CLOSING")
_NOTHING_CAME = ("DENIED", "CANCELLED")
SORTS_LISTED = [
    ("newest", _l("Mới đề nghị trước")),
    ("oldest", _l("Cũ trước")),
    ("ends", _l("Sắp hết hạn trước")),
    ("account", _l("Tài khoản")),
    ("person", _l("Tên cán bộ")),
]
KINDS_LISTED = [("TKCL", "TKCL"), ("TKHCTT", "TKHCTT"), *((k, KINDS[k]) for k in ("LOCAL_CL", "LOCAL_HC"))]
_SPANS = ("since", "until")
_TEXTS = ("state", "office", "kind", "person", "account", "dossier", "sort")
_PLAIN = {"state": RUNNING, "sort": SORTS[0]}


def states(past: bool) -> list[tuple[str, Any]]:
    """What may be chosen; who sees nothing that is over is not asked about it."""
    running = [
        (RUNNING, _l("Đang mở hoặc đang chờ")),
        *((name, LEASE_STATUSES[name].word) for name in _BEGUN),
    ]
    if not past:
        return running
    over = [(name, LEASE_STATUSES[name].word) for name in _NOTHING_CAME]
    ends = [(name, _l("Kết thúc: %(why)s", why=why)) for name, why in END_REASONS.items()]
    return [*running, (ENDED, _l("Đã kết thúc, mọi lý do")), *ends, *over, (ALL, _l("Mọi phiên"))]


class LeaseForm(Folded, FlaskForm):
    """Filters and order; they stand in the address, so that it can be sent to a colleague."""

    class Meta:
        csrf = False  # a search changes nothing

    FIRST_SEEN = frozenset({"person", "state", "office"})

    state = StringField(_l("Tình trạng"))
    office = StringField(_l("Đơn vị"))
    kind = StringField(_l("Loại tài khoản"))
    person = StringField(_l("Cán bộ"))
    account = StringField(_l("Tài khoản"))
    dossier = StringField(_l("Mã hồ sơ"))
    since = StringField(_l("Đề nghị từ ngày"))
    until = StringField(_l("Đến ngày"))
    sort = StringField(_l("Sắp xếp theo"))
    page = StringField()

    def query(self) -> LeaseQuery:
        """The search; a word that no list knows is no filter, a time that is none neither."""
        page = _text(self.page)
        return LeaseQuery(
            **{name: self._chosen(name) for name in _TEXTS},
            since=moment(_text(self.since)),
            until=moment(_text(self.until), end=True),
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def _chosen(self, name: str) -> str:
        typed = _text(self[name])
        known = {"state": dict(states(True)), "kind": KINDS, "sort": dict(SORTS_LISTED)}.get(name)
        return typed if known is None or typed in known else _PLAIN.get(name, "")

    @property
    def kept(self) -> dict[str, str]:
        """What differs from the plain list, for links and for the file."""
        chosen = {name: self._chosen(name) for name in _TEXTS} | {name: _text(self[name]) for name in _SPANS}
        return {name: value for name, value in chosen.items() if value and value != _PLAIN.get(name)}

    @property
    def words(self) -> dict[str, str]:
        """What is filtered and how it is ordered, for the head of the printed list."""
        return {str(self[name].label.text): str(_said(name, value)) for name, value in self.kept.items()}

    @property
    def used(self) -> bool:
        """Whether anything is filtered; an order is no filter."""
        return bool(self.kept.keys() - {"sort"})

    @property
    def bad_days(self) -> bool:
        """Whether a time was typed that is none."""
        return any(_text(self[name]) and not moment(_text(self[name])) for name in _SPANS)


def _said(name: str, value: str) -> Any:
    known = {"state": dict(states(True)), "kind": KINDS, "sort": dict(SORTS_LISTED)}.get(name, {})
    return office(value) if name == "office" else known.get(value, value)


def _text(field: Any) -> str:
    return str(field.data or "").strip()


def header() -> list[str]:
    """The first line of the file of leases."""
    return [
        _("Mã tài khoản"), _("Loại"), _("Đơn vị tiếp nhận"), _("Đơn vị đang quản lý"), _("Cán bộ"),
        _("Tên đăng nhập"), _("Mã hồ sơ"), _("Thông tin được hiệu chỉnh"), _("Lý do"), _("Tình trạng"),
        _("Đề nghị lúc"), _("Nhận lúc"), _("Hết hạn lúc"), _("Kết thúc lúc"), _("Lý do kết thúc"), _("Ghi chú"),
        _("Kết nối đã đóng"), _("Phiên sử dụng"),
    ]  # fmt: skip


def cells(row: Listed) -> list[Cell]:
    """One lease as a line of the file. Whom the dossier is about is not in it."""
    lease = row.lease
    known = LEASE_STATUSES.get(lease.state)
    note = worded(
        lease.end_note, {"account": lease.account, "kind": lease.kind, "office": lease.guest, "limit": ""}
    )
    return [
        lease.account, short_kind(lease.kind), place(lease.guest), place(lease.host), lease.holder_name,
        lease.holder, lease.dossier, ", ".join(str(FIELDS.get(name, name)) for name in lease.fields),
        lease.reason, str(known.word) if known else lease.state, lease.requested_at, lease.opened_at,
        lease.expires_at, row.closed_at, str(END_REASONS.get(lease.end_reason or "", "")), note,
        lease.sessions_ended, lease.lease,
    ]  # fmt: skip
