"""The start page by role, the role shown first, and one search box over everything."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import lookup, overview, preferences
from accessctl.services.control import looking, transaction
from accessctl.web import gates, navigation
from accessctl.web.context import actor, runtime
from accessctl.web.display import ROLES

pages = Blueprint("home", __name__)


@pages.get("/")
@gates.own
def index() -> str:
    """What the role shown first has to know now; what may be seen of it is the services' word."""
    person = actor()
    with looking(runtime()) as database:
        page = overview.start_page(runtime(), database, person)
    return render_template("home/index.html", page=page, main_section=navigation.main_section(person))


@pages.post("/view-as")
@gates.decided_by("preferences.show_first")
def view_as() -> Response:
    """Show the pages of another own role first."""
    with transaction(runtime()) as database:
        role = preferences.show_first(runtime(), database, actor(), request.form.get("role", ""))
    flash(_("Trang đầu hiện theo vai trò: %(role)s.", role=ROLES[role]), "info")
    return redirect(url_for("home.index"), 303)


@pages.get("/search")
@gates.decided_by("lookup.search")
def search() -> str:
    """People, offices, accounts, dossiers and leases by one box of words."""
    with transaction(runtime()) as database:
        found = lookup.search(runtime(), database, actor(), request.args.get("q", ""))
    return render_template("home/search.html", found=found)
