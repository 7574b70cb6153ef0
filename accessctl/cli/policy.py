"""`accessctl policy`: asking the policy."""

from __future__ import annotations

import click

from accessctl.access.enforcer import Subject
from accessctl.access.explain import sentence
from accessctl.cli.edge import Edge, command, draw
from accessctl.cli.officedb import admin_dsn
from accessctl.domain.permissions import Permission
from accessctl.services import drift as service
from accessctl.services.actor import Origin, actor_for, officer_named
from accessctl.services.authorize import require
from accessctl.services.control import transaction


@click.group()
def policy() -> None:
    """The access policy."""


@policy.command()
@click.argument("officer")
@click.argument("perm")
@click.argument("office")
@click.option(
    "--case", "case", default="none", show_default=True, help="none, lost, damaged, info_bhyt_only, …"
)
@command()
def decide(edge: Edge, officer: str, perm: str, office: str, case: str) -> None:
    """May OFFICER do PERM at OFFICE? Exit 1 when not. Says which line decided."""
    asking = edge.actor
    if officer != asking.username:  # what one may do oneself anybody may ask
        require(edge.rt, asking, Permission.POLICY_VIEW, asking.office)
    with transaction(edge.rt) as session:
        who = actor_for(session, officer_named(session, officer), Origin("cli"), edge.rt.now())
    decision = edge.rt.gate.decide(Subject(who.username, who.roles, who.office), perm, office, case=case)
    edge.out(
        {
            "allowed": decision.allowed,
            "reason": decision.reason,
            "detail": decision.detail,
            "sentence": sentence(decision, edge.language),
            "policy_version": decision.policy_version,
        }
    )
    if not decision.allowed:
        raise click.exceptions.Exit(1)


@policy.command()
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


@policy.command()
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
