"""What no version of the policy may lose (policy.md §2, domain.md §7.1, R13, R14, R42), whatever the files say.

The guards stand in the files, as deny lines, and Casbin decides by them. Here stands only what a linter and an
approval hold a new version against: a guard that got lost allows in silence.
"""

from __future__ import annotations

from collections.abc import Mapping

from accessctl.access.loader import Rule
from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import (
    EVERY_OFFICER,
    Case,
    CaseClass,
    OfficeClass,
    Permission,
    PermissionClass,
    Role,
    Scope,
)

_EVERY = CaseClass.ANY.value
_BUSINESS, _CHANGE = PermissionClass.BUSINESS.value, PermissionClass.CHANGE.value
_OTHER = Case.INFO_OTHER.value
_BORROWING = (
    Permission.LEASE_OPEN_TKCL,
    Permission.LEASE_OPEN_TKHCTT,
    Permission.LEASE_OPEN_LOCAL,
    Permission.LEASE_REVEAL,
)


def _never(sub: str, perm: str, case: str = _EVERY) -> Rule:
    return Rule(0, sub, Scope.ANY.value, OfficeClass.ANY.value, perm, case, "deny")


MUST_DENY: tuple[Rule, ...] = (
    # E7, E8: people in BHXH and BHYT are not corrected under this scheme, at any office
    _never(EVERY_OFFICER, Permission.HOLDER_CORRECT.value, _OTHER),
    _never(EVERY_OFFICER, Permission.HOLDER_VIEW.value, _OTHER),
    # auditors neither change nor do business; IT never does business (S54)
    _never(Role.AUDITOR.value, _CHANGE),
    _never(Role.AUDITOR.value, _BUSINESS),
    _never(Role.IT_ADMIN.value, _BUSINESS),
    # the director never borrows (R42)
    *(_never(Role.DIRECTOR.value, permission.value) for permission in _BORROWING),
    # custodians do not appoint
    _never(Role.CUSTODIAN_TKCL.value, Permission.CUSTODIAN_APPOINT.value),
    _never(Role.CUSTODIAN_TKHCTT.value, Permission.CUSTODIAN_APPOINT.value),
    # nobody acts on himself or herself
    _never(EVERY_OFFICER, _CHANGE, Case.SELF.value),
    _never(EVERY_OFFICER, _BUSINESS, Case.SELF.value),
)
"""Each of these must be denied by the role's own guards, so that no other role beside it can allow it."""

_REISSUE = frozenset({Permission.CARD_REISSUE, Permission.REISSUE_VIEW})
_CORRECT = frozenset({Permission.HOLDER_CORRECT, Permission.HOLDER_VIEW})

FROZEN: Mapping[Kind, frozenset[Permission]] = {
    Kind.TKCL: _REISSUE,
    Kind.TKHCTT: _CORRECT,
    Kind.LOCAL_CL: _REISSUE,
    Kind.LOCAL_HC: _CORRECT,
}
"""All that the kinds of account may ever do in a database; a change of it must be acknowledged in so many words."""
