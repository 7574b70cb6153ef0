"""Which functions of an office database each kind of account must be able to execute: no more, no less.

The only source is the dbaccount policy, decided by Casbin, and the object map; `officedb` turns the result
into GRANTs and compares it with what it finds (policy.md §4).
"""

from __future__ import annotations

from accessctl.access.engine import account_rights
from accessctl.access.lines import PolicyBroken
from accessctl.access.loader import ACCOUNT_RULES, PolicySet, load
from accessctl.access.objects import FunctionRight
from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import Permission

__all__ = ["FunctionRight", "wanted_functions", "wanted_rights"]


def wanted_rights(kind: str, policy: PolicySet | None = None) -> tuple[Permission, ...]:
    """The permissions of a kind; raises `PolicyBroken` for a kind the policy does not know."""
    if kind not in tuple(Kind):
        raise PolicyBroken("unknown_kind", ACCOUNT_RULES, 0, f"{kind!r:.40} is not a kind of account")
    held = account_rights(policy or load(), str(kind), [permission.value for permission in Permission])
    return tuple(Permission(permission) for permission in held)


def wanted_functions(kind: str, policy: PolicySet | None = None) -> tuple[FunctionRight, ...]:
    """The functions an account of this kind may execute, sorted; by the default policy when none is given."""
    policy = policy or load()
    return tuple(
        sorted(right for permission in wanted_rights(kind, policy) for right in policy.objects[permission])
    )
