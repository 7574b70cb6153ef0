"""`accessctl custodians`: appointing, acknowledging, ending, and the contact list for every unit."""

from __future__ import annotations

from datetime import date, datetime

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.clock import PROVINCE_TIME, local, now
from accessctl.domain.accounts import Kind
from accessctl.services import closing, contact_list, custody
from accessctl.services.control import transaction

SHARED = click.Choice([Kind.TKCL.value, Kind.TKHCTT.value])
DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def custodians() -> None:
    """The people who answer for an office's shared accounts."""


@custodians.command()
@click.argument("office")
@click.argument("kind", type=SHARED)
@click.argument("officer")
@click.option("--decision", required=True, help="Number of the unit head's decision.")
@click.option("--from", "since", type=DAY, help="The decision's date (default: from now on).")
@click.option("--until", type=DAY, help="First day on which it no longer holds.")
@command()
def appoint(
    edge: Edge,
    office: str,
    kind: str,
    officer: str,
    decision: str,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Appoint OFFICER custodian of OFFICE's accounts of KIND, as its unit head."""
    actor = edge.actor
    start = _start(since.date()) if since else edge.rt.now()
    wanted = custody.Appointment(
        office, Kind(kind), officer, decision, start, _start(until.date()) if until else None
    )
    with transaction(edge.rt) as session:
        made = custody.appoint(edge.rt, session, actor, wanted)
        answer = {
            "office": made.office_code,
            "kind": made.kind,
            "officer": made.officer.username,
            "since": made.period.lower,
            "until": made.period.upper,
            "decision": made.decision_no,
            "acknowledged": made.acknowledged_at is not None,
        }
    edge.out(answer)


def _start(day: date) -> datetime:
    """The day's first moment in the province; today's decision holds from now, not from midnight."""
    if day == local(now()).date():
        return now()
    return datetime(day.year, day.month, day.day, tzinfo=PROVINCE_TIME)


@custodians.command()
@click.argument("office")
@click.argument("kind", type=SHARED)
@command()
def acknowledge(edge: Edge, office: str, kind: str) -> None:
    """Confirm one's own appointment."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        made = custody.acknowledge(edge.rt, session, actor, office, Kind(kind))
        answer = {
            "office": office,
            "kind": kind,
            "officer": actor.username,
            "acknowledged_at": made.acknowledged_at,
        }
    edge.out(answer)


@custodians.command()
@click.argument("office")
@click.argument("kind", type=SHARED)
@click.option("--reason", required=True, help="Number of the decision, or why.")
@command()
def end(edge: Edge, office: str, kind: str, reason: str) -> None:
    """End the assignment in force; sessions end, old credentials are void."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        ending = custody.end(edge.rt, session, actor, office, Kind(kind), reason)
    closing.finish_all(edge.rt, ending)
    edge.out({"office": office, "kind": kind, "ended": True, "leases_ended": ending})


@custodians.command("list")
@command()
def list_(edge: Edge) -> None:
    """The contact list of all custodians; gaps stand in it as such."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        contacts = contact_list.current(edge.rt, session, actor)
    columns = (
        "STT",
        "Đơn vị",
        "Loại",
        "Họ và tên",
        "Chức vụ",
        "Điện thoại",
        "Thư điện tử",
        "Từ ngày",
        "Đã xác nhận",
    )
    rows = [
        (
            number,
            c.office_name,
            c.kind,
            c.full_name or "CHƯA CÓ",
            c.title,
            c.phone,
            c.email,
            c.since,
            c.acknowledged,
        )
        for number, c in enumerate(contacts, start=1)
    ]
    edge.out(contacts, draw("Danh sách thông tin liên hệ cán bộ quản lý tài khoản", columns, rows))
