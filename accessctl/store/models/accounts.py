"""The accounts and the people who answer for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, func
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.domain.accounts import AccountName, Kind
from accessctl.store.base import Base
from accessctl.store.models.officers import Officer


class Account(Base):
    """One of the 144 shared accounts, or one of an office's local pool."""

    __tablename__ = "account"

    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    guest: Mapped[str] = mapped_column(ForeignKey("office.code"), index=True)
    host: Mapped[str] = mapped_column(ForeignKey("office.code"), index=True)
    role: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    reason: Mapped[str | None]
    """Why it is not ACTIVE: a stable code or the words of the person who locked it."""
    state_before: Mapped[str | None]
    """The state that a quarantine interrupted."""
    epoch: Mapped[int] = mapped_column(default=0)
    """Enters every derived secret; raising it voids old credentials."""
    unlock_asked_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """The custodian who asked for the unlocking; IT cannot unlock without it (S32)."""

    @property
    def parsed(self) -> AccountName:
        """The name as a value."""
        return AccountName.parse(self.name)

    @property
    def kind_(self) -> Kind:
        """The kind as a value."""
        return Kind(self.kind)


class Custody(Base):
    """A custodian's assignment. Two of a kind at an office cannot overlap: the database refuses (R31)."""

    __tablename__ = "custody"
    __table_args__ = (
        ExcludeConstraint(
            ("office_code", "="),
            ("kind", "="),
            ("period", "&&"),
            name="ex_custody_one_at_a_time",
            using="gist",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    kind: Mapped[str]
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE())
    decision_no: Mapped[str]
    appointed_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    appointed_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    acknowledged_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])
