"""`accessctl lease`: borrow an account, return it, take it back."""

from __future__ import annotations

from typing import Any

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.services import leasing
from accessctl.services.leasing import LeaseRequest, LeaseView


@click.group()
def lease() -> None:
    """Loans of accounts, for one dossier and one person each."""


@lease.command("open")
@click.argument("account")
@click.option("--dossier", default="", help="Dossier number, such as CJT-2018-000123/CLT.")
@click.option("--subject", default="", help="The person's mã số BHXH (10 digits).")
@click.option("--field", "fields", multiple=True, help="A field to be corrected (TKHCTT); may be repeated.")
@click.option("--reason", default="", help="Why the account is needed.")
@click.option("--minutes", type=int, default=15, show_default=True, help="1 to 15.")
@click.option("--client", is_flag=True, help="Show the connection string once, for a client of your own.")
@command()
def open_(edge: Edge, account: str, fields: tuple[str, ...], **words: Any) -> None:
    """Borrow ACCOUNT; when somebody has it, wait in its queue."""
    actor = edge.actor
    view = leasing.open_lease(edge.rt, actor, LeaseRequest(account=account, fields=fields, **words))
    answer: dict[str, Any] = {
        "lease": view.lease,
        "account": view.account,
        "state": view.state,
        "expires_at": view.expires_at,
    }
    answer |= {"dsn": view.dsn} if view.dsn else {}
    answer |= {"position": view.position} if view.position is not None else {}
    edge.out(answer, _table(view))


@lease.command()
@click.argument("lease_id", metavar="LEASE")
@click.option("--reason", default="", help="Anything worth noting.")
@command()
def close(edge: Edge, lease_id: str, reason: str) -> None:
    """Return the account."""
    _end(edge, leasing.close_lease(edge.rt, edge.actor, lease_id, reason))


@lease.command()
@click.argument("lease_id", metavar="LEASE")
@click.option("--reason", default="", help="Why (required).")
@command()
def revoke(edge: Edge, lease_id: str, reason: str) -> None:
    """Take the account back, as custodian, unit head or IT."""
    _end(edge, leasing.revoke_lease(edge.rt, edge.actor, lease_id, reason))


@lease.command()
@click.argument("lease_id", metavar="LEASE")
@click.option("--reason", default="", hidden=True)
@command()
def renew(edge: Edge, lease_id: str, reason: str) -> None:
    """Extend once, before the lease ends."""
    view = leasing.renew_lease(edge.rt, edge.actor, lease_id)
    edge.out(_ended(view) | {"expires_at": view.expires_at, "account": view.account}, _table(view))


@lease.command()
@click.argument("lease_id", metavar="LEASE")
@click.option("--reason", default="", hidden=True)
@command()
def show(edge: Edge, lease_id: str, reason: str) -> None:
    """How a lease stands; takes the turn of a queued one when it has come."""
    view = leasing.show_lease(edge.rt, edge.actor, lease_id)
    answer = _ended(view) | {"account": view.account, "expires_at": view.expires_at, "holder": view.holder}
    answer |= {"dossier": view.dossier, "position": view.position}
    answer |= {"dsn": view.dsn} if view.dsn else {}
    edge.out(answer, _table(view))


def _ended(view: LeaseView) -> dict[str, Any]:
    return {
        "lease": view.lease,
        "state": view.state,
        "end_reason": view.end_reason,
        "sessions_ended": view.sessions_ended,
    }


def _end(edge: Edge, view: LeaseView) -> None:
    edge.out(_ended(view), _table(view))


def _table(view: LeaseView) -> Any:
    rows = [
        ("Phiên sử dụng", view.lease),
        ("Tài khoản", f"{view.account} ({view.guest_name} → {view.host_name})"),
        ("Trạng thái", view.state),
        ("Hồ sơ", view.dossier),
        ("Người sử dụng", view.holder_name),
        ("Hết hạn lúc", view.expires_at),
        ("Thứ tự chờ", view.position),
        ("Lý do kết thúc", view.end_reason),
        ("Phiên CSDL đã đóng", view.sessions_ended),
    ]
    if view.dsn:
        rows.append(("Kết nối (chỉ hiển thị một lần)", view.dsn))
    return draw("Phiên sử dụng tài khoản", ("", ""), [row for row in rows if row[1] is not None])
