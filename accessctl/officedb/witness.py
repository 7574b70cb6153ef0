"""What the office database itself has written down: logins, acts, ends of leases, and who is in there now.

Reading goes on from a transaction horizon (`mark`, 0 at first) and not from the last id: ids are given out
before transactions end. So rows may come twice and are never missed; `(office, id)` tells them apart. A mark
belongs to one server: when its system identifier changes (a restore), begin at 0 again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Generic, TypeVar

import psycopg

Session = psycopg.Connection[tuple[Any, ...]]
Row = TypeVar("Row")
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Batch(Generic[Row]):
    """Rows by id, and from where to read on."""

    rows: tuple[Row, ...]
    mark: int


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


def logins_since(conn: Session, mark: int = 0) -> Batch[Login]:
    """Logins to this database, service roles and DBAs included, that may be new since the mark."""
    query = (
        "SELECT id, at, role, access.is_managed(role), lease_id, pid, backend_start, client_addr,"
        " client_port, coalesce(application_name, '')"
        " FROM access.login WHERE xid >= %s::text::xid8 ORDER BY id"
    )
    return _since(conn, Login, query, mark)


def acts_since(conn: Session, mark: int = 0) -> Batch[Act]:
    """Uses of an account, refusals and views included."""
    query = (
        "SELECT id, at, lease_id, officer, role, dossier, action, encode(subject, 'hex'), outcome, detail,"
        " pid, backend_start FROM access.act WHERE xid >= %s::text::xid8 ORDER BY id"
    )
    return _since(conn, Act, query, mark)


def lease_ends_since(conn: Session, mark: int = 0) -> Batch[LeaseEnd]:
    """Ends of leases, from which a control record can be made up that was lost."""
    query = (
        "SELECT id, lease_id, account, officer, dossier, reason, opened_at, at, sessions, changed"
        " FROM access.lease_end WHERE xid >= %s::text::xid8 ORDER BY id"
    )
    return _since(conn, LeaseEnd, query, mark)


def sessions(conn: Session) -> list[OpenSession]:
    """Every running session of a managed role of this database, on whichever database of the server."""
    query = (
        "SELECT s.usename, s.pid, s.backend_start, s.client_addr, s.client_port,"
        " coalesce(s.application_name, ''), s.state"
        " FROM pg_stat_activity s JOIN access.account a ON a.role = s.usename ORDER BY s.backend_start, s.pid"
    )
    return [OpenSession(*row) for row in conn.execute(query)]


def _since(conn: Session, kind: type[Row], query: str, mark: int) -> Batch[Row]:
    # The horizon is read first: what commits between the two statements has a transaction at or after it.
    row = conn.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
    rows = conn.execute(query, (mark,)).fetchall()
    return Batch(tuple(kind(*values) for values in rows), row[0] if row else mark)


def system_identifier(conn: Session) -> str:
    """Which server this is: several office databases may share one, and with it processes and log."""
    row = conn.execute("SELECT system_identifier FROM access.server_identity()").fetchone()
    if row is None:
        raise AssertionError("access.server_identity() answers one row")
    return str(row[0])
