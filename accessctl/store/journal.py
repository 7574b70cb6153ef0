"""The request path of the audit log: one plain INSERT, and waiting until it is under a signed checkpoint."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from accessctl.errors import Unavailable
from accessctl.store.models import AuditInbox
from audit.entry import encode

WAKE = "accessctl_inbox"
"""The channel on which a waiter wakes the sequencer; a wake-up only, nothing depends on it."""
LATE_AFTER = 5.0
"""Seconds after which the sequencer counts as late and nothing is lent (audit.md §2.3)."""
_FIRST_LOOK, _LAST_LOOK = 0.001, 0.05
"""Seconds between looks at the log, growing: a channel to listen on cost more than the looks it saved."""


class _Lately:
    """How long after the wake-up a record was sequenced lately in this process, in seconds: half of the first looks
    come too early, half find it.

    A guess that threads may overwrite for one another; nothing but the time of looking depends on it.
    """

    usual = 0.004

    @classmethod
    def note(cls, *, found: bool) -> None:
        cls.usual = cls.usual / 1.1 if found else min(cls.usual * 1.1 + 0.0001, _LAST_LOOK)


def leaf(at: datetime, fields: Mapping[str, Any]) -> bytes:
    """The bytes that are stored and hashed (audit.md §2.1). Fields that are None are left out."""
    return encode({"at": at, **{name: value for name, value in fields.items() if value is not None}})


def leave(session: Session, *, at: datetime, fields: Mapping[str, Any]) -> int:
    """Put one record into the inbox, in the caller's transaction; returns its inbox id.

    Fields that are None are left out, so that a leaf says only what there is to say. Raises
    Unavailable("audit.unavailable") when the inbox cannot be written: what is not recorded is not done (S35).
    """
    statement = insert(AuditInbox).values(at=at, leaf=leaf(at, fields)).returning(AuditInbox.id)
    session.flush()
    try:
        return session.execute(statement).scalar_one()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise Unavailable("audit.unavailable") from error


def leave_all(session: Session, *, at: datetime, fields: Sequence[Mapping[str, Any]]) -> None:
    """Put many records into the inbox in their order. Raises like `leave`."""
    session.flush()
    if not fields:
        return
    try:
        session.execute(insert(AuditInbox), [{"at": at, "leaf": leaf(at, each)} for each in fields])
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise Unavailable("audit.unavailable") from error


def await_checkpoint(
    sessions: sessionmaker[Session],
    inbox_id: int,
    *,
    patience: float = LATE_AFTER,
    woken_at: float | None = None,
) -> None:
    """Return once the record stands in the log under a signed checkpoint. `woken_at`: when the sequencer was told
    (time.monotonic()), if it was.

    Holds no lock and no transaction while it waits. Raises Unavailable("audit.late") after `patience` seconds
    and Unavailable("audit.unavailable") when the log cannot be read: whoever waits releases nothing (S35).
    """
    began = time.monotonic()
    pause = max(_FIRST_LOOK, _Lately.usual / 4)
    try:
        with sessions() as session:
            connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            if woken_at is None:
                connection.execute(_WAKE, {"channel": WAKE})
            time.sleep(max(0.0, (woken_at or began) + _Lately.usual - time.monotonic()))
            sequenced = connection.execute(_SEQUENCED, {"id": inbox_id}).scalar()
            _Lately.note(found=bool(sequenced))
            while not sequenced:
                if time.monotonic() > began + patience:
                    raise Unavailable("audit.late")
                time.sleep(pause)
                pause = min(pause * 1.5, _LAST_LOOK)
                sequenced = connection.execute(_SEQUENCED, {"id": inbox_id}).scalar()
    except SQLAlchemyError as error:
        raise Unavailable("audit.unavailable") from error


def wait_for_notice(connection: Connection, seconds: float) -> None:
    """Until a channel that this connection listens to says something, or the time is over; then drain it."""
    raw, driver = connection.connection.driver_connection, connection.dialect.loaded_dbapi
    try:
        for _ in raw.notifies(timeout=seconds, stop_after=1):  # type: ignore[union-attr]  # None once invalidated
            continue
    except driver.Error as error:
        connection.invalidate(error)
        raise Unavailable("audit.unavailable") from error


_WAKE = text("SELECT pg_notify(:channel, '')")
_SEQUENCED = text("SELECT EXISTS (SELECT FROM audit_log WHERE inbox_id = :id)")
"""The log row and the checkpoint over it are written in one transaction: one seen, both are there."""
