"""Changes of the access policy: what was proposed, by whom, and whose word it got (policy.md §5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from accessctl.store.base import Base
from accessctl.store.models.officers import Officer


class PolicyChange(Base):
    """A set of policy files on its way. `state` ∈ WAITING, APPROVED, DECLINED, WITHDRAWN; only one waits at a time.

    The newest approved one is the policy in force; `done_at` says when the last office had applied it, or when a
    newer one took its place.
    """

    __tablename__ = "policy_change"
    __table_args__ = (
        Index("uq_policy_change_waiting", "state", unique=True, postgresql_where=text("state = 'WAITING'")),
        CheckConstraint("state IN ('WAITING', 'APPROVED', 'DECLINED', 'WITHDRAWN')", name="state"),
        CheckConstraint("state <> 'APPROVED' OR decided_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(state = 'WAITING') = (decided_at IS NULL)", name="decided"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="WAITING")
    version: Mapped[str]
    """SHA-256 over the files, in hex: the name under which every audit record speaks of the policy."""
    base: Mapped[str]
    """The version that it was compared with: another one in force meanwhile, and it has to be proposed anew."""
    files: Mapped[dict[str, Any]]
    """File name → its text, all files of the policy."""
    before: Mapped[dict[str, Any]]
    """The same of the policy that it would replace, kept for the comparison."""
    reason: Mapped[str]
    frozen: Mapped[bool]
    """Whether it touches what TKCL and TKHCTT may do; the proposer has said so."""
    proposed_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None]
    """Why it was declined or withdrawn, or what the approver wrote."""
    done_at: Mapped[datetime | None]

    proposer: Mapped[Officer] = relationship(foreign_keys=[proposed_by])
    decider: Mapped[Officer | None] = relationship(foreign_keys=[decided_by])
