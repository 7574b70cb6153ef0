"""The search form of the journal: kept in the address, so that it can be sent to a colleague."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField

from accessctl.clock import PROVINCE_TIME
from accessctl.services.journal import JournalQuery
from accessctl.services.saved_searches import KEPT
from accessctl.web.forms import Folded

_CURSORS = ("before", "after")
_TEXTS = tuple(name for name in KEPT if name not in ("since", "until"))


class JournalForm(Folded, FlaskForm):
    """The filters, the cursors of a page, and nothing else."""

    FIRST_SEEN = frozenset({"words", "since", "until"})

    class Meta:
        csrf = False  # a search changes nothing

    words = StringField(_l("Tìm nhanh"))
    person = StringField(_l("Cán bộ"))
    account = StringField(_l("Tài khoản"))
    kind = StringField(_l("Loại tài khoản"))
    office = StringField(_l("Đơn vị"))
    guest = StringField(_l("Đơn vị tiếp nhận"))
    host = StringField(_l("Đơn vị đang quản lý"))
    dossier = StringField(_l("Mã hồ sơ"))
    event = StringField(_l("Sự kiện"))
    outcome = StringField(_l("Kết quả"))
    lease = StringField(_l("Phiên sử dụng"))
    correlation = StringField(_l("Mã tra cứu"))
    since = StringField(_l("Từ ngày"))
    until = StringField(_l("Đến ngày"))
    before = StringField()
    after = StringField()

    def query(self) -> JournalQuery:
        """The search; days are whole local days, `dd/mm/yyyy HH:MM` a minute; a cursor that is none is none."""
        words = {name: _typed(self[name]) for name in _TEXTS}
        cursors = {name: _place(_typed(self[name])) for name in _CURSORS}
        since, until = moment(_typed(self.since)), moment(_typed(self.until), end=True)
        return JournalQuery(**words, **cursors, since=since, until=until)  # type: ignore[arg-type]

    @property
    def kept(self) -> dict[str, str]:
        """The filters in force, as they were typed: for links to other pages, for saving, for the export."""
        return {name: typed for name in KEPT if (typed := _typed(self[name]))}

    @property
    def used(self) -> bool:
        """Whether any filter is set."""
        return bool(self.kept)

    @property
    def bad_days(self) -> bool:
        """Whether a time was typed that is none."""
        return any(_typed(field) and not moment(_typed(field)) for field in (self.since, self.until))


def filters_of(arguments: Mapping[str, str]) -> dict[str, str]:
    """The filters among what a form sent."""
    return {name: arguments[name] for name in KEPT if arguments.get(name)}


def _typed(field: Any) -> str:
    return str(field.data or "").strip()


def moment(text: str, *, end: bool = False) -> datetime | None:
    """A local time; a day alone is its beginning, or with `end` the beginning of the next. None for anything else."""
    for form, length in (("%d/%m/%Y", timedelta(days=1)), ("%d/%m/%Y %H:%M", timedelta(minutes=1))):
        try:
            at = datetime.strptime(text, form).replace(tzinfo=PROVINCE_TIME)
            return at + length if end else at
        except (ValueError, OverflowError):
            continue
    return None


def _place(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
