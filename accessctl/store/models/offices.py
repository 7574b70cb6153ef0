"""The province, its offices, their hours."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.store.base import Base


class Province(Base):
    """One row: what the province file says of the whole."""

    __tablename__ = "province"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    legal_basis: Mapped[str]
    effective_from: Mapped[date] = mapped_column(Date())
    """Accounts and leases cannot be active earlier (R4)."""
    applied_digest: Mapped[str]
    """SHA-256 of the province file last applied, so that a second `apply` writes nothing (S02)."""


class Office(Base):
    """A cơ quan BHXH: a place of service with a database of its own."""

    __tablename__ = "office"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]
    level: Mapped[str]
    gso_code: Mapped[str | None]
    departments: Mapped[dict[str, Any]]
    """Department code → name, as the office's level renders it (R56)."""
    hours: Mapped[dict[str, Any]]
    """`{"always": bool, "spans": [["07:30", "11:30"], …]}`, local wall time on working days."""
    pool_size: Mapped[int]
    dbname: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Raised by every change: who edits an older one is told."""
    policy_version: Mapped[str | None]
    """The policy that the office's database has applied in full; while it is not the one in force, nothing is lent."""
    policy_at: Mapped[datetime | None]
    policy_trouble: Mapped[str | None]
    """Why the policy in force could not be applied at the last try: a code."""


class CalendarOverride(Base):
    """A day that the Government announced as off or worked, which the library cannot know (domain.md §9).

    Withdrawn or superseded rows stay; one row a day is in force.
    """

    __tablename__ = "calendar_override"
    __table_args__ = (
        Index(
            "uq_calendar_override_in_force",
            "day",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date())
    works: Mapped[bool]
    decision_no: Mapped[str]
    note: Mapped[str]
    entered_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    entered_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    withdrawn_at: Mapped[datetime | None]
    withdraw_reason: Mapped[str | None]


class HoursWindow(Base):
    """Extra hours opened by a unit head (S34)."""

    __tablename__ = "hours_window"
    __table_args__ = (Index("ix_hours_window_office_code", "office_code", "closes"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    opens: Mapped[datetime]
    closes: Mapped[datetime]
    opened_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    reason: Mapped[str]
    withdrawn_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    withdrawn_at: Mapped[datetime | None]
    withdraw_reason: Mapped[str | None]
