"""Leases as others see them: who uses the accounts I answer for, one lease at its own address, revoking."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.domain.leases import EndReason, LeaseState
from accessctl.services import lease_list, leasing
from accessctl.services.control import transaction
from accessctl.web import desk_memory, errors, files, gates, lease_form
from accessctl.web.context import actor, now, runtime
from accessctl.web.forms import ReasonForm
from accessctl.web.lease_form import KINDS_LISTED, SORTS_LISTED, LeaseForm

pages = Blueprint("leases", __name__, url_prefix="/leases")


@pages.get("/")
@gates.decided_by("lease_list.search")
def index() -> str:
    """Who holds an account now and who held it: what fits the filters, page by page."""
    form = LeaseForm(request.args)
    with transaction(runtime()) as database:
        found = lease_list.search(runtime(), database, actor(), form.query())
    return render_template(
        "leases/index.html", form=form, found=found, filters=form.kept, kinds=KINDS_LISTED, sorts=SORTS_LISTED,
        states=lease_form.states(found.past), offices=sorted(runtime().office_codes()),
    )  # fmt: skip


@pages.post("/file/<form>")
@gates.decided_by("lease_list.take_away")
def file(form: str) -> Response:
    """The list as a file, recorded before it leaves."""
    query = LeaseForm(request.form).query()
    with transaction(runtime()) as database:
        made = lease_list.take_away(runtime(), database, actor(), query, form)
    lines = (lease_form.cells(row) for row in made.rows)
    sheet = files.Sheet(
        "phien-su-dung", _("Phiên sử dụng"), lease_form.header(), lines, len(made.rows), made.cut
    )
    return files.answer(sheet, form)


@pages.get("/<lease_id>")
@gates.decided_by("leasing.show_lease")
def show(lease_id: str) -> str:
    """One lease from request to end."""
    shown = leasing.show_lease(runtime(), actor(), lease_id)
    own = shown.holder == actor().username
    expired = shown.state == LeaseState.ACTIVE and shown.expires_at is not None and shown.expires_at <= now()
    kept = own and desk_memory.waits(shown.dossier)
    more = {"kept": kept, "revocable": not own and leasing.may_revoke(runtime(), actor(), shown)}
    return render_template("leases/show.html", shown=shown, mine=own, expired=expired, **more)


@pages.get("/<lease_id>/revoke")
@gates.decided_by("leasing.before_revoke")
def revoke_form(lease_id: str) -> str:
    """The consequence spelled out before it happens."""
    return _revoke_page(lease_id)


@pages.post("/<lease_id>/revoke")
@gates.decided_by("leasing.revoke_lease")
def revoke(lease_id: str) -> Response:
    """End somebody's lease, with a reason that the person will read."""
    form = ReasonForm()
    errors.show_again(lambda problem: _revoke_page(lease_id, problem))
    ended = leasing.revoke_lease(runtime(), actor(), lease_id, (form.reason.data or "").strip())
    if ended.state == LeaseState.CANCELLED:
        flash(_("Đã đưa người này ra khỏi hàng chờ."), "success")
    elif ended.end_reason == EndReason.REVOKED:
        flash(_("Đã thu hồi phiên; các kết nối đang mở đã được đóng."), "success")
    else:
        flash(_("Phiên đã tự kết thúc ngay trước đó; không cần thu hồi."), "info")
    return redirect(url_for("leases.show", lease_id=lease_id), 303)


def _revoke_page(lease_id: str, problem: errors.Problem | None = None) -> str:
    before = leasing.before_revoke(runtime(), actor(), lease_id)
    return render_template(
        "leases/revoke.html", before=before, shown=before.lease, form=ReasonForm(), problem=problem
    )
