"""Searches of the journal that a person keeps under a name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.store.base import Base


class SavedSearch(Base):
    """One set of filters of one person; ended instead of deleted."""

    __tablename__ = "saved_search"
    __table_args__ = (
        Index(
            "uq_saved_search_name",
            "officer_id",
            "name",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    name: Mapped[str]
    filters: Mapped[dict[str, Any]]
    """The words of the search form as they were typed."""
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
