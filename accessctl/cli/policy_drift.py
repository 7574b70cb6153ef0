"""`accessctl policy drift|repair`: what the office databases give beside the policy, and taking it back."""

from __future__ import annotations

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.cli.officedb import admin_dsn
from accessctl.services import drift as service


@click.command()
@click.argument("office", required=False)
@click.option("--check", is_flag=True, help="Exit 1 when there is a deviation.")
@command()
def drift(edge: Edge, office: str | None, check: bool) -> None:
    """Compare what the office databases give with what the policy gives."""
    actor = edge.actor
    found = service.scan(edge.rt, actor, [office] if office else list(edge.rt.offices.offices))
    _show(edge, found)
    if any(entry.code for entry in found):
        raise click.exceptions.Exit(3)
    if check and any(entry.drifts for entry in found):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("office")
@click.option("--apply", is_flag=True, help="Run the statements; without it they are only shown.")
@command()
def repair(edge: Edge, office: str, apply: bool) -> None:
    """Take back what the policy does not give at OFFICE, as a DBA (ACCESSCTL_ADMIN_DSN or a hidden prompt)."""
    actor = edge.actor
    if not apply:
        _show(edge, service.scan(edge.rt, actor, [office]))
        return
    left = service.repair(edge.rt, actor, office, admin_dsn(edge, office))
    _show(edge, [left])
    if left.drifts:
        raise click.exceptions.Exit(1)


def _show(edge: Edge, found: list[service.OfficeDrift]) -> None:
    rows = [(e.office, d.role, d.what, d.object, d.repair) for e in found for d in e.drifts]
    rows += [(e.office, "–", edge.words(e.code, office=e.office), "", None) for e in found if e.code]
    columns = ("Đơn vị", "Vai trò", "Sai lệch", "Đối tượng", "Câu lệnh khắc phục")
    edge.out(found, draw(f"Sai lệch quyền: {len(rows)}", columns, rows))


COMMANDS = (drift, repair)
