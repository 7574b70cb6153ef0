"""`accessctl policy`: asking the policy."""

from __future__ import annotations

import click

from accessctl.access.enforcer import Subject
from accessctl.access.explain import sentence
from accessctl.cli import policy_ask, policy_change, policy_drift
from accessctl.cli.edge import Edge, command
from accessctl.domain.permissions import Permission
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


for _command in (*policy_ask.COMMANDS, *policy_drift.COMMANDS, *policy_change.COMMANDS):
    policy.add_command(_command)
