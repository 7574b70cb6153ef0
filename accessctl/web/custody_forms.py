"""Words as they come out of the forms of custody, rules and approvals; judging them is the services' part."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectMultipleField, StringField

from accessctl.clock import PROVINCE_TIME, local
from accessctl.domain.accounts import Kind
from accessctl.errors import Invalid, NotFound
from accessctl.services.approvals import Ask
from accessctl.services.custody import Appointment
from accessctl.services.standing_rules import Change, RuleView
from accessctl.services.substitution import Wanted
from accessctl.services.waivers import Grant
from accessctl.web.context import now
from accessctl.web.kept import FlaskForm

SPANS = 3
"""How many stretches of a day the form of a rule offers."""


class AppointForm(FlaskForm):
    """Whom, by which decision, from and until when; `seen` is the assignment before the head's eyes."""

    officer = StringField(_l("Cán bộ được phân công"))
    decision_no = StringField(_l("Số quyết định"))
    since = StringField(_l("Từ ngày"))
    until = StringField(_l("Đến hết ngày"))
    seen = HiddenField()

    def appointment(self, office: str, kind: Kind) -> Appointment:
        """The command that the service understands. Raises Invalid("custody.bad_day")."""
        return Appointment(
            office,
            kind,
            text(self.officer),
            text(self.decision_no),
            begins(text(self.since)),
            ends(text(self.until)) if text(self.until) else None,
        )


class WaiverForm(FlaskForm):
    """Which rule is lifted, for whom, how long, by which decision and why; `what` is a rule, or a rule and a kind."""

    office = StringField(_l("Đơn vị"))
    what = StringField(_l("Điều được phép"))
    officer = StringField(_l("Cho cán bộ"))
    since = StringField(_l("Từ ngày"))
    until = StringField(_l("Đến hết ngày"))
    decision_no = StringField(_l("Số quyết định"))
    reason = StringField(_l("Lý do"))

    def wanted(self) -> Grant:
        """The command that the service understands. Raises Invalid("custody.bad_day")."""
        rule, _colon, kind = text(self.what).partition(":")
        return Grant(
            office=text(self.office),
            rule=rule,
            kind=kind or None,
            username=text(self.officer),
            opens=begins(text(self.since)),
            closes=ends(text(self.until)),
            decision_no=text(self.decision_no),
            reason=text(self.reason),
        )


class EndForm(FlaskForm):
    """Why it ends; `seen` is the assignment before the head's eyes."""

    reason = StringField(_l("Số quyết định hoặc lý do"))
    seen = HiddenField()


class SubstituteForm(FlaskForm):
    """Who stands in, on which days, why; the head adds the number of the decision."""

    officer = StringField(_l("Người thay thế"))
    first = StringField(_l("Từ ngày"))
    last = StringField(_l("Đến hết ngày"))
    reason = StringField(_l("Lý do"))
    decision_no = StringField(_l("Số quyết định"))

    def wanted(self, office: str, kind: Kind) -> Wanted:
        """The command that the service understands. Raises Invalid("custody.bad_day")."""
        first, last = text(self.first), text(self.last)
        return Wanted(office, kind, text(self.officer), midnight(first), ends(last), text(self.reason))


class DecideForm(FlaskForm):
    """The number of a decision, or why not."""

    words = StringField(_l("Số quyết định, hoặc lý do không chấp nhận"))


class NoteForm(FlaskForm):
    """A remark beside a decision; a refusal needs one."""

    note = StringField(_l("Ghi chú (bắt buộc khi không phê duyệt)"))


class DayForm(FlaskForm):
    """One day, kept in the address."""

    class Meta:
        csrf = False  # a search changes nothing

    day = StringField(_l("Ngày"))

    @property
    def bad(self) -> bool:
        """Whether something was typed that is no day."""
        return bool(text(self.day)) and written_day(text(self.day)) is None

    def wanted(self) -> date:
        """The day asked for; today when none or nonsense was typed."""
        return written_day(text(self.day)) or local(now()).date()


class RuleForm(FlaskForm):
    """Officers, days, hours, number, and the version that was before the custodian's eyes."""

    who = StringField(_l("Ai được nhận sử dụng"))
    officers = SelectMultipleField(_l("Cán bộ"), validate_choice=False)
    days = SelectMultipleField(_l("Ngày trong tuần"), validate_choice=False)
    per_day = StringField(_l("Nhiều nhất mỗi cán bộ trong một ngày (lần)"))
    note = StringField(_l("Ghi chú (không bắt buộc)"))
    seen = HiddenField()

    def change(self) -> Change:
        """The command that the service understands."""
        return Change(
            seen=whole(text(self.seen)),
            officers=tuple(self.officers.data or ()) if text(self.who) == "some" else None,
            days=tuple(whole(day) for day in self.days.data or ()),
            spans=self.spans(),
            per_day=text(self.per_day),
            note=text(self.note),
        )

    def spans(self) -> tuple[tuple[str, str], ...]:
        """The pairs of hours as they were typed."""
        form = request.form
        return tuple(
            (form.get(f"opens{n}", "").strip(), form.get(f"closes{n}", "").strip()) for n in range(SPANS)
        )

    def fill(self, rule: RuleView) -> RuleForm:
        """With what stands now; no rule yet: everything open."""
        now_ = rule.now
        self.who.data = "some" if now_ and now_.officers is not None else "all"
        self.officers.data = [person.username for person in (now_.officers or ())] if now_ else []
        self.days.data = [str(day) for day in (now_.days if now_ else range(1, 8))]
        self.per_day.data = str(now_.per_day or "") if now_ else ""
        self.seen.data = str(now_.version if now_ else 0)
        return self


class AskForm(FlaskForm):
    """Account, dossier, one day's window, and why."""

    account = HiddenField()
    dossier = StringField(_l("Mã hồ sơ"))
    day = StringField(_l("Ngày"))
    opens = StringField(_l("Từ giờ"))
    closes = StringField(_l("Đến giờ"))
    reason = StringField(_l("Lý do cần phê duyệt"))

    def ask(self) -> Ask:
        """The command that the service understands. Raises Invalid("approval.bad_window")."""
        day, opens, closes = text(self.day), text(self.opens), text(self.closes)
        return Ask(
            text(self.account),
            text(self.dossier),
            _instant(day, opens),
            _instant(day, closes),
            text(self.reason),
        )

    def fill(self, account: str, dossier: str) -> AskForm:
        """From now on, for an hour; never past midnight."""
        start = local(now()).replace(second=0, microsecond=0)
        later = min(start + timedelta(hours=1), start.replace(hour=23, minute=59))
        self.account.data = self.account.data or account
        self.dossier.data = self.dossier.data or dossier
        self.day.data = self.day.data or f"{start:%d/%m/%Y}"
        self.opens.data = self.opens.data or f"{start:%H:%M}"
        self.closes.data = self.closes.data or f"{later:%H:%M}"
        return self


def kind_of(word: str) -> Kind:
    """The shared kind that an address names. Raises NotFound("page.not_found")."""
    if word.upper() in (Kind.TKCL, Kind.TKHCTT):
        return Kind(word.upper())
    raise NotFound("page.not_found")


def written_day(words: str) -> date | None:
    """A day written dd/mm/yyyy; None for anything else."""
    try:
        return datetime.strptime(words, "%d/%m/%Y").date()
    except ValueError:
        return None


def midnight(words: str, *, days: int = 0) -> datetime:
    """The local beginning of a written day, or of a day after it. Raises Invalid("custody.bad_day")."""
    day = written_day(words)
    if day is None or not 2000 <= day.year <= 2100:
        raise Invalid("custody.bad_day")
    return datetime.combine(day + timedelta(days=days), time(), PROVINCE_TIME)


def begins(words: str) -> datetime:
    """From when a decision of that day holds: today's from this moment, not from midnight."""
    return now() if written_day(words) == local(now()).date() else midnight(words)


def ends(words: str) -> datetime:
    """The first moment after a written day."""
    return midnight(words, days=1)


def text(field: Any) -> str:
    """What a field holds, without blanks around it."""
    return str(field.data or "").strip()


def whole(words: str) -> int:
    """A whole number, 0 for anything else."""
    return int(words) if words.isascii() and words.isdigit() and len(words) < 10 else 0


def _instant(day: str, clock: str) -> datetime:
    try:
        at = datetime.strptime(f"{day} {clock}", "%d/%m/%Y %H:%M").replace(tzinfo=PROVINCE_TIME)
    except ValueError:
        raise Invalid("approval.bad_window") from None
    if not 2000 <= at.year <= 2100:
        raise Invalid("approval.bad_window")
    return at
