"""Rows of the table, and the little arithmetic they need."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what was measured, against what in the same run, and what it should be."""

    what: str
    ours: str
    against: str
    measured: str
    target: str
    ok: bool | None
    n: int
    """Samples of ours; as many of the other side."""

    def facts(self) -> dict[str, Any]:
        """For last.json."""
        return asdict(self)


def p(values: Sequence[float], percent: float) -> float:
    """The percentile by nearest rank: always a value that was measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def milliseconds(values: Sequence[float]) -> str:
    """p50 and p95 of seconds."""
    return f"p50 {statistics.median(values) * 1000:.1f} ms, p95 {p(values, 95) * 1000:.1f} ms"


def at_most(what: str, ours: Sequence[float], base: Sequence[float], limit: float) -> Row:
    """Our p50 over the other side's p50."""
    ratio = statistics.median(ours) / statistics.median(base)
    return Row(what, milliseconds(ours), milliseconds(base), f"{ratio:.2f} × p50", f"≤ {limit:g} ×", ratio <= limit,
               len(ours))  # fmt: skip


def show(rows: Sequence[Row]) -> str:
    """A table for a terminal or a Markdown page."""
    lines = ["| what | ours | against | measured | target | n | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        verdict = {True: "ok", False: "MISSED", None: "–"}[row.ok]
        lines.append(
            f"| {row.what} | {row.ours} | {row.against} | {row.measured} | {row.target} | {row.n} | {verdict} |"
        )
    return "\n".join(lines)
