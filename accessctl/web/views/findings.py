"""Findings: what the service saw that needs a person's eye."""

from __future__ import annotations

from flask import Blueprint, render_template

from accessctl.services import findings
from accessctl.services.control import transaction
from accessctl.web import gates
from accessctl.web.context import actor, runtime

pages = Blueprint("findings", __name__, url_prefix="/findings")


@pages.get("/")
@gates.decided_by("findings.recent")
def index() -> str:
    """Newest first."""
    with transaction(runtime()) as database:
        return render_template("findings/index.html", findings=findings.recent(runtime(), database, actor()))
