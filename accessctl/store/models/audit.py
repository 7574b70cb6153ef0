"""The tamper-evident log: inbox → log → signed checkpoints, and a derived index for searching (audit.md §2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.store.base import Base


class AuditInbox(Base):
    """Where a request leaves its record: one plain INSERT, in the business transaction."""

    __tablename__ = "audit_inbox"
    __table_args__ = (
        CheckConstraint(
            r"octet_length(leaf) BETWEEN 2 AND 65535 AND position('\x0a'::bytea IN leaf) = 0", name="one_line"
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger(), Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    leaf: Mapped[bytes]


class AuditLog(Base):
    """Dense 0…n-1, immutable. `inbox_id` lets a waiter find its record; it is not hashed."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_inbox_id", "inbox_id"), {"postgresql_partition_by": "RANGE (idx)"})

    idx: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    leaf: Mapped[bytes]
    inbox_id: Mapped[int]


class AuditCheckpoint(Base):
    """A signed C2SP checkpoint and the frontier to go on from."""

    __tablename__ = "audit_checkpoint"

    size: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    frontier: Mapped[bytes]
    note: Mapped[str]
    at: Mapped[datetime]


class AuditIndex(Base):
    """Derived from the leaves, for searching only; nothing is ever proven by it."""

    __tablename__ = "audit_index"
    __table_args__ = (
        Index("ix_audit_index_actor", "actor", "idx"),
        Index("ix_audit_index_account", "account", "idx"),
        Index("ix_audit_index_dossier", "dossier", "idx"),
        Index("ix_audit_index_guest", "guest", "idx"),
        Index("ix_audit_index_host", "host", "idx"),
        Index("ix_audit_index_event", "event", "idx"),
        Index("ix_audit_index_at", "at", "idx"),
        Index("ix_audit_index_office", "office", "idx"),
        Index("ix_audit_index_kind", "kind", "idx"),
        Index("ix_audit_index_guest_kind", "guest", "kind", "idx"),
        Index("ix_audit_index_plain_guest", "guest", "idx", postgresql_where=text("dossier IS NULL")),
        Index("ix_audit_index_plain_host", "host", "idx", postgresql_where=text("dossier IS NULL")),
        Index("ix_audit_index_plain_kind", "kind", "idx", postgresql_where=text("dossier IS NULL")),
        Index("ix_audit_index_event_guest", "event", "guest", "idx"),
        Index("ix_audit_index_event_host", "event", "host", "idx"),
        Index("ix_audit_index_event_office", "event", "office", "idx"),
        Index("ix_audit_index_event_kind", "event", "kind", "idx"),
        Index("ix_audit_index_event_actor", "event", "actor", "idx"),
        Index("ix_audit_index_correlation", "correlation", "idx"),
        Index("ix_audit_index_outcome", "outcome", "idx", postgresql_where=text("outcome <> 'ok'")),
        Index("ix_audit_index_intent", "at", postgresql_where=text("outcome = 'intent'")),
    )

    idx: Mapped[int] = mapped_column(BigInteger(), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    event: Mapped[str]
    outcome: Mapped[str]
    actor: Mapped[str | None]
    office: Mapped[str | None]
    """The actor's office at the time."""
    account: Mapped[str | None]
    kind: Mapped[str | None]
    lease: Mapped[str | None] = mapped_column(index=True)
    dossier: Mapped[str | None]
    guest: Mapped[str | None]
    host: Mapped[str | None]
    subject: Mapped[str | None]
    correlation: Mapped[str | None]


class AuditCheck(Base):
    """One walk over every event: `done` of `size` so far; `sound` once it is finished. `asked_by` None: the worker."""

    __tablename__ = "audit_check"
    __table_args__ = (Index("ix_audit_check_waiting", "id", postgresql_where=text("finished_at IS NULL")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    asked_at: Mapped[datetime]
    beat_at: Mapped[datetime | None]
    """Also the claim: a worker that went silent loses it to another."""
    size: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]
    sound: Mapped[bool | None]
    root: Mapped[str | None]
    """In hexadecimal digits, what the events really lead to; None where the walk broke off."""
    bad_from: Mapped[int | None]
    """The first event that may be the wrong one, and the last: between two signed checkpoints it cannot be told."""
    bad_to: Mapped[int | None]
