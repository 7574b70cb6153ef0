"""The director's waivers from two rules of custody: seen by everybody, granted and ended by the director (S13)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import closing, waivers
from accessctl.services.control import transaction
from accessctl.web import errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.custody_forms import WaiverForm, text
from accessctl.web.forms import ReasonForm

pages = Blueprint("waivers", __name__, url_prefix="/waivers")


@pages.get("/")
@gates.decided_by("waivers.listed")
def index() -> str:
    """Every waiver there is or was."""
    with transaction(runtime()) as database:
        found = waivers.listed(runtime(), database, actor())
    return render_template("waivers/index.html", found=found)


@pages.get("/grant")
@gates.decided_by("waivers.before_grant")
def grant_form() -> str:
    """For which office, then for whom."""
    return _grant_page(request.args.get("office", ""))


@pages.post("/grant")
@gates.decided_by("waivers.grant")
def grant() -> Response:
    """Lift a rule; appointing remains the head's."""
    form = WaiverForm()
    errors.show_again(lambda problem: _grant_page(text(form.office), problem))
    with transaction(runtime()) as database:
        made = waivers.grant(runtime(), database, actor(), form.wanted())
        number = made.id
    flash(_("Đã phê duyệt ngoại lệ. Thủ trưởng đơn vị có thể phân công theo ngoại lệ này."), "success")
    return redirect(url_for("waivers.show", number=number), 303)


@pages.get("/<number>")
@gates.decided_by("waivers.show")
def show(number: str) -> str:
    """One waiver, and what rests on it."""
    with transaction(runtime()) as database:
        shown = waivers.show(runtime(), database, actor(), number)
    return render_template("waivers/show.html", shown=shown)


@pages.get("/<number>/end")
@gates.decided_by("waivers.before_end")
def end_form(number: str) -> str:
    """What ends with it, before it does."""
    return _end_page(number)


@pages.post("/<number>/end")
@gates.decided_by("waivers.end")
def end(number: str) -> Response:
    """Before its time."""
    form = ReasonForm()
    errors.show_again(lambda problem: _end_page(number, problem))
    with transaction(runtime()) as database:
        ending = waivers.end(runtime(), database, actor(), number, (form.reason.data or "").strip())
    closing.finish_all(runtime(), ending)
    flash(_("Đã kết thúc ngoại lệ; số phiên đã ngắt: %(n)s.", n=len(ending)), "success")
    return redirect(url_for("waivers.show", number=number), 303)


def _grant_page(office: str, problem: errors.Problem | None = None) -> str:
    known = sorted(runtime().office_codes())
    with transaction(runtime()) as database:
        chosen = office if office in known else ""
        people = waivers.before_grant(runtime(), database, actor(), chosen)
    form = WaiverForm()
    form.office.data = chosen
    return render_template(
        "waivers/grant.html", form=form, people=people, office=chosen, offices=known, problem=problem
    )


def _end_page(number: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = waivers.before_end(runtime(), database, actor(), number)
    return render_template("waivers/end.html", shown=shown, form=ReasonForm(), problem=problem)
