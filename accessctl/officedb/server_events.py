"""What a line of the server's JSON log means to us."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

import psycopg

from accessctl.officedb import roles

_STARTING = ("startup", "authentication")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (\S+)")
_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d))?")
_TRIGGER_OFF = re.compile(r"event_triggers|\bevent\s+trigger\b.*\baccessctl_login\b", re.I | re.S)
_LOST = (
    "could not receive data from client",
    "unexpected EOF on client connection",
    "connection to client lost",
)
_MESSAGE_LIMIT = 500


class EventKind(StrEnum):
    """Witnessed by the server itself."""

    LOGIN_OK = "login_ok"
    LOGIN_FAILED = "login_failed"
    LOGIN_REFUSED = "login_refused"  # the password was right: "authorized", then FATAL, in one session_id
    ADMIN_LOGIN = "admin_login"
    DENIED = "denied"  # SQLSTATE 42501 of a managed role
    ACT = "act"  # a use, also one whose transaction was rolled back
    DISCONNECTED = "disconnected"
    LOST_CONNECTION = "lost_connection"
    TRIGGER_DISABLED = "trigger_disabled"
    LOGIN_UNWRITTEN = "login_unwritten"


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event; `session_id` is PostgreSQL's (start and pid in hexadecimal). Times by the host's clock, UTC.

    `managed`: the role is an account. `message` is shortened to 500 characters and never the statement, which
    may name a person.
    """

    kind: EventKind
    at: datetime
    role: str
    dbname: str
    addr: str | None
    port: int | None
    pid: int
    session_id: str
    app_name: str
    code: str
    message: str
    managed: bool


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles of a server by class: accounts of every office on it, and superusers."""

    managed: frozenset[str]
    superusers: frozenset[str]

    @classmethod
    def of(cls, conn: psycopg.Connection[tuple[Any, ...]]) -> Self:
        """Ask the server; accounts are the direct members of the marker, and what stands in this database."""
        managed = conn.execute(
            "SELECT role FROM access.account UNION SELECT u.rolname FROM pg_auth_members m"
            " JOIN pg_roles u ON u.oid = m.member WHERE m.roleid = to_regrole(%s) AND NOT m.admin_option",
            (roles.MARKER,),
        )
        superusers = conn.execute("SELECT rolname FROM pg_roles WHERE rolsuper")
        return cls(frozenset(row[0] for row in managed), frozenset(row[0] for row in superusers))


def classify(lines: Sequence[dict[str, Any]], known: Roles, zone: ZoneInfo) -> tuple[ServerEvent, ...]:
    """The events among these lines, in order."""
    refused = {line.get("session_id") for line in lines if _fatal_at_start(line)}
    return tuple(_events(lines, known, zone, refused))


def is_unsettled(line: dict[str, Any]) -> bool:
    """Whether the line is an authorised login, which the login trigger may still refuse."""
    return _message(line).startswith("connection authorized:")


def instant(line: dict[str, Any], zone: ZoneInfo) -> datetime | None:
    """The line's time in UTC; `zone`, the server's log_timezone, reads abbreviations that are no offsets."""
    match = _TIMESTAMP.match(str(line.get("timestamp", "")))
    if match is None:
        return None
    local = datetime.fromisoformat(match[1])
    if match[2] in ("UTC", "GMT"):
        return local.replace(tzinfo=UTC)
    if offset := _OFFSET.fullmatch(match[2]):
        ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return local.replace(tzinfo=timezone(ahead if offset[1] == "+" else -ahead)).astimezone(UTC)
    return local.replace(tzinfo=zone).astimezone(UTC)


def _events(
    lines: Sequence[dict[str, Any]], known: Roles, zone: ZoneInfo, refused: set[Any]
) -> Iterator[ServerEvent]:
    for line in lines:
        kind = _kind(line, known, refused)
        at = instant(line, zone)
        if kind is None or at is None:
            continue
        role = str(line.get("user", ""))
        yield ServerEvent(
            kind=kind,
            at=at,
            role=role,
            dbname=str(line.get("dbname", "")),
            addr=line.get("remote_host"),
            port=line.get("remote_port"),
            pid=int(line.get("pid", 0)),
            session_id=str(line.get("session_id", "")),
            app_name=str(line.get("application_name", "")) or _application(_message(line)),
            code=str(line.get("state_code", "")),
            message=_message(line)[:_MESSAGE_LIMIT],
            managed=role in known.managed,
        )


def _kind(line: dict[str, Any], known: Roles, refused: set[Any]) -> EventKind | None:
    message = _message(line)
    if is_unsettled(line):
        return _login(line, known, refused)
    if _fatal_at_start(line):
        return EventKind.LOGIN_FAILED if str(line.get("ps")) == "authentication" else EventKind.LOGIN_REFUSED
    if line.get("state_code") == "42501" and line.get("user") in known.managed:
        return EventKind.DENIED
    if message.startswith("accessctl act "):
        return EventKind.ACT
    if message.startswith("accessctl: login of "):
        return EventKind.LOGIN_UNWRITTEN
    if message.startswith("disconnection:"):
        return EventKind.DISCONNECTED
    if message.startswith(_LOST):
        return EventKind.LOST_CONNECTION
    if message.startswith("statement:") and _TRIGGER_OFF.search(message):
        return EventKind.TRIGGER_DISABLED
    return None


def _login(line: dict[str, Any], known: Roles, refused: set[Any]) -> EventKind | None:
    """A login, unless the same session was refused afterwards: then the refusal alone is the event."""
    if line.get("session_id") in refused:
        return None
    return EventKind.ADMIN_LOGIN if line.get("user") in known.superusers else EventKind.LOGIN_OK


def _fatal_at_start(line: dict[str, Any]) -> bool:
    return line.get("error_severity") == "FATAL" and line.get("ps") in _STARTING


def _application(message: str) -> str:
    _, _, name = message.partition(" application_name=")
    return name


def _message(line: dict[str, Any]) -> str:
    return str(line.get("message", ""))
