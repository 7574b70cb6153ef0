"""What an officer is told of, and the way in which each kind comes unless the person chose another.

The words of each kind stand in `services/notice_texts.toml`. A tag stands in stored notices: add, never rename.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from functools import cache

from accessctl.domain.permissions import Role


class How(StrEnum):
    """By mail at once, in the mail of the day, or only in the page. In the page it stands always."""

    NOW = "now"
    DAILY = "daily"
    PAGE = "page"


class NoticeGroup(StrEnum):
    """Headings of the list of kinds."""

    USE = "use"
    ACCOUNTS = "accounts"
    CUSTODY = "custody"
    FINDINGS = "findings"
    PEOPLE = "people"


_CUSTODIANS = frozenset({Role.CUSTODIAN_TKCL, Role.CUSTODIAN_TKHCTT})
_CLERKS = frozenset({Role.CARD, Role.COLLECTION, *_CUSTODIANS})
_HEADS = frozenset({Role.UNIT_HEAD})
_IT = frozenset({Role.IT_ADMIN})
_ANSWERABLE = _CUSTODIANS | _HEADS | _IT
_DIRECTOR = frozenset({Role.DIRECTOR})
_ANYBODY: frozenset[Role] = frozenset()


class NoticeKind(StrEnum):
    """What happened; the member carries its heading, who can meet with it, the usual way and whether that is fixed."""

    group: NoticeGroup
    roles: frozenset[Role]
    usual: How
    fixed: bool

    def __new__(
        cls,
        tag: str,
        group: NoticeGroup = NoticeGroup.USE,
        roles: frozenset[Role] = _ANYBODY,
        usual: How = How.NOW,
        fixed: bool = False,
    ) -> NoticeKind:
        """A member is its tag; the rest hangs on it (defaults only so that `NoticeKind(tag)` looks one up)."""
        member = str.__new__(cls, tag)
        member._value_ = tag
        member.group, member.roles, member.usual, member.fixed = group, roles, usual, fixed
        return member

    # The use of accounts
    CHECKOUT = "checkout", NoticeGroup.USE, _CUSTODIANS, How.DAILY
    CUSTODIAN_BORROWED = "custodian_borrowed", NoticeGroup.USE, _HEADS
    HOST_USE = "host_use", NoticeGroup.USE, _CUSTODIANS | _HEADS, How.DAILY
    APPROVAL_ASKED = "approval_asked", NoticeGroup.USE, _CUSTODIANS | _HEADS
    APPROVAL_GIVEN = "approval_given", NoticeGroup.USE, _CLERKS
    APPROVAL_DECLINED = "approval_declined", NoticeGroup.USE, _CLERKS
    QUEUE_TURN = "queue_turn", NoticeGroup.USE, _CLERKS
    QUEUE_ENDED = "queue_ended", NoticeGroup.USE, _CLERKS
    LEASE_REVOKED = "lease_revoked", NoticeGroup.USE, _CLERKS

    # The state of accounts
    ACCOUNT_LOCKED = "account_locked", NoticeGroup.ACCOUNTS, _ANSWERABLE
    UNLOCK_ASKED = "unlock_asked", NoticeGroup.ACCOUNTS, _IT
    ACCOUNT_UNLOCKED = "account_unlocked", NoticeGroup.ACCOUNTS, _ANSWERABLE
    ACCOUNT_ROTATED = "account_rotated", NoticeGroup.ACCOUNTS, _ANSWERABLE, How.DAILY
    ACCOUNT_RETIRED = "account_retired", NoticeGroup.ACCOUNTS, _ANSWERABLE
    ACCOUNT_QUARANTINED = "account_quarantined", NoticeGroup.ACCOUNTS, _ANSWERABLE | _DIRECTOR, How.NOW, True
    ACCOUNT_RELEASED = "account_released", NoticeGroup.ACCOUNTS, _ANSWERABLE

    # Who answers for them
    APPOINTED = "appointed", NoticeGroup.CUSTODY, _CLERKS
    ACKNOWLEDGED = "acknowledged", NoticeGroup.CUSTODY, _HEADS, How.DAILY
    CUSTODY_ENDED = "custody_ended", NoticeGroup.CUSTODY, _CLERKS | _HEADS
    SUBSTITUTION_ASKED = "substitution_asked", NoticeGroup.CUSTODY, _HEADS
    SUBSTITUTED = "substituted", NoticeGroup.CUSTODY, _CLERKS
    SUBSTITUTION_DECLINED = "substitution_declined", NoticeGroup.CUSTODY, _CUSTODIANS
    SUBSTITUTION_OVER = "substitution_over", NoticeGroup.CUSTODY, _CLERKS
    WAIVER_GRANTED = "waiver_granted", NoticeGroup.CUSTODY, _CLERKS | _HEADS
    WAIVER_OVER = "waiver_over", NoticeGroup.CUSTODY, _CLERKS | _HEADS
    CONTACTS_PUBLISHED = "contacts_published", NoticeGroup.CUSTODY, _HEADS, How.DAILY

    # What does not add up
    FINDING_SEVERE = "finding_severe", NoticeGroup.FINDINGS, _ANSWERABLE | _DIRECTOR, How.NOW, True
    FINDING = "finding", NoticeGroup.FINDINGS, _ANSWERABLE, How.DAILY

    # Roles and signing in
    ROLE_WAITS = "role_waits", NoticeGroup.PEOPLE, _IT | _DIRECTOR | _HEADS
    ROLES_WAIT = "roles_wait", NoticeGroup.PEOPLE, _IT | _DIRECTOR | _HEADS
    ROLE_DECLINED = "role_declined", NoticeGroup.PEOPLE, _IT | _HEADS
    ROLE_GRANTED = "role_granted", NoticeGroup.PEOPLE
    ROLE_ENDED = "role_ended", NoticeGroup.PEOPLE
    TRANSFERRED = "transferred", NoticeGroup.PEOPLE
    PASSWORD_CHANGED = "password_changed", NoticeGroup.PEOPLE, _ANYBODY, How.NOW, True
    OFFICER_RETURNED = "officer_returned", NoticeGroup.PEOPLE, _HEADS | _DIRECTOR
    RESET_ISSUED = "reset_issued", NoticeGroup.PEOPLE, _ANYBODY, How.NOW, True
    RESET_DONE = "reset_done", NoticeGroup.PEOPLE, _ANYBODY, How.NOW, True
    POLICY_WAITS = "policy_waits", NoticeGroup.PEOPLE, _DIRECTOR
    POLICY_DECIDED = "policy_decided", NoticeGroup.PEOPLE, _IT

    def concerns(self, roles: Collection[Role]) -> bool:
        """Whether somebody with these roles can meet with it: what a person is asked to choose about."""
        return not self.roles or not self.roles.isdisjoint(roles)


@cache
def kinds_in(group: NoticeGroup) -> tuple[NoticeKind, ...]:
    """The kinds under a heading, in the order of the list."""
    return tuple(kind for kind in NoticeKind if kind.group is group)
