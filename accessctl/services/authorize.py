"""The one question before every act: may this officer do this at that office? Refusals carry their reason."""

from __future__ import annotations

from accessctl.access.enforcer import Decision, Gate, Subject
from accessctl.domain.permissions import Permission, PermissionClass
from accessctl.errors import Refused
from accessctl.services.actor import Actor
from accessctl.services.runtime import Runtime


def decide(rt: Runtime, actor: Actor, permission: Permission, office: str, *, case: str = "none") -> Decision:
    """The policy's answer with its reason; never raises."""
    subject = Subject(actor.username, actor.roles, actor.office)
    policy = rt.policy()
    if actor.read_only and not _reads(policy, permission):
        return Decision(False, "token_reads_only", f"{permission.value} is no reading", policy.version)
    return policy.decide(subject, permission, office, case=case)


def _reads(policy: Gate, permission: Permission) -> bool:
    table = policy.table
    return table is not None and table.policy.classes[permission] is PermissionClass.READ


def acts(actor: Actor) -> None:
    """For acts on what is one's own, which no policy line decides: refused to a token that may only read."""
    if actor.read_only:
        raise Refused("policy.token_reads_only")


def may(rt: Runtime, actor: Actor, permission: Permission, office: str) -> bool:
    """For what a page offers; every act asks again by `require`."""
    return decide(rt, actor, permission, office).allowed


def require(
    rt: Runtime, actor: Actor, permission: Permission, office: str, *, case: str = "none"
) -> Decision:
    """Go on, or raise Refused("policy.<reason>")."""
    decision = decide(rt, actor, permission, office, case=case)
    if not decision.allowed:
        raise Refused(
            f"policy.{decision.reason}", permission=permission.value, office=office, detail=decision.detail
        )
    return decision
