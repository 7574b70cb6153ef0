"""Custodians as everybody may see them: the published contact list (R34)."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, render_template

from accessctl.services import contact_list
from accessctl.services.control import transaction
from accessctl.web import gates
from accessctl.web.context import actor, runtime

pages = Blueprint("custody", __name__, url_prefix="/custodians")


@pages.get("/")
@gates.decided_by("contact_list.current")
def contacts() -> str:
    """One sheet, by office, fit for print."""
    with transaction(runtime()) as database:
        people = contact_list.current(runtime(), database, actor())
        offices = [(name, list(rows)) for name, rows in groupby(people, key=lambda row: row.office_name)]
        return render_template("custody/contacts.html", offices=offices)
