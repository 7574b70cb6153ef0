"""How long and how much memory `python -m audit verify` needs; targets: 1 M records in < 15 s and < 64 MB."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit.checkpoint import sign_checkpoint
from audit.entry import encode
from audit.export import write_bundle
from audit.merkle import Frontier, leaf_hash
from audit.note import Signer

ROOT = Path(__file__).parents[1]
START = datetime(2026, 7, 1, tzinfo=UTC)


def run(records: int = 1_000_000) -> list[dict[str, object]]:
    """Rows for the table of the benchmark runner: measured figure and target, scaled to the size."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bundle"
        _write(bundle, records)
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "audit", "verify", bundle], cwd=ROOT, check=True, capture_output=True
        )
        seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # Linux counts in KiB
    allowed = 15 * records / 1_000_000
    return [
        {"what": f"audit verify, {records} records", "value": seconds, "unit": "s", "target": f"< {allowed:g}",
         "ok": seconds < allowed},
        {"what": "audit verify, peak memory", "value": megabytes, "unit": "MB", "target": "< 64",
         "ok": megabytes < 64},
    ]  # fmt: skip


def _write(bundle: Path, records: int) -> None:
    signer = Signer.generate("accessctl/bench/2026")
    frontier, notes = Frontier.empty(), []

    def leaves() -> Iterator[bytes]:
        for number in range(records):
            leaf = encode(_record(number))
            frontier.append(leaf_hash(leaf))
            if frontier.size % 256 == 0 or frontier.size == records:
                notes.append(sign_checkpoint(signer, signer.name, frontier.size, frontier.root()))
            yield leaf

    write_bundle(bundle, leaves=leaves(), checkpoints=notes, verifier_key=signer.verifier_key)


def _record(number: int) -> dict[str, object]:
    return {
        "time": START + timedelta(milliseconds=17 * number),
        "event": "lease.checkout",
        "outcome": "ok",
        "reason": None,
        "actor": {"id": number % 300, "name": "Nguyễn Thị Hoà", "role": "reception", "office": "DM"},
        "account": "TKCL-GN-DM",
        "lease": f"{number:032x}",
        "dossier": "0042/TNHS",
        "guest": "GN",
        "host": "DM",
        "subject": "ab" * 32,
        "client": {"address": "10.1.2.3", "port": 44321},
        "correlation": f"{number:032x}",
        "policy": "2026.07-1",
    }


if __name__ == "__main__":
    for row in run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(
            f"{row['what']:40} {row['value']:8.1f} {row['unit']:3} {row['target']:8} {'ok' if row['ok'] else 'MISSED'}"
        )
