"""The custodian's standing rule: what it says, its history, and setting it anew (A4)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.domain.accounts import Kind
from accessctl.services import standing_rules
from accessctl.services.control import transaction
from accessctl.web import errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.custody_forms import SPANS, RuleForm, kind_of

pages = Blueprint("rules", __name__, url_prefix="/rules")


@pages.get("/<office>/<kind>")
@gates.decided_by("standing_rules.show")
def show(office: str, kind: str) -> str:
    """The rule in force and every version before it."""
    return render_template("custody_rules/show.html", rule=_rule(office, kind_of(kind)))


@pages.get("/<office>/<kind>/edit")
@gates.decided_by("standing_rules.show")
def edit(office: str, kind: str) -> str:
    """The form, filled with what stands."""
    return _edit_page(office, kind_of(kind))


@pages.post("/<office>/<kind>/edit")
@gates.decided_by("standing_rules.change")
def change(office: str, kind: str) -> Response:
    """Set it anew; who looked at an old version is told."""
    form, chosen = RuleForm(), kind_of(kind)
    errors.show_again(lambda problem: _edit_page(office, chosen, problem))
    with transaction(runtime()) as database:
        version = standing_rules.change(runtime(), database, actor(), office, chosen, form.change())
    flash(_("Quy tắc đang áp dụng là phiên bản %(n)s.", n=version), "success")
    return redirect(url_for("rules.show", office=office, kind=kind), 303)


def _rule(office: str, kind: Kind) -> standing_rules.RuleView:
    with transaction(runtime()) as database:
        return standing_rules.show(runtime(), database, actor(), office, kind)


def _edit_page(office: str, kind: Kind, problem: errors.Problem | None = None) -> str:
    rule, form = _rule(office, kind), RuleForm()
    typed = form.spans() if request.method == "POST" else rule.now.spans if rule.now else ()
    if request.method == "GET":
        form.fill(rule)
    spans = [*typed, *[("", "")] * SPANS][:SPANS]
    return render_template("custody_rules/edit.html", rule=rule, form=form, spans=spans, problem=problem)
