"""`accessctl offices`: extra opening hours."""

from __future__ import annotations

from datetime import datetime

import click

from accessctl.cli.edge import Edge, command
from accessctl.clock import PROVINCE_TIME
from accessctl.services import hours
from accessctl.services.control import transaction

WHEN = click.DateTime(["%Y-%m-%dT%H:%M"])


@click.group()
def offices() -> None:
    """The offices."""


@offices.command("open-window")
@click.argument("office")
@click.option("--from", "opens", required=True, type=WHEN, help="Local time, 2026-05-04T17:00.")
@click.option("--until", "closes", required=True, type=WHEN, help="Local time.")
@click.option("--reason", required=True, help="Why.")
@command()
def open_window(edge: Edge, office: str, opens: datetime, closes: datetime, reason: str) -> None:
    """Open extra hours at one's own office, as its unit head."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        window = hours.open_window(
            edge.rt, session, actor, office=office, opens=opens.replace(tzinfo=PROVINCE_TIME),
            closes=closes.replace(tzinfo=PROVINCE_TIME), reason=reason,
        )  # fmt: skip
        answer = {"office": office, "opens": window.opens, "closes": window.closes}
    edge.out(answer)
