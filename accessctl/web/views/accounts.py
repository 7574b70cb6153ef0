"""The accounts: the list, one account, and each act on a page of its own that says first what it will do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from accessctl.services import account_before, account_list, account_view, accounts, closing, journal
from accessctl.services.account_before import Act
from accessctl.services.control import transaction
from accessctl.services.journal import JournalQuery
from accessctl.web import account_words, errors, files, gates
from accessctl.web.account_forms import KINDS_LISTED, SORTS_LISTED, STATES_LISTED, AccountForm, ActForm
from accessctl.web.context import actor, runtime
from accessctl.web.display import reason_words

pages = Blueprint("accounts", __name__, url_prefix="/accounts")

LATEST = 20  # records shown on the page of an account


@pages.context_processor
def words() -> dict[str, Any]:
    """Tables of words that only these pages need."""
    return {"ACTS": account_words.ACTS, "TOLD": account_words.TOLD, "DRIFTS": account_words.DRIFTS}


@pages.get("/")
@gates.decided_by("account_list.search")
def index() -> str:
    """Every account that fits the filters, page by page."""
    form = AccountForm(request.args)
    with transaction(runtime()) as database:
        found = account_list.search(runtime(), database, actor(), form.query())
        offices = sorted(journal.office_names(database))
    return render_template(
        "accounts/index.html", form=form, found=found, filters=form.kept, offices=offices, kinds=KINDS_LISTED,
        states=STATES_LISTED, sorts=SORTS_LISTED,
    )  # fmt: skip


@pages.post("/file/<form>")
@gates.decided_by("account_list.take_away")
def file(form: str) -> Response:
    """The list as a file: what the filters choose, all pages; recorded before it leaves."""
    query = AccountForm(request.form).query()
    with transaction(runtime()) as database:
        found = account_list.take_away(runtime(), database, actor(), query, form)
    lines = (account_words.cells(row, reason_words) for row in found)
    sheet = files.Sheet("tai-khoan", _("Tài khoản"), account_words.header(), lines, len(found))
    return files.answer(sheet, form)


@pages.get("/<name>")
@gates.decided_by("account_view.show")
def show(name: str) -> str:
    """One account, with the latest that is recorded of it."""
    with transaction(runtime()) as database:
        shown = account_view.show(runtime(), database, actor(), name)
        found = journal.search(runtime(), database, actor(), JournalQuery(account=shown.account))
    return render_template("accounts/show.html", shown=shown, rows=found.rows[:LATEST])


@pages.get("/<name>/lock")
@gates.decided_by("account_before.look")
def lock_form(name: str) -> str:
    """What locking would do."""
    return _before(name, Act.LOCK)


@pages.post("/<name>/lock")
@gates.decided_by("accounts.lock")
def lock(name: str) -> BaseResponse:
    """IT locks, or the director orders it."""
    return _carry_out(name, Act.LOCK, accounts.lock)


@pages.get("/<name>/ask-unlock")
@gates.decided_by("account_before.look")
def ask_unlock_form(name: str) -> str:
    """What asking for the unlocking would do."""
    return _before(name, Act.ASK_UNLOCK)


@pages.post("/<name>/ask-unlock")
@gates.decided_by("accounts.ask_unlock")
def ask_unlock(name: str) -> BaseResponse:
    """The custodian or the head asks."""
    return _carry_out(name, Act.ASK_UNLOCK, accounts.ask_unlock)


@pages.get("/<name>/unlock")
@gates.decided_by("account_before.look")
def unlock_form(name: str) -> str:
    """What unlocking would do."""
    return _before(name, Act.UNLOCK)


@pages.post("/<name>/unlock")
@gates.decided_by("accounts.unlock")
def unlock(name: str) -> BaseResponse:
    """IT unlocks, after the custodian's request."""
    return _carry_out(name, Act.UNLOCK, accounts.unlock)


@pages.get("/<name>/rotate")
@gates.decided_by("account_before.look")
def rotate_form(name: str) -> str:
    """What voiding the old credentials would do."""
    return _before(name, Act.ROTATE)


@pages.post("/<name>/rotate")
@gates.decided_by("accounts.void")
def rotate(name: str) -> BaseResponse:
    """IT voids what was ever shown."""
    return _carry_out(name, Act.ROTATE, accounts.void)


@pages.get("/<name>/retire")
@gates.decided_by("account_before.look")
def retire_form(name: str) -> str:
    """What retiring would do."""
    return _before(name, Act.RETIRE)


@pages.post("/<name>/retire")
@gates.decided_by("accounts.retire")
def retire(name: str) -> BaseResponse:
    """For ever."""
    typed = request.form.get("typed", "")
    return _carry_out(name, Act.RETIRE, accounts.retire, typed=typed)


def _before(name: str, act: Act, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        before = account_before.look(runtime(), database, actor(), name, act)
    form = ActForm()
    form.seen.data = before.shown.standing  # also when shown again: who sends now has seen how it stands now
    return render_template("accounts/act.html", before=before, shown=before.shown, form=form, problem=problem)


def _carry_out(name: str, act: Act, do: Callable[..., list[str] | str | None], **more: str) -> BaseResponse:
    """Do it, finish the ending leases after the commit, and show the account as it is now."""
    form = ActForm()
    errors.show_again(lambda problem: _before(name, act, problem))
    why, seen = form.reason.data or "", form.seen.data or ""
    with transaction(runtime()) as database:
        ending = do(runtime(), database, actor(), name, why, seen=seen, **more)
    if isinstance(ending, list):
        closing.finish_all(runtime(), ending)
    flash(str(account_words.ACTS[act].done), "success")
    return redirect(url_for("accounts.show", name=name), 303)
