"""`accessctl reconcile`: the day's logins against the leases; `accessctl findings`: what did not add up."""

from __future__ import annotations

from datetime import datetime

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.cli.progress import progress_bar
from accessctl.clock import local
from accessctl.services import findings as found
from accessctl.services import reconciliation
from accessctl.services.control import transaction


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Local day (default: today).")
@command()
def reconcile(edge: Edge, day: datetime | None) -> None:
    """Compare every database login of a day with the leases. Exit 1: unexplained ones; 3: a host was unread."""
    actor = edge.actor
    date = day.date() if day else local(edge.rt.now()).date()
    with progress_bar(edge, "Đang đọc nhật ký các cơ sở dữ liệu") as step:
        statement = reconciliation.reconcile(edge.rt, actor, date, progress=step)
    rows = [
        ("Phiên sử dụng tài khoản", statement.leases),
        ("Đăng nhập cơ sở dữ liệu", statement.logins),
        ("Khớp với phiên sử dụng", statement.matched),
        ("Thao tác", statement.acts),
        ("Bị cơ sở dữ liệu từ chối", statement.refused),
        ("Sai mật khẩu", statement.failed),
        ("Đăng nhập của quản trị CSDL", statement.admin_logins),
        ("Không rõ nguồn gốc", len(statement.unexplained)),
        *[("  ", f"{u['host']} {u['role']} {u['address']} pid {u['pid']}") for u in statement.unexplained],
        *[
            ("Chưa đọc được", f"{host}: {edge.words(code, office=host)}")
            for host, code in statement.unread.items()
        ],
    ]
    edge.out(statement, draw(f"Đối chiếu ngày {date:%d/%m/%Y}", ("", ""), rows))
    if statement.unexplained:
        raise click.exceptions.Exit(1)
    if statement.unread:
        raise click.exceptions.Exit(3)


@click.command()
@command()
def findings(edge: Edge) -> None:
    """What did not add up and who it concerns."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        rows = found.recent(edge.rt, session, actor)
    shown = [
        (r.severity, edge.words(f"finding.{r.kind}"), r.office, r.account, r.times, r.last_at, r.state)
        for r in rows
    ]
    columns = ("Mức", "Phát hiện", "Đơn vị", "Tài khoản", "Số lần", "Lần cuối", "Tình trạng")
    edge.out(rows, draw("Phát hiện", columns, shown))
