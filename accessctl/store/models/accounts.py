"""The accounts that are lent."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.domain.accounts import AccountName, Kind
from accessctl.store.base import Base


class Account(Base):
    """One of the 144 shared accounts, or one of an office's local pool."""

    __tablename__ = "account"
    __table_args__ = (Index("ix_account_pool", "guest", "kind", "state", "name"),)

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
