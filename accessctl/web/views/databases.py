"""The office databases for those who run them, and the daily statement of logins against leases (S57)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.errors import Invalid
from accessctl.services import journal, office_board, statements
from accessctl.services.control import transaction
from accessctl.web import database_words, gates, journal_words
from accessctl.web.context import actor, runtime

pages = Blueprint("databases", __name__, url_prefix="/databases")


@pages.context_processor
def words() -> dict[str, Any]:
    """What these pages say about a database."""
    said = {
        "standing": database_words.standing,
        "troubles": database_words.troubles,
        "why": database_words.why,
    }
    return {**said, "FOUND_BY": journal_words.FOUND_BY, "policy": runtime().policy().version}


@pages.get("/")
@gates.decided_by("office_board.boards")
def index() -> str:
    """All databases that this person may look at, asked at once."""
    found = office_board.boards(runtime(), actor())
    with transaction(runtime()) as database:
        days = statements.offered(runtime(), database, actor())
    return render_template("databases/index.html", boards=found, days=days)


@pages.get("/<string(length=3):code>")
@gates.decided_by("office_board.board")
def show(code: str) -> str:
    """One database."""
    return _page(office_board.board(runtime(), actor(), code))


@pages.post("/<string(length=3):code>/check")
@gates.decided_by("office_board.check_now")
def check(code: str) -> Response:
    """Knock, read the evidence, compare the rights, now."""
    found = office_board.check_now(runtime(), actor(), code)
    if found.up:
        flash(_("Đã kiểm tra: cơ sở dữ liệu trả lời, chứng cứ và quyền đã được đọc lại."), "success")
    else:
        flash(_("Đã thử: %(why)s", why=database_words.why(found, code)), "warning")
    return redirect(url_for("databases.show", code=code), 303)


@pages.get("/days")
@gates.decided_by("statements.days")
def days() -> str:
    """The last month, day by day."""
    with transaction(runtime()) as database:
        lines = statements.days(runtime(), database, actor())
    return render_template("databases/days.html", lines=lines)


@pages.get("/days/<day>")
@gates.decided_by("statements.day_sheet")
def day(day: str) -> str:
    """One day's statement, fit for print."""
    with transaction(runtime()) as database:
        sheet = statements.day_sheet(runtime(), database, actor(), _day(day))
        offices = journal.office_names(database)
    return render_template("databases/day.html", sheet=sheet, said=sheet.statement, offices=offices)


@pages.post("/days/<day>/reconcile")
@gates.decided_by("statements.reconcile_day")
def reconcile(day: str) -> Response:
    """Read every witness to its end and compare: the same as the command line's."""
    said = statements.reconcile_day(runtime(), actor(), _day(day))
    if said.unread:
        names = ", ".join(sorted(said.unread))
        flash(_("Đã đối chiếu, nhưng chưa đọc được: %(offices)s.", offices=names), "warning")
    else:
        flash(_("Đã đọc hết chứng cứ của mọi đơn vị và đối chiếu."), "success")
    return redirect(url_for("databases.day", day=said.day.isoformat()), 303)


@pages.app_template_filter("role_account")
def role_account(role: str) -> str:
    """The readable account behind a role of an office database."""
    return journal_words.account_of(role)


def _page(board: office_board.OfficeBoard) -> str:
    with transaction(runtime()) as database:
        offices = journal.office_names(database)
    return render_template("databases/show.html", board=board, offices=offices)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise Invalid("reconciliation.no_day", day=text[:20]) from None
