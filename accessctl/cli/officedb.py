"""`accessctl officedb`: the gate in the office databases."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path

import click

from accessctl.cli.edge import Edge, command, draw, plain
from accessctl.errors import Unavailable
from accessctl.services import officedbs


@click.group()
def officedb() -> None:
    """The office databases: install the gate, look how it stands."""


@officedb.command()
@click.argument("office", required=False)
@click.option("--show", is_flag=True, help="Print the SQL instead of running it; no password in it.")
@command(signed_in=False)
def install(edge: Edge, office: str | None, show: bool) -> None:
    """Install or upgrade the gate (schema access, login trigger, roles) at OFFICE, or at every office.

    Needs a superuser's connection once: ACCESSCTL_ADMIN_DSN or a hidden prompt. It is never stored.
    """
    codes = [office] if office else sorted(edge.settings.office_dsns)
    if show:
        for code in codes:
            click.echo(officedbs.install_script(edge.settings, code))
        return
    reports = [officedbs.install_office(edge.rt, code, admin_dsn(edge, code)) for code in codes]
    rows = [
        (r.office, r.version, sum(s.executed for s in r.steps), ", ".join(r.shortcomings)) for r in reports
    ]
    answer = [
        {
            "office": code,
            "version": version,
            "executed": executed,
            "changed": executed > 0,
            "shortcomings": lacks,
        }
        for code, version, executed, lacks in rows
    ]
    edge.out(answer, draw("Cài đặt", ("Đơn vị", "Bản", "Số bước đã thực hiện", "Còn thiếu"), rows))


def admin_dsn(edge: Edge, office: str, *, ask: bool = False) -> str:
    """The DBA's connection: a demo knows its own, elsewhere it is asked for; `ask`: in any case."""
    folder = edge.settings.env.get("ACCESSCTL_DEMO_FOLDER")
    if folder and not ask:
        known = json.loads((Path(folder) / "demo.json").read_text(encoding="utf-8"))
        return str(known["offices"][office]["admin_dsn"])
    return (not ask and os.environ.get("ACCESSCTL_ADMIN_DSN")) or getpass.getpass(f"Admin DSN ({office}): ")


@officedb.command()
@click.argument("office", required=False)
@command(signed_in=False)
def status(edge: Edge, office: str | None) -> None:
    """How the databases stand; exit 3 when one is out of reach or not sound."""
    found = officedbs.statuses(edge.rt, office)
    answer = []
    rows = []
    for entry in found:
        s = entry.status
        answer.append(
            {
                "office": entry.office, "reachable": entry.reachable, "code": entry.code,
                "sound": bool(s and s.sound), "version": s.version if s else None,
                "wanted_version": s.wanted_version if s else None,
                "server_version": s.server_version if s else None, "trigger_enabled": s.trigger_enabled if s else None,
                "accounts": s.accounts if s else None, "logins_enabled": s.logins_enabled if s else None,
                "open_now": s.open_now if s else None, "log_witness": s.log_witness if s else None,
                "log_shortcomings": list(s.log_shortcomings) if s else [],
                "public_findings": list(s.public_findings) if s else [],
            }
        )  # fmt: skip
        shown = (
            (s.server_version, s.version, s.accounts, s.open_now, s.log_witness, s.sound) if s else ("–",) * 6
        )
        rows.append(
            (
                entry.office,
                "có" if entry.reachable else edge.words(entry.code or "", office=entry.office),
                *shown,
            )
        )
    columns = ("Đơn vị", "Kết nối", "PostgreSQL", "Bản", "Tài khoản", "Đang mở", "Nhật ký máy chủ", "Đạt")
    edge.out(answer, draw("Cơ sở dữ liệu đơn vị", columns, rows))
    if not all(entry.status and entry.status.sound for entry in found):
        raise click.exceptions.Exit(Unavailable.exit_status)


@officedb.command("disable-all")
@click.argument("office", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@command(signed_in=False)
def disable_all(edge: Edge, office: str | None, yes: bool) -> None:
    """Shut every account of OFFICE, or of every office: NOLOGIN, leases and sessions ended.

    The first step after restoring the control database, before `reconcile` and before serve and worker start.
    Exit 3 when an office was out of reach or an account is not provably shut.
    """
    if not yes:
        click.confirm(
            f"Đóng mọi tài khoản và kết thúc mọi phiên tại {office or 'tất cả đơn vị'}? / Shut every account?",
            abort=True,
            err=True,
        )
    found = officedbs.shut_all(edge.rt, office)
    answer = [{**plain(entry), "sound": entry.sound} for entry in found]
    rows = [
        (
            e.office, e.accounts, e.sessions_ended, e.sound, e.recorded,
            edge.words(e.code, office=e.office) if e.code else ", ".join(e.failed),
        )
        for e in found
    ]  # fmt: skip
    columns = ("Đơn vị", "Tài khoản", "Phiên đã kết thúc", "Đã đóng", "Đã ghi nhật ký", "Chưa đóng được")
    edge.out(answer, draw("Đóng mọi tài khoản", columns, rows))
    if not all(entry.sound for entry in found):
        raise click.exceptions.Exit(Unavailable.exit_status)
