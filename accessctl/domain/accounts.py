"""The shared accounts: which exist, what they are called, which states they pass through (R12–R14, A1)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from accessctl.domain.permissions import Permission

_OFFICE = r"[A-Z]{3}"
_SHARED = re.compile(rf"(TKCL|TKHCTT)-({_OFFICE})-({_OFFICE})")
_LOCAL = re.compile(rf"(LOCAL_CL|LOCAL_HC)-({_OFFICE})-([0-9]{{2}})")


class Kind(StrEnum):
    """What an account may do in its host database; the rights themselves stand in the dbaccount policy."""

    TKCL = "TKCL"
    TKHCTT = "TKHCTT"
    LOCAL_CL = "LOCAL_CL"
    LOCAL_HC = "LOCAL_HC"

    @property
    def shared(self) -> bool:
        """True for the 144 that cross from one office to another and have a custodian."""
        return self in (Kind.TKCL, Kind.TKHCTT)

    @property
    def group(self) -> str:
        """The PostgreSQL group role that carries the kind's rights in every office database."""
        return self.value.lower()

    @property
    def corrects(self) -> bool:
        """True where the kind corrects holder information, and so needs listed fields."""
        return self in (Kind.TKHCTT, Kind.LOCAL_HC)

    @property
    def open_permission(self) -> Permission:
        """The permission that borrowing an account of this kind asks for."""
        return {
            Kind.TKCL: Permission.LEASE_OPEN_TKCL,
            Kind.TKHCTT: Permission.LEASE_OPEN_TKHCTT,
        }.get(self, Permission.LEASE_OPEN_LOCAL)


class AccountState(StrEnum):
    """domain.md §4.3. Only ACTIVE can be leased."""

    PROVISIONED = "PROVISIONED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    LOCKED = "LOCKED"
    QUARANTINED = "QUARANTINED"
    RETIRED = "RETIRED"


_MOVES: dict[AccountState, frozenset[AccountState]] = {
    AccountState.PROVISIONED: frozenset(
        {AccountState.ACTIVE, AccountState.SUSPENDED, AccountState.LOCKED, AccountState.QUARANTINED}
    ),
    AccountState.ACTIVE: frozenset({AccountState.SUSPENDED, AccountState.LOCKED, AccountState.QUARANTINED}),
    AccountState.SUSPENDED: frozenset({AccountState.ACTIVE, AccountState.LOCKED, AccountState.QUARANTINED}),
    AccountState.LOCKED: frozenset({AccountState.ACTIVE, AccountState.SUSPENDED, AccountState.QUARANTINED}),
    AccountState.QUARANTINED: frozenset({AccountState.ACTIVE, AccountState.SUSPENDED, AccountState.LOCKED}),
    AccountState.RETIRED: frozenset(),
}


def may_move(old: AccountState, new: AccountState) -> bool:
    """Whether an account may go from one state to the other; any state but RETIRED may be retired."""
    return (new is AccountState.RETIRED and old is not new) or new in _MOVES[old]


class BadAccountName(ValueError):
    """Not the name of an account: wrong form, or guest and host the same."""


@dataclass(frozen=True, slots=True)
class AccountName:
    """KIND[guest→host]; a local pool's account has guest = host and a number from 1.

    Written `TKCL-CJT-DML` or `LOCAL_CL-CJT-01`; the PostgreSQL role is the same in lower case with `_`.
    """

    kind: Kind
    guest: str
    host: str
    number: int | None = None

    def __post_init__(self) -> None:
        if self.kind.shared and (self.guest == self.host or self.number is not None):
            raise BadAccountName(f"{self.kind} {self.guest} {self.host}")
        if not self.kind.shared and (self.guest != self.host or not 1 <= (self.number or 0) <= 99):
            raise BadAccountName(f"{self.kind} {self.guest} {self.number}")

    def __str__(self) -> str:
        if self.kind.shared:
            return f"{self.kind}-{self.guest}-{self.host}"
        return f"{self.kind}-{self.guest}-{self.number:02d}"

    @property
    def role(self) -> str:
        """The fixed PostgreSQL role of this account in the host's database."""
        return str(self).lower().replace("-", "_")

    @classmethod
    def parse(cls, text: str) -> AccountName:
        """Read a written name; raises BadAccountName."""
        if match := _SHARED.fullmatch(text):
            return cls(Kind(match[1]), match[2], match[3])
        if match := _LOCAL.fullmatch(text):
            return cls(Kind(match[1]), match[2], match[2], int(match[3]))
        raise BadAccountName(text[:60])


def shared_accounts(offices: Collection[str]) -> list[AccountName]:
    """Every ordered pair of different offices, once per shared kind: n offices → 2·n·(n−1) accounts (A1, S01)."""
    return [
        AccountName(kind, guest, host)
        for kind in (Kind.TKCL, Kind.TKHCTT)
        for guest in sorted(offices)
        for host in sorted(offices)
        if guest != host
    ]


def local_pool(office: str, size: int) -> list[AccountName]:
    """The office's own accounts of both local kinds, numbered 1…size."""
    return [
        AccountName(kind, office, office, number)
        for kind in (Kind.LOCAL_CL, Kind.LOCAL_HC)
        for number in range(1, size + 1)
    ]
