"""The HTML edge: parse words, call a service, render. It decides nothing; every decision is a service's."""

from __future__ import annotations

from flask import Flask

from accessctl.web import (
    addresses,
    assets,
    auth,
    context,
    custody_words,
    display,
    errors,
    gates,
    headers,
    help_texts,
    i18n,
    kept,
    lease_strip,
    navigation,
    packing,
    people_words,
    policy_change_words,
    policy_words,
    printing,
    sign_in_words,
)
from accessctl.web.views import (
    accounts,
    approvals,
    custody_acts,
    databases,
    desk,
    drift,
    findings,
    help,
    home,
    journal,
    leases,
    matrix,
    me,
    notices,
    officers,
    offices,
    policy,
    policy_changes,
    public,
    resets,
    roles,
    rules,
    waivers,
)


def register(app: Flask) -> None:
    """Put every page and every guard on the application; a page without a declared gate stops the start."""
    context.register(app)
    headers.register(app)
    packing.register(app)
    i18n.register(app)
    assets.register(app)
    addresses.register(app)
    auth.register(app)
    errors.register(app)
    display.register(app)
    custody_words.register(app)
    navigation.register(app)
    lease_strip.register(app)
    help_texts.register(app)
    printing.register(app)
    people_words.register(app)
    policy_words.register(app)
    policy_change_words.register(app)
    kept.register(app)
    sign_in_words.register(app)
    for module in (
        public,
        home,
        matrix,
        accounts,
        desk,
        leases,
        journal,
        custody_acts,
        rules,
        approvals,
        waivers,
        policy_changes,
        findings,
        databases,
        drift,
        me,
        notices,
        resets,
        help,
        officers,
        roles,
        offices,
        policy,
    ):
        app.register_blueprint(module.pages)
    gates.check(app)
