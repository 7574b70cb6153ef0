"""`python -m bench [ROW…]`: the speed table, ratios measured in the same run; writes bench/last.json.

Rows: policy, founding, sequential, crowd, closing, audit, verify, people, viewers, drift, pages; without a name
all of them.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench import closings, drift, founding, loans, pages, policy, records, viewers
from bench.measure import Row, show
from bench.site import ROOT, Bench, province

LAST = Path(__file__).with_name("last.json")


def _verify(_: Bench) -> list[Row]:
    """In a process of its own: the memory of children is counted together, and others have been big."""
    code = "import json; from bench import audit_verify; print(json.dumps(audit_verify.run(100_000)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return [
        Row(str(row["what"]), "–", "–", f"{row['value']:.1f} {row['unit']}", f"{row['target']} {row['unit']}",
            bool(row["ok"]), 1)
        for row in json.loads(done.stdout)
    ]  # fmt: skip


ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "founding": founding.rows,
    "sequential": loans.sequential,
    "crowd": loans.crowd,
    "closing": closings.revoked_and_expired,
    "audit": records.throughput,
    "verify": _verify,
    "people": pages.at_once,
    "viewers": viewers.rows,
    "drift": drift.rows,
    "pages": pages.growth,  # the last: afterwards the province is a large one
}


ALONE: dict[str, Callable[[], list[Row]]] = {"policy": policy.rows}
"""Rows that need no province."""


def _measured(wanted: list[str]) -> Iterator[tuple[str, list[Row]]]:
    for name in wanted:
        if name in ALONE:
            yield name, ALONE[name]()
    if rest := [name for name in wanted if name in ROWS]:
        with province() as bench:
            for name in rest:
                yield name, ROWS[name](bench)


def main(wanted: list[str]) -> int:
    """Exit code 0 when every target was met, 1 when one was missed, 2 for an unknown row."""
    if unknown := set(wanted) - set(ROWS) - set(ALONE):
        sys.stderr.write(f"unknown: {', '.join(sorted(unknown))}\n{__doc__}")
        return 2
    rows: list[Row] = []
    load = os.getloadavg()[0]
    for name, found in _measured(wanted or [*ALONE, *ROWS]):
        rows += found
        sys.stderr.write(f"… {name}\n" + "".join(f"  {row.what}: {row.measured}\n" for row in found))
    facts = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "processors": os.cpu_count(), "load_before": load,
        "python": platform.python_version(), "rows": [row.facts() for row in rows],
    }  # fmt: skip
    LAST.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{os.cpu_count()} processors, load {load:.1f} before the start\n{show(rows)}\n")
    return 0 if all(row.ok is not False for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
