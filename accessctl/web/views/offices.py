"""The offices, their hours, extra hours of the head, and the province's working calendar."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.clock import local
from accessctl.services import hours, offices, working_days
from accessctl.services.control import transaction
from accessctl.web import errors, gates
from accessctl.web.context import actor, now, runtime
from accessctl.web.i18n import language
from accessctl.web.people_forms import DayForm, HoursForm, WhyForm, WindowForm, text

pages = Blueprint("offices", __name__, url_prefix="/offices")


@pages.get("/")
@gates.decided_by("offices.listed")
def index() -> str:
    """Every office, whom to turn to, open or closed now."""
    with transaction(runtime()) as database:
        found = offices.listed(runtime(), database, actor())
    return render_template("offices/index.html", found=found)


@pages.get("/<code>")
@gates.decided_by("offices.show")
def show(code: str) -> str:
    """One office."""
    with transaction(runtime()) as database:
        shown = offices.show(runtime(), database, actor(), code)
    return render_template("offices/show.html", shown=shown)


@pages.get("/<code>/hours")
@gates.decided_by("offices.before_hours")
def hours_form(code: str) -> str:
    """The hours as they stand."""
    return _hours_page(code)


@pages.post("/<code>/hours")
@gates.decided_by("offices.set_hours")
def set_hours(code: str) -> Response:
    """Set the ordinary opening hours."""
    form = HoursForm()
    errors.show_again(lambda problem: _hours_page(code, problem))
    with transaction(runtime()) as database:
        offices.set_hours(runtime(), database, actor(), code, form.hours())
    flash(_("Đã lưu giờ làm việc."), "success")
    return redirect(url_for("offices.show", code=code), 303)


def _hours_page(code: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = offices.before_hours(runtime(), database, actor(), code)
    kept = {
        "spans": "\n".join(f"{a}-{b}" for a, b in shown.spans),
        "always": shown.always,
        "version": shown.version,
    }
    form = HoursForm() if problem else HoursForm(formdata=None, data=kept)
    return render_template("offices/hours.html", form=form, shown=shown, problem=problem)


@pages.get("/<code>/windows/open")
@gates.decided_by("offices.before_window")
def window_form(code: str) -> str:
    """When and why."""
    return _window_page(code)


@pages.post("/<code>/windows/open")
@gates.decided_by("hours.open_window")
def open_window(code: str) -> Response:
    """The unit head opens extra hours."""
    form = WindowForm()
    errors.show_again(lambda problem: _window_page(code, problem))
    opens, closes = form.span()
    with transaction(runtime()) as database:
        hours.open_window(
            runtime(), database, actor(), office=code, opens=opens, closes=closes, reason=text(form.reason)
        )
    flash(_("Đã mở làm việc ngoài giờ."), "success")
    return redirect(url_for("offices.show", code=code), 303)


def _window_page(code: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = offices.before_window(runtime(), database, actor(), code)
    kept = {"day": f"{local(now()):%d/%m/%Y}"}
    form = WindowForm() if problem else WindowForm(formdata=None, data=kept)
    return render_template("offices/window.html", form=form, shown=shown, problem=problem)


@pages.get("/<code>/windows/<number>/withdraw")
@gates.decided_by("offices.before_window")
def withdraw_window_form(code: str, number: str) -> str:
    """Why the extra hours are taken back."""
    return _withdraw_window_page(code, number)


@pages.post("/<code>/windows/<number>/withdraw")
@gates.decided_by("hours.withdraw_window")
def withdraw_window(code: str, number: str) -> Response:
    """Take back extra hours that have not begun."""
    form = WhyForm()
    errors.show_again(lambda problem: _withdraw_window_page(code, number, problem))
    with transaction(runtime()) as database:
        hours.withdraw_window(runtime(), database, actor(), code, number, text(form.reason))
    flash(_("Đã rút lại khoảng làm việc ngoài giờ."), "success")
    return redirect(url_for("offices.show", code=code), 303)


def _withdraw_window_page(code: str, number: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = offices.before_window(runtime(), database, actor(), code)
        window = hours.window(runtime(), database, actor(), code, number)
    return render_template(
        "offices/withdraw_window.html", form=WhyForm(), shown=shown, window=window, problem=problem
    )


@pages.get("/calendar")
@gates.decided_by("working_days.year")
def calendar() -> str:
    """The holidays and make-up days of a year, each with its source."""
    asked = request.args.get("year", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else local(now()).year
    with transaction(runtime()) as database:
        found = working_days.year(runtime(), database, actor(), number, language=language())
    return render_template("offices/calendar.html", found=found)


@pages.get("/calendar/announce")
@gates.decided_by("working_days.before_announcement")
def announce_form() -> str:
    """Which day, worked or not, by which document."""
    return _announce_page()


@pages.post("/calendar/announce")
@gates.decided_by("working_days.announce")
def announce() -> Response:
    """Enter an announced day; what stood for it stays in the history."""
    form = DayForm()
    errors.show_again(_announce_page)
    wanted = form.announcement()
    with transaction(runtime()) as database:
        working_days.announce(runtime(), database, actor(), wanted)
    flash(_("Đã ghi điều chỉnh lịch làm việc."), "success")
    return redirect(url_for("offices.calendar", year=wanted.day.year), 303)


def _announce_page(problem: errors.Problem | None = None) -> str:
    form = DayForm() if problem else DayForm(request.args, meta={"csrf": True})
    with transaction(runtime()) as database:
        before = working_days.before_announcement(runtime(), database, actor(), form.date())
    if not problem:
        form.replaces.data = str(before.id) if before else "0"
    return render_template("offices/announce.html", form=form, before=before, problem=problem)


@pages.get("/calendar/<number>/withdraw")
@gates.decided_by("working_days.before_withdrawal")
def withdraw_day_form(number: str) -> str:
    """Why the announced day is taken back."""
    return _withdraw_day_page(number)


@pages.post("/calendar/<number>/withdraw")
@gates.decided_by("working_days.withdraw")
def withdraw_day(number: str) -> Response:
    """From now on the library's word holds for the day again."""
    form = WhyForm()
    errors.show_again(lambda problem: _withdraw_day_page(number, problem))
    with transaction(runtime()) as database:
        row = working_days.withdraw(runtime(), database, actor(), number, text(form.reason))
    flash(_("Đã rút lại điều chỉnh; ngày đó theo lịch chung."), "success")
    return redirect(url_for("offices.calendar", year=row.day.year), 303)


def _withdraw_day_page(number: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        row = working_days.before_withdrawal(runtime(), database, actor(), number)
    return render_template("offices/withdraw_day.html", form=WhyForm(), row=row, problem=problem)
