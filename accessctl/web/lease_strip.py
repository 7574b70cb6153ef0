"""The strip across every page while a person holds an account or waits for one: never out of sight."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, g
from flask_babel import gettext as _

from accessctl.domain.accounts import AccountName, BadAccountName
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError
from accessctl.services import authorize, leasing
from accessctl.services.actor import Actor
from accessctl.services.leasing import LeaseView
from accessctl.web.context import now, runtime
from accessctl.web.display import place, short_kind

WARN_BELOW = 120  # seconds


def register(app: Flask) -> None:
    """`lease` in every template, and the arithmetic of its bar."""
    app.context_processor(lambda: {"lease": current()})
    app.jinja_env.globals.update(
        lease_total=total,
        lease_left=remaining,
        lease_low=low,
        account_label=label,
        account_named=named,
        lease_label_of=label_of,
        opens_lease=opens,
    )


def current() -> LeaseView | None:
    """What this person holds now, asked once per request. A page must not fail for the sake of its strip."""
    actor: Actor | None = g.get("actor")
    if actor is None or actor.must_change:
        return None
    if "lease" not in g:
        beside = g.get("beside")
        if beside is not None and not beside.holds:
            return None
        try:
            g.lease = leasing.current_lease(runtime(), actor)
        except AccessError:
            g.lease = None
    found: LeaseView | None = g.lease
    return found


def opens(identity: str, guest: str) -> bool:
    """Whether the page of a lease is open to this person: for offering the link, the service decides again."""
    own, actor = current(), g.get("actor")
    if own is not None and own.lease == identity:
        return True
    return actor is not None and authorize.may(runtime(), actor, Permission.LOG_VIEW, guest)


def total(lease: LeaseView) -> int:
    """Seconds from opening to expiry: the whole bar."""
    if lease.expires_at is None or lease.opened_at is None:
        return 1
    return max(1, int((lease.expires_at - lease.opened_at).total_seconds()))


def remaining(lease: LeaseView) -> int:
    """Seconds left: the filled part of the bar."""
    if lease.expires_at is None:
        return 0
    return max(0, int((lease.expires_at - now()).total_seconds()))


def low(lease: LeaseView) -> bool:
    """Whether it is time to finish."""
    return remaining(lease) < WARN_BELOW


def label(kind: str, guest_name: str, host_name: str) -> str:
    """`TKCL · Cư Jút → Đắk Mil`; an account of the own pool names one place."""
    if kind in ("TKCL", "TKHCTT"):
        return f"{kind} · {guest_name} → {host_name}"
    return f"{short_kind(kind)} · {guest_name} ({_('đơn vị mình')})"


def label_of(lease: LeaseView) -> str:
    """The account of a lease."""
    return label(lease.kind, place(lease.guest_name), place(lease.host_name))


def named(account: str, offices: Mapping[str, str]) -> str:
    """The readable code of an account of which only the name is known; `offices` gives the places."""
    try:
        name = AccountName.parse(account)
    except BadAccountName:
        return account
    guest, host = (place(offices.get(code, code)) for code in (name.guest, name.host))
    return label(name.kind.value, guest, host)
