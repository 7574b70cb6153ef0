"""`accessctl officers`: first passwords, the first administrator, one's own password."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from accessctl.cli.edge import Edge, command, hidden
from accessctl.errors import Invalid
from accessctl.services import officers as service
from accessctl.services import password_change, resets
from accessctl.services.control import transaction


@click.group()
def officers() -> None:
    """The staff."""


@officers.command("first-administrator")
@click.argument("username")
@command(signed_in=False)
def first_administrator(edge: Edge, username: str) -> None:
    """Give the first IT administrator a password (ACCESSCTL_NEW_PASSWORD or a hidden prompt); works once."""
    password = _new_password()
    with transaction(edge.rt) as session:
        service.first_administrator(edge.rt, session, username, password)
    edge.out({"username": username, "must_change": True})


@officers.command("set-password")
@click.argument("username")
@command()
def set_password(edge: Edge, username: str) -> None:
    """IT gives USERNAME a password to be changed at the first sign-in."""
    actor, password = edge.actor, _new_password()
    with transaction(edge.rt) as session:
        service.give_password(edge.rt, session, actor, username, password)
    edge.out({"username": username, "must_change": True})


@officers.command("change-password")
@click.argument("username")
@command(signed_in=False)
def change_password(edge: Edge, username: str) -> None:
    """Change one's own password; also the one that must be changed at first sign-in."""
    old = os.environ.get("ACCESSCTL_PASSWORD") or hidden("Mật khẩu hiện tại / Current password: ")
    actor = edge.signed_in(username, old)
    new = _new_password()
    ended = password_change.change(edge.rt, actor, old, new, edge.origin)
    edge.out({"username": username, "must_change": False, "ended": asdict(ended)})


@officers.command("reset-link")
@click.argument("username")
@click.option(
    "--for",
    "purpose",
    type=click.Choice([p.value for p in resets.Purpose]),
    default="password",
    show_default=True,
)
@click.option("--reason", default="", help="Why (required).")
@command()
def reset_link(edge: Edge, username: str, purpose: str, reason: str) -> None:
    """IT makes a link for USERNAME to set a new password, or to drop the second factor; it works once, for a day."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        issued = resets.issue(edge.rt, session, actor, username, purpose, reason)
    site = edge.settings.env.get("ACCESSCTL_URL", "").rstrip("/")
    edge.out({"username": username, "link": f"{site}/reset/{issued.token}", "expires_at": issued.expires_at})


def _new_password() -> str:
    given = os.environ.get("ACCESSCTL_NEW_PASSWORD")
    if given is not None:
        return given
    first = hidden("Mật khẩu mới / New password: ")
    if first != hidden("Nhập lại / Again: "):
        raise Invalid("auth.password_differs")
    return first
