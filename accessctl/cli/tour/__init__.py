"""A day of 24 April, played on a running demo through its public interfaces only (domain.md §14)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from accessctl.cli.demo_folder import DemoFolder
from accessctl.cli.tour import afternoon, counter
from accessctl.cli.tour.day import Day
from accessctl.cli.tour.outside import CommandLine, Pages, Psql
from accessctl.cli.tour.report import Report
from accessctl.embedded import Cluster, ClusterError

_STEPS: tuple[tuple[str, str, str, Callable[[Day], None]], ...] = (
    ("07:44", "Cấp lại thẻ bị mất cho người do Đắk Mil quản lý", "reissue across offices", counter.reissue),
    (
        "09:10",
        "Hiệu chỉnh rồi cấp lại, hai cán bộ",
        "correction and reissue by two officers",
        counter.correction,
    ),
    ("09:40", "Mạng đứt khi đang cấp lại", "the network fails in the middle", counter.lost_answer),
    ("11:00", "Hai cán bộ cần cùng một tài khoản", "two officers, one account", afternoon.queue),
    ("15:30", "Đăng nhập sai làm khóa tài khoản", "wrong passwords lock an account", afternoon.locked),
    ("17:00", "Đối chiếu cuối ngày", "reconciliation", afternoon.evening),
)


def tour(data: Path, *, quick: bool = False) -> int:
    """Play the day (`quick`: without the two minutes of 09:40).

    The exit status: 0 all went well, 1 a step failed, 3 there is no demo running.
    """
    report = Report(Console(highlight=False))
    try:
        day = _day(data.resolve(), report, quick)
    except (OSError, ClusterError) as error:
        report.say(f"Không có bản trình diễn nào đang chạy · no demo is running: {data} ({error})")
        return 3
    began = time.monotonic()
    for at, vi, en, play in _STEPS:
        with report.step(at, vi, en):
            play(day)
    seconds = time.monotonic() - began
    report.say(
        f"\n[bold]{report.passed}/{len(_STEPS)} bước đạt[/bold] · steps passed · {seconds:.0f} s"
        + ("  (--quick: không chờ phiên bỏ dở lúc 09:40 · without the abandoned lease)" if quick else "")
    )
    return 1 if report.failed else 0


def _day(data: Path, report: Report, quick: bool) -> Day:
    """Everything the play needs. Raises OSError or ClusterError when it is not there."""
    folder = DemoFolder(data)
    known = folder.demo_json()
    pages = Pages(known["url"])
    if not pages.alive():
        raise OSError(known["url"])
    passwords = {who["username"]: who["password"] for who in known["people"]}
    return Day(
        report=report,
        accessctl=CommandLine(data, passwords),
        psql=Psql(Cluster(folder.postgres).client("psql")),
        pages=pages,
        people=known["people"],
        quick=quick,
    )
