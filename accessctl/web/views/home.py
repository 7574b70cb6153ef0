"""The start page: what may I do, what do I hold, who uses what I answer for."""

from __future__ import annotations

from flask import Blueprint, render_template

from accessctl.domain.permissions import Permission
from accessctl.services import findings, leasing
from accessctl.services.control import transaction
from accessctl.web import gates, navigation
from accessctl.web.context import actor, runtime
from accessctl.web.navigation import allowed

pages = Blueprint("home", __name__)


@pages.get("/")
@gates.own
def index() -> str:
    """Small, by role; each part is shown to whom the policy allows its own page."""
    person = actor()
    watches = allowed(person, Permission.LEASE_REVOKE)
    follows = allowed(person, Permission.FINDING_VIEW)
    return render_template(
        "home.html",
        main_section=navigation.main_section(person),
        watched=leasing.custodian_leases(runtime(), person) if watches else None,
        findings=_open_findings() if follows else None,
    )


def _open_findings() -> list[findings.FindingView]:
    with transaction(runtime()) as database:
        return findings.recent(runtime(), database, actor())[:5]
