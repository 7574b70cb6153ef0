"""What the office databases saw, and what did not match (R43)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from accessctl.store.base import Base


class Login(Base):
    """A login of a managed role as a witness saw it: `source` is trigger (access.login) or log (server log)."""

    __tablename__ = "login"
    __table_args__ = (
        UniqueConstraint("server", "pid", "started", "source"),
        Index("ix_login_at", "at"),
        Index(
            "ix_login_waiting",
            "at",
            postgresql_where=text("matched IS NULL AND source = 'log' AND outcome = 'ok'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    server: Mapped[str]
    """system_identifier of the server."""
    host: Mapped[str]
    at: Mapped[datetime]
    """By the host's clock."""
    role: Mapped[str]
    lease_id: Mapped[str | None] = mapped_column(index=True)
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
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_finding_state", "state", "severity", "last_at"),
    )

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
    """`domain.findings.FindingState`."""
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """Who said that he or she deals with it."""
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Goes up with every step; whoever sends an older one is told what happened meanwhile."""
    closed_at: Mapped[datetime | None]
    inbox_id: Mapped[int | None]
    """Of the record that told of it, for finding that record's place in the log."""


class FindingRemark(Base):
    """One step or note about a finding; never changed."""

    __tablename__ = "finding_remark"

    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("finding.id"), index=True)
    at: Mapped[datetime]
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    """None: the service itself, when what was closed was seen again."""
    officer_name: Mapped[str | None]
    """At the time."""
    what: Mapped[str]
    """`domain.findings.Step`."""
    words: Mapped[str]


class OfficeLink(Base):
    """Whether an office's database answers, since when, and what the last comparison of rights found."""

    __tablename__ = "office_link"

    office: Mapped[str] = mapped_column(ForeignKey("office.code"), primary_key=True)
    up: Mapped[bool]
    since: Mapped[datetime]
    """Of the present state, up or down."""
    tried_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    """The last answer."""
    code: Mapped[str | None]
    """Why it does not answer, as in messages.toml."""
    drift_at: Mapped[datetime | None]
    drifts: Mapped[int | None]
