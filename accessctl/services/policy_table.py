"""Keeping the decision table whole for the role sets of the staff: made by the worker, read by whoever starts."""

from __future__ import annotations

from accessctl.services.control import transaction
from accessctl.services.policy_staff import role_sets
from accessctl.services.runtime import Runtime


def keep(rt: Runtime) -> int:
    """Make what is missing for the staff as it is now; returns how many answers the table holds.

    A changed policy is a new table; a change of staff with a known role set makes nothing. Nothing about a person
    is kept: the roles are read at each request, the table only knows what a set of roles may do.
    """
    gate = rt.policy()
    with transaction(rt) as session:
        found = role_sets(session, rt.now())
    return gate.compile(found)
