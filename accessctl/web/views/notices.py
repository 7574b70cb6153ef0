"""Notices: the own list, one of them, how a person wants to be told; the outbox for IT."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.domain.notices import How, NoticeGroup, kinds_in
from accessctl.errors import AccessError
from accessctl.services import mail_queue, notice_words, notices
from accessctl.services.control import looking, transaction
from accessctl.services.notices import Filter
from accessctl.web import gates
from accessctl.web.context import actor, runtime
from accessctl.web.i18n import language
from accessctl.web.notice_links import ICONS, address_of, way_of

pages = Blueprint("notices", __name__, url_prefix="/notices")


@pages.app_context_processor
def bell() -> dict[str, Any]:
    """`unread_notices()`, asked by the bell only: a page must not fail for the sake of it."""
    return {"unread_notices": _unread, "bell_version": _version}


@pages.get("/count")
@gates.decided_by("notices.unread")
def count() -> Response:
    """The bell alone, or 304 when it shows what it would show now; asked by the page itself, not by a person."""
    tag = _version(_unread())
    known = tag in request.if_none_match
    response = make_response("", 304) if known else make_response(render_template("parts/bell.html"))
    response.set_etag(tag)
    return response


def _version(count: int | None) -> str:
    """What the bell shows: a number in a language; `x` where it could not be read."""
    return f"{'x' if count is None else count}-{language()}"


def _unread() -> int | None:
    if "beside" in g:
        return g.beside.unread if g.beside else None
    if "unread_notices" not in g:
        try:
            with looking(runtime()) as database:
                g.unread_notices = notices.unread(runtime(), database, actor())
        except AccessError:
            g.unread_notices = None
    found: int | None = g.unread_notices
    return found


@pages.context_processor
def words() -> dict[str, Any]:
    """What only these pages need."""
    groups = [
        (group, notice_words.heading(group, language()), [
            (kind, notice_words.label(kind, language())) for kind in kinds_in(group) if kind.concerns(actor().roles)
        ])
        for group in NoticeGroup
    ]  # fmt: skip
    return {"groups": groups, "way_of": way_of, "NOTICE_ICONS": ICONS, "HOWS": list(How)}


@pages.get("/")
@gates.decided_by("notices.mine")
def index() -> str:
    """What I was told, unread first; the filters stand in the address."""
    wanted = Filter.of(*(request.args.get(name, "") for name in ("kind", "unread", "page")))
    with transaction(runtime()) as database:
        found = notices.mine(runtime(), database, actor(), wanted, language())
    filters = {"kind": wanted.kind, "unread": "1" if wanted.unread else ""}
    kept = {name: value for name, value in filters.items() if value}
    return render_template("notices/index.html", found=found, wanted=wanted, filters=kept)


@pages.get("/<int:identity>")
@gates.decided_by("notices.one")
def show(identity: int) -> str:
    """One notice at its own address: where a mail leads."""
    with transaction(runtime()) as database:
        notice = notices.one(runtime(), database, actor(), identity, language())
    return render_template("notices/show.html", notice=notice, way=way_of(notice))


@pages.post("/<int:identity>/open")
@gates.decided_by("notices.read")
def follow(identity: int) -> Response:
    """Mark as read and go to what it is about."""
    with transaction(runtime()) as database:
        notice = notices.read(runtime(), database, actor(), identity, language())
    return redirect(address_of(notice, way_of(notice)) or url_for("notices.show", identity=identity), 303)


@pages.post("/<int:identity>/read")
@gates.decided_by("notices.read")
def read(identity: int) -> Response:
    """Mark as read and stay."""
    with transaction(runtime()) as database:
        notices.read(runtime(), database, actor(), identity, language())
    return _back()


@pages.post("/read-all")
@gates.decided_by("notices.read_all")
def read_all() -> Response:
    """Mark as read what was there when the page was made."""
    newest = request.form.get("newest", "0")
    up_to = int(newest) if newest.isascii() and newest.isdigit() and len(newest) < 19 else 0
    with transaction(runtime()) as database:
        count = notices.read_all(runtime(), database, actor(), up_to=up_to)
    flash(_("Đã đánh dấu %(n)s thông báo là đã đọc.", n=count), "success")
    return _back()


def _back() -> Response:
    """To the list as it was narrowed."""
    kept = {name: request.form.get(name, "") for name in ("kind", "unread", "page")}
    return redirect(url_for("notices.index", **{name: value for name, value in kept.items() if value}), 303)  # type: ignore[arg-type]


@pages.get("/preferences")
@gates.decided_by("notices.preferences")
def preferences() -> str:
    """How I want to be told of what."""
    with transaction(runtime()) as database:
        found = notices.preferences(runtime(), database, actor(), language())
    return render_template("notices/preferences.html", found=found)


@pages.post("/preferences")
@gates.decided_by("notices.choose")
def choose() -> Response:
    """Keep it."""
    with transaction(runtime()) as database:
        notices.choose(runtime(), database, actor(), request.form)
    flash(_("Đã lưu cách nhận thông báo."), "success")
    return redirect(url_for("notices.preferences"), 303)


@pages.get("/mail")
@gates.decided_by("mail_queue.look")
def mail() -> str:
    """The outbox, for IT."""
    with transaction(runtime()) as database:
        queue = mail_queue.look(runtime(), database, actor())
    demo = bool(current_app.config.get("DEMO"))
    return render_template("notices/mail.html", queue=queue, demo=demo)


@pages.post("/mail/<int:identity>/retry")
@gates.decided_by("mail_queue.retry")
def retry(identity: int) -> Response:
    """Put a mail that was given up back into the queue."""
    with transaction(runtime()) as database:
        sent = mail_queue.retry(runtime(), database, actor(), identity)
        name = sent.officer.full_name
    flash(_("Thư gửi %(name)s đã trở lại hàng chờ.", name=name), "success")
    return redirect(url_for("notices.mail"), 303)


@pages.post("/mail/try-now")
@gates.decided_by("mail_queue.try_now")
def try_now() -> Response:
    """Do not wait for the next try."""
    with transaction(runtime()) as database:
        count = mail_queue.try_now(runtime(), database, actor())
    flash(_("%(n)s thư sẽ được gửi thử ngay.", n=count), "success")
    return redirect(url_for("notices.mail"), 303)
