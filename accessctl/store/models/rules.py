"""A custodian's standing rule and the approvals for what lies outside it (A4)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.domain.accounts import Kind
from accessctl.store.base import Base
from accessctl.store.models.officers import Officer


class StandingRule(Base):
    """Who may borrow an office's accounts of a kind, when and how often: one row for each version, never changed."""

    __tablename__ = "standing_rule"
    __table_args__ = (UniqueConstraint("office_code", "kind", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    kind: Mapped[str]
    version: Mapped[int]
    officers: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger()))
    """None: everybody of the department who has the role."""
    days: Mapped[list[int]] = mapped_column(ARRAY(BigInteger()))
    """ISO weekdays, 1 is Monday."""
    spans: Mapped[list[list[str]]] = mapped_column(JSONB())
    """Local times ["07:30", "11:30"]; none: whenever the office serves."""
    per_day: Mapped[int | None]
    note: Mapped[str]
    set_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    set_at: Mapped[datetime]
    author: Mapped[Officer] = relationship()


class Approval(Base):
    """Leave for one check-out outside the rule: bound to officer, account, dossier and window, used once."""

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("opens < closes", name="forward"),
        CheckConstraint("(state = 'USED') = (lease_id IS NOT NULL)", name="used_by_a_lease"),
        Index("ix_approval_office_code", "office_code", "id"),
        Index(
            "uq_approval_asked",
            "officer_id",
            "account_name",
            "dossier",
            unique=True,
            postgresql_where=text("state = 'ASKED'"),
        ),
        Index("ix_approval_given", "officer_id", "account_name", postgresql_where=text("state = 'GIVEN'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    kind: Mapped[str]
    account_name: Mapped[str] = mapped_column(ForeignKey("account.name"))
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    dossier: Mapped[str]
    opens: Mapped[datetime]
    closes: Mapped[datetime]
    reason: Mapped[str]
    state: Mapped[str]
    asked_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None]
    stood_in: Mapped[str | None]
    """Why the head decided instead of the custodian: no_custodian, asker or absent."""
    note: Mapped[str | None]
    used_at: Mapped[datetime | None]
    lease_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("lease.id"), type_=Uuid(), unique=True)
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])
    decider: Mapped[Officer | None] = relationship(foreign_keys=[decided_by])

    @property
    def kind_(self) -> Kind:
        """The kind as a value."""
        return Kind(self.kind)
