"""Leases as others see them: who uses the accounts I answer for, one lease at its own address, revoking."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import leasing
from accessctl.web import errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.forms import ReasonForm

pages = Blueprint("leases", __name__, url_prefix="/leases")


@pages.get("/")
@gates.decided_by("leasing.custodian_leases")
def index() -> str:
    """Every open lease that this person may revoke."""
    return render_template("leases/index.html", leases=leasing.custodian_leases(runtime(), actor()))


@pages.get("/<lease_id>")
@gates.decided_by("leasing.show_lease")
def show(lease_id: str) -> str:
    """One lease from request to end."""
    return render_template("leases/show.html", shown=leasing.show_lease(runtime(), actor(), lease_id))


@pages.get("/<lease_id>/revoke")
@gates.decided_by("leasing.show_lease")
def revoke_form(lease_id: str) -> str:
    """The consequence spelled out before it happens."""
    return _revoke_page(lease_id)


@pages.post("/<lease_id>/revoke")
@gates.decided_by("leasing.revoke_lease")
def revoke(lease_id: str) -> Response:
    """End somebody's lease, with a reason that the person will read."""
    form = ReasonForm()
    errors.show_again(lambda problem: _revoke_page(lease_id, problem))
    leasing.revoke_lease(runtime(), actor(), lease_id, (form.reason.data or "").strip())
    flash(_("Đã thu hồi phiên; các kết nối đang mở đã được đóng."), "success")
    return redirect(url_for("leases.show", lease_id=lease_id), 303)


def _revoke_page(lease_id: str, problem: errors.Problem | None = None) -> str:
    shown = leasing.show_lease(runtime(), actor(), lease_id)
    return render_template("leases/revoke.html", shown=shown, form=ReasonForm(), problem=problem)
