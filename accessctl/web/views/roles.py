"""Roles: proposing and entering them, saying yes or no to those that wait, withdrawing one in force."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import closing, officer_view, roles
from accessctl.services.control import transaction
from accessctl.services.roles import Wanted
from accessctl.web import errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.people_forms import RoleForm, WhyForm, text, whole

pages = Blueprint("roles", __name__, url_prefix="/roles")


@pages.get("/")
@gates.decided_by("officer_view.waiting")
def index() -> str:
    """The roles that wait for somebody's word, mine first."""
    with transaction(runtime()) as database:
        found = officer_view.waiting(runtime(), database, actor())
    return render_template("officers/waiting.html", found=found)


@pages.get("/for/<username>")
@gates.decided_by("officer_view.before_role")
def say_form(username: str) -> str:
    """Which role, and why."""
    return _say_page(username)


@pages.post("/for/<username>/propose")
@gates.decided_by("roles.propose")
def propose(username: str) -> Response:
    """The unit head's word."""
    errors.show_again(lambda problem: _say_page(username, problem))
    with transaction(runtime()) as database:
        proposal = roles.propose(runtime(), database, actor(), _wanted(username))
    return _said(username, proposal.state)


@pages.post("/for/<username>/enter")
@gates.decided_by("roles.enter")
def enter(username: str) -> Response:
    """IT's entry."""
    errors.show_again(lambda problem: _say_page(username, problem))
    with transaction(runtime()) as database:
        proposal = roles.enter(runtime(), database, actor(), _wanted(username))
    return _said(username, proposal.state)


def _wanted(username: str) -> Wanted:
    form = RoleForm()
    return Wanted(username, text(form.role), text(form.reason))


def _said(username: str, state: str) -> Response:
    done = _("Vai trò có hiệu lực từ bây giờ.")
    waits = _("Đã ghi nhận; vai trò có hiệu lực khi đủ ý kiến.")
    flash(done if state == roles.GRANTED else waits, "success")
    return redirect(url_for("officers.show", username=username), 303)


def _say_page(username: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown, choices = officer_view.before_role(runtime(), database, actor(), username)
    return render_template(
        "officers/role.html", form=RoleForm(), shown=shown, choices=choices, problem=problem
    )


@pages.post("/waiting/<number>/agree")
@gates.decided_by("roles.agree")
def agree(number: str) -> Response:
    """Give the own word on a role that waits."""
    with transaction(runtime()) as database:
        proposal = roles.agree(runtime(), database, actor(), number)
        username = proposal.officer.username
    return _said(username, proposal.state)


@pages.get("/waiting/<number>/decline")
@gates.decided_by("officer_view.before_decline")
def decline_form(number: str) -> str:
    """Why not."""
    return _decline_page(number)


@pages.post("/waiting/<number>/decline")
@gates.decided_by("roles.decline")
def decline(number: str) -> Response:
    """Close a proposal with a reason."""
    form = WhyForm()
    errors.show_again(lambda problem: _decline_page(number, problem))
    with transaction(runtime()) as database:
        proposal = roles.decline(runtime(), database, actor(), number, text(form.reason))
        username = proposal.officer.username
    flash(_("Đã ghi không chấp nhận; lý do nằm trong nhật ký."), "success")
    return redirect(url_for("officers.show", username=username), 303)


def _decline_page(number: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        proposal = officer_view.before_decline(runtime(), database, actor(), number)
    return render_template("officers/decline.html", form=WhyForm(), proposal=proposal, problem=problem)


@pages.get("/for/<username>/<role>/revoke")
@gates.decided_by("officer_view.before_revoke")
def revoke_form(username: str, role: str) -> str:
    """What ends with the role, spelled out before it does."""
    return _revoke_page(username, role)


@pages.post("/for/<username>/<role>/revoke")
@gates.decided_by("roles.revoke")
def revoke(username: str, role: str) -> Response:
    """Withdraw a role in force; what the officer holds ends at once."""
    form = WhyForm()
    errors.show_again(lambda problem: _revoke_page(username, role, problem))
    with transaction(runtime()) as database:
        reason, version = text(form.reason), whole(form.version)
        ending = roles.revoke(runtime(), database, actor(), username, role, reason, version=version)
    closing.finish_all(runtime(), ending)
    flash(_("Đã thu hồi vai trò; tài khoản đang giữ đã được trả."), "success")
    return redirect(url_for("officers.show", username=username), 303)


def _revoke_page(username: str, role: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        before = officer_view.before_revoke(runtime(), database, actor(), username, role)
    form = WhyForm() if problem else WhyForm(formdata=None, data={"version": before.officer.version})
    return render_template("officers/revoke.html", form=form, before=before, role=role, problem=problem)
