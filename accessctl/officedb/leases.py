"""The office's part of a lease: a transaction that opens, one that closes, both repeatable (access.md §4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import psycopg

from accessctl import clock
from accessctl.domain.dossiers import Field
from accessctl.domain.leases import EndReason
from accessctl.errors import AccessError, Conflict, Refused, Unavailable
from accessctl.officedb.credentials import subject_hash, subject_pads
from accessctl.officedb.sessions import end_sessions, is_contention, role_may_change

Result = TypeVar("Result")

_TRIES = 5


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """What the office database must know of a lease. `remaining` counts on the host's clock from the call on.

    `subject_key` is `credentials.derive_subject_key`; the person's number itself is not sent.
    """

    lease_id: str
    role: str
    officer: str
    dossier: str
    subject: str = field(repr=False)
    subject_key: bytes = field(repr=False)
    verifier: str = field(repr=False)
    remaining: timedelta
    fields: Sequence[Field] = ()
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class OpenedLease:
    """The lease as the host has it, by the host's clock."""

    opened_at: datetime
    expires_at: datetime
    host_now: datetime


@dataclass(frozen=True, slots=True)
class CloseOrder:
    """Which lease ends, on which account, and why."""

    lease_id: str
    role: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class Closed:
    """No login, no lease, no session any more.

    `sessions_ended` counts those of every try; `settings_changed`: the account had set defaults of its own
    meanwhile, which is a finding.
    """

    sessions_ended: int
    settings_changed: bool = False


@dataclass(frozen=True, slots=True)
class OpenRole:
    """A lease as it stands open in an office database."""

    role: str
    lease_id: str
    officer: str
    dossier: str
    opened_at: datetime
    expires_at: datetime
    can_login: bool


def open_lease(
    conn: psycopg.Connection,
    order: OpenOrder,
    *,
    now: clock.Clock = clock.now,
    before_commit: Callable[[], None] = lambda: None,
) -> OpenedLease:
    """Let the account log in for one lease: RESET ALL, lease row, LOGIN with the verifier; one transaction.

    `before_commit` runs when all is written and nothing can be seen yet; what it raises takes everything back.
    The server itself ends a transaction that is left hanging for a second. The commit need not reach the disk by
    itself: a login that a crash forgot is no login.
    Repeating it for the same lease is safe and keeps the first expiry, so that any worker can roll forward.
    Raises Conflict: officedb.account_busy (another lease is open), officedb.lease_ended (this one is closed);
    Unavailable: officedb.clock_skew (over 5 s), officedb.account_missing, officedb.account_tampered,
    officedb.lease_over (no time left), officedb.slow (the row stayed locked);
    Refused("officedb.drift"): the account may more, or less, than the policy says.
    """
    parameters = (
        order.role, order.lease_id, order.officer, order.dossier,
        subject_hash(order.subject_key, order.subject), subject_pads(order.subject_key),
        [str(name) for name in order.fields], order.remaining, order.receipt, order.verifier,
    )  # fmt: skip
    query = (
        "SELECT * FROM access.open_lease(%s, %s, %s, %s, %s, %s, %s::text[], %s::interval, %s, %s,"
        " %s::timestamptz)"
    )

    def lend() -> OpenedLease:
        with conn.transaction():
            row = conn.execute(query, (*parameters, now())).fetchone()
            opened = OpenedLease(*_granted(row or (), order.role))
            before_commit()
        return opened

    return _patiently(lend)


def renew_lease(
    conn: psycopg.Connection, lease_id: str, remaining: timedelta, *, now: clock.Clock = clock.now
) -> OpenedLease:
    """Move the expiry to `remaining` from now, by the host's clock; only while the lease is open.

    Raises Unavailable: officedb.lease_over, officedb.clock_skew, officedb.slow.
    """
    query = "SELECT * FROM access.renew_lease(%s, %s::interval, %s::timestamptz)"
    row = _patiently(lambda: conn.execute(query, (lease_id, remaining, now())).fetchone())
    return OpenedLease(*_granted(row or (), lease_id))


def close_lease(conn: psycopg.Connection, order: CloseOrder) -> Closed:
    """End a lease for good: no login, password, lease row or session; needs nothing but this database.

    Safe to repeat and in any order with the opening: a lease that was closed can never be opened. A role that
    does not exist counts as closed. Raises Unavailable("officedb.not_closed") when it cannot be proven.
    """
    outcome = ""

    def change() -> None:
        nonlocal outcome
        query = "SELECT access.close_lease(%s, %s, %s)"
        row = conn.execute(query, (order.role, order.lease_id, order.reason.value)).fetchone()
        outcome = row[0] if row else ""

    ended = role_may_change(conn, order.role, change)
    ended += end_sessions(conn, order.role, lease=order.lease_id if outcome == "other_lease" else None)
    row = conn.execute(
        "UPDATE access.lease_end SET sessions = sessions + %s WHERE lease_id = %s"
        " RETURNING sessions, changed",
        (ended, order.lease_id),
    ).fetchone()
    return Closed(*row) if row else Closed(ended)


def open_roles(conn: psycopg.Connection) -> list[OpenRole]:
    """Every lease that stands open in this database, by account."""
    query = (
        "SELECT l.account, l.lease_id, l.officer, l.dossier, l.opened_at, l.expires_at,"
        " coalesce(r.rolcanlogin, false)"
        " FROM access.lease l LEFT JOIN pg_roles r ON r.rolname = l.account ORDER BY l.account"
    )
    return [OpenRole(*row) for row in conn.execute(query)]


def _patiently(change: Callable[[], Result]) -> Result:
    """Do it, and again when another worker's change of the same role came in between."""
    for attempt in range(1, _TRIES):
        try:
            return change()
        except psycopg.Error as error:
            if not is_contention(error):
                raise
            time.sleep(0.01 * attempt)
    try:
        return change()
    except psycopg.Error as error:
        if is_contention(error):
            raise Unavailable("officedb.slow") from error
        raise


def _granted(row: tuple[Any, ...], what: str) -> tuple[datetime, datetime, datetime]:
    outcome, opened_at, expires_at, host_now = row
    if outcome != "ok":
        if outcome == "drift":
            raise Refused("officedb.drift", office="", detail=what)
        kind: type[AccessError] = Conflict if outcome in ("account_busy", "lease_ended") else Unavailable
        raise kind(f"officedb.{outcome}", account=what)
    return opened_at, expires_at, host_now
