"""What anybody may open: sign-in, language, health."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import refresh
from werkzeug.wrappers import Response

from accessctl.services import preferences
from accessctl.services.control import transaction
from accessctl.web import auth, errors, gates, i18n
from accessctl.web.context import runtime
from accessctl.web.forms import CodeForm, SignInForm

pages = Blueprint("public", __name__)


@pages.get("/sign-in")
@gates.public
def sign_in() -> str | Response:
    """The door; whoever is inside already goes to the start page."""
    if "_user_id" in session:
        return redirect(i18n.local_address(request.args.get("next")))
    return _door()


@pages.post("/sign-in")
@gates.public
def enter() -> str | Response:
    """Let in or on to the code, or say in one sentence that user name or password is wrong."""
    form = SignInForm()
    errors.show_again(_door)
    wanted = i18n.local_address(form.next.data)
    if auth.begin(form.username.data or "", form.password.data or ""):
        return redirect(wanted, 303)
    return redirect(url_for("public.code", next=wanted if wanted != "/" else None), 303)


@pages.get("/sign-in/code")
@gates.public
def code() -> str | Response:
    """The second page, for who has a second factor and has passed the first."""
    return _code_page() if auth.awaits_code() else redirect(url_for("public.sign_in"), 303)


@pages.post("/sign-in/code")
@gates.public
def confirm() -> str | Response:
    """Let in, or say what is wrong with the code; a step that is over begins again at the door."""
    form = CodeForm()
    errors.show_again(_code_page)
    auth.finish(form.code.data or "")
    return redirect(i18n.local_address(form.next.data), 303)


@pages.post("/sign-out")
@gates.own
def sign_out() -> Response:
    """End the session on the server, then in the browser."""
    auth.leave()
    flash(_("Ông/bà đã đăng xuất."), "info")
    return redirect(url_for("public.sign_in"), 303)


@pages.post("/language/<code>")
@gates.public
def language(code: str) -> Response:
    """Keep the choice on this machine and with the person, and go back to where it was made."""
    response = redirect(i18n.local_address(request.form.get("next")), 303)
    if code in i18n.LANGUAGES:
        if person := auth.somebody():
            with transaction(runtime()) as database:
                preferences.speak(runtime(), database, person, code)
        i18n.keep_on_machine(response, code)
        refresh()
    return response


@pages.get("/healthz")
@gates.public
def health() -> Response:
    """Alive: this process answers. Says nothing about the databases, which have their own checks."""
    return Response("ok\n", mimetype="text/plain")


def _door(problem: errors.Problem | None = None) -> str:
    form = SignInForm(next=request.args.get("next", ""))
    form.password.data = ""
    return render_template("sign_in.html", form=form, problem=problem)


def _code_page(problem: errors.Problem | None = None) -> str:
    if problem is not None and problem.code in ("auth.step_over", "auth.locked"):
        auth.begin_again()
        return render_template(
            "sign_in.html", form=SignInForm(formdata=None, next=CodeForm().next.data), problem=problem
        )
    form = CodeForm(formdata=None, next=request.values.get("next", ""))
    return render_template("sign_in_code.html", form=form, problem=problem)
