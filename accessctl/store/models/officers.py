"""The people: officers, their roles, their signed-in sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Computed, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.store.base import Base


class Officer(Base):
    """A named person of an office. Never deleted: history keeps the name."""

    __tablename__ = "officer"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    title: Mapped[str]
    phone: Mapped[str]
    email: Mapped[str]
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"), index=True)
    department: Mapped[str]
    password_hash: Mapped[str | None]
    must_change: Mapped[bool] = mapped_column(default=True)
    """The next sign-in must set a new password."""
    failures: Mapped[int] = mapped_column(default=0)
    failed_at: Mapped[datetime | None]
    locked_until: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Raised by every change of office, department, details or roles: who edits an older one is told."""
    search_name: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("folded(full_name || ' ' || username)", persisted=True)
    )
    """Full and user name as `domain.text.folded` writes them; the database keeps it."""
    sort_name: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("by_given_name(full_name)", persisted=True), index=True
    )
    """Sorts like `domain.text.by_given_name`; the database keeps it."""
    language: Mapped[str | None]
    """The language this person chose, vi or en; None: what the machine says."""
    shown_role: Mapped[str | None]
    """Which of several roles the pages show first; decisions use the whole set."""
    roles: Mapped[list[OfficerRole]] = relationship(
        back_populates="officer", foreign_keys="OfficerRole.officer_id"
    )


class OfficerRole(Base):
    """A role held over a time; who granted it stands in the audit log and here."""

    __tablename__ = "officer_role"
    __table_args__ = (
        Index(
            "uq_officer_role_held",
            "officer_id",
            "role",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    role: Mapped[str]
    shown_first: Mapped[bool] = mapped_column(default=False)
    granted_at: Mapped[datetime]
    granted_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    proposal_id: Mapped[int | None] = mapped_column(ForeignKey("role_proposal.id"))
    """Whose words brought it; None for what a founding file said."""
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    revoke_reason: Mapped[str | None]
    officer: Mapped[Officer] = relationship(back_populates="roles", foreign_keys=[officer_id])


class WebSession(Base):
    """A signed-in browser. The cookie holds the token; only its hash is kept here."""

    __tablename__ = "web_session"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    address: Mapped[str | None]
    browser: Mapped[str | None]
    """What the browser calls itself, cut; for its owner to recognise it by."""
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
