"""Findings: what the service saw that needs a person's eye, until somebody has dealt with it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.domain.findings import Step
from accessctl.errors import NotFound
from accessctl.services import finding_list, finding_steps, findings
from accessctl.services.control import transaction
from accessctl.web import errors, finding_form, gates, journal_words
from accessctl.web.context import actor, runtime
from accessctl.web.finding_form import FindingForm

pages = Blueprint("findings", __name__, url_prefix="/findings")

_STEPS = {step.value: step for step in (Step.TAKE, Step.ANSWER, Step.CLOSE, Step.REOPEN)}


@pages.app_context_processor
def words() -> dict[str, Any]:
    """What states, severities and steps are called, on the start page too."""
    return {
        "FINDING_STATES": finding_form.STATES, "SEVERITIES": finding_form.SEVERITIES,
        "FINDING_STEPS": finding_form.STEPS, "told": journal_words.told,
    }  # fmt: skip


@pages.get("/")
@gates.decided_by("finding_list.listed")
def index() -> str:
    """The worst and newest first; the filters stand in the address."""
    form = FindingForm(request.args)
    with transaction(runtime()) as database:
        found = finding_list.listed(runtime(), database, actor(), form.query())
        offices = findings.office_names(database)
    return render_template(
        "findings/index.html", form=form, found=found, findings=found.rows, offices=offices, filters=form.kept,
        choices=finding_form.choices(offices), print_filters=finding_form.filters(form, offices),
    )  # fmt: skip


@pages.get("/<int:identity>")
@gates.decided_by("finding_steps.shown")
def show(identity: int) -> str:
    """One finding: what, why it matters, what to do, evidence, history, next step."""
    return _page(identity)


@pages.post("/<int:identity>/<step>")
@gates.decided_by("finding_steps.step")
def act(identity: int, step: str) -> Response:
    """Take, answer, close or reopen; the second of two people is told."""
    errors.show_again(lambda problem: _page(identity, problem))
    what, seen = _STEPS.get(step), request.form.get("version", "", type=str)
    if what is None:
        raise NotFound("finding.no_step")
    with transaction(runtime()) as database:
        said, version = request.form.get("words", ""), int(seen) if seen.isdigit() else 0
        finding_steps.step(runtime(), database, actor(), identity, what, words=said, version=version)
    flash(_("Đã ghi: %(step)s.", step=finding_form.STEPS[what]), "success")
    return redirect(url_for("findings.show", identity=identity), 303)


@pages.post("/<int:identity>/note")
@gates.decided_by("finding_steps.note")
def note(identity: int) -> Response:
    """Say something about it without changing its state."""
    errors.show_again(lambda problem: _page(identity, problem))
    with transaction(runtime()) as database:
        finding_steps.note(runtime(), database, actor(), identity, request.form.get("words", ""))
    flash(_("Đã lưu ghi chú."), "success")
    return redirect(url_for("findings.show", identity=identity), 303)


def _page(identity: int, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = finding_steps.shown(runtime(), database, actor(), identity)
        offices = findings.office_names(database)
    typed = {request.path.rpartition("/")[2]: request.form.get("words", "")} if problem else {}
    return render_template(
        "findings/show.html",
        shown=shown,
        finding=shown.finding,
        offices=offices,
        problem=problem,
        typed=typed,
    )
