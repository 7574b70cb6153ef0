"""The matrix: the province as a square, one for each kind, kept up to date while somebody looks (ADR 0013)."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from accessctl.domain.accounts import Kind
from accessctl.services import matrix
from accessctl.services.control import transaction
from accessctl.services.matrix import Picture, Wanted
from accessctl.web import gates
from accessctl.web.context import actor, runtime
from accessctl.web.i18n import language

pages = Blueprint("matrix", __name__, url_prefix="/matrix")


@pages.get("/")
@gates.decided_by("matrix.look")
def index() -> str:
    """The whole page; kind and, for a large province, the block stand in the address."""
    return render_template("matrix/index.html", picture=_picture())


@pages.get("/changes")
@gates.decided_by("matrix.look")
def changes() -> Response:
    """The square alone, or 304 when nothing has changed since the version that the browser shows."""
    picture = _picture()
    tag = f"{picture.version}-{language()}"
    if tag in request.if_none_match:
        response = make_response("", 304)
    else:
        response = make_response(render_template("matrix/square.html", picture=picture))
    response.set_etag(tag)
    return response


def _picture() -> Picture:
    with transaction(runtime()) as database:
        return matrix.look(runtime(), database, actor(), _wanted())


def _wanted() -> Wanted:
    kind = Kind.TKHCTT if request.args.get("kind", "").upper() == Kind.TKHCTT else Kind.TKCL
    return Wanted(kind, _block("rows"), _block("columns"))


def _block(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 1
