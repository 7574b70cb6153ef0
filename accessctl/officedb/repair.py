"""Ending deviations: one transaction for a database, and after each statement the catalogues are read again.

A REVOKE of what somebody else granted "succeeds" and changes nothing, so success is what the next look says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from accessctl.errors import Unavailable
from accessctl.officedb import roles
from accessctl.officedb.drift_sql import BROKER
from accessctl.officedb.drifted import Drift

Session = psycopg.Connection[tuple[Any, ...]]
Look = Callable[[Session], Sequence[Drift]]

_ROUNDS = 3
"""What is repaired may lay bare what was hidden behind it (a dropped right under a foreign owner)."""


@dataclass(frozen=True, slots=True)
class Left:
    """A deviation that stays. why: by_hand, needs_admin, no_effect, busy, refused; `said` by PostgreSQL."""

    drift: Drift
    why: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was ended, and what was not."""

    done: tuple[Drift, ...]
    left: tuple[Left, ...]


def as_admin(admin_dsn: str, dbname: str, look: Look, *, patience: int = 3000) -> Repaired:
    """Everything that a statement can end, with a DBA's connection; waits `patience` ms for somebody else's locks.

    Raises Unavailable("officedb.down").
    """
    dsn = make_conninfo(
        admin_dsn, dbname=dbname, connect_timeout=5, application_name="accessctl repair",
        options=f"-c jit=off -c lock_timeout={patience} -c statement_timeout=15s",
    )  # fmt: skip
    with _worded(), psycopg.connect(dsn) as conn:
        return _repaired(conn, look, admin=True)


def as_broker(broker: Session, look: Look) -> Repaired:
    """What the broker can end by itself, on its own connection; the rest is left for a DBA."""
    with _worded(), broker.transaction():
        broker.execute("SET LOCAL lock_timeout = '3s'")
        return _repaired(broker, look, admin=False)


@contextmanager
def _worded() -> Iterator[None]:
    """A connection that broke: nothing of the transaction stands, and whoever asks again begins anew."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise Unavailable("officedb.down") from error


def _repaired(conn: Session, look: Look, *, admin: bool) -> Repaired:
    done: dict[Drift, None] = {}
    left: dict[Drift, Left] = {}
    now = list(look(conn))
    for _ in range(_ROUNDS):
        now = _round(conn, look, now, done, left, admin=admin)
        if all(drift in left for drift in now):
            break
    return Repaired(
        tuple(drift for drift in done if drift not in now),
        tuple(left.get(drift, Left(drift, "no_effect")) for drift in now),
    )


def _round(
    conn: Session,
    look: Look,
    drifts: list[Drift],
    done: dict[Drift, None],
    left: dict[Drift, Left],
    *,
    admin: bool,
) -> list[Drift]:
    """Each deviation once, in order; what one statement ends along with its own is not asked for again."""
    now = drifts
    for drift in drifts:
        if drift not in now:
            done[drift] = None
            continue
        if drift.repair is None:
            left[drift] = Left(drift, "by_hand")
            continue
        if not admin and drift.who != BROKER:
            left[drift] = Left(drift, "needs_admin")
            continue
        refusal = _tried(conn, drift, admin=admin)
        now = list(look(conn))
        if refusal is not None:
            left[drift] = Left(drift, *refusal)
        elif drift in now:
            left[drift] = Left(drift, "no_effect")
        else:
            done[drift] = None
            left.pop(drift, None)
    return now


def _tried(conn: Session, drift: Drift, *, admin: bool) -> tuple[str, str] | None:
    """Execute one repair, twice when somebody else was at the same row; why it did not go, None when it went."""
    for attempt in (1, 2):
        try:
            with conn.transaction():
                for statement in _statements(drift, admin=admin):
                    conn.execute(statement)
            return None
        except (psycopg.errors.InternalError_, psycopg.errors.LockNotAvailable) as error:
            if attempt == 2:
                return "busy", _said(error)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            return "refused", _said(error)
    return None


def _statements(drift: Drift, *, admin: bool) -> Iterator[sql.SQL | sql.Composed]:
    """What the broker gave only the broker takes back: a DBA does it in its name."""
    borrowed = admin and drift.who == BROKER
    if borrowed:
        yield sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(roles.BROKER))
    yield sql.SQL(cast(LiteralString, drift.repair))  # made from the catalogue's own quoted names
    if borrowed:
        yield sql.SQL("RESET ROLE")


def _said(error: psycopg.Error) -> str:
    return str(error.diag.message_primary or error).splitlines()[0][:200]
