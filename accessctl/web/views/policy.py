"""The access policy for people: the matrix, a person's rights, may somebody do something somewhere."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from markupsafe import Markup

from accessctl.services import policy_ask, policy_matrix
from accessctl.services.control import transaction
from accessctl.web import gates
from accessctl.web.context import actor, runtime
from accessctl.web.i18n import language
from accessctl.web.policy_form import AskForm, MatrixFilters

_KEPT = 3600.0  # seconds; a changed policy has another name

pages = Blueprint("policy", __name__, url_prefix="/policy")


@pages.get("/")
@gates.decided_by("policy_matrix.matrix")
def index() -> str:
    """Roles and permissions, where and in which cases; the filters stand in the address."""
    form = MatrixFilters(request.args)
    shown = policy_matrix.matrix(runtime(), actor(), form.query())
    return render_template("policy/index.html", form=form, shown=shown, table=_table(shown, form))


def _table(shown: policy_matrix.Matrix, form: MatrixFilters) -> Markup:
    """A thousand cells, the same for every reader of a language: the whole table is made once for each policy."""

    def made() -> Markup:
        return Markup(render_template("policy/table.html", shown=shown))  # noqa: S704 - our own template

    whole = f"policy table {shown.version} {language()} {request.script_root}"
    return made() if form.used else runtime().kept(whole, _KEPT, made)


@pages.get("/people/<username>")
@gates.decided_by("policy_ask.what")
def person(username: str) -> str:
    """What one person may do, in words, with the deciding lines."""
    with transaction(runtime()) as database:
        found = policy_ask.what(runtime(), database, actor(), username)
    return render_template("policy/person.html", found=found, grouped=policy_ask.grouped(found))


@pages.get("/ask")
@gates.decided_by("policy_ask.asked")
def ask() -> str:
    """May this person do that there, and who may at all?"""
    form = AskForm(request.args)
    with transaction(runtime()) as database:
        asked = policy_ask.asked(runtime(), database, actor(), form.question(actor().office))
    return render_template("policy/ask.html", form=form, asked=asked, places=runtime().office_codes())
