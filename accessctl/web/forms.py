"""Words as they come out of a form. Judging them is the services' part; here they are only taken apart."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    HiddenField,
    MultipleFileField,
    PasswordField,
    StringField,
)

from accessctl.services.leasing import LeaseRequest
from accessctl.services.tokens import Wanted
from accessctl.web.display import FIELDS
from accessctl.web.kept import FlaskForm


class Folded:
    """A search form of which the first fields stand open and the others unfold."""

    FIRST_SEEN: ClassVar[frozenset[str]]

    @property
    @abstractmethod
    def kept(self) -> dict[str, str]:
        """The filters in force, by field."""

    @property
    def unfolded(self) -> bool:
        """Whether a filter is set that would not be seen in the folded form."""
        return bool(self.kept.keys() - self.FIRST_SEEN)


class SignInForm(FlaskForm):
    """User name and password."""

    username = StringField(_l("Tên đăng nhập"))
    password = PasswordField(_l("Mật khẩu"))
    next = HiddenField()


class CodeForm(FlaskForm):
    """The code of the second factor, and on the sign-in where to go then."""

    code = StringField(_l("Mã xác thực"))
    next = HiddenField()


class EnrolForm(FlaskForm):
    """One code of the device that is being set up; the offered secret travels sealed."""

    code = StringField(_l("Mã 6 chữ số trên điện thoại"))
    offer = HiddenField()


class NewPasswordForm(FlaskForm):
    """A new password, twice: on a one-time link."""

    new = PasswordField(_l("Mật khẩu mới"))
    again = PasswordField(_l("Nhập lại mật khẩu mới"))


class TokenForm(FlaskForm):
    """A token of the command line."""

    name = StringField(_l("Tên mã truy cập"))
    scope = StringField(_l("Phạm vi"))
    days = StringField(_l("Thời hạn (ngày)"))
    password = PasswordField(_l("Mật khẩu hiện tại"))

    @property
    def wanted(self) -> Wanted:
        """The token as asked for; a number that is none becomes one that the service refuses."""
        days = _text(self.days)
        number = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0
        return Wanted(_text(self.name), _text(self.scope), number)


class ResetForm(FlaskForm):
    """What to reset, and why."""

    purpose = StringField(_l("Đặt lại"))
    reason = StringField(_l("Lý do"))


class PasswordForm(FlaskForm):
    """The old password and the new one, twice."""

    old = PasswordField(_l("Mật khẩu hiện tại"))
    new = PasswordField(_l("Mật khẩu mới"))
    again = PasswordField(_l("Nhập lại mật khẩu mới"))


class BorrowForm(FlaskForm):
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
            dossier="".join(_text(self.dossier).split()).upper(),  # as a reader of bar codes gives it
            subject="".join(_text(self.subject).split()),
            fields=self.listed,
            reason=_text(self.reason),
            client=bool(self.client.data),
        )


class ReissueForm(FlaskForm):
    """Reason of the dispatch (R7, R10) and the blank that the card is printed on."""

    reason = StringField(_l("Lý do cấp lại"))
    blank_serial = StringField(_l("Số sê-ri phôi thẻ"))

    @property
    def serial(self) -> str:
        """As it is printed: capitals, without the blanks that a reader of bar codes or a person puts in."""
        return "".join(_text(self.blank_serial).upper().split())


class CorrectionForm(FlaskForm):
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
        changed = {name: value for name, value in new.items() if value and value != old.get(name, "")}
        return {name: iso_day(value) if name == "birth_date" else value for name, value in changed.items()}


class ReasonForm(FlaskForm):
    """One sentence that goes into the log."""

    reason = StringField(_l("Lý do"))


class ProposalForm(FlaskForm):
    """Changed files of the policy, and why."""

    files = MultipleFileField(_l("Các tệp chính sách đã sửa"))
    reason = StringField(_l("Lý do hoặc số văn bản"))
    frozen = BooleanField(_l("Thay đổi này có chủ ý sửa quyền của TKCL hoặc TKHCTT"))

    @property
    def contents(self) -> dict[str, bytes]:
        """File name → bytes of what was sent; a browser sends one nameless file for none."""
        return {one.filename: one.read() for one in self.files.data or [] if getattr(one, "filename", "")}


class ApprovalForm(FlaskForm):
    """The word of whoever approves."""

    note = StringField(_l("Ghi chú (không bắt buộc)"))
    frozen = BooleanField(_l("Tôi đồng ý sửa quyền của TKCL hoặc TKHCTT đã ấn định trong văn bản của tỉnh"))


def iso_day(text: str) -> str:
    """A day written dd/mm/yyyy as the databases want it; anything else (a year alone) as it is."""
    try:
        return datetime.strptime(text, "%d/%m/%Y").date().isoformat()
    except ValueError:
        return text


def _text(field: Any) -> str:
    return str(field.data or "").strip()
