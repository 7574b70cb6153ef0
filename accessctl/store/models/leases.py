"""The lease ledger: who held which account, for whom and why."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.domain.leases import LeaseState
from accessctl.store.base import Base
from accessctl.store.models.accounts import Account
from accessctl.store.models.officers import Officer


class Subject(Base):
    """The clear number behind a pseudonym. Rows can be erased without touching the log (audit.md §2.8)."""

    __tablename__ = "subject"

    pseudonym: Mapped[str] = mapped_column(primary_key=True)
    bhxh_no: Mapped[str]


class Lease(Base):
    """One loan. The two partial unique indexes are the exclusivity of S27–S28, whatever the code does."""

    __tablename__ = "lease"
    __table_args__ = (
        Index(
            "uq_lease_account_held",
            "account_name",
            unique=True,
            postgresql_where=text("state IN ('OPENING', 'ACTIVE', 'CLOSING')"),
        ),
        Index(
            "uq_lease_officer_holds",
            "officer_id",
            unique=True,
            postgresql_where=text("state IN ('QUEUED', 'OPENING', 'ACTIVE')"),
        ),
        Index(
            "ix_lease_unfinished",
            "host",
            "state",
            postgresql_where=text("state NOT IN ('CLOSED', 'DENIED', 'CANCELLED')"),
        ),
        Index("ix_lease_officer_opened", "officer_id", "opened_at"),
        Index("ix_lease_queue", "account_name", "place", postgresql_where=text("state = 'QUEUED'")),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid(), primary_key=True)
    place: Mapped[int] = mapped_column(Identity())
    """Order of asking; decides the queue."""
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"))
    host: Mapped[str]
    guest: Mapped[str]
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    officer_name: Mapped[str]
    """The name at the time."""
    dossier: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(ForeignKey("subject.pseudonym"))
    fields: Mapped[list[str]]
    reason: Mapped[str]
    client: Mapped[bool]
    """True when the secret is shown to the officer, who uses a client of his own."""
    revealed_at: Mapped[datetime | None]
    state: Mapped[str]
    minutes: Mapped[int]
    requested_at: Mapped[datetime] = mapped_column(index=True)
    opened_at: Mapped[datetime | None] = mapped_column(index=True)
    expires_at: Mapped[datetime | None]
    limit_at: Mapped[datetime | None]
    renewals: Mapped[int] = mapped_column(default=0)
    seen_at: Mapped[datetime | None]
    """The holder's last sign of life: a page's heartbeat, or a database session seen open."""
    end_reason: Mapped[str | None]
    end_note: Mapped[str | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    closed_at: Mapped[datetime | None]
    sessions_ended: Mapped[int | None]
    kid: Mapped[str]
    nonce: Mapped[bytes]
    epoch: Mapped[int]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    correlation: Mapped[str]
    policy_version: Mapped[str]
    account: Mapped[Account] = relationship()
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])

    @property
    def state_(self) -> LeaseState:
        """The state as a value."""
        return LeaseState(self.state)
