"""The filters of the list of accounts, and the page before an act on one."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm as SearchForm
from wtforms import BooleanField, HiddenField, SelectField, StringField

from accessctl.services.account_list import LOCAL, SHARED, SORTS, WAITED_FOR, AccountQuery
from accessctl.web.display import KINDS, STATUSES
from accessctl.web.kept import FlaskForm

_KINDS = [
    (SHARED, _l("Mọi tài khoản dùng chung")),
    ("TKCL", "TKCL"),
    ("TKHCTT", "TKHCTT"),
    (LOCAL, _l("Tài khoản nội bộ của các đơn vị")),
    ("LOCAL_CL", KINDS["LOCAL_CL"]),
    ("LOCAL_HC", KINDS["LOCAL_HC"]),
]
_STATES = [
    ("", _l("Mọi tình trạng")),
    *((name, known.word) for name, known in STATUSES.items() if name != "MISSING"),
    (WAITED_FOR, _l("Có người chờ")),
]
_SORTS = [
    ("guest", _l("Đơn vị tiếp nhận")),
    ("host", _l("Đơn vị đang quản lý")),
    ("kind", _l("Loại tài khoản")),
    ("state", _l("Cần chú ý trước")),
    ("since", _l("Đang sử dụng lâu nhất trước")),
]
_FILTERS = ("kind", "guest", "host", "state", "holder", "sort")


class AccountForm(SearchForm):
    """Filters and order; they stand in the address, so that it can be sent to a colleague."""

    class Meta:
        csrf = False  # a search changes nothing

    kind = SelectField(_l("Loại tài khoản"), choices=_KINDS, default=SHARED)
    guest = StringField(_l("Đơn vị tiếp nhận"))
    host = StringField(_l("Đơn vị đang quản lý"))
    state = SelectField(_l("Tình trạng"), choices=_STATES, default="")
    holder = StringField(_l("Ai đang sử dụng"))
    gap = BooleanField(_l("Chỉ tài khoản chưa có cán bộ quản lý"))
    sort = SelectField(_l("Sắp xếp theo"), choices=_SORTS, default=SORTS[0])
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
        field = self[name]
        typed = _text(field)
        if isinstance(field, SelectField):
            known = {str(value) for value, *_rest in field.iter_choices()}
            return typed if typed in known else str(field.default or "")
        return typed

    @property
    def kept(self) -> dict[str, str]:
        """What differs from the plain list, for links."""
        found = {
            name: value
            for name in _FILTERS
            if (value := self._chosen(name)) and value != (self[name].default or "")
        }
        return found | ({"gap": "y"} if self.gap.data else {})

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
