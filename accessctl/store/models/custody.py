"""The people who answer for the accounts: assignments, substitutions, the contact lists that name them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.domain.accounts import Kind
from accessctl.store.base import Base
from accessctl.store.models.officers import Officer


class Custody(Base):
    """A custodian's assignment. Two of a kind at an office cannot overlap: the database refuses (R31).

    A substitution cuts the assignment in three rows, so that at every moment exactly one person answers. An
    assignment that was called off before it began keeps its row with an empty period.
    """

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
    substitutes: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """For whom this officer stands in (§4.7); None for a custodian of the own right."""
    cut: Mapped[Range[datetime] | None] = mapped_column(TSTZRANGE())
    """The period that the assignment before it had until this one cut it short: restored when this is called off."""
    handover: Mapped[dict[str, Any] | None]
    """How the accounts stood when this officer took over (§12.4)."""
    waivers: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger()))
    """The director's waivers without which this officer could not be custodian (S13); it ends with them."""
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])
    principal: Mapped[Officer | None] = relationship(foreign_keys=[substitutes])

    @property
    def kind_(self) -> Kind:
        """The kind as a value."""
        return Kind(self.kind)


class Waiver(Base):
    """The director lifts one rule of custody, for one person of one office, until a day (S13, A5)."""

    __tablename__ = "waiver"
    __table_args__ = (
        CheckConstraint("opens < closes", name="forward"),
        CheckConstraint("(rule = 'self') = (kind IS NOT NULL)", name="self_is_of_one_kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    rule: Mapped[str]
    kind: Mapped[str | None]
    """The kind for which a head may appoint himself; None where one person may answer for both."""
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    opens: Mapped[datetime]
    closes: Mapped[datetime]
    decision_no: Mapped[str]
    reason: Mapped[str]
    granted_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    granted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """None where its time ran out."""
    end_reason: Mapped[str | None]
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])
    granter: Mapped[Officer] = relationship(foreign_keys=[granted_by])


class Substitution(Base):
    """A second named person for some days: proposed by the custodian, decided by the unit head (S09)."""

    __tablename__ = "substitution"
    __table_args__ = (CheckConstraint("opens < closes", name="forward"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    custody_id: Mapped[int] = mapped_column(ForeignKey("custody.id"), index=True)
    """The assignment that is interrupted."""
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    opens: Mapped[datetime]
    closes: Mapped[datetime]
    reason: Mapped[str]
    decision_no: Mapped[str | None]
    state: Mapped[str]
    proposed_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None]
    stands: Mapped[int | None] = mapped_column(ForeignKey("custody.id"))
    """The substitute's own assignment, once decided."""
    custody: Mapped[Custody] = relationship(foreign_keys=[custody_id])
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])
    proposer: Mapped[Officer] = relationship(foreign_keys=[proposed_by])


class ContactPublication(Base):
    """An office's two custodians as told to the other offices: one row for each version, never changed (R34)."""

    __tablename__ = "contact_publication"
    __table_args__ = (UniqueConstraint("office_code", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    version: Mapped[int]
    published_at: Mapped[datetime]
    published_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """The unit head; None when a change was told by itself."""
    entries: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())
    publisher: Mapped[Officer | None] = relationship()


class ContactReader(Base):
    """Who gives the receipts of a department of the head office beside its head, if it has one (R34)."""

    __tablename__ = "contact_reader"
    __table_args__ = (
        Index(
            "uq_contact_reader_now",
            "office_code",
            "department",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    department: Mapped[str]
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    named_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    named_at: Mapped[datetime]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    ended_at: Mapped[datetime | None]
    officer: Mapped[Officer] = relationship(foreign_keys=[officer_id])


class ContactReceipt(Base):
    """Another office, or a department of the head office, has read this version."""

    __tablename__ = "contact_receipt"
    __table_args__ = (
        UniqueConstraint("publication_id", "office_code", "department", postgresql_nulls_not_distinct=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    publication_id: Mapped[int] = mapped_column(ForeignKey("contact_publication.id"))
    office_code: Mapped[str] = mapped_column(ForeignKey("office.code"))
    department: Mapped[str | None]
    """None: the receipt of the office itself."""
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    read_at: Mapped[datetime]
    officer: Mapped[Officer] = relationship()
