"""Words as they come out of the forms of people and offices; judging them is the services' part."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, SelectMultipleField, StringField, TextAreaField

from accessctl.clock import PROVINCE_TIME
from accessctl.errors import Invalid
from accessctl.services.moves import Transfer
from accessctl.services.officer_list import ACTIVE, OfficerQuery
from accessctl.services.officers import Details, Newcomer
from accessctl.services.offices import NewHours
from accessctl.services.returning import Return
from accessctl.services.working_days import Announcement
from accessctl.web.forms import Folded
from accessctl.web.kept import FlaskForm


class OfficerFilters(Folded, FlaskForm):
    """The filters of the list, kept in the address."""

    class Meta:
        csrf = False  # a search changes nothing

    FIRST_SEEN = frozenset({"name", "office"})

    name = StringField(_l("Họ tên"))
    office = StringField(_l("Đơn vị"))
    department = StringField(_l("Phòng, bộ phận"))
    role = StringField(_l("Vai trò"))
    state = StringField(_l("Tình trạng"))
    page = StringField()

    def query(self) -> OfficerQuery:
        """The search; a page that makes no sense is the first."""
        return OfficerQuery(
            name=text(self.name),
            office=text(self.office),
            department=text(self.department),
            role=text(self.role),
            state=text(self.state) or ACTIVE,
            page=whole(self.page) or 1,
        )

    @property
    def kept(self) -> dict[str, str]:
        """The filters in force."""
        return {field.name: str(field.data) for field in self if field.data and field.name != "page"}

    @property
    def used(self) -> bool:
        """Whether any filter is set."""
        return bool(self.kept)


class AddForm(FlaskForm):
    """A new officer."""

    username = StringField(_l("Tên đăng nhập"))
    full_name = StringField(_l("Họ và tên"))
    title = StringField(_l("Chức danh"))
    phone = StringField(_l("Điện thoại"))
    email = StringField(_l("Thư điện tử"))
    office = StringField(_l("Đơn vị"))
    department = StringField(_l("Phòng, bộ phận"))
    roles = SelectMultipleField(_l("Vai trò ban đầu"), validate_choice=False)
    reason = StringField(_l("Lý do hoặc số quyết định"))

    def newcomer(self) -> Newcomer:
        """The command that the service understands."""
        return Newcomer(
            username=text(self.username),
            full_name=text(self.full_name),
            title=text(self.title),
            phone=text(self.phone),
            email=text(self.email),
            office=text(self.office),
            department=text(self.department),
            roles=tuple(self.roles.data or ()),
            reason=text(self.reason),
        )


class DetailsForm(FlaskForm):
    """What IT may correct; the version tells whether somebody else was faster."""

    full_name = StringField(_l("Họ và tên"))
    title = StringField(_l("Chức danh"))
    phone = StringField(_l("Điện thoại"))
    email = StringField(_l("Thư điện tử"))
    version = HiddenField()

    def details(self) -> Details:
        """The command that the service understands."""
        return Details(
            text(self.full_name), text(self.title), text(self.phone), text(self.email), whole(self.version)
        )


class TransferForm(FlaskForm):
    """Where to, as what, by which decision."""

    office = StringField(_l("Đơn vị mới"))
    department = StringField(_l("Phòng, bộ phận mới"))
    title = StringField(_l("Chức danh mới"))
    decision_no = StringField(_l("Số quyết định điều chuyển"))
    version = HiddenField()

    def transfer(self, username: str) -> Transfer:
        """The command that the service understands."""
        return Transfer(
            username=username,
            office=text(self.office),
            department=text(self.department),
            title=text(self.title),
            decision_no=text(self.decision_no),
            version=whole(self.version),
        )


class ReturnForm(FlaskForm):
    """Where and as what an officer serves again, and why."""

    office = StringField(_l("Đơn vị"))
    department = StringField(_l("Phòng, bộ phận"))
    title = StringField(_l("Chức danh"))
    reason = StringField(_l("Lý do hoặc số quyết định"))
    version = HiddenField()

    def wanted(self, username: str) -> Return:
        """The command that the service understands."""
        place, department, title = text(self.office), text(self.department), text(self.title)
        return Return(username, place, department, title, text(self.reason), whole(self.version))


class WhyForm(FlaskForm):
    """A reason or decision, and the version of what it is about."""

    reason = StringField(_l("Lý do hoặc số quyết định"))
    version = HiddenField()


class RoleForm(FlaskForm):
    """A role for somebody, and why."""

    role = StringField(_l("Vai trò"))
    reason = StringField(_l("Lý do hoặc số quyết định"))


class FileForm(FlaskForm):
    """A staff file."""

    file = FileField(_l("Tệp danh sách cán bộ (CSV, UTF-8)"))


class PlanForm(FlaskForm):
    """Which look at the file is confirmed."""

    plan = HiddenField()


class HoursForm(FlaskForm):
    """Opening hours, a span a line."""

    spans = TextAreaField(_l("Giờ làm việc, mỗi dòng một khoảng"))
    always = BooleanField(_l("Mở cửa mọi giờ (chỉ dành cho bản dùng thử)"))
    reason = StringField(_l("Lý do hoặc số quyết định"))
    version = HiddenField()

    def hours(self) -> NewHours:
        """The command that the service understands."""
        return NewHours(
            str(self.spans.data or ""), bool(self.always.data), text(self.reason), whole(self.version)
        )


class WindowForm(FlaskForm):
    """Extra hours of one local day."""

    day = StringField(_l("Ngày"))
    opens = StringField(_l("Từ giờ"))
    closes = StringField(_l("Đến giờ"))
    reason = StringField(_l("Lý do"))

    def span(self) -> tuple[datetime, datetime]:
        """Both ends as instants. Raises Invalid("hours.bad_window") for what is no day or no time."""
        return _instant(text(self.day), text(self.opens)), _instant(text(self.day), text(self.closes))


class DayForm(FlaskForm):
    """An announced day; `works` is "yes" or "no"."""

    day = StringField(_l("Ngày"))
    works = StringField(_l("Ngày này"))
    decision_no = StringField(_l("Số văn bản"))
    note = StringField(_l("Nội dung"))
    replaces = HiddenField()

    def announcement(self) -> Announcement:
        """The command that the service understands. Raises Invalid("calendar.bad_day")."""
        day = self.date()
        if day is None:
            raise Invalid("calendar.bad_day")
        return Announcement(
            day, text(self.works) == "yes", text(self.decision_no), text(self.note), whole(self.replaces)
        )

    def date(self) -> date | None:
        """The day that was typed dd/mm/yyyy, or None."""
        try:
            return datetime.strptime(text(self.day), "%d/%m/%Y").date()
        except ValueError:
            return None


def text(field: Any) -> str:
    """What was typed, without the blanks around it."""
    return str(field.data or "").strip()


def whole(field: Any) -> int:
    """A whole number from 0, or 0 for anything else."""
    typed = text(field)
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0


def _instant(day: str, clock: str) -> datetime:
    try:
        return datetime.strptime(f"{day} {clock}", "%d/%m/%Y %H:%M").replace(tzinfo=PROVINCE_TIME)
    except ValueError:
        raise Invalid("hours.bad_window") from None
