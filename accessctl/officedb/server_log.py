"""Reading the server's JSON log through `access.server_log`, to the last newline, over rotation and restarts.

Several databases may share one server and so one log: a mark belongs to a server, not to an office.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from accessctl.officedb.server_events import Roles, ServerEvent, classify, instant, is_unsettled

Session = psycopg.Connection[tuple[Any, ...]]

SETTLE = timedelta(seconds=1.5)  # the login trigger may wait 1 s for a lock before it refuses
_CHUNK = 1 << 20
_LONGEST_LINE = 4 << 20


class LogTrouble(StrEnum):
    """What is wrong with the log itself; each is a finding."""

    SHRUNKEN = "shrunken"
    MISSING = "missing"
    BROKEN_LINE = "broken_line"
    OTHER_SERVER = "other_server"


@dataclass(frozen=True, slots=True)
class LogMark:
    """How far a server's log has been read: bytes of a file, always after a newline."""

    system_identifier: str
    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble with the log and the file it was found in."""

    kind: LogTrouble
    file: str


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Events in order, where to read on, and what was wrong. `more`: call again at once."""

    events: tuple[ServerEvent, ...]
    mark: LogMark | None
    troubles: tuple[Trouble, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    size: int
    modified: datetime


def log_mark_now(conn: Session) -> LogMark | None:
    """The end of the server's log at this moment; None when it writes no JSON log."""
    system, current, _, _ = _identity(conn)
    sizes = {file.name: file.size for file in _files(conn)}
    return LogMark(system, current, sizes.get(current, 0)) if current else None


def read_log(conn: Session, mark: LogMark | None, *, settle: timedelta = SETTLE) -> LogBatch:
    """Events since the mark, as the witness; without one, from the beginning of the current file.

    An authorised login younger than `settle` of which nothing more is known ends the batch: it may still be
    refused by the trigger, and then it must not be taken for a login.
    """
    system, current, host_now, zone = _identity(conn)
    files = _files(conn)
    mark, troubles = _place(mark, system, current, files)
    if mark is None:
        return LogBatch((), None, troubles)
    data = _read(conn, mark)
    following = _following(mark.file, files)
    end = data.rfind(b"\n") + 1
    lines, broken = _parse(data[:end])
    troubles += (Trouble(LogTrouble.BROKEN_LINE, mark.file),) * broken
    kept = _settled(lines, host_now - settle, zone)
    offset = mark.offset + (end if kept == len(lines) else lines[kept][0])
    events = classify([line for _, line in lines[:kept]], Roles.of(conn), zone)
    cut = kept < len(lines)
    if not cut and len(data) < _CHUNK and following is not None:
        return LogBatch(events, LogMark(system, following, 0), troubles, more=True)
    return LogBatch(
        events, LogMark(system, mark.file, offset), troubles, more=not cut and len(data) >= _CHUNK
    )


def _identity(conn: Session) -> tuple[str, str | None, datetime, ZoneInfo]:
    row = conn.execute(
        "SELECT system_identifier, current_file, host_now, current_setting('log_timezone')"
        " FROM access.server_identity()"
    ).fetchone()
    if row is None:
        raise AssertionError("access.server_identity() answers one row")
    return str(row[0]), row[1], row[2], ZoneInfo(row[3])


def _files(conn: Session) -> list[_File]:
    rows = conn.execute("SELECT file, size, modified FROM access.server_log_files()")
    return [_File(*row) for row in rows]


def _place(
    mark: LogMark | None, system: str, current: str | None, files: Sequence[_File]
) -> tuple[LogMark | None, tuple[Trouble, ...]]:
    """Where to read: the mark, or the best place to go on when its file is gone or became shorter."""
    sizes = {file.name: file.size for file in files}
    start = LogMark(system, current, 0) if current else None
    if mark is None:
        return start, ()
    if mark.system_identifier != system:
        return start, (Trouble(LogTrouble.OTHER_SERVER, mark.file),)
    if mark.file not in sizes:
        later = sorted(name for name in sizes if name > mark.file)
        name = later[0] if later else current
        return LogMark(system, name, 0) if name else None, (Trouble(LogTrouble.MISSING, mark.file),)
    if sizes[mark.file] < mark.offset:
        return LogMark(system, mark.file, 0), (Trouble(LogTrouble.SHRUNKEN, mark.file),)
    return mark, ()


def _following(name: str, files: Sequence[_File]) -> str | None:
    """The file that the server went on with after this one."""
    order = sorted((file.modified, file.name) for file in files)
    names = [found for _, found in order]
    place = names.index(name) + 1 if name in names else len(names)
    return names[place] if place < len(names) else None


def _read(conn: Session, mark: LogMark) -> bytes:
    """A chunk that holds at least one whole line, if there is one."""
    data = b""
    for length in (_CHUNK, _LONGEST_LINE):
        query = "SELECT access.server_log(%s, %s, %s)"
        row = conn.execute(query, (mark.file, mark.offset, length)).fetchone()
        data = bytes(row[0]) if row and row[0] is not None else b""
        if b"\n" in data or len(data) < length:
            break
    return data


def _parse(data: bytes) -> tuple[list[tuple[int, dict[str, Any]]], int]:
    """Whole lines with the offset at which each begins; how many were no JSON objects."""
    lines: list[tuple[int, dict[str, Any]]] = []
    broken = offset = 0
    for raw in data.splitlines(keepends=True):
        try:
            line = json.loads(raw.decode("utf-8", "replace"))
        except ValueError:
            line = None
        if isinstance(line, dict):
            lines.append((offset, line))
        else:
            broken += 1
        offset += len(raw)
    return lines, broken


def _settled(lines: Sequence[tuple[int, dict[str, Any]]], before: datetime, zone: ZoneInfo) -> int:
    """How many lines may be classified: up to the first young login whose outcome is not known yet."""
    last = {line.get("session_id"): place for place, (_, line) in enumerate(lines)}
    for place, (_, line) in enumerate(lines):
        if is_unsettled(line) and last[line.get("session_id")] == place:
            at = instant(line, zone)
            if at is not None and at > before:
                return place
    return len(lines)
