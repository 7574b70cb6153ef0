"""Reading the log: who may see which records, searching them, one record with its words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event, failed, label
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.text import folded
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.recording import record_refusal
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditIndex, AuditLog, Office, Officer

__all__ = ["JournalPage", "JournalQuery", "JournalRow", "record_refusal", "search"]

PAGE = 50


@dataclass(frozen=True, slots=True)
class JournalQuery:
    """What is looked for; every part given must fit. `office` is an office's code, as actor, guest or host."""

    person: str = ""
    account: str = ""
    office: str = ""
    dossier: str = ""
    event: str = ""
    lease: str = ""
    since: datetime | None = None
    until: datetime | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One record in words; `index` is its place in the log."""

    index: int
    at: datetime
    event: str
    event_label_vi: str
    event_label_en: str
    outcome: str
    reason: str | None
    actor: str
    actor_name: str
    office: str | None
    account: str | None
    lease: str | None
    dossier: str | None
    guest: str | None
    host: str | None
    address: str | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalPage:
    """One page of `pages`, newest first; `total` records fit the query."""

    rows: tuple[JournalRow, ...]
    page: int
    pages: int
    total: int


def search(rt: Runtime, session: Session, actor: Actor, query: JournalQuery) -> JournalPage:
    """The records that fit the query and that this person may see, newest first."""
    fits = and_(visible(rt, session, actor), *_filters(session, query))
    total = session.scalar(select(func.count()).select_from(AuditIndex).where(fits)) or 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, query.page), pages)
    found = session.execute(
        select(AuditLog.idx, AuditLog.leaf)
        .join(AuditIndex, AuditIndex.idx == AuditLog.idx)
        .where(fits)
        .order_by(AuditLog.idx.desc())
        .offset((page - 1) * PAGE)
        .limit(PAGE)
    )
    return JournalPage(tuple(row_of(idx, bytes(leaf)) for idx, leaf in found), page, pages, total)


def visible(rt: Runtime, session: Session, actor: Actor) -> ColumnElement[bool]:
    """Which records the policy shows this person: the own ones, those of offices, of a kind, technical ones (§7.1)."""
    allowed: list[ColumnElement[bool]] = []
    if may(rt, actor, Permission.LOG_VIEW_OWN, actor.office):
        allowed.append(AuditIndex.actor == actor.username)
    offices = sorted(code for code in rt.office_codes() if may(rt, actor, Permission.LOG_VIEW, code))
    if offices:
        allowed.append(_of_offices(rt, actor, offices))
    if all(may(rt, actor, Permission.OFFICEDB_VIEW, code) for code in rt.office_codes()):
        allowed.append(_technical())
    return or_(*allowed) if allowed else AuditIndex.idx < 0


def _of_offices(rt: Runtime, actor: Actor, offices: list[str]) -> ColumnElement[bool]:
    place: ColumnElement[bool] = or_(
        AuditIndex.guest.in_(offices), AuditIndex.office.in_(offices), AuditIndex.host.in_(offices)
    )
    if set(offices) >= rt.office_codes():
        place = AuditIndex.idx >= 0
    kinds = [
        role.value.removeprefix("custodian_").upper() for role in actor.roles if role.startswith("custodian_")
    ]
    if not kinds or actor.roles & {Role.UNIT_HEAD, Role.AUDITOR, Role.DIRECTOR, Role.DEPUTY_DIRECTOR}:
        return place
    return and_(AuditIndex.guest.in_(offices), AuditIndex.kind.in_(kinds))


def _technical() -> ColumnElement[bool]:
    """Events of systems, accounts and staff: what those who run the databases need, without dossiers (§7.1)."""
    technical = [event for event in Event if event.technical]
    tags = [event.value for event in technical] + [failed(event) for event in technical]
    return and_(AuditIndex.event.in_(tags), AuditIndex.dossier.is_(None))


def _filters(session: Session, query: JournalQuery) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if query.person.strip():
        fits.append(AuditIndex.actor.in_(_people(session, query.person)))
    if query.account.strip():
        fits.append(AuditIndex.account == query.account.strip().upper())
    if query.office:
        code = query.office
        fits.append(or_(AuditIndex.office == code, AuditIndex.guest == code, AuditIndex.host == code))
    if query.dossier.strip():
        fits.append(AuditIndex.dossier == query.dossier.strip().upper())
    if query.lease.strip():
        fits.append(AuditIndex.lease == query.lease.strip().lower())
    if query.event:
        fits.append(AuditIndex.event.in_([query.event, query.event + ".failed"]))
    if query.since is not None:
        fits.append(AuditIndex.at >= query.since)
    if query.until is not None:
        fits.append(AuditIndex.at < query.until)
    return fits


def _people(session: Session, words: str) -> list[str]:
    """User names whose own or full name holds the words, diacritics or not."""
    wanted = folded(words.strip())[:100]
    people = session.execute(select(Officer.username, Officer.full_name))
    return [name for name, full_name in people if wanted in folded(name) or wanted in folded(full_name)]


def row_of(index: int, leaf: bytes) -> JournalRow:
    """One record as its readers see it."""
    said = json.loads(leaf)
    return JournalRow(
        index=index,
        at=datetime.fromisoformat(said["at"]),
        event=said["event"],
        event_label_vi=label(said["event"], "vi"),
        event_label_en=label(said["event"], "en"),
        outcome=said["outcome"],
        reason=said.get("reason"),
        actor=said["actor"],
        actor_name=said.get("actor_name", said["actor"]),
        office=said.get("office"),
        account=said.get("account"),
        lease=said.get("lease"),
        dossier=said.get("dossier"),
        guest=said.get("guest"),
        host=said.get("host"),
        address=said.get("address"),
        details=said.get("details") or {},
    )


def office_names(session: Session) -> dict[str, str]:
    """Code → name of every office there ever was."""
    return dict(session.execute(select(Office.code, Office.name)).all())
