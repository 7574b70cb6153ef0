"""The filters of the findings, kept in the address; what a state and a step are called."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import StringField

from accessctl.domain.findings import FindingState, Step
from accessctl.errors import message
from accessctl.services.finding_list import ORDERS, UNFINISHED, FindingQuery
from accessctl.services.findings import Kind
from accessctl.web.display import Status, office
from accessctl.web.forms import Folded
from accessctl.web.i18n import language
from accessctl.web.kept import FlaskForm

STATES = {
    FindingState.OPEN.value: Status("alert-circle", _l("Mới, chưa ai nhận"), "warn"),
    FindingState.TAKEN.value: Status("user", _l("Đang xử lý"), "busy"),
    FindingState.ANSWERED.value: Status("check", _l("Đã trả lời"), "good"),
    FindingState.CLOSED.value: Status("circle-check", _l("Đã kết thúc"), "quiet"),
}
SEVERITIES = {
    1: Status("alert-circle", _l("Nghiêm trọng"), "bad"),
    2: Status("alert-triangle", _l("Cần xem xét"), "warn"),
    3: Status("info-circle", _l("Để biết"), "quiet"),
}
STEPS = {
    Step.TAKE: _l("Nhận xử lý"),
    Step.ANSWER: _l("Trả lời"),
    Step.CLOSE: _l("Kết thúc"),
    Step.REOPEN: _l("Mở lại"),
    Step.NOTE: _l("Ghi chú"),
    Step.AGAIN: _l("Lại xảy ra, tự mở lại"),
    Step.GONE: _l("Không còn thấy"),
}
_STATE_CHOICES = (
    (UNFINISHED, _l("Chưa kết thúc")),
    *((value, status.word) for value, status in STATES.items()),
    ("all", _l("Tất cả")),
)
_AGES = (("1", _l("Quá 1 ngày")), ("7", _l("Quá 7 ngày")), ("30", _l("Quá 30 ngày")))
_OWNERS = (("me", _l("Tôi")), ("nobody", _l("Chưa ai")))
_ORDERS = dict(
    zip(ORDERS, (_l("Nghiêm trọng trước"), _l("Mới nhất trước"), _l("Lâu nhất trước")), strict=True)
)
_NAMES = ("state", "severity", "kind", "office", "account", "older", "owner", "order")


class FindingForm(Folded, FlaskForm):
    """The filters; a value that is none is no filter."""

    class Meta:
        csrf = False  # a search changes nothing

    FIRST_SEEN = frozenset({"state", "severity", "office"})

    state = StringField(_l("Tình trạng"))
    severity = StringField(_l("Mức độ"))
    kind = StringField(_l("Loại phát hiện"))
    office = StringField(_l("Đơn vị"))
    account = StringField(_l("Tài khoản"))
    older = StringField(_l("Đã có từ"))
    owner = StringField(_l("Người xử lý"))
    order = StringField(_l("Sắp xếp"))
    page = StringField()

    def query(self) -> FindingQuery:
        """The search."""
        said = {name: str(self[name].data or "").strip()[:60] for name in (*_NAMES, "page")}
        return FindingQuery(
            state=said["state"] or UNFINISHED,
            severity=_number(said["severity"]),
            kind=said["kind"],
            office=said["office"],
            account=said["account"],
            older=_number(said["older"]),
            owner=said["owner"],
            order=said["order"] or ORDERS[0],
            page=_number(said["page"]) or 1,
        )

    @property
    def kept(self) -> dict[str, str]:
        """The filters in force, for links to other pages."""
        return {name: str(self[name].data) for name in _NAMES if self[name].data}

    @property
    def used(self) -> bool:
        """Whether anything but the order was chosen."""
        return bool(self.kept.keys() - {"order"})


def choices(offices: dict[str, str]) -> dict[str, Any]:
    """What the lists of the form offer: (field, first line, options)."""
    kinds = sorted(
        ((kind.value, message(f"finding.{kind}", language())) for kind in Kind), key=lambda pair: pair[1]
    )
    return {
        "state": (None, _STATE_CHOICES),
        "severity": (_l("Mọi mức độ"), [(str(n), status.word) for n, status in SEVERITIES.items()]),
        "kind": (_l("Mọi loại"), kinds),
        "office": (_l("Mọi đơn vị"), [(code, office(code)) for code in offices]),
        "older": (_l("Bất kỳ lúc nào"), _AGES),
        "owner": (_l("Bất kỳ ai"), _OWNERS),
        "order": (None, tuple(_ORDERS.items())),
    }


def filters(form: FindingForm, offices: dict[str, str]) -> dict[str, str]:
    """The filters in force in words, for the head of a printed list."""
    offered = {name: dict(options) for name, (_, options) in choices(offices).items()}
    return {
        str(form[name].label.text): str(offered.get(name, {}).get(value, value))
        for name, value in form.kept.items()
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None
