"""`accessctl policy grants|drift|repair`: what the policy wants in the office databases, what is there, mending it."""

from __future__ import annotations

import os
from typing import Any

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.cli.officedb import admin_dsn
from accessctl.errors import Invalid
from accessctl.officedb.drifted import Drift
from accessctl.services import drift as service
from accessctl.services import grants as wanted
from accessctl.services import repair as repairs

_WHO = {
    "vi": {"broker": "hệ thống tự làm", "admin": "cần quản trị cơ sở dữ liệu", None: "phải có người xem xét"},
    "en": {"broker": "the service itself", "admin": "a database administrator", None: "a person has to look"},
}
_WHY = {
    "vi": {
        "by_hand": "phải có người xem xét", "needs_admin": "cần kết nối của quản trị cơ sở dữ liệu",
        "no_effect": "đã chạy nhưng không thay đổi gì", "busy": "người khác đang sửa cùng quyền, đã thử 2 lần",
        "refused": "cơ sở dữ liệu từ chối",
    },
    "en": {
        "by_hand": "a person has to look", "needs_admin": "needs a database administrator's connection",
        "no_effect": "executed, and nothing changed", "busy": "somebody else is changing the same rights, tried twice",
        "refused": "refused by the database",
    },
}  # fmt: skip


@click.command()
@click.argument("office", required=False)
@command()
def grants(edge: Edge, office: str | None) -> None:
    """What the policy wants in the database of OFFICE, or of every office: all of it, and nothing else."""
    actor = edge.actor
    found = [wanted.listed(edge.rt, actor, code) for code in _offices(edge, (office,) if office else ())]
    rows = [
        (entry.office, line.role, line.what, line.object, line.privileges)
        for entry in found
        for line in entry.lines
    ]
    columns = ("Đơn vị", "Vai trò", "Loại", "Đối tượng", "Quyền")
    edge.out(found, draw(f"Quyền theo chính sách: {len(rows)}", columns, rows))


@click.command()
@click.argument("offices", nargs=-1, metavar="[OFFICE]...")
@click.option("--check", is_flag=True, help="Exit 1 when there is a deviation.")
@command()
def drift(edge: Edge, offices: tuple[str, ...], check: bool) -> None:
    """Compare what the office databases give with what the policy gives."""
    actor = edge.actor
    found = service.scan(edge.rt, actor, _offices(edge, offices))
    _show(edge, found)
    if any(entry.code for entry in found):
        raise click.exceptions.Exit(3)
    if check and any(entry.drifts for entry in found):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("offices", nargs=-1, metavar="[OFFICE]...")
@click.option("--apply/--plan", "apply", help="Run the statements; without --apply they are only shown.")
@click.option(
    "--admin-dsn-from", type=click.Choice(["env", "prompt"]),
    help="Where the DBA's connection comes from: ACCESSCTL_ADMIN_DSN or a hidden prompt. It is never stored.",
)  # fmt: skip
@click.option(
    "--broker-only", is_flag=True, help="Only what the service may do by itself; no DBA's connection."
)
@command()
def repair(
    edge: Edge, offices: tuple[str, ...], apply: bool, admin_dsn_from: str | None, broker_only: bool
) -> None:
    """Take back what the policy does not give, and give what is missing, at OFFICE or at every office.

    One transaction for each database, one database after the other. Exit 1 when something is left, 3 when an office
    was out of reach; the others are done all the same.
    """
    actor = edge.actor
    codes = _offices(edge, offices)
    if not apply:
        _show(edge, service.scan(edge.rt, actor, codes))
        return
    asked = None if broker_only else lambda office: _admin_dsn(edge, office, admin_dsn_from)
    found = repairs.apply(edge.rt, actor, codes, asked)
    _show_outcome(edge, found)
    if any(entry.code for entry in found):
        raise click.exceptions.Exit(3)
    if any(entry.drifts for entry in found):
        raise click.exceptions.Exit(1)


def _offices(edge: Edge, named: tuple[str, ...]) -> list[str]:
    return list(named) or list(edge.rt.offices.offices)


def _admin_dsn(edge: Edge, office: str, source: str | None) -> str:
    if source == "env" and not os.environ.get("ACCESSCTL_ADMIN_DSN"):
        raise Invalid("officedb.no_admin_dsn")
    if source == "env":
        return os.environ["ACCESSCTL_ADMIN_DSN"]
    return admin_dsn(edge, office, ask=source == "prompt")


def _show(edge: Edge, found: list[service.OfficeDrift]) -> None:
    rows: list[tuple[Any, ...]] = [
        (e.office, *_cells(edge, d), _WHO[edge.language][d.who]) for e in found for d in e.drifts
    ]
    rows += [(e.office, "–", edge.words(e.code, office=e.office), None, "–") for e in found if e.code]
    columns = ("Đơn vị", "Mức", "Sai lệch", "Câu lệnh khắc phục", "Ai làm được")
    edge.out(found, draw(f"Sai lệch quyền: {len(rows)}", columns, rows))


def _show_outcome(edge: Edge, found: list[repairs.Outcome]) -> None:
    done = {"vi": "đã khắc phục", "en": "repaired"}[edge.language]
    rows: list[tuple[Any, ...]] = [(e.office, *_cells(edge, d), done) for e in found for d in e.repaired]
    for entry in found:
        for left in entry.left:
            why = _WHY[edge.language][left.why] + (f": {left.said}" if left.said else "")
            rows.append((entry.office, *_cells(edge, left.drift), why))
    rows += [(e.office, "–", edge.words(e.code, office=e.office), None, "–") for e in found if e.code]
    columns = ("Đơn vị", "Mức", "Sai lệch", "Câu lệnh khắc phục", "Kết quả")
    edge.out(found, draw(f"Khắc phục sai lệch quyền: {len(rows)}", columns, rows))


def _cells(edge: Edge, drift: Drift) -> tuple[int, str, str | None]:
    return drift.severity, drift.vi if edge.language == "vi" else drift.en, drift.repair


COMMANDS = (grants, drift, repair)
