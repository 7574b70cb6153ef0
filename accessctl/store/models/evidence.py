"""What the office databases saw, and what did not match (R43)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.store.base import Base


class Login(Base):
    """A login of a managed role as a witness saw it: `source` is trigger (access.login) or log (server log)."""

    __tablename__ = "login"
    __table_args__ = (UniqueConstraint("server", "pid", "started", "source"), Index("ix_login_at", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    server: Mapped[str]
    """system_identifier of the server."""
    host: Mapped[str]
    at: Mapped[datetime]
    """By the host's clock."""
    role: Mapped[str]
    lease_id: Mapped[str | None]
    pid: Mapped[int]
    started: Mapped[datetime]
    """backend_start, truncated to the second: the server log knows no more."""
    client_addr: Mapped[str | None]
    client_port: Mapped[int | None]
    application: Mapped[str | None]
    outcome: Mapped[str]
    """ok, refused, failed."""
    matched: Mapped[bool | None]
    """None until looked at; False is an unexplained login."""


class Act(Base):
    """One use of a business function, copied from the host's `access.act`."""

    __tablename__ = "act"
    __table_args__ = (UniqueConstraint("host", "host_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str]
    host_id: Mapped[int]
    at: Mapped[datetime]
    lease_id: Mapped[str] = mapped_column(index=True)
    officer: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str | None]
    outcome: Mapped[str]
    matched: Mapped[bool]


class EvidenceMark(Base):
    """How far a witness has been read: `name` is an office's table or a server's log file."""

    __tablename__ = "evidence_mark"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    detail: Mapped[str | None]
    read_at: Mapped[datetime]


class Finding(Base):
    """Something that does not add up, kept until somebody has dealt with it."""

    __tablename__ = "finding"
    __table_args__ = (UniqueConstraint("key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    """What makes two reports the same finding; a repeat raises `times`."""
    kind: Mapped[str]
    severity: Mapped[int]
    office: Mapped[str | None] = mapped_column(index=True)
    account: Mapped[str | None]
    lease_id: Mapped[str | None]
    details: Mapped[dict[str, Any]]
    times: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="OPEN")
