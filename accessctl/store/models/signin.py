"""What a person signs in with, beside the password. Nothing here can be used as it is stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.store.base import Base


class SecondFactor(Base):
    """A person's TOTP device. What was removed stays as a fact, without its secret."""

    __tablename__ = "second_factor"
    __table_args__ = (
        Index(
            "uq_second_factor_in_force",
            "officer_id",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    kid: Mapped[str]
    """Which lease key the encryption key was derived from."""
    secret: Mapped[bytes | None]
    enrolled_at: Mapped[datetime]
    last_step: Mapped[int]
    """The newest 30-second step whose code was used; this one and older ones count no more."""
    burned_step: Mapped[int | None]
    """A step outside the tolerance whose code was typed (clock skew): it never counts."""
    carries_password: Mapped[bool]
    """The password is as short as a second factor allows: without the factor it must be changed."""
    removed_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One of ten codes on paper for the day when the device is lost; used once."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    factor_id: Mapped[int] = mapped_column(ForeignKey("second_factor.id"), index=True)
    kid: Mapped[str]
    code_hash: Mapped[bytes]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]


class SignInStep(Base):
    """The password was right, the code is awaited. Opens no page."""

    __tablename__ = "sign_in_step"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    at: Mapped[datetime]
    address: Mapped[str | None]
    over_at: Mapped[datetime | None]


class SignInStranger(Base):
    """Failures under a name that nobody bears: locked like any other, so that a lock tells nothing."""

    __tablename__ = "sign_in_stranger"

    name_hash: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


class SignInPlace(Base):
    """Where the command line was used from by whom; told to the log once a day."""

    __tablename__ = "sign_in_place"

    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    means: Mapped[str] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]


class AccessToken(Base):
    """A personal token of the command line."""

    __tablename__ = "access_token"
    __table_args__ = (CheckConstraint("scope IN ('read', 'use')", name="scope"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    name: Mapped[str]
    scope: Mapped[str]
    roles: Mapped[list[str]]
    """The roles held when it was issued; who loses one of them loses the token."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_from: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]


class ResetLink(Base):
    """A link for one person to set a new password or to drop the second factor; used once."""

    __tablename__ = "reset_link"
    __table_args__ = (CheckConstraint("purpose IN ('password', 'second_factor')", name="purpose"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    officer_id: Mapped[int] = mapped_column(ForeignKey("officer.id"), index=True)
    purpose: Mapped[str]
    issued_by: Mapped[int] = mapped_column(ForeignKey("officer.id"))
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    over_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
