"""Help: what the page at hand is for, how to go about it."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from accessctl.web import gates, help_texts

pages = Blueprint("help", __name__, url_prefix="/help")


@pages.get("/")
@gates.own
def index() -> str:
    """Every text there is, by title."""
    found = [(key, text) for key in help_texts.texts() if (text := help_texts.text_of(key))]
    return render_template("help/index.html", texts=sorted(found, key=lambda pair: pair[1].title))


@pages.get("/<page>")
@gates.own
def show(page: str) -> str:
    """The text of one page, by its endpoint or blueprint."""
    text = help_texts.text_of(page) or abort(404)
    return render_template("help/show.html", text=text)
