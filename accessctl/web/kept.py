"""What was typed into a form whose session had ended: kept for its owner, sealed, in the signed cookie.

After the sign-in the form comes back filled; it is never sent by itself. The same holds for a tab that was left open
over a new sign-in. Passwords, codes and files are not kept, and forms too long for a cookie neither.
"""

from __future__ import annotations

import json
import secrets
import zlib
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request, session
from flask_wtf import FlaskForm as _FlaskForm
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from accessctl.services import sealing
from accessctl.services.sealing import Purpose
from accessctl.web.context import now, runtime, wants_fragment
from accessctl.web.i18n import local_address

_KEY = "kept"
_AT_MOST = 2048  # signs in the cookie, which browsers cut off at 4,096
_STAYS = 30 * 60  # seconds
_NEVER = frozenset({"csrf_token", "password", "old", "new", "again", "code", "token", "offer"})
_NOT_FROM = frozenset({"me", "public", "resets"})  # pages of passwords and codes


@dataclass(frozen=True, slots=True)
class Kept:
    """A form that was not carried out: where it stood, where it goes, what was typed."""

    page: str
    action: str
    fields: tuple[tuple[str, str], ...]


class FlaskForm(_FlaskForm):
    """A form that begins with what its owner had typed before the session ended."""

    class Meta(_FlaskForm.Meta):
        """Flask-WTF's own, but for a page asked for again."""

        def wrap_formdata(self, form: _FlaskForm, formdata: object) -> object:
            """What was sent, else what was kept for this page; `formdata=None` stays an empty form."""
            given = super().wrap_formdata(form, formdata)
            kept = g.get("kept")
            return MultiDict(kept.fields) if given is None and formdata is not None and kept else given


def register(app: Flask) -> None:
    """`kept` in every template: the form that this page is to be filled with, or None."""
    app.context_processor(lambda: {"kept": g.get("kept")})


def mark(owner: int) -> None:
    """Let every form of this session say whose it is: its token is signed by us, and names the owner."""
    session["csrf_token"] = f"{secrets.token_hex(20)}.{owner}"


def owner_of_form() -> int | None:
    """Whose session the form of this request was made in, however long ago; None where it does not say, or lies."""
    signer = URLSafeTimedSerializer(
        current_app.secret_key or "", salt="wtf-csrf-token"
    )  # as Flask-WTF signs it
    try:
        said = str(signer.loads(request.form.get("csrf_token", "")))
    except BadData:
        return None
    number = said.partition(".")[2]
    return int(number) if number.isascii() and number.isdigit() else None


def keep(owner: int | None) -> bool:
    """Keep the form of this request for the officer whose session has ended; False when that is not possible."""
    if owner is None or request.method != "POST" or wants_fragment() or request.blueprint in _NOT_FROM:
        return False
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in _NEVER]
    plain = {"page": _page(), "action": request.path, "at": int(now().timestamp()), "fields": fields}
    packed = zlib.compress(json.dumps(plain, ensure_ascii=False).encode("utf-8", "replace"), 9)
    sealed = sealing.seal_text(runtime().settings.lease_keys, Purpose.FORM, str(owner), packed)
    if not fields or len(sealed) > _AT_MOST:
        return False
    session[_KEY] = sealed
    return True


def _page() -> str:
    """The page that the form stood on: where the browser says it came from, else the address it was sent to."""
    source = urlsplit(request.referrer or "")
    if source.path and source.netloc == request.host:
        return local_address(source.path + (f"?{source.query}" if source.query else ""))
    try:
        current_app.url_map.bind("").match(request.path, "GET")
    except HTTPException:
        return "/"
    return local_address(request.path)


def page() -> str | None:
    """Where to go after the sign-in when something is kept: said before anybody has signed in."""
    return _page() if _KEY in session else None


def carried() -> str | None:
    """The sealed form, to take it over into the new session."""
    return session.get(_KEY)


def carry(sealed: str | None) -> None:
    """Into the new session; whose it is shows when it is opened."""
    if sealed:
        session[_KEY] = sealed


def look(owner: int) -> None:
    """At each page of somebody signed in: fill the page that the form stood on; forget it once it is sent."""
    if (sealed := session.get(_KEY)) is None:
        return
    found = _opened(sealed, owner)
    sent = found is not None and request.method == "POST" and request.path == found.action
    if found is None or sent:
        session.pop(_KEY)
    elif request.method == "GET" and request.path == urlsplit(found.page).path:
        g.kept = found


def _opened(sealed: str, owner: int) -> Kept | None:
    """None for a form of somebody else, an old one, or one sealed under a key that is gone."""
    try:
        packed = sealing.unseal_text(runtime().settings.lease_keys, Purpose.FORM, str(owner), sealed)
    except ValueError:
        return None
    said = json.loads(zlib.decompress(packed))  # sealed by us, and made of one request of limited size
    if now().timestamp() - said["at"] > _STAYS:
        return None
    return Kept(said["page"], said["action"], tuple((name, value) for name, value in said["fields"]))
