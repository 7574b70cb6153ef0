"""Approvals outside the rule: asked by an officer, given or declined by the custodian or the head (A4)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import approval_list, approvals, contact_list
from accessctl.services.control import transaction
from accessctl.web import errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.custody_forms import AskForm, NoteForm, text

pages = Blueprint("approvals", __name__, url_prefix="/approvals")


@pages.get("/")
@gates.decided_by("approval_list.decided")
def index() -> str:
    """What waits for this person's decision, and what was asked before."""
    with transaction(runtime()) as database:
        waiting = approval_list.to_decide(runtime(), database, actor())
        past = approval_list.decided(runtime(), database, actor())
    return render_template("custody_approvals/index.html", waiting=waiting, past=past)


@pages.get("/ask")
@gates.decided_by("contact_list.current")
def ask_form() -> str:
    """For which account, dossier and hours."""
    return _ask_page()


@pages.post("/ask")
@gates.decided_by("approvals.ask")
def ask() -> Response:
    """Send the question; sent twice it is one."""
    form = AskForm()
    errors.show_again(_ask_page)
    with transaction(runtime()) as database:
        identity = approvals.ask(runtime(), database, actor(), form.ask())
    flash(_("Đã gửi đề nghị phê duyệt."), "success")
    return redirect(url_for("approvals.show", identity=identity), 303)


@pages.get("/<identity>")
@gates.decided_by("approval_list.show")
def show(identity: str) -> str:
    """One question and its answer."""
    return _show_page(identity)


@pages.post("/<identity>/<any(give,decline):answer>")
@gates.decided_by("approvals.decide")
def decide(identity: str, answer: str) -> Response:
    """Give or decline."""
    form = NoteForm()
    errors.show_again(lambda problem: _show_page(identity, problem))
    with transaction(runtime()) as database:
        give = answer == "give"
        approvals.decide(runtime(), database, actor(), identity, give=give, note=text(form.note))
    flash(_("Đã phê duyệt.") if give else _("Đã ghi nhận không phê duyệt."), "success")
    return redirect(url_for("approvals.index"), 303)


@pages.post("/<identity>/withdraw")
@gates.decided_by("approvals.withdraw")
def withdraw(identity: str) -> Response:
    """The asker needs it no more."""
    with transaction(runtime()) as database:
        approvals.withdraw(runtime(), database, actor(), identity)
    flash(_("Đã rút đề nghị phê duyệt."), "success")
    return redirect(url_for("approvals.show", identity=identity), 303)


def _ask_page(problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        people = contact_list.current(runtime(), database, actor())
    form = AskForm().fill(request.args.get("account", "")[:60], request.args.get("dossier", "")[:60])
    kind = text(form.account).split("-")[0]
    keeper = next((p for p in people if p.office == actor().office and p.kind == kind), None)
    return render_template("custody_approvals/ask.html", form=form, keeper=keeper, problem=problem)


def _show_page(identity: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = approval_list.show(runtime(), database, actor(), identity)
    return render_template("custody_approvals/show.html", shown=shown, form=NoteForm(), problem=problem)
