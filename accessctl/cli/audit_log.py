"""`accessctl audit`: giving the log away. Verifying needs none of this: `python -m audit verify`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.clock import PROVINCE_TIME
from accessctl.services import exporting, journal
from accessctl.services.control import transaction


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


WHEN = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


@audit_log.command()
@click.option("--person", default="", help="Part of a user name or full name.")
@click.option("--account", default="", help="Account, such as TKCL-CJT-DML.")
@click.option("--office", default="", help="Office code, as actor, guest or host.")
@click.option("--dossier", default="", help="Dossier number.")
@click.option("--lease", default="", help="Lease id.")
@click.option("--event", default="", help="Event, such as lease.checkout; its failed twin comes with it.")
@click.option("--since", type=WHEN, help="Local time.")
@click.option("--until", type=WHEN, help="Local time.")
@click.option(
    "--before", type=int, help="Records older than this place in the log; 50 at a time, newest first."
)
@command()
def search(edge: Edge, since: datetime | None, until: datetime | None, **words: Any) -> None:
    """The records that this person may see and that fit every word given."""
    actor = edge.actor
    query = journal.JournalQuery(since=_local(since), until=_local(until), **words)
    with transaction(edge.rt) as session:
        page = journal.search(edge.rt, session, actor, query)
    rows = [(r.index, r.at, r.event_label_vi, r.actor, r.account, r.outcome, r.reason) for r in page.rows]
    columns = ("Số", "Lúc", "Sự kiện", "Ai", "Tài khoản", "Kết quả", "Lý do")
    more = f" · cũ hơn: --before {page.older}" if page.older is not None else ""
    edge.out(page, draw(f"Nhật ký: {len(page.rows)} sự kiện{more}", columns, rows))


def _local(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=PROVINCE_TIME) if moment else None
