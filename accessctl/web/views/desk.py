"""The desk: borrow an account, act in the managing office's database, return it.

Every step is a plain form; a reload, a second tab or the back button ends at a page that
says where things stand.
"""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.domain.leases import LeaseState
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict, NotFound
from accessctl.services import desk, leasing
from accessctl.services.control import transaction
from accessctl.services.leasing import LeaseView
from accessctl.web import errors, gates, lease_strip
from accessctl.web.context import actor, runtime
from accessctl.web.desk_choices import Choices, arrange
from accessctl.web.display import day
from accessctl.web.forms import BorrowForm, CorrectionForm, ReissueForm
from accessctl.web.navigation import allowed

pages = Blueprint("desk", __name__, url_prefix="/desk")


@pages.get("/")
@gates.decided_by("desk.lendable")
def index() -> str:
    """Holding nothing: choose. Waiting: the queue. Holding: work."""
    lease = lease_strip.current()
    if lease is None:
        return render_template("desk/choose.html", choices=_choices())
    if lease.state != LeaseState.ACTIVE:
        return render_template("desk/waiting.html")
    if lease.client and not lease.revealed:
        return _reveal(leasing.show_lease(runtime(), actor(), lease.lease))
    return _work(lease, done=session.pop("done", None))


@pages.get("/borrow/<account>")
@gates.decided_by("desk.lendable")
def borrow_form(account: str) -> str | Response:
    """Dossier, subject, reason: what a lease must name."""
    if lease_strip.current() is not None:
        return redirect(url_for("desk.index"))
    return _borrow_page(account, BorrowForm())


@pages.post("/borrow/<account>")
@gates.decided_by("leasing.open_lease")
def borrow(account: str) -> str | Response:
    """Ask for the account. A form sent twice ends at the lease that the first one opened."""
    form = BorrowForm()
    wanted = form.request_for(account)
    if _already_held(account, wanted.dossier):
        return redirect(url_for("desk.index"), 303)
    errors.show_again(lambda problem: _borrow_page(account, form, problem))
    lease = leasing.open_lease(runtime(), actor(), wanted)
    g.pop("lease", None)
    return _reveal(lease) if lease.dsn else redirect(url_for("desk.index"), 303)


@pages.post("/look")
@gates.decided_by("desk.view_reissue")
def look() -> str:
    """Show the one subject of the lease; each look is an act in the log, so it takes a button."""
    lease = _held()
    if _corrects(lease):
        view = desk.view_holder(runtime(), actor(), lease.lease)
        return _work(lease, holder=view, old=_old_values(view, lease.fields))
    return _work(lease, card=desk.view_reissue(runtime(), actor(), lease.lease), form=ReissueForm())


@pages.post("/reissue")
@gates.decided_by("desk.reissue_card")
def reissue() -> str | Response:
    """Reissue once; sent twice, the database answers with the same record (S31)."""
    lease, form = _held(), ReissueForm()
    errors.show_again(lambda problem: _work(lease, stage="reissue", problem=problem, form=form))
    done = desk.reissue_card(runtime(), actor(), lease.lease, form.reason.data or "", form.serial)
    if done.outcome != "ok":
        return _work(lease, stage="reissue", outcome=done.outcome, form=form)
    session["done"] = {"no": done.reissue_id, "already": done.already, "blank": form.serial}
    return redirect(url_for("desk.index"), 303)


@pages.post("/correct")
@gates.decided_by("desk.correct_holder")
def correct() -> str | Response:
    """Write the listed fields that differ from what the officer saw."""
    lease, form = _held(), CorrectionForm()
    old = {name: request.form.get(f"old_{name}", "") for name in lease.fields}
    errors.show_again(partial(_correct_again, lease, form, old))
    done = desk.correct_holder(runtime(), actor(), lease.lease, form.changes(lease.fields, old))
    if done.outcome != "ok":
        return _work(lease, stage="correct", outcome=done.outcome, correction=form, old=old)
    session["done"] = {"no": done.correction_id, "already": done.already, "fields": [*map(str, done.changed)]}
    return redirect(url_for("desk.index"), 303)


@pages.post("/renew/<lease_id>")
@gates.decided_by("leasing.renew_lease")
def renew(lease_id: str) -> Response:
    """Once, before the end (S30)."""
    leasing.renew_lease(runtime(), actor(), lease_id)
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
    """The page is still open. When the state has moved on, the browser is sent to where it can be seen."""
    lease = leasing.heartbeat(runtime(), actor(), lease_id)
    if lease.state == LeaseState.QUEUED:
        lease = lease_strip.current() or lease  # asking takes the turn when it has come
    if lease.state == request.form.get("state"):
        return make_response(render_template("parts/strip.html", lease=lease))
    going_on = lease.state in (LeaseState.OPENING, LeaseState.ACTIVE, LeaseState.QUEUED)
    target = url_for("desk.index") if going_on else url_for("leases.show", lease_id=lease_id)
    return Response(status=200, headers={"HX-Redirect": target})


def _correct_again(
    lease: LeaseView, form: CorrectionForm, old: dict[str, str], problem: errors.Problem
) -> str:
    return _work(lease, stage="correct", problem=problem, correction=form, old=old)


def _held() -> LeaseView:
    """The lease this person works under now. Raises Conflict when it is over: nothing was done."""
    lease = lease_strip.current()
    if lease is None or lease.state != LeaseState.ACTIVE:
        raise Conflict("lease.over")
    return lease


def _already_held(account: str, dossier: str) -> bool:
    lease = lease_strip.current()
    return lease is not None and lease.account == account and lease.dossier == dossier


def _corrects(lease: LeaseView) -> bool:
    return lease.kind in ("TKHCTT", "LOCAL_HC")


def _choices() -> Choices:
    with transaction(runtime()) as database:
        return arrange(desk.lendable(runtime(), database, actor()))


def _borrow_page(account: str, form: BorrowForm, problem: errors.Problem | None = None) -> str:
    choice = _choices().find(account)
    if choice is None:
        raise NotFound("account.unknown", account=account[:60])
    return render_template(
        "desk/borrow.html", choice=choice, form=form, problem=problem, client_allowed=_reveals()
    )


def _reveals() -> bool:
    return runtime().settings.reveal and allowed(actor(), Permission.LEASE_REVEAL)


def _reveal(lease: LeaseView) -> str:
    """The secret, once; afterwards the page is the work page of any lease."""
    return render_template("desk/revealed.html", lease=lease) if lease.dsn else _work(lease)


def _old_values(view: object, listed: tuple[str, ...]) -> dict[str, str]:
    found = {name: getattr(view, name, None) for name in listed}
    return {name: day(value) if name == "birth_date" else str(value or "") for name, value in found.items()}


def _work(lease: LeaseView, **parts: object) -> str:
    """The work page; `parts` are what the last step brought."""
    forms = {"form": ReissueForm(), "correction": CorrectionForm()}
    nothing = dict.fromkeys(("card", "holder", "outcome", "problem", "done", "stage"))
    return render_template(
        "desk/work.html", **{"corrects": _corrects(lease), "old": {}} | forms | nothing | parts
    )
