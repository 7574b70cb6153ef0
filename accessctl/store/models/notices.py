"""What somebody is told, in the page and by mail, and how each person wants it."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.store.base import Base
from accessctl.store.models.officers import Officer

_HOWS = "how IN ('page', 'daily', 'now')"


class Mail(Base):
    """One mail to one person: the outbox, filled in the transaction of the act. The text is made when it is sent."""

    __tablename__ = "mail"
    __table_args__ = (
        CheckConstraint("state IN ('WAITING', 'SENT', 'GIVEN_UP')", name="state"),
        Index("ix_mail_waiting", "next_try_at", postgresql_where=text("state = 'WAITING'")),
        Index("ix_mail_given_up", "id", postgresql_where=text("state = 'GIVEN_UP'")),
        Index(
            "uq_mail_digest",
            "officer_id",
            "digest_day",
            unique=True,
            postgresql_where=text("digest_day IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[uuid.UUID] = mapped_column(Uuid(), server_default=text("gen_random_uuid()"))
    """The left side of its Message-ID: the same at every try, so that a second copy is known as one."""
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    digest_day: Mapped[date | None] = mapped_column(Date())
    """The day whose notices it gathers; None for a mail about one act."""
    made_at: Mapped[datetime]
    state: Mapped[str]
    tries: Mapped[int]
    next_try_at: Mapped[datetime]
    """Also the claim: whoever tries it moves this ahead first, and nobody else takes it before."""
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    error: Mapped[str | None]
    """Why the last try failed, as a stable code."""
    reply: Mapped[int | None]
    """The mail server's own three digits (RFC 5321 §4.2)."""
    failed_at: Mapped[datetime | None] = mapped_column(index=True)
    officer: Mapped[Officer] = relationship()


class Notice(Base):
    """One person is told of one act. The words are made from kind and facts when it is read."""

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint(_HOWS, name="how"),
        Index("ix_notice_officer_id", "officer_id", "id"),
        Index("ix_notice_unread", "officer_id", "id", postgresql_where=text("read_at IS NULL")),
        Index("ix_notice_digest", "at", postgresql_where=text("how = 'daily' AND mail_id IS NULL")),
        Index("ix_notice_at", "at"),
        Index("ix_notice_mail_id", "mail_id", postgresql_where=text("mail_id IS NOT NULL")),
        Index(
            "uq_notice_once",
            "officer_id",
            "once",
            unique=True,
            postgresql_where=text("once IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    kind: Mapped[str]
    at: Mapped[datetime]
    about: Mapped[dict[str, Any]]
    how: Mapped[str]
    """As decided when it was written: page, daily or now."""
    mail_id: Mapped[int | None] = mapped_column(ForeignKey("mail.id"))
    once: Mapped[str | None]
    """What must not be told twice to the same person."""
    read_at: Mapped[datetime | None]


class NoticeChoice(Base):
    """How a person wants one kind of notice; without a row the kind's own way holds."""

    __tablename__ = "notice_choice"
    __table_args__ = (CheckConstraint(_HOWS, name="how"),)

    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    how: Mapped[str]
    chosen_at: Mapped[datetime]
