"""What the office database itself has written down: logins, acts, ends of leases, and who is in there now.

Reading goes on from a transaction horizon (`mark`, 0 at first) and not from the last id: ids are given out
before transactions end. So rows may come twice and are never missed; `(office, id)` tells them apart. A mark
belongs to one server: when its system identifier changes (a restore), begin at 0 again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import psycopg

Session = psycopg.Connection[tuple[Any, ...]]
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Login:
    """A row of `access.login`; `lease_id` only for managed roles; times by the host's clock."""

    id: int
    at: datetime
    role: str
    managed: bool
    lease_id: str | None
    pid: int
    backend_start: datetime | None
    client_addr: Address | None
    client_port: int | None
    application_name: str


@dataclass(frozen=True, slots=True)
class Act:
    """A row of `access.act`; `subject` is the keyed hash as hexadecimal digits."""

    id: int
    at: datetime
    lease_id: str
    officer: str | None
    role: str
    dossier: str | None
    action: str
    subject: str | None
    outcome: str
    detail: dict[str, Any]
    pid: int
    backend_start: datetime | None


@dataclass(frozen=True, slots=True)
class LeaseEnd:
    """A row of `access.lease_end`; `changed`: the account had set session defaults of its own."""

    id: int
    lease_id: str
    account: str
    officer: str | None
    dossier: str | None
    reason: str
    opened_at: datetime | None
    at: datetime
    sessions: int
    changed: bool


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session of a managed role as it runs now."""

    role: str
    pid: int
    backend_start: datetime
    client_addr: Address | None
    client_port: int | None
    application_name: str
    state: str | None


@dataclass(frozen=True, slots=True)
class News:
    """What one reading found, by id, and the mark from which the next one reads on."""

    logins: tuple[Login, ...]
    """Service roles and DBAs included."""
    acts: tuple[Act, ...]
    """Refusals and views included."""
    ends: tuple[LeaseEnd, ...]
    """From which a control record can be made up that was lost."""
    mark: int
    server: str


@dataclass(frozen=True, slots=True)
class Glance:
    """What one cheap look says: is there anything to read, from where on, and who is in there now."""

    news: bool
    mark: int
    running: frozenset[str]


def glance(conn: Session, login: int, act: int, lease_end: int) -> Glance:
    """Whether managed roles left anything since the three marks. One statement, so one snapshot and one horizon."""
    query = (
        "SELECT EXISTS (SELECT FROM access.login WHERE xid >= %s::text::xid8 AND access.is_managed(role))"
        " OR EXISTS (SELECT FROM access.act WHERE xid >= %s::text::xid8)"
        " OR EXISTS (SELECT FROM access.lease_end WHERE xid >= %s::text::xid8),"
        " pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
        " ARRAY(SELECT a.role FROM pg_stat_activity s JOIN access.account a ON a.role = s.usename)"
    )
    news, mark, running = conn.execute(query, (login, act, lease_end)).fetchone() or (False, 0, [])
    return Glance(news, mark, frozenset(running))


_LOGINS = (
    "SELECT id, at, role, access.is_managed(role), lease_id, pid, backend_start, client_addr,"
    " client_port, coalesce(application_name, '')"
    " FROM access.login WHERE xid >= %s::text::xid8 ORDER BY id"
)
_ACTS = (
    "SELECT id, at, lease_id, officer, role, dossier, action, encode(subject, 'hex'), outcome, detail,"
    " pid, backend_start FROM access.act WHERE xid >= %s::text::xid8 ORDER BY id"
)
_ENDS = (
    "SELECT id, lease_id, account, officer, dossier, reason, opened_at, at, sessions, changed"
    " FROM access.lease_end WHERE xid >= %s::text::xid8 ORDER BY id"
)
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_SERVER = "SELECT system_identifier FROM access.server_identity()"


def read_on(conn: Session, login: int = 0, act: int = 0, lease_end: int = 0) -> News:
    """Everything that may be new since the three marks, in one trip."""
    with conn.pipeline():
        # The horizon is read first: what commits between two statements has a transaction at or after it.
        horizon, server = conn.execute(_HORIZON), conn.execute(_SERVER)
        logins, acts = conn.execute(_LOGINS, (login,)), conn.execute(_ACTS, (act,))
        ends = conn.execute(_ENDS, (lease_end,))
        return News(
            tuple(Login(*row) for row in logins),
            tuple(Act(*row) for row in acts),
            tuple(LeaseEnd(*row) for row in ends),
            mark=int(_one(horizon)),
            server=str(_one(server)),
        )


def system_identifier(conn: Session) -> str:
    """Which server this is: several office databases may share one, and with it processes and log."""
    return str(_one(conn.execute(_SERVER)))


def _one(answer: psycopg.Cursor[tuple[Any, ...]]) -> Any:
    row = answer.fetchone()
    if row is None:
        raise AssertionError("one row is always answered")
    return row[0]


def sessions(conn: Session) -> list[OpenSession]:
    """Every running session of a managed role of this database, on whichever database of the server."""
    query = (
        "SELECT s.usename, s.pid, s.backend_start, s.client_addr, s.client_port,"
        " coalesce(s.application_name, ''), s.state"
        " FROM pg_stat_activity s JOIN access.account a ON a.role = s.usename ORDER BY s.backend_start, s.pid"
    )
    return [OpenSession(*row) for row in conn.execute(query)]
