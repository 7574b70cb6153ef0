"""`accessctl audit`: giving the log away. Verifying needs none of this: `python -m audit verify`."""

from __future__ import annotations

from pathlib import Path

import click

from accessctl.cli.edge import Edge, command
from accessctl.services import exporting


@click.group("audit")
def audit_log() -> None:
    """The tamper-evident log."""


@audit_log.command()
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="A folder that does not exist yet."
)
@command()
def export(edge: Edge, out: Path) -> None:
    """Export the log as a bundle that anyone can verify offline."""
    written = exporting.export(edge.rt, edge.actor, out)
    edge.out(
        {
            "folder": str(written.folder),
            "size": written.size,
            "root": written.root.hex(),
            "checkpoints": written.checkpoints,
            "unsequenced": written.unsequenced,
        }
    )
