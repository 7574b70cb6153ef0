"""The person's own pages: password, own acts."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.errors import Invalid
from accessctl.services import journal, signin
from accessctl.services.control import transaction
from accessctl.web import auth, errors, gates
from accessctl.web.context import actor, origin, runtime
from accessctl.web.forms import PasswordForm
from accessctl.web.journal_form import JournalForm

pages = Blueprint("me", __name__, url_prefix="/me")


@pages.route("/password", methods=["GET", "POST"])
@gates.own
def password() -> str | Response:
    """Change the password; at the first sign-in there is no way round it."""
    form = PasswordForm()
    if request.method == "GET":
        return _password_page()
    errors.show_again(_password_page)
    if form.new.data != form.again.data:
        raise Invalid("web.passwords_differ")
    with transaction(runtime()) as database:
        old, new = form.old.data or "", form.new.data or ""
        signin.change_password(runtime(), database, actor(), old, new, origin())
        signin.end_other_sessions(runtime(), database, actor(), auth.token())
    flash(_("Đã đổi mật khẩu."), "success")
    return redirect(url_for("home.index"), 303)


@pages.get("/acts")
@gates.decided_by("journal.search")
def acts() -> str:
    """What the log says that I did."""
    query = replace(JournalForm(request.args).query(), person=actor().username)
    with transaction(runtime()) as database:
        found = journal.search(runtime(), database, actor(), query)
        offices = journal.office_names(database)
    return render_template("me/acts.html", found=found, offices=offices)


def _password_page(problem: errors.Problem | None = None) -> str:
    return render_template("me/password.html", form=PasswordForm(formdata=None), problem=problem)
