"""The journal: search by person, account, office, dossier, event and time (AU-1)."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from accessctl.domain.events import Event
from accessctl.services import journal
from accessctl.services.control import transaction
from accessctl.web import gates
from accessctl.web.context import actor, runtime
from accessctl.web.forms import JournalForm

pages = Blueprint("journal", __name__, url_prefix="/journal")


@pages.get("/")
@gates.decided_by("journal.search")
def index() -> str:
    """What was asked for, newest first; the filters stand in the address."""
    form = JournalForm(request.args)
    with transaction(runtime()) as database:
        found = journal.search(runtime(), database, actor(), form.query())
        offices = journal.office_names(database)
    return render_template(
        "journal/index.html", form=form, found=found, offices=offices, events=list(Event), filters=filters()
    )


def filters() -> dict[str, str]:
    """The filters in force, for the links to other pages of the same search."""
    return {name: value for name, value in request.args.items() if name != "page" and value}
