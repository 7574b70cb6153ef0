"""The standing rule of a custodian: whom he lets borrow, on which days and hours, how often (A4).

Inside the rule nobody is asked (R3: no step that the dispatch does not have); outside it takes one approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from accessctl.domain.calendar import Span

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
MOST_PER_DAY = 500
MOST_SPANS = 4


class BadRule(ValueError):
    """A rule that cannot be kept; `why` ∈ days, officers, hours, per_day."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class StandingRule:
    """What is lent without asking. `officers` None: all of the department who have the role; `spans` are local
    wall times, none of them: whenever the office serves; `per_day` None: any number."""

    officers: frozenset[int] | None = None
    days: frozenset[int] = frozenset(EVERY_DAY)
    spans: tuple[Span, ...] = ()
    per_day: int | None = None

    def __post_init__(self) -> None:
        if not self.days or not self.days <= set(EVERY_DAY):
            raise BadRule("days")
        if self.officers is not None and not self.officers:
            raise BadRule("officers")
        if self.per_day is not None and not 1 <= self.per_day <= MOST_PER_DAY:
            raise BadRule("per_day")
        _in_order(self.spans)

    def objection(self, officer: int, local: datetime) -> str | None:
        """Why this officer is outside the rule at this local time, or None: officer, day, hours (not per_day)."""
        if self.officers is not None and officer not in self.officers:
            return "officer"
        if local.isoweekday() not in self.days:
            return "day"
        at = local.time().replace(tzinfo=None)
        if self.spans and not any(span.opens <= at < span.closes for span in self.spans):
            return "hours"
        return None

    def exhausted(self, used: int) -> bool:
        """Whether an officer who has borrowed `used` times today has had the most that the rule gives."""
        return self.per_day is not None and used >= self.per_day

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> StandingRule:
        """The rule as the store keeps it: officers, days, spans, per_day."""
        officers = row["officers"]
        return cls(
            officers=None if officers is None else frozenset(officers),
            days=frozenset(row["days"]),
            spans=tuple(Span(time.fromisoformat(a), time.fromisoformat(b)) for a, b in row["spans"]),
            per_day=row["per_day"],
        )

    def kept(self) -> dict[str, Any]:
        """For the store; the inverse of `stored`."""
        return {
            "officers": None if self.officers is None else sorted(self.officers),
            "days": sorted(self.days),
            "spans": [[f"{span.opens:%H:%M}", f"{span.closes:%H:%M}"] for span in self.spans],
            "per_day": self.per_day,
        }


def _in_order(spans: tuple[Span, ...]) -> None:
    edges = [edge for span in spans for edge in (span.opens, span.closes)]
    forward = all(span.opens < span.closes for span in spans)
    if not forward or edges != sorted(edges) or len(spans) > MOST_SPANS:
        raise BadRule("hours")
