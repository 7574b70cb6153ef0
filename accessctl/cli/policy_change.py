"""`accessctl policy propose|changes|show|approve|decline|rollout`: changing the policy under four eyes."""

from __future__ import annotations

from pathlib import Path

import click

from accessctl.access.compare import by_role
from accessctl.access.explain import label
from accessctl.cli.edge import Edge, command, draw
from accessctl.cli.officedb import admin_dsn
from accessctl.domain.permissions import EVERY_OFFICER
from accessctl.errors import Invalid, NotFound, Unavailable
from accessctl.services import policy_change, policy_rollout
from accessctl.services.control import transaction
from accessctl.services.policy_change import ChangeRow, ChangeView

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SUFFIXES = (".conf", ".csv", ".toml")
ACKNOWLEDGE = "It changes what TKCL or TKHCTT may do, and that is meant."


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--reason", required=True, help="Why, for whoever approves and for the history.")
@click.option("--changes-frozen", is_flag=True, help=ACKNOWLEDGE)
@command()
def propose(edge: Edge, folder: Path, reason: str, changes_frozen: bool) -> None:
    """Propose the policy files of FOLDER (all of them, or only those that change) in place of those in force."""
    try:
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES}
    except OSError as error:
        raise Invalid("config.file_unreadable", file=str(folder), why=error.strerror or "") from error
    actor = edge.actor
    with transaction(edge.rt) as session:
        row = policy_change.propose(edge.rt, session, actor, files, reason, frozen=changes_frozen)
        view = policy_change.show(edge.rt, session, actor, str(row.id))
    _show(edge, view)


@click.command()
@command()
def changes(edge: Edge) -> None:
    """Every change that was proposed, newest first, and which policy each office has applied."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        rows = policy_change.listed(edge.rt, session, actor)
        offices = policy_rollout.standing(edge.rt, session, actor)
    columns = ("Số", "Trạng thái", "Bản", "Người đề nghị", "Lúc", "Người quyết định", "Lý do")
    lines = [
        (r.id, _state(r), r.version[:12], r.proposed_by, r.proposed_at, r.decided_by, r.reason) for r in rows
    ]
    edge.out({"changes": rows, "offices": offices}, draw("Thay đổi chính sách", columns, lines))
    if late := policy_rollout.behind(offices):
        click.echo(edge.words("policy.offices_behind", offices=", ".join(late)), err=True)


@click.command()
@click.argument("number")
@command()
def show(edge: Edge, number: str) -> None:
    """One change: who gains and loses what, where, in which case; the SQL; the lines."""
    with transaction(edge.rt) as session:
        view = policy_change.show(edge.rt, session, edge.actor, number)
    _show(edge, view)


@click.command()
@click.argument("number")
@click.option("--changes-frozen", is_flag=True, help=ACKNOWLEDGE)
@click.option("--note", default="", help="What the approver writes to it.")
@command()
def approve(edge: Edge, number: str, changes_frozen: bool, note: str) -> None:
    """Approve change NUMBER, as the director, and put it in force; offices follow where no administrator is needed."""
    actor = edge.actor
    with transaction(edge.rt) as session:
        row = policy_change.approve(edge.rt, session, actor, number, frozen=changes_frozen, note=note)
        version = row.version
    policy_rollout.follow(edge.rt)
    late = policy_rollout.roll_out(edge.rt, actor=actor)
    edge.out({"version": version, "behind": late})


@click.command()
@click.argument("number")
@click.option("--reason", required=True, help="Why not.")
@command()
def decline(edge: Edge, number: str, reason: str) -> None:
    """Decline change NUMBER as the director, or withdraw one's own."""
    with transaction(edge.rt) as session:
        policy_change.decline(edge.rt, session, edge.actor, number, reason)
    edge.out({"change": number})


@click.command()
@click.argument("office", required=False)
@command(signed_in=False)
def rollout(edge: Edge, office: str | None) -> None:
    """Bring OFFICE, or every one that is behind, to the policy in force, as a DBA (ACCESSCTL_ADMIN_DSN or a prompt).

    Revocations first at every office, then grants. Broken off, run it again. Exit 3 when an office stays behind.
    """
    if office is not None and office not in edge.rt.offices.offices:
        raise NotFound("office.unknown", office=office[:20])
    policy_rollout.follow(edge.rt)
    late = policy_rollout.roll_out(edge.rt, lambda code: admin_dsn(edge, code), only=office)
    edge.out({"version": edge.rt.policy().version, "behind": late})
    if late:
        raise Unavailable("policy.offices_behind", offices=", ".join(late))


def _state(row: ChangeRow) -> str:
    return _STATES["IN_FORCE" if row.in_force else row.state]


_PLACES = {
    "any": "mọi đơn vị",
    "own": "đơn vị của mình",
    "foreign": "đơn vị khác",
    "head": "trụ sở BHXH tỉnh",
}
_STATES = {
    "IN_FORCE": "đang có hiệu lực", "WAITING": "chờ phê duyệt", "APPROVED": "đã được thay thế",
    "DECLINED": "không được phê duyệt", "WITHDRAWN": "đã rút lại",
}  # fmt: skip


def _show(edge: Edge, view: ChangeView) -> None:
    policy = table.policy if (table := edge.rt.gate.table) is not None else None

    def word(kind: str, code: str) -> str:
        return label(policy, kind, code) if policy else code

    rows = [
        (word("roles", role) if role != EVERY_OFFICER else "mọi cán bộ", _sign(told.gained),
         word("permissions", told.permission), _PLACES.get(told.where, "một số đơn vị"),
         "mọi trường hợp" if told.cases is None else ", ".join(word("cases", case) for case in told.cases), told.line)
        for role, tolds in by_role(view.difference.decisions)
        for told in tolds
    ]  # fmt: skip
    rows += [
        (shift.kind, _sign(shift.gained), shift.what if shift.function else word("permissions", shift.what),
         "cơ sở dữ liệu mọi đơn vị", "", "")
        for shift in view.difference.kinds
    ]  # fmt: skip
    columns = ("Vai trò, loại tài khoản", "", "Quyền", "Nơi", "Trường hợp", "Dòng quyết định")
    answer = {
        "change": view.row,
        "decisions": view.difference.decisions,
        "kinds": view.difference.kinds,
        "words": view.difference.words,
        "revokes": view.revokes,
        "grants": view.grants,
        "frozen": view.difference.frozen,
        "lint": view.remarks,
    }
    edge.out(answer, draw(f"Đề nghị số {view.row.id}: {len(rows)} thay đổi", columns, rows))


def _sign(gained: bool) -> str:
    return "thêm" if gained else "bớt"


COMMANDS = (propose, changes, show, approve, decline, rollout)
