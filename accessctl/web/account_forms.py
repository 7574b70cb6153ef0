"""The filters of the list of accounts, and the page before an act on one."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm as SearchForm
from wtforms import BooleanField, HiddenField, StringField

from accessctl.services.account_list import LOCAL, SHARED, SORTS, WAITED_FOR, AccountQuery
from accessctl.web.display import KINDS, STATUSES, office
from accessctl.web.forms import Folded
from accessctl.web.kept import FlaskForm

KINDS_LISTED = [
    (SHARED, _l("Mọi tài khoản dùng chung")),
    ("TKCL", "TKCL"),
    ("TKHCTT", "TKHCTT"),
    (LOCAL, _l("Tài khoản nội bộ của các đơn vị")),
    ("LOCAL_CL", KINDS["LOCAL_CL"]),
    ("LOCAL_HC", KINDS["LOCAL_HC"]),
]
STATES_LISTED = [
    ("", _l("Mọi tình trạng")),
    *((name, known.word) for name, known in STATUSES.items() if name != "MISSING"),
    (WAITED_FOR, _l("Có người chờ")),
]
SORTS_LISTED = [
    ("guest", _l("Đơn vị tiếp nhận")),
    ("host", _l("Đơn vị đang quản lý")),
    ("kind", _l("Loại tài khoản")),
    ("state", _l("Cần chú ý trước")),
    ("since", _l("Đang sử dụng lâu nhất trước")),
]
_FILTERS = ("kind", "guest", "host", "state", "holder", "sort")
_CHOICES: dict[str, dict[str, Any]] = {
    "kind": dict(KINDS_LISTED),
    "state": dict(STATES_LISTED),
    "sort": dict(SORTS_LISTED),
}
_PLAIN = {"kind": SHARED, "sort": SORTS[0]}


class AccountForm(Folded, SearchForm):
    """Filters and order; they stand in the address, so that it can be sent to a colleague."""

    class Meta:
        csrf = False  # a search changes nothing

    FIRST_SEEN = frozenset({"holder", "kind", "state"})

    kind = StringField(_l("Loại tài khoản"))
    guest = StringField(_l("Đơn vị tiếp nhận"))
    host = StringField(_l("Đơn vị đang quản lý"))
    state = StringField(_l("Tình trạng"))
    holder = StringField(_l("Ai đang sử dụng"))
    gap = BooleanField(_l("Chỉ tài khoản chưa có cán bộ quản lý"))
    sort = StringField(_l("Sắp xếp theo"))
    page = StringField()

    def query(self) -> AccountQuery:
        """The search; a word that no list knows is no filter."""
        page = _text(self.page)
        return AccountQuery(
            **{name: self._chosen(name) for name in _FILTERS},
            gap=bool(self.gap.data),
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def _chosen(self, name: str) -> str:
        typed = _text(self[name])
        known = _CHOICES.get(name)
        return typed if known is None or typed in known else _PLAIN.get(name, "")

    @property
    def kept(self) -> dict[str, str]:
        """What differs from the plain list, for links."""
        chosen = {name: self._chosen(name) for name in _FILTERS}
        found = {name: value for name, value in chosen.items() if value and value != _PLAIN.get(name)}
        return found | ({"gap": "y"} if self.gap.data else {})

    @property
    def words(self) -> dict[str, str]:
        """What is filtered and how it is ordered, for the head of the printed list."""
        said = {
            self[name].label.text: str(self._said(name, value))
            for name, value in self.kept.items()
            if name != "gap"
        }
        return said | ({self.gap.label.text: "✓"} if self.gap.data else {})

    def _said(self, name: str, value: str) -> Any:
        return office(value) if name in ("guest", "host") else _CHOICES.get(name, {}).get(value, value)

    @property
    def used(self) -> bool:
        """Whether anything is filtered; an order is no filter."""
        return bool(self.kept.keys() - {"sort"})


class ActForm(FlaskForm):
    """Why, how the account stood on the page, and for the act that cannot be undone the name once more."""

    reason = StringField(_l("Lý do"))
    typed = StringField(_l("Mã tài khoản, gõ lại để xác nhận"))
    seen = HiddenField()


def _text(field: Any) -> str:
    return str(field.data or "").strip()
