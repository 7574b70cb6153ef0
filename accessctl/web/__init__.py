"""The HTML edge: parse words, call a service, render. It decides nothing; every decision is a service's."""

from __future__ import annotations

from flask import Flask

from accessctl.web import (
    assets,
    auth,
    display,
    errors,
    gates,
    headers,
    help_texts,
    i18n,
    lease_strip,
    navigation,
    printing,
)
from accessctl.web.views import custody, desk, findings, help, home, journal, leases, matrix, me, public


def register(app: Flask) -> None:
    """Put every page and every guard on the application; a page without a declared gate stops the start."""
    headers.register(app)
    i18n.register(app)
    assets.register(app)
    auth.register(app)
    errors.register(app)
    display.register(app)
    navigation.register(app)
    lease_strip.register(app)
    help_texts.register(app)
    printing.register(app)
    for module in (public, home, matrix, desk, leases, journal, custody, findings, me, help):
        app.register_blueprint(module.pages)
    gates.check(app)
