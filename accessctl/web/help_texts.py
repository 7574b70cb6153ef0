"""Help for each page: short texts in both languages, kept as data beside the templates."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, request, url_for

from accessctl.web.i18n import language

FILE = Path(__file__).parent / "templates" / "help" / "texts.toml"
FALLBACK = "home"


@dataclass(frozen=True, slots=True)
class HelpText:
    """What the page is for, how to go about it step by step, and what is good to know."""

    title: str
    what: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]


def register(app: Flask) -> None:
    """`help_address()` in every template: the text that belongs to the page shown."""
    app.jinja_env.globals["help_address"] = address


def address() -> str:
    """Where the help of this request's page stands."""
    return url_for("help.show", page=key_for(request.endpoint) or FALLBACK)


def key_for(endpoint: str | None) -> str | None:
    """The text of an endpoint: its own, else its blueprint's; None when nobody has written one."""
    known = texts()
    blueprint = (endpoint or "").partition(".")[0]
    return next((key for key in (endpoint, blueprint) if key and key in known), None)


def text_of(key: str) -> HelpText | None:
    """The text in the reader's language."""
    known = texts().get(key)
    return known[language()] if known else None


@cache
def texts() -> dict[str, dict[str, HelpText]]:
    """Key (endpoint or blueprint) → language → text; read once. A text that lacks a part stops the start."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {key: {code: _text(said[code]) for code in ("vi", "en")} for key, said in data.items()}


def _text(said: dict[str, str | list[str]]) -> HelpText:
    return HelpText(
        title=str(said["title"]),
        what=str(said["what"]),
        steps=tuple(said.get("steps", ())),
        notes=tuple(said.get("notes", ())),
    )
