"""The desk: borrow an account, act in the managing office's database, return it.

Every step is a plain form that names its lease; a reload, a second tab, the back button or a lost answer ends at a
page that says where things stand.
"""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.domain.leases import LeaseState
from accessctl.errors import Conflict, NotFound, Refused
from accessctl.services import desk, desk_offer, leasing
from accessctl.services.control import transaction
from accessctl.services.leasing import LeaseView
from accessctl.web import desk_memory, desk_pages, errors, gates, lease_strip
from accessctl.web.context import actor, now, runtime, wants_fragment
from accessctl.web.desk_memory import Step
from accessctl.web.forms import BorrowForm, CorrectionForm, ReissueForm

pages = Blueprint("desk", __name__, url_prefix="/desk")


@pages.get("/")
@gates.decided_by("desk.lendable")
def index() -> str | Response:
    """Holding nothing: choose. Waiting: the queue. Holding: work."""
    lease = lease_strip.current()
    if lease is None:
        return _choose_page()
    if lease.state == LeaseState.ACTIVE and lease.expires_at and lease.expires_at <= now():
        return redirect(url_for("leases.show", lease_id=lease.lease))
    if lease.state != LeaseState.ACTIVE:
        return desk_pages.waiting(lease)
    if lease.client and not lease.revealed:
        return desk_pages.revealed(leasing.show_lease(runtime(), actor(), lease.lease))
    return desk_pages.work(lease, done=session.pop("done", None))


@pages.get("/borrow/<account>")
@gates.decided_by("desk.lendable")
def borrow_form(account: str) -> str | Response:
    """Dossier, subject, reason: what a lease must name; filled with what was typed before."""
    if lease_strip.current() is not None:
        return redirect(url_for("desk.index"))
    return _borrow_page(account, desk_pages.begun(request.args))


@pages.post("/borrow/<account>")
@gates.decided_by("leasing.open_lease")
def borrow(account: str) -> str | Response:
    """Ask for the account. A form sent twice ends at the lease that the first one opened."""
    form = BorrowForm()
    wanted = form.request_for(account)
    if _already_held(account, wanted.dossier):
        return redirect(url_for("desk.index"), 303)
    desk_memory.keep(Step.BORROW, wanted.dossier, request.form)
    errors.show_again(lambda problem: _borrow_page(account, form, problem))
    lease = leasing.open_lease(runtime(), actor(), wanted)
    desk_memory.forget(Step.BORROW)
    g.pop("lease", None)
    return desk_pages.revealed(lease) if lease.dsn else redirect(url_for("desk.index"), 303)


@pages.post("/look")
@gates.decided_by("desk.view_reissue")
def look() -> str:
    """Show the one subject of the lease; each look is an act in the log, so it takes a button."""
    lease = _meant()
    errors.show_again(partial(desk_pages.gone, lease))
    if desk_pages.corrects(lease):
        view = desk.view_holder(runtime(), actor(), lease.lease)
        return desk_pages.work(lease, holder=view, old=desk_pages.old_values(view, lease.fields))
    return desk_pages.work(lease, card=desk.view_reissue(runtime(), actor(), lease.lease))


@pages.post("/reissue")
@gates.decided_by("desk.reissue_card")
def reissue() -> str | Response:
    """Reissue once; sent twice, the database answers with the same record (S31)."""
    form, lease = ReissueForm(), _meant(Step.REISSUE)
    errors.show_again(partial(desk_pages.again, lease, Step.REISSUE, form=form))
    done = desk.reissue_card(runtime(), actor(), lease.lease, form.reason.data or "", form.serial)
    if done.outcome != "ok":
        return desk_pages.work(lease, stage="reissue", outcome=done.outcome, form=form)
    desk_memory.forget(Step.REISSUE)
    session["done"] = {"no": done.reissue_id, "already": done.already, "blank": form.serial}
    return redirect(url_for("desk.index"), 303)


@pages.post("/correct")
@gates.decided_by("desk.correct_holder")
def correct() -> str | Response:
    """Write the listed fields that differ from what the officer saw."""
    form, lease = CorrectionForm(), _meant(Step.CORRECT)
    old = {name: request.form.get(f"old_{name}", "") for name in lease.fields}
    errors.show_again(partial(desk_pages.again, lease, Step.CORRECT, correction=form, old=old))
    done = desk.correct_holder(runtime(), actor(), lease.lease, form.changes(lease.fields, old))
    if done.outcome != "ok":
        return desk_pages.work(lease, stage="correct", outcome=done.outcome, correction=form, old=old)
    desk_memory.forget(Step.CORRECT)
    session["done"] = {"no": done.correction_id, "already": done.already, "fields": [*map(str, done.changed)]}
    return redirect(url_for("desk.index"), 303)


@pages.post("/keep/<lease_id>")
@gates.decided_by("desk_offer.own")
def keep(lease_id: str) -> Response:
    """The time is over while somebody types: what is typed is kept, the person's data leaves the screen."""
    with transaction(runtime()) as database:
        lease = desk_offer.own(runtime(), database, actor(), lease_id)
    desk_memory.keep(desk_pages.step_of(lease), lease.dossier, request.form)
    return redirect(url_for("leases.show", lease_id=lease_id), 303)


@pages.post("/renew/<lease_id>")
@gates.decided_by("leasing.renew_lease")
def renew(lease_id: str) -> str | Response:
    """Once, before the end (S30). From the strip of a page it changes nothing but the strip."""
    lease = leasing.renew_lease(runtime(), actor(), lease_id)
    if wants_fragment():
        return render_template("parts/strip.html", lease=lease, strip_page=request.form.get("page", ""))
    flash(_("Đã gia hạn phiên sử dụng tài khoản."), "success")
    return redirect(url_for("desk.index"), 303)


@pages.post("/return/<lease_id>")
@gates.decided_by("leasing.close_lease")
def give_back(lease_id: str) -> Response:
    """Return the account; the lease's own page says what was ended."""
    leasing.close_lease(runtime(), actor(), lease_id)
    return redirect(url_for("leases.show", lease_id=lease_id), 303)


@pages.post("/cancel/<lease_id>")
@gates.decided_by("leasing.cancel_queued")
def cancel(lease_id: str) -> Response:
    """Leave the queue."""
    leasing.cancel_queued(runtime(), actor(), lease_id)
    flash(_("Đã rời hàng chờ."), "info")
    return redirect(url_for("desk.index"), 303)


@pages.post("/heartbeat/<lease_id>")
@gates.decided_by("leasing.heartbeat")
def heartbeat(lease_id: str) -> Response:
    """The page is still open. When the state has moved on, the strip says so; the page that waits goes there."""
    lease = leasing.heartbeat(runtime(), actor(), lease_id)
    if lease.state == LeaseState.QUEUED:
        lease = lease_strip.current() or lease  # asking takes the turn when it has come
    return desk_pages.strip(lease, was=request.form.get("state", ""), page=request.form.get("page", ""))


def _meant(step: Step | None = None) -> LeaseView:
    """The lease that the form was made for, which must be the one in hand. Raises Conflict: nothing was done.

    What was typed into a form that comes too late is kept; a form of an earlier lease never acts on a later one.
    """
    lease, named = lease_strip.current(), request.form.get("lease", "")
    if lease is not None and lease.state == LeaseState.ACTIVE and named in ("", lease.lease):
        return lease
    if not named:
        raise Conflict("lease.over")
    with transaction(runtime()) as database:
        ended = desk_offer.own(runtime(), database, actor(), named)
    if step is not None:
        desk_memory.keep(step, ended.dossier, request.form)
    errors.show_again(partial(desk_pages.gone, ended))
    raise desk_pages.ending(ended, lease)


def _already_held(account: str, dossier: str) -> bool:
    lease = lease_strip.current()
    return lease is not None and lease.account == account and lease.dossier == dossier


def _choose_page() -> str:
    typed, why = request.args.get("dossier", ""), None
    if typed.strip():
        try:
            typed = desk_offer.noted(actor(), typed)
        except (
            Refused
        ) as refusal:  # a slip of the scanner is told on the page; nobody has asked for anything yet
            why = errors.wording(refusal)
    return desk_pages.choose(typed[:100], why)


def _borrow_page(account: str, form: BorrowForm, problem: errors.Problem | None = None) -> str:
    choice = desk_pages.choices().find(account)
    if choice is None:
        raise NotFound("account.unknown", account=account[:60])
    return desk_pages.borrow(choice, form, problem)
