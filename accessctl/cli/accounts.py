"""`accessctl accounts`: the 144 and the pools; locking, unlocking, retiring."""

from __future__ import annotations

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.services import accounts as service
from accessctl.services import closing
from accessctl.services.control import transaction


@click.group()
def accounts() -> None:
    """The shared accounts and the local pools."""


@accounts.command("list")
@click.option("--local", is_flag=True, help="The offices' own pools instead of the shared accounts.")
@command()
def list_(edge: Edge, local: bool) -> None:
    """Every account with its state and who has it now."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        rows = service.rows(edge.rt, session, actor, local=local)
    columns = ("Tài khoản", "Vai trò CSDL", "Trạng thái", "Đang sử dụng", "Lý do")
    edge.out(
        rows, draw("Tài khoản", columns, [(r.account, r.role, r.state, r.holder, r.reason) for r in rows])
    )


@accounts.command()
@click.argument("account")
@click.option("--reason", required=True, help="Why; goes to custodian, head and auditor.")
@command()
def lock(edge: Edge, account: str, reason: str) -> None:
    """Lock an account at once; its sessions end."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        ending = service.lock(edge.rt, session, actor, account, reason)
    closing.finish_all(edge.rt, ending)
    edge.out({"account": account, "state": "LOCKED", "leases_ended": ending})


@accounts.command("ask-unlock")
@click.argument("account")
@click.option("--reason", required=True, help="Why it may be used again.")
@command()
def ask_unlock(edge: Edge, account: str, reason: str) -> None:
    """The custodian asks IT to unlock."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        service.ask_unlock(edge.rt, session, actor, account, reason)
    edge.out({"account": account, "state": "LOCKED", "unlock_asked_by": actor.username})


@accounts.command()
@click.argument("account")
@click.option("--reason", required=True, help="What was found.")
@command()
def unlock(edge: Edge, account: str, reason: str) -> None:
    """Unlock, after the custodian's request; old credentials stay void."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        state = service.unlock(edge.rt, session, actor, account, reason)
    edge.out({"account": account, "state": state})


@accounts.command()
@click.argument("account")
@click.option("--reason", required=True, help="Why it will never be used again.")
@command()
def retire(edge: Edge, account: str, reason: str) -> None:
    """Retire an account for ever."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        ending = service.retire(edge.rt, session, actor, account, reason)
    closing.finish_all(edge.rt, ending)
    edge.out({"account": account, "state": "RETIRED", "leases_ended": ending})
