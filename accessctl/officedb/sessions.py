"""Ending sessions, and changing a role that its own holder keeps locked (access.md §4)."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from accessctl.errors import Unavailable

PATIENCE = 5.0  # seconds; what is not closed by then cannot be proven closed: the caller quarantines
_PAUSE = 0.01

# A dropped role leaves sessions without a name; its logins under the lease tell which they are.
_END = """
    SELECT a.pid, pg_terminate_backend(a.pid)
      FROM pg_stat_activity a
     WHERE a.usename = %(role)s
        OR (a.usename IS NULL AND a.datname = current_database()
            AND a.pid IN (SELECT l.pid FROM access.login l
                           WHERE l.role = %(role)s AND l.lease_id IS NOT NULL))
"""
_END_OF_LEASE = """
    SELECT a.pid, pg_terminate_backend(a.pid)
      FROM pg_stat_activity a
      JOIN access.login l ON l.pid = a.pid AND l.role = a.usename AND l.lease_id = %(lease)s
     WHERE a.usename = %(role)s
       AND NOT EXISTS (SELECT FROM access.login n WHERE n.pid = l.pid AND n.id > l.id)
"""


def end_sessions(conn: psycopg.Connection, role: str, *, lease: str | None = None) -> int:
    """Terminate the role's sessions until none is left; how many there were.

    With `lease` only those that logged in under it: the role has a new holder already. Raises
    Unavailable("officedb.not_closed") when sessions outlive our patience, as a superuser's would.
    """
    query = _END if lease is None else _END_OF_LEASE
    seen: set[int] = set()
    until = time.monotonic() + PATIENCE
    while pids := _terminated(conn, query, role, lease):
        seen.update(pids)
        if time.monotonic() > until:
            raise Unavailable("officedb.not_closed", role=role, sessions=len(pids))
        time.sleep(_PAUSE)
    return len(seen)


def _terminated(conn: psycopg.Connection, query: str, role: str, lease: str | None) -> list[int]:
    try:
        return [row[0] for row in conn.execute(query, {"role": role, "lease": lease})]
    except psycopg.errors.InsufficientPrivilege as error:  # somebody made the account a superuser
        raise Unavailable("officedb.not_closed", role=role, sessions=1) from error


def role_may_change(conn: psycopg.Connection, role: str, change: Callable[[], object]) -> int:
    """Make a change of the role that its own open transaction may block; the sessions ended on the way.

    A holder with BEGIN; ALTER ROLE self … would hold it up for ever: on a lock timeout or a concurrent update
    the sessions end and the change is tried again. Raises Unavailable("officedb.not_closed") out of patience.
    """
    ended = 0
    until = time.monotonic() + PATIENCE
    while True:
        try:
            change()
        except psycopg.Error as error:
            if isinstance(error, psycopg.errors.InsufficientPrivilege):
                raise Unavailable("officedb.not_closed", role=role, sessions=ended) from error
            if not is_contention(error):
                raise
            ended += end_sessions(conn, role)
            if time.monotonic() > until:
                raise Unavailable("officedb.not_closed", role=role, sessions=ended) from error
        else:
            return ended


def is_contention(error: psycopg.Error) -> bool:
    """Whether somebody else had the row: worth another try."""
    if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return True
    return isinstance(error, psycopg.errors.InternalError_) and "concurrently" in str(error)
