"""The drift board: where the rights in the office databases differ from the policy, and what to do about it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import drift_board
from accessctl.services.control import transaction
from accessctl.services.findings import office_names
from accessctl.web import database_words, errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.drift_words import WHO, account_of, said, standing
from accessctl.web.i18n import language

pages = Blueprint("drift", __name__, url_prefix="/drift")


@pages.context_processor
def words() -> dict[str, object]:
    """What these pages say about a deviation and an office."""
    return {
        "standing": standing,
        "said": lambda entry: said(entry, language()),
        "WHO": WHO,
        "account_of": account_of,
    }


@pages.get("/")
@gates.decided_by("drift_board.boards")
def index() -> str:
    """Every office that this person may look at."""
    with transaction(runtime()) as database:
        looks = drift_board.boards(runtime(), database, actor())
    return render_template("drift/index.html", looks=looks)


@pages.get("/<string(length=3):code>")
@gates.decided_by("drift_board.board")
def show(code: str) -> str:
    """One office: each deviation in words, with its statement."""
    with transaction(runtime()) as database:
        look = drift_board.board(runtime(), database, actor(), code)
        offices = office_names(database)
    return render_template("drift/show.html", look=look, offices=offices)


@pages.post("/<string(length=3):code>/look")
@gates.decided_by("drift_board.look_now")
def look(code: str) -> Response:
    """Compare now."""
    found = drift_board.look_now(runtime(), actor(), code)
    if found.code is not None:
        flash(_("Không xem được: %(why)s", why=database_words.reason(found.code, code)), "warning")
    elif found.drifts:
        flash(_("Thấy %(n)s sai lệch.", n=len(found.drifts)), "warning")
    else:
        flash(_("Đã so sánh lại: không có sai lệch nào."), "success")
    return redirect(url_for("drift.show", code=code), 303)


@pages.get("/<string(length=3):code>/repair")
@gates.decided_by("drift_board.preview")
def preview(code: str) -> str:
    """What a repair would do, before it does."""
    return _preview(code)


@pages.post("/<string(length=3):code>/repair")
@gates.decided_by("drift_board.apply")
def repair(code: str) -> Response:
    """What the service may do by itself; the rest stays for a database administrator."""
    errors.show_again(lambda problem: _preview(code, problem))
    done = drift_board.apply(runtime(), actor(), code, request.form.get("seen", ""))
    if done.code is not None:
        flash(_("Chưa khắc phục: %(why)s", why=database_words.reason(done.code, code)), "warning")
    else:
        tone = "warning" if done.left else "success"
        flash(
            _(
                "Đã khắc phục %(done)s sai lệch, còn lại %(left)s.",
                done=len(done.repaired),
                left=len(done.left),
            ),
            tone,
        )
    return redirect(url_for("drift.show", code=code), 303)


def _preview(code: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        plan = drift_board.preview(runtime(), database, actor(), code)
        offices = office_names(database)
    return render_template("drift/repair.html", plan=plan, look=plan.look, offices=offices, problem=problem)
