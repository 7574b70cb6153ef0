"""How people came to be where and what they are: postings, roles on their way, staff files between preview and use."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.store.base import Base
from accessctl.store.models.officers import Officer


class Posting(Base):
    """Where an officer served from when to when; the open one is where the officer serves now (S11)."""

    __tablename__ = "posting"
    __table_args__ = (
        Index("uq_posting_now", "officer_id", unique=True, postgresql_where=text("until IS NULL")),
        Index("ix_posting_officer_id", "officer_id", "since"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    department: Mapped[str]
    title: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    decision_no: Mapped[str | None]
    """The decision that brought the officer here; None for what a founding file said."""
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))


class RoleProposal(Base):
    """A role on its way to a person: whose word is there, and how it ended. `state` ∈ WAITING, GRANTED, CLOSED."""

    __tablename__ = "role_proposal"
    __table_args__ = (
        Index(
            "uq_role_proposal_waiting",
            "officer_id",
            "role",
            unique=True,
            postgresql_where=text("state = 'WAITING'"),
        ),
        Index("ix_role_proposal_officer_id", "officer_id"),
        CheckConstraint(
            "officer_id NOT IN (opened_by, coalesce(proposed_by, 0), coalesce(entered_by, 0),"
            " coalesce(approved_by, 0))",
            name="never_for_oneself",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    role: Mapped[str]
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    state: Mapped[str] = mapped_column(default="WAITING")
    reason: Mapped[str]
    """Why, or the number of the decision."""
    opened_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    opened_at: Mapped[datetime]
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """The unit head's word."""
    proposed_at: Mapped[datetime | None]
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """IT's entry."""
    entered_at: Mapped[datetime | None]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """The director's approval."""
    approved_at: Mapped[datetime | None]
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    closed_at: Mapped[datetime | None]
    closed_why: Mapped[str | None]
    """A person's words, or the stable code of what ended it."""
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])


class StaffImport(Base):
    """A staff file that somebody has looked at and may apply: bound to that person and to its digest."""

    __tablename__ = "staff_import"

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    file_name: Mapped[str]
    digest: Mapped[str]
    """SHA-256 of the file as it came."""
    content: Mapped[str]
    """The text; blanked when it has been applied or is out of date: it holds names and telephone numbers."""
    created_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]]
    """How many lines were new, changed and as before when it was applied."""
