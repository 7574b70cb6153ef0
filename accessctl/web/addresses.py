"""Addresses and icons in the templates, made once: a page names hundreds, and each is the same every time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask, request, url_for
from jinja2 import Template
from jinja2.environment import TemplateModule
from markupsafe import Markup

from accessctl.web import assets

_AT_MOST = 8192  # addresses; past it they are made anew
_made: dict[tuple[Any, ...], str] = {}


class Shared(Template):
    """A template whose macros are made once: all of ours have the same globals, which Jinja compares at each import."""

    def _get_default_module(self, ctx: object = None) -> TemplateModule:
        return super()._get_default_module()


def register(app: Flask) -> None:
    """`url_for` and `icon` in every template."""
    app.jinja_env.template_class = Shared
    app.jinja_env.globals.update(url_for=address, icon=icon)


def address(endpoint: str, **values: Any) -> str:
    """Flask's `url_for` for a page of ours; what depends on the request beyond its root is asked of Flask."""
    if endpoint[:1] == "." or any(name[:1] == "_" for name in values):
        return url_for(endpoint, **values)
    # The type belongs to it: 1 and True are equal but written differently.
    key = (request.script_root, endpoint, *((name, type(value), value) for name, value in values.items()))
    try:
        return _made[key]
    except KeyError:
        if len(_made) >= _AT_MOST:
            _made.clear()
        return _made.setdefault(key, url_for(endpoint, **values))
    except TypeError:  # a list among them
        return url_for(endpoint, **values)


def icon(name: str, label: object = "") -> Markup:
    """One sign of the sprite; `label` for one that stands alone, else it is not read out."""
    return _icon(request.script_root, str(name), str(label))


@lru_cache(maxsize=1024)
def _icon(root: str, name: str, label: str) -> Markup:
    read_out = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    use = Markup('<use href="{}{}#{}"></use>').format(root, assets.place(assets.SPRITE), name)
    return Markup('<svg class="icon" {}>{}</svg>').format(read_out, use)
