"""Substitutions as pages show them: what is proposed, what runs, what has been (S09)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.permissions import Permission, Role
from accessctl.services import ledger
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.runtime import Runtime
from accessctl.services.substitution import find
from accessctl.store.models import Custody, Office, Substitution


@dataclass(frozen=True, slots=True)
class SubstitutionView:
    """One substitution. `state` ∈ PROPOSED, PLANNED, RUNNING, DONE, DECLINED, WITHDRAWN, ENDED (early), LAPSED."""

    id: int
    office: str
    office_name: str
    kind: str
    custodian: str
    substitute: str
    substitute_title: str
    opens: datetime
    closes: datetime
    reason: str
    """Empty for other offices."""
    decision_no: str | None
    state: str
    proposer: str
    note: str | None
    own: bool
    """Proposed by this very person."""
    decidable: bool
    """This person may decide it, or end it early."""


def of_office(rt: Runtime, session: Session, actor: Actor, office: str) -> list[SubstitutionView]:
    """The latest substitutions of an office, newest first."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    rows = session.scalars(
        select(Substitution)
        .join(Custody, Custody.id == Substitution.custody_id)
        .where(Custody.office_code == office)
        .options(joinedload(Substitution.officer), joinedload(Substitution.proposer))
        .order_by(Substitution.id.desc())
        .limit(20)
    ).all()
    return [_view(rt, session, actor, row) for row in rows]


def show(rt: Runtime, session: Session, actor: Actor, identity: str) -> SubstitutionView:
    """One substitution. Raises NotFound("substitution.unknown")."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    return _view(rt, session, actor, find(session, identity, lock=False))


def _view(rt: Runtime, session: Session, actor: Actor, row: Substitution) -> SubstitutionView:
    custody = row.custody
    answers = Role.DIRECTOR in actor.roles or ledger.answers_for(
        session, actor, custody.kind_, custody.office_code
    )
    return SubstitutionView(
        id=row.id,
        office=custody.office_code,
        office_name=session.get_one(Office, custody.office_code).name,
        kind=custody.kind,
        custodian=custody.officer.full_name,
        substitute=row.officer.full_name,
        substitute_title=row.officer.title,
        opens=row.opens,
        closes=row.closes,
        reason=row.reason if _concerns(rt, actor, custody.office_code) else "",
        decision_no=row.decision_no,
        state=_state(row, rt.now()),
        proposer=row.proposer.full_name,
        note=row.note if _concerns(rt, actor, custody.office_code) else None,
        own=row.proposed_by == actor.id,
        decidable=answers and may(rt, actor, Permission.CUSTODIAN_APPOINT, custody.office_code),
    )


def _concerns(rt: Runtime, actor: Actor, office: str) -> bool:
    """Why somebody is on leave is for the own office and for those who read its log."""
    return actor.office == office or may(rt, actor, Permission.LOG_VIEW, office)


def _state(row: Substitution, now: datetime) -> str:
    if row.state == "PROPOSED":
        return "LAPSED" if row.closes <= now else "PROPOSED"
    if row.state != "GIVEN":
        return row.state
    return "DONE" if row.closes <= now else "RUNNING" if row.opens <= now else "PLANNED"
