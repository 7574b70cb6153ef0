"""The one place where a refusal or a failure becomes a page: worded, recorded, with a code to quote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from flask import Flask, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from accessctl.errors import AccessError, NotSignedIn, message
from accessctl.services import journal
from accessctl.web import auth, display, kept
from accessctl.web.advice import Advice, advice_for
from accessctl.web.context import correlation, origin, runtime, wants_fragment
from accessctl.web.headers import LARGEST_REQUEST
from accessctl.web.i18n import language

log = structlog.get_logger("accessctl.web")

_TITLES = {
    400: _l("Yêu cầu không hợp lệ"),
    401: _l("Cần đăng nhập"),
    403: _l("Không được phép"),
    404: _l("Không tìm thấy"),
    405: _l("Trang không nhận thao tác này"),
    409: _l("Tình trạng đã thay đổi"),
    413: _l("Nội dung quá dài"),
    422: _l("Thông tin chưa đúng"),
    429: _l("Quá nhiều yêu cầu"),
    500: _l("Hệ thống gặp lỗi"),
    503: _l("Tạm thời không sử dụng được"),
}
_HTTP_CODES = {
    400: "page.bad_request",
    404: "page.not_found",
    405: "page.wrong_method",
    413: "input.too_long",
    429: "page.too_often",
    503: "control.down",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What the person is told; the sentences of messages.toml say what happened and what was not done."""

    status: int
    code: str
    title: str
    sentence: str
    quote: str

    @property
    def advice(self) -> Advice:
        """What was not done and what to do, for a page of its own."""
        return advice_for(self.status, self.code)


def register(app: Flask) -> None:
    """Nothing leaves the edge but through one of these."""
    app.register_error_handler(AccessError, refused)
    app.register_error_handler(CSRFError, form_expired)
    app.register_error_handler(HTTPException, not_served)
    app.register_error_handler(Exception, unexpected)


def show_again(page: Callable[[Problem], str]) -> None:
    """A refused form is shown again with what was typed, instead of a bare error page."""
    g.again = page


def wording(error: AccessError) -> str:
    """The sentence for the reader, instants in local time and accounts in their readable form."""
    facts = {key: display.readable(key, value) for key, value in error.facts.items()}
    return message(error.code, language(), **facts)


def refused(error: AccessError) -> BaseResponse:
    """An `AccessError`: recorded in a fresh transaction, then explained."""
    if isinstance(error, NotSignedIn) and request.endpoint not in ("public.enter", "public.confirm"):
        return _to_sign_in(error)
    if not isinstance(error, NotSignedIn):  # a failed sign-in is recorded where it is counted
        _record(error)
    return _answer(_problem(error.status, error.code, wording(error)))


def form_expired(error: CSRFError) -> BaseResponse:
    """A form whose token is missing, foreign or from an earlier session."""
    log.warning("form_expired", why=error.description)
    return _to_send_again() or _answer(_problem(400, "web.form_expired"))


def _to_send_again() -> BaseResponse | None:
    """The form of an earlier session of the same person: kept, to be looked at and sent once more, never sent by us.

    None where it is somebody else's, does not say whose it is, or cannot be kept.
    """
    owner, person = kept.owner_of_form(), auth.somebody()
    if (person is not None and person.id != owner) or not kept.keep(owner):
        return None
    flash(
        _("Phiên đăng nhập đã thay đổi từ khi mở biểu mẫu: yêu cầu vừa gửi chưa được thực hiện."), "warning"
    )
    if person is not None:
        return redirect(kept.page() or "/", 303)
    flash(_("Những gì đã nhập được giữ lại: đăng nhập xong, đề nghị kiểm tra rồi gửi lại."), "warning")
    return auth.sign_in_page()


def not_served(error: HTTPException) -> BaseResponse:
    """No such page, wrong method, too much text, too many requests; redirects pass through."""
    if error.code is None or error.code < 400:
        return error.get_response()
    status = error.code if error.code in _TITLES else 400
    return _answer(_problem(status, _HTTP_CODES.get(status, "page.bad_request")))


def unexpected(error: Exception) -> BaseResponse:
    """A fault of ours: everything into the log, nothing of it onto the page."""
    log.exception("unexpected", page=request.endpoint, kind=type(error).__name__)
    g.pop("again", None)
    sentence = _("Có lỗi ngoài dự kiến. Bộ phận kỹ thuật tìm được nguyên nhân theo mã này.")
    return _answer(_problem(500, "internal", sentence))


def _problem(status: int, code: str, sentence: str | None = None) -> Problem:
    title = str(_TITLES.get(status, _TITLES[500]))
    sentence = sentence or message(code, language(), limit=LARGEST_REQUEST)
    return Problem(status, code, title, sentence, correlation())


def _answer(problem: Problem) -> Response:
    again = g.pop("again", None)
    try:
        return make_response(_page(again, problem), problem.status)
    except Exception:  # the page itself is what failed: plain words, still with the code
        log.exception("error_page_failed", code=problem.code)
        return Response(f"{problem.sentence} {problem.quote}\n", problem.status, mimetype="text/plain")


def _page(again: Callable[[Problem], str] | None, problem: Problem) -> str:
    if wants_fragment():
        return render_template("parts/problem.html", problem=problem)
    return _form_again(again, problem) or render_template("error.html", problem=problem)


def _form_again(again: Callable[[Problem], str] | None, problem: Problem) -> str | None:
    """The refused form with what was typed; nothing when this person may not see that page either."""
    if again is None or problem.status in (400, 500):
        return None
    try:
        return again(problem)
    except AccessError:
        return None


def _to_sign_in(error: NotSignedIn) -> BaseResponse:
    was_kept = auth.forget_ended()
    if error.code != "auth.needed":
        flash(wording(error), "warning")
    if request.method == "POST" and not wants_fragment():
        again = _("Đề nghị đăng nhập lại rồi thao tác lại.")
        if was_kept:
            again = _("Những gì đã nhập được giữ lại: đăng nhập xong, đề nghị kiểm tra rồi gửi lại.")
        flash(_("Yêu cầu vừa gửi chưa được thực hiện.") + " " + again, "warning")
    if wants_fragment():
        return Response(status=401, headers={"HX-Redirect": url_for("public.sign_in")})
    return auth.sign_in_page()


def _record(error: AccessError) -> None:
    """The refusal stands even when it cannot be written down; that it could not is for the operators."""
    what = request.endpoint or request.path
    try:
        journal.record_refusal(runtime(), g.get("actor"), origin(), error, what=what)
    except Exception:
        log.exception("refusal_not_recorded", code=error.code)
