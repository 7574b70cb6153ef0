"""Words as they come out of a form. Judging them is the services' part; here they are only taken apart."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    PasswordField,
    StringField,
)
from wtforms.validators import Optional

from accessctl.clock import PROVINCE_TIME
from accessctl.services.journal import JournalQuery
from accessctl.services.leasing import LeaseRequest
from accessctl.web.display import FIELDS


class SignInForm(FlaskForm):  # type: ignore[misc]
    """User name and password."""

    username = StringField(_l("Tên đăng nhập"))
    password = PasswordField(_l("Mật khẩu"))
    next = HiddenField()


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The old password and the new one, twice."""

    old = PasswordField(_l("Mật khẩu hiện tại"))
    new = PasswordField(_l("Mật khẩu mới"))
    again = PasswordField(_l("Nhập lại mật khẩu mới"))


class BorrowForm(FlaskForm):  # type: ignore[misc]
    """What a lease must name: dossier, subject, reason, and for corrections the fields."""

    dossier = StringField(_l("Mã hồ sơ"))
    subject = StringField(_l("Mã số BHXH của người tham gia"))
    reason = StringField(_l("Lý do"))
    fields = StringField(_l("Thông tin được hiệu chỉnh theo hồ sơ"))  # ticked any number of times
    client = BooleanField(_l("Dùng phần mềm khác (hiện thông tin đăng nhập một lần)"))

    @property
    def listed(self) -> tuple[str, ...]:
        """The names that were ticked, as they came."""
        return tuple(self.fields.raw_data or ())

    def request_for(self, account: str) -> LeaseRequest:
        """The command that the service understands."""
        return LeaseRequest(
            account=account,
            dossier=_text(self.dossier),
            subject=_text(self.subject),
            fields=self.listed,
            reason=_text(self.reason),
            client=bool(self.client.data),
        )


class ReissueForm(FlaskForm):  # type: ignore[misc]
    """Reason of the dispatch (R7, R10) and the blank that the card is printed on."""

    reason = StringField(_l("Lý do cấp lại"))
    blank_serial = StringField(_l("Số sê-ri phôi thẻ"))


class CorrectionForm(FlaskForm):  # type: ignore[misc]
    """New values beside the old ones; a field left as it was is no change."""

    full_name = StringField(FIELDS["full_name"])
    birth_date = StringField(FIELDS["birth_date"])
    sex = StringField(FIELDS["sex"])
    address = StringField(FIELDS["address"])
    id_no = StringField(FIELDS["id_no"])
    initial_care = StringField(FIELDS["initial_care"])

    def changes(self, listed: tuple[str, ...], old: dict[str, str]) -> dict[str, str]:
        """Listed fields whose new value was given and differs from what the person saw."""
        new = {name: _text(self[name]) for name in listed if name in self}
        return {name: value for name, value in new.items() if value and value != old.get(name, "")}


class ReasonForm(FlaskForm):  # type: ignore[misc]
    """One sentence that goes into the log."""

    reason = StringField(_l("Lý do"))


class JournalForm(FlaskForm):  # type: ignore[misc]
    """The filters of the journal, kept in the address so that it can be sent to a colleague."""

    class Meta:
        csrf = False  # a search changes nothing

    person = StringField(_l("Cán bộ"))
    account = StringField(_l("Tài khoản"))
    office = StringField(_l("Đơn vị"))
    dossier = StringField(_l("Mã hồ sơ"))
    event = StringField(_l("Sự kiện"))
    since = DateField(_l("Từ ngày"), [Optional()])
    until = DateField(_l("Đến ngày"), [Optional()])
    page = IntegerField(default=1)

    def query(self) -> JournalQuery:
        """The search; days are whole local days, a page that makes no sense is the first."""
        return JournalQuery(
            person=_text(self.person),
            account=_text(self.account),
            office=_text(self.office),
            dossier=_text(self.dossier),
            event=_text(self.event),
            since=_midnight(self.since.data),
            until=_midnight(self.until.data + timedelta(days=1)) if self.until.data else None,
            page=max(1, min(self.page.data or 1, 100_000)),
        )

    @property
    def used(self) -> bool:
        """Whether any filter is set."""
        return any(field.data for field in self if field.name != "page")


def _text(field: Any) -> str:
    return str(field.data or "").strip()


def _midnight(day: Any) -> datetime | None:
    return datetime.combine(day, time(), PROVINCE_TIME) if day else None
