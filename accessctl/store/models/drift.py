"""What the last comparison of an office's rights with the policy found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.store.base import Base


class DriftLook(Base):
    """One office: the last look that succeeded, the last try, and who repaired last."""

    __tablename__ = "drift_look"

    office: Mapped[str] = mapped_column(ForeignKey("office.code"), primary_key=True)
    tried_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    """None: never yet."""
    code: Mapped[str | None]
    """Why the last try failed, as in messages.toml; what stands in `found` is then older."""
    found: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """The deviations of the last look, as `officedb.drifted.Drift` has them."""
    repaired_at: Mapped[datetime | None]
    repaired_by: Mapped[str | None]
    """The name of the person at the time."""
    repaired: Mapped[int | None]
    remaining: Mapped[int | None]
