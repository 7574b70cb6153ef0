"""`accessctl province`: what the founding files would change, and changing it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accessctl.cli.edge import Edge, command, draw
from accessctl.cli.progress import progress_bar
from accessctl.domain.province import (
    OFFICERS_FILE,
    OfficerEntry,
    Province,
    ProvinceError,
    parse_officers,
    parse_province,
)
from accessctl.errors import Invalid
from accessctl.services import province as service

if TYPE_CHECKING:
    from rich.console import Console

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def province() -> None:
    """The province as data: province.toml, with officers.csv beside it."""


@province.command()
@FILE
@command(signed_in=False)
def plan(edge: Edge, file: Path) -> None:
    """Show what `apply` would change; changes nothing."""
    founded, staff = read(edge, file)
    changes = service.plan(edge.rt, founded, staff)
    edge.out({"changes": changes, "count": len(changes)}, _table("Sẽ thay đổi", changes))


@province.command()
@FILE
@command(signed_in=False)
def apply(edge: Edge, file: Path) -> None:
    """Make it so. Applying twice is the same as once. Exit 3: an office was out of reach; 1: one refused."""
    founded, staff = read(edge, file)
    with progress_bar(edge, "Đang áp dụng") as step:
        applied = service.apply(edge.rt, founded, staff, progress=step)
    answer = {"changes": applied.changes, "count": len(applied.changes), "unreachable": applied.unreachable}
    edge.out(answer, _table("Đã thay đổi", list(applied.changes)))
    if applied.unreachable:
        for error in applied.errors:
            edge.tell(error)
        raise click.exceptions.Exit(max(error.exit_status for error in applied.errors))


def read(edge: Edge, file: Path) -> tuple[Province, tuple[OfficerEntry, ...]]:
    """The two files as values. Raises Invalid naming file, line and fault."""
    _ = edge.rt  # a file that is refused is recorded too
    try:
        founded = parse_province(_text(file))
        staff = file.with_name(OFFICERS_FILE)
        people = parse_officers(_text(staff), founded) if staff.exists() else ()
    except ProvinceError as error:
        raise Invalid(error.code, file=error.file, line=error.line, what=error.what) from None
    if edge.settings.demo:
        founded = founded.open_at_all_hours()
    return founded, people


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise Invalid("province.not_utf8", file=file.name, line=line) from None


def _table(title: str, changes: list[service.Change]) -> Callable[[Console], None]:
    rows = [(change.what, change.name, change.how) for change in changes[:400]]
    return draw(f"{title}: {len(changes)}", ("Loại", "Tên", "Thay đổi"), rows)
