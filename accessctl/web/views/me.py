"""The person's own pages: who I am here, password, second factor, sessions, tokens, own acts."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.errors import Invalid
from accessctl.services import journal, password_change, profile, second_factor, signin, tokens, web_sessions
from accessctl.services.attempts import rules
from accessctl.services.control import transaction
from accessctl.services.second_factor import Status
from accessctl.web import auth, errors, gates, qr, sign_in_words
from accessctl.web.context import actor, origin, runtime
from accessctl.web.forms import CodeForm, EnrolForm, PasswordForm, TokenForm
from accessctl.web.journal_form import JournalForm

pages = Blueprint("me", __name__, url_prefix="/me")


@pages.get("/")
@gates.decided_by("profile.mine")
def index() -> str:
    """Who I am to the service, with a way to everything of my own."""
    with transaction(runtime()) as database:
        shown = profile.mine(runtime(), database, actor(), auth.token())
    return render_template("me/index.html", shown=shown)


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
    old, new = form.old.data or "", form.new.data or ""
    ended = password_change.change(runtime(), actor(), old, new, origin(), keep=auth.token())
    flash(_("Đã đổi mật khẩu.") + " " + sign_in_words.ended(ended), "success")
    return redirect(url_for("home.index"), 303)


@pages.get("/second-factor", endpoint="second_factor")
@gates.own
def second_factor_page() -> str:
    """How it stands; for who has none, how to set it up."""
    return _factor_page()


@pages.post("/second-factor")
@gates.decided_by("second_factor.enrol")
def enrol() -> str:
    """Take the device into force once it has shown a right code; then the recovery codes, this once."""
    form = EnrolForm()
    errors.show_again(_factor_page)
    with transaction(runtime()) as database:
        codes = second_factor.enrol(runtime(), database, actor(), form.offer.data or "", form.code.data or "")
    return render_template("me/recovery_codes.html", codes=codes, fresh=True)


@pages.post("/recovery-codes")
@gates.decided_by("signin.renew_codes")
def renew_codes() -> str:
    """Ten new codes on paper; the old ones count no more."""
    errors.show_again(_factor_page)
    codes = signin.renew_codes(runtime(), actor(), CodeForm().code.data or "")
    return render_template("me/recovery_codes.html", codes=codes, fresh=False)


@pages.get("/sessions")
@gates.decided_by("web_sessions.mine")
def sessions() -> str:
    """Where I am signed in."""
    with transaction(runtime()) as database:
        found = web_sessions.mine(runtime(), database, actor(), auth.token())
    return render_template("me/sessions.html", found=found)


@pages.post("/sessions/<key>/end")
@gates.decided_by("web_sessions.end_mine")
def end_session(key: str) -> Response:
    """Sign one of my browsers out."""
    with transaction(runtime()) as database:
        web_sessions.end_mine(runtime(), database, actor(), key)
    flash(_("Đã kết thúc phiên. Nơi đó phải đăng nhập lại."), "success")
    return redirect(url_for("me.sessions"), 303)


@pages.post("/sessions/end-others")
@gates.decided_by("web_sessions.end_my_others")
def end_other_sessions() -> Response:
    """Sign every browser of mine out but this one."""
    with transaction(runtime()) as database:
        count = web_sessions.end_my_others(runtime(), database, actor(), auth.token())
    flash(_("Đã kết thúc %(count)s phiên ở nơi khác.", count=count), "success")
    return redirect(url_for("me.sessions"), 303)


@pages.get("/tokens", endpoint="tokens")
@gates.decided_by("tokens.mine")
def token_list() -> str:
    """My tokens of the command line."""
    return _tokens_page()


@pages.post("/tokens")
@gates.decided_by("tokens.issue")
def issue_token() -> str:
    """A new token, shown this once."""
    form = TokenForm()
    errors.show_again(_tokens_page)
    token = tokens.issue(runtime(), actor(), form.wanted, form.password.data or "")
    return render_template("me/token_shown.html", token=token, wanted=form.wanted)


@pages.post("/tokens/<int:token_id>/revoke")
@gates.decided_by("tokens.revoke_mine")
def revoke_token(token_id: int) -> Response:
    """End one of my tokens."""
    with transaction(runtime()) as database:
        name = tokens.revoke_mine(runtime(), database, actor(), token_id)
    flash(_("Đã thu hồi mã truy cập “%(name)s”.", name=name), "success")
    return redirect(url_for("me.tokens"), 303)


@pages.get("/acts")
@gates.decided_by("journal.search")
def acts() -> str:
    """What the log says that I did."""
    query = replace(JournalForm(request.args).query(), person=actor().username)
    with transaction(runtime()) as database:
        found = journal.search(runtime(), database, actor(), query)
        offices = journal.office_names(database)
    return render_template("me/acts.html", found=found, offices=offices)


def _status() -> Status:
    with transaction(runtime()) as database:
        return second_factor.status(runtime(), database, actor().id, actor().roles)


def _password_page(problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        ends = password_change.before(runtime(), database, actor(), auth.token())
    form, factor = PasswordForm(formdata=None), _status()
    return render_template(
        "me/password.html", form=form, problem=problem, rules=rules(runtime()), factor=factor, ends=ends
    )


def _factor_page(problem: errors.Problem | None = None) -> str:
    status = _status()
    if status.enrolled_at is not None:
        return render_template(
            "me/second_factor.html", status=status, form=CodeForm(formdata=None), problem=problem
        )
    offer = second_factor.offer(runtime(), actor(), request.form.get("offer", ""))
    form = EnrolForm(formdata=None, offer=offer.sealed)
    picture = qr.picture(offer.uri)
    return render_template(
        "me/enrol.html", status=status, offer=offer, form=form, picture=picture, problem=problem
    )


def _tokens_page(problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        found = tokens.mine(runtime(), database, actor())
    form = TokenForm() if problem else TokenForm(formdata=None, scope="read", days="30")
    return render_template("me/tokens.html", found=found, form=form, problem=problem, longest=tokens.LONGEST)
