"""Who is behind a request. Flask-Login lives here and nowhere else.

The browser holds only a token in a signed cookie; whether it still counts is the server's session table's
word at each request, so an ended session is ended at once (no cached rights).
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, flash, g, redirect, request, session, url_for
from flask_babel import gettext as _
from flask_login import LoginManager, login_user
from flask_login.utils import current_user
from werkzeug.wrappers import Response

from accessctl.errors import NotSignedIn
from accessctl.services import frame, signin
from accessctl.services.actor import Actor
from accessctl.services.control import looking, transaction
from accessctl.web import gates, kept
from accessctl.web.context import SAFE_METHODS, origin, runtime, wants_fragment

_BY_ITSELF = frozenset({"desk.heartbeat", "matrix.changes", "notices.count", "journal.check_state"})
_WITHOUT_CHANGE = frozenset({"me.password", "public.sign_out"})
_WITHOUT_FACTOR = frozenset({"me.second_factor", "me.enrol", "public.sign_out"})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What Flask-Login wants of a user: our token is the id."""

    token: str
    actor: Actor
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """The value that goes into the signed cookie."""
        return self.token


def register(app: Flask) -> None:
    """Every page but the public ones needs a living session."""
    manager = LoginManager(app)
    manager.session_protection = None  # the server's own session decides, not a hash of the browser's name
    manager.user_loader(_resume)
    app.before_request(_admit)
    app.context_processor(lambda: {"actor": g.get("actor")})


def begin(username: str, password: str) -> bool:
    """The first page: True when the person is in, False when the code comes next. Raises NotSignedIn."""
    begun = signin.begin(runtime(), username, password, origin())
    if begun.actor is not None:
        _enter(begun.actor)
        return True
    session["step"] = begun.step
    return False


def awaits_code() -> bool:
    """Whether this browser stands between the two pages."""
    return bool(session.get("step"))


def finish(code: str) -> None:
    """The second page. Raises NotSignedIn."""
    _enter(signin.finish(runtime(), str(session.get("step", "")), code, origin()))


def begin_again() -> None:
    """Forget the first page: its step is over."""
    session.pop("step", None)


def _enter(actor: Actor) -> None:
    """Start a fresh cookie, so that nothing planted before survives."""
    runtime_ = runtime()
    with transaction(runtime_) as database:
        browser = request.user_agent.string
        token = signin.open_session(runtime_, database, actor, origin(), browser=browser)
    typed = kept.carried()
    session.clear()
    kept.carry(typed)
    kept.mark(actor.id)
    login_user(SignedIn(token, actor))


def token() -> str:
    """The session token that this browser holds; empty for nobody."""
    return str(session.get("_user_id", ""))


def leave() -> None:
    """End the server's session and forget the cookie."""
    runtime_ = runtime()
    if held := token():
        with transaction(runtime_) as database:
            signin.sign_out(runtime_, database, held, origin())
    forget()


def forget() -> None:
    """Drop what the browser holds. Not Flask-Login's own way: that would ask for the person once more."""
    session.clear()
    g.pop("actor", None)


def forget_ended() -> bool:
    """Drop an ended session but keep what was being sent for its owner; True when that was kept.

    The token against forged forms and the owner's number stay: a form in another tab may still come.
    """
    with transaction(runtime()) as database:
        owner = signin.owner_of(database, token()) or session.get("ended_for")
    stays = {name: session[name] for name in ("csrf_token", "kept", "step") if name in session}
    forget()
    session.update(stays, ended_for=owner)
    return kept.keep(owner)


def sign_in_page() -> Response:
    """To the sign-in, remembering where the person was; a changing request only where its form is kept."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else kept.page()
    if wanted in (None, "/"):
        return redirect(url_for("public.sign_in"), 303)
    return redirect(url_for("public.sign_in", next=wanted), 303)


def _resume(token: str) -> SignedIn | None:
    """One look for the person; for a page that only shows, a second one for what its frame shows beside it.

    A part of a page has no frame around it.
    """
    runtime_ = runtime()
    with looking(runtime_) as database:
        found = signin.behind(runtime_, database, token, origin())
        framed = request.method in SAFE_METHODS and not wants_fragment()
        if found is not None and found.over is None and framed:
            g.beside = frame.around(runtime_, database, found.actor)
    if found is None:
        return None
    if found.over is not None:
        with transaction(runtime_) as database:
            signin.resume(runtime_, database, token, origin())  # says why, and keeps that it ended
    # What a page does by itself is no sign of a person: it must not end the idling.
    if found.unseen and request.endpoint not in _BY_ITSELF:
        with transaction(runtime_) as database:
            signin.seen(runtime_, database, token)
    return SignedIn(token, found.actor)


def _admit() -> Response | None:
    """Deny by default: no living session, no page."""
    gate = gates.gate_of(current_app, request.endpoint)
    if gate == gates.PUBLIC:
        return None
    if request.endpoint is None:  # no such page: shown inside the frame to whoever is signed in
        _try_to_know()
        return None
    known = current_user._get_current_object()
    if not known.is_authenticated:
        raise NotSignedIn("auth.needed")
    g.actor = known.actor
    kept.look(known.actor.id)
    if known.actor.must_enrol:
        return _to_enrol()
    if known.actor.must_change and request.endpoint not in _WITHOUT_CHANGE:
        flash(_("Lần đăng nhập đầu tiên: đề nghị ông/bà đặt mật khẩu mới trước khi làm việc."), "info")
        return redirect(url_for("me.password"), 303)
    return None


def _to_enrol() -> Response | None:
    if request.endpoint in _WITHOUT_FACTOR:
        return None
    flash(_("Vai trò của ông/bà cần yếu tố xác thực thứ hai: đề nghị đăng ký trước khi làm việc."), "info")
    return redirect(url_for("me.second_factor"), 303)


def somebody() -> Actor | None:
    """Who reads a page that is open to anybody; None when nobody is signed in."""
    _try_to_know()
    return g.get("actor")


def _try_to_know() -> None:
    try:
        known = current_user._get_current_object()
    except NotSignedIn:
        return
    if known.is_authenticated:
        g.actor = known.actor
