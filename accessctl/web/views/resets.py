"""Resets: IT hands a one-time link over, the person uses it. Also sessions and tokens of another, ended by IT."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.errors import Invalid
from accessctl.services import resets, tokens, web_sessions
from accessctl.services.attempts import rules
from accessctl.services.control import transaction
from accessctl.web import auth, errors, gates
from accessctl.web.context import actor, origin, runtime
from accessctl.web.forms import NewPasswordForm, ReasonForm, ResetForm

pages = Blueprint("resets", __name__)


@pages.get("/resets/<username>")
@gates.decided_by("resets.look")
def ask(username: str) -> str:
    """How an officer signs in, and what IT can do about it."""
    return _ask_page(username)


@pages.post("/resets/<username>")
@gates.decided_by("resets.issue")
def issue(username: str) -> str:
    """A link, shown this once to be handed over."""
    form = ResetForm()
    errors.show_again(lambda problem: _ask_page(username, problem))
    purpose, reason = form.purpose.data or "", form.reason.data or ""
    with transaction(runtime()) as database:
        issued = resets.issue(runtime(), database, actor(), username, purpose, reason)
    link = url_for("resets.use", token=issued.token, _external=True)
    return render_template("resets/issued.html", issued=issued, link=link, username=username)


@pages.post("/resets/<username>/sessions")
@gates.decided_by("web_sessions.end_of")
def end_sessions(username: str) -> Response:
    """Sign the officer out, everywhere or at one browser, with a reason."""
    errors.show_again(lambda problem: _ask_page(username, problem))
    key, reason = request.form.get("key", ""), ReasonForm().reason.data or ""
    with transaction(runtime()) as database:
        count = web_sessions.end_of(runtime(), database, actor(), username, reason, key=key)
    flash(_("Đã kết thúc %(count)s phiên.", count=count), "success")
    return redirect(url_for("resets.ask", username=username), 303)


@pages.post("/resets/<username>/tokens/<int:token_id>")
@gates.decided_by("tokens.revoke_of")
def revoke_token(username: str, token_id: int) -> Response:
    """End one of the officer's tokens, with a reason."""
    errors.show_again(lambda problem: _ask_page(username, problem))
    reason = ReasonForm().reason.data or ""
    with transaction(runtime()) as database:
        name = tokens.revoke_of(runtime(), database, actor(), username, token_id, reason)
    flash(_("Đã thu hồi mã truy cập “%(name)s”.", name=name), "success")
    return redirect(url_for("resets.ask", username=username), 303)


@pages.get("/reset/<token>")
@gates.public
def use(token: str) -> str:
    """What the link is for; looking uses nothing up."""
    return _use_page(token)


@pages.post("/reset/<token>")
@gates.public
def used(token: str) -> Response:
    """Set the new password, or drop the second factor; then to the door."""
    form = NewPasswordForm()
    errors.show_again(lambda problem: _use_page(token, problem))
    if (form.new.data or "") != (form.again.data or ""):
        raise Invalid("web.passwords_differ")
    with transaction(runtime()) as database:
        done = resets.use(runtime(), database, token, origin(), password=form.new.data or "")
    auth.forget()
    flash(_USED[done.purpose](), "success")
    return redirect(url_for("public.sign_in"), 303)


_USED = {
    resets.Purpose.PASSWORD: lambda: _("Đã đặt mật khẩu mới. Đề nghị đăng nhập bằng mật khẩu vừa đặt."),
    resets.Purpose.SECOND_FACTOR: lambda: _(
        "Đã gỡ yếu tố xác thực thứ hai. Đề nghị đăng nhập bằng mật khẩu, rồi đăng ký thiết bị mới."
    ),
}


def _ask_page(username: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = resets.look(runtime(), database, actor(), username)
        sessions = web_sessions.of(runtime(), database, actor(), username)
        held = tokens.of(runtime(), database, actor(), username)
    return render_template(
        "resets/ask.html", shown=shown, sessions=sessions, tokens=held, form=ResetForm(), problem=problem
    )  # fmt: skip


def _use_page(token: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        waiting = resets.peek(runtime(), database, token)
    return render_template(
        "resets/use.html", waiting=waiting, token=token, form=NewPasswordForm(formdata=None), problem=problem,
        rules=rules(runtime()),
    )  # fmt: skip
