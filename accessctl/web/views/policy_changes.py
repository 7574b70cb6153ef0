"""Changes of the access policy: proposed by IT, read by everybody who may see the policy, approved by the director."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import policy_change, policy_rollout
from accessctl.services.control import transaction
from accessctl.web import errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.forms import ApprovalForm, ProposalForm, ReasonForm

pages = Blueprint("policy_changes", __name__, url_prefix="/policy/changes")


@pages.get("/")
@gates.decided_by("policy_change.listed")
def index() -> str:
    """The history, and how far the policy in force has come."""
    with transaction(runtime()) as database:
        found = policy_change.listed(runtime(), database, actor())
        offices = policy_rollout.standing(runtime(), database, actor())
    return render_template(
        "policy_changes/index.html", found=found, offices=offices, in_force=runtime().gate.version
    )


@pages.get("/propose")
@gates.decided_by("policy_change.before_propose")
def propose_form() -> str:
    """Which files, and why."""
    return _propose_page()


@pages.post("/propose")
@gates.decided_by("policy_change.propose")
def propose() -> Response:
    """Put files forward; nothing is decided by them yet."""
    form = ProposalForm()
    errors.show_again(_propose_page)
    with transaction(runtime()) as database:
        row = policy_change.propose(
            runtime(), database, actor(), form.contents, form.reason.data or "", frozen=bool(form.frozen.data)
        )
        number = row.id
    flash(_("Đã gửi đề nghị. Chưa có gì thay đổi cho đến khi Giám đốc phê duyệt."), "success")
    return redirect(url_for("policy_changes.show", number=number), 303)


@pages.get("/<number>")
@gates.decided_by("policy_change.show")
def show(number: str) -> str:
    """Who gains and loses what, where; the SQL; the lines."""
    with transaction(runtime()) as database:
        shown = policy_change.show(runtime(), database, actor(), number)
    return render_template("policy_changes/show.html", shown=shown)


@pages.get("/<number>/approve")
@gates.decided_by("policy_change.before_approve")
def approve_form(number: str) -> str:
    """What happens at once, before it does."""
    return _approve_page(number)


@pages.post("/<number>/approve")
@gates.decided_by("policy_change.approve")
def approve(number: str) -> Response:
    """Put it in force; the offices follow as far as no administrator is needed."""
    form = ApprovalForm()
    errors.show_again(lambda problem: _approve_page(number, problem))
    with transaction(runtime()) as database:
        policy_change.approve(
            runtime(), database, actor(), number, frozen=bool(form.frozen.data), note=form.note.data or ""
        )
    policy_rollout.follow(runtime())
    late = policy_rollout.roll_out(runtime(), actor=actor())
    if late:
        flash(_("Chính sách mới đã có hiệu lực. Số đơn vị còn phải áp dụng: %(n)s.", n=len(late)), "warning")
    else:
        flash(_("Chính sách mới đã có hiệu lực và được áp dụng tại mọi đơn vị."), "success")
    return redirect(url_for("policy_changes.index"), 303)


@pages.get("/<number>/decline")
@gates.decided_by("policy_change.before_decline")
def decline_form(number: str) -> str:
    """Why not."""
    return _decline_page(number)


@pages.post("/<number>/decline")
@gates.decided_by("policy_change.decline")
def decline(number: str) -> Response:
    """The director's no, or the proposer's own withdrawal."""
    form = ReasonForm()
    errors.show_again(lambda problem: _decline_page(number, problem))
    with transaction(runtime()) as database:
        policy_change.decline(runtime(), database, actor(), number, form.reason.data or "")
    flash(_("Đề nghị đã kết thúc; chính sách đang có hiệu lực giữ nguyên."), "success")
    return redirect(url_for("policy_changes.show", number=number), 303)


def _propose_page(problem: errors.Problem | None = None) -> str:
    files = policy_change.before_propose(runtime(), actor())
    return render_template("policy_changes/propose.html", form=ProposalForm(), files=files, problem=problem)


def _approve_page(number: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = policy_change.before_approve(runtime(), database, actor(), number)
    return render_template("policy_changes/approve.html", shown=shown, form=ApprovalForm(), problem=problem)


def _decline_page(number: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = policy_change.before_decline(runtime(), database, actor(), number)
    return render_template("policy_changes/decline.html", shown=shown, form=ReasonForm(), problem=problem)
