"""Leases: one account, one officer, one dossier, one subject, a few minutes (domain.md §4.4, S27–S31)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

DEFAULT_PERIOD = timedelta(minutes=15)
LONGEST = timedelta(minutes=60)
RENEWALS = 1
ABANDONED_AFTER = timedelta(seconds=100)  # S31: found and closed within two minutes


class LeaseState(StrEnum):
    """domain.md §4.4."""

    QUEUED = "QUEUED"
    OPENING = "OPENING"
    ACTIVE = "ACTIVE"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"
    DENIED = "DENIED"
    CANCELLED = "CANCELLED"


HOLDS_ACCOUNT = frozenset({LeaseState.OPENING, LeaseState.ACTIVE, LeaseState.CLOSING})
HOLDS_OFFICER = frozenset({LeaseState.QUEUED, LeaseState.OPENING, LeaseState.ACTIVE})
OVER = frozenset({LeaseState.CLOSED, LeaseState.DENIED, LeaseState.CANCELLED})


class EndReason(StrEnum):
    """Why a lease ended."""

    RETURNED = "returned"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ABANDONED = "abandoned"


class NotRenewable(ValueError):
    """A renewal that the rules refuse; `why` ∈ already_renewed, over, nothing_to_gain."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Term:
    """When a lease runs: opened, expires, and the instant past which nothing may carry it."""

    opened: datetime
    expires: datetime
    limit: datetime
    renewals: int = 0

    @classmethod
    def start(cls, opened: datetime, period: timedelta, closing: datetime | None) -> Term:
        """A new term of `period` (at most 15 min), never past the office's closing time (None: never closes)."""
        limit = opened + LONGEST
        if closing is not None:
            limit = min(limit, closing)
        return cls(opened, min(opened + min(period, DEFAULT_PERIOD), limit), limit)

    def renewed(self, now: datetime) -> Term:
        """The term after its one renewal: 15 minutes from now within the limit. Raises NotRenewable."""
        if now >= self.expires:
            raise NotRenewable("over")
        if self.renewals >= RENEWALS:
            raise NotRenewable("already_renewed")
        later = min(now + DEFAULT_PERIOD, self.limit)
        if later <= self.expires:
            raise NotRenewable("nothing_to_gain")
        return Term(self.opened, later, self.limit, self.renewals + 1)
