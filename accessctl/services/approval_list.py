"""Approvals as pages show them: what waits for whom, how each ended (A4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.accounts import AccountName, Kind
from accessctl.domain.permissions import Permission
from accessctl.services import ledger
from accessctl.services.actor import Actor
from accessctl.services.approvals import PERMISSION, find, refusal_of
from accessctl.services.authorize import may, require
from accessctl.services.runtime import Runtime
from accessctl.store.models import Approval, Office, Officer


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """One approval for a page. `state` ∈ ASKED, GIVEN, DECLINED, WITHDRAWN, USED, LAPSED (its window has passed).

    `refusal`: why this person may not decide it, as a code; None: he may.
    """

    id: int
    account: str
    kind: str
    guest_name: str
    host_name: str
    officer: str
    officer_name: str
    dossier: str
    opens: datetime
    closes: datetime
    reason: str
    state: str
    asked_at: datetime
    decider: str | None
    decided_at: datetime | None
    stood_in: str | None
    note: str | None
    used_at: datetime | None
    lease: str | None
    own: bool
    refusal: str | None


def to_decide(rt: Runtime, session: Session, actor: Actor) -> list[ApprovalView]:
    """Open questions at this person's office about accounts that he answers for, oldest first."""
    kinds = _answered(rt, session, actor)
    rows = select(Approval).where(
        Approval.office_code == actor.office,
        Approval.kind.in_(kinds),
        Approval.state == "ASKED",
        Approval.closes > rt.now(),
    )
    return _views(rt, session, actor, rows.order_by(Approval.asked_at))


def decided(rt: Runtime, session: Session, actor: Actor, *, limit: int = 100) -> list[ApprovalView]:
    """What was asked and how it ended: the own ones, and all about accounts that this person answers for."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    kinds = _answered(rt, session, actor)
    rows = select(Approval).where(
        (Approval.officer_id == actor.id)
        | ((Approval.office_code == actor.office) & Approval.kind.in_(kinds) & (Approval.state != "ASKED"))
    )
    return _views(rt, session, actor, rows.order_by(Approval.id.desc()).limit(limit))


def show(rt: Runtime, session: Session, actor: Actor, identity: str) -> ApprovalView:
    """One approval: for whoever asked, whoever may decide, and who may read the office's log."""
    row = find(session, identity, lock=False)
    kind = row.kind_
    mine = row.officer_id == actor.id
    answers = row.office_code == actor.office and kind in _answered(rt, session, actor)
    if not (mine or answers):
        require(rt, actor, Permission.LOG_VIEW, row.office_code)
    hosts = dict(session.execute(select(Office.code, Office.name)).all())
    return _view(rt, session, actor, row, hosts)


def _answered(rt: Runtime, session: Session, actor: Actor) -> list[Kind]:
    """The kinds whose approvals at the own office are this person's matter."""
    return [
        kind
        for kind, permission in PERMISSION.items()
        if may(rt, actor, permission, actor.office) and ledger.answers_for(session, actor, kind, actor.office)
    ]


def _views(rt: Runtime, session: Session, actor: Actor, rows) -> list[ApprovalView]:  # type: ignore[no-untyped-def]
    found = session.scalars(rows.options(joinedload(Approval.officer), joinedload(Approval.decider)))
    hosts = dict(session.execute(select(Office.code, Office.name)).all())
    return [_view(rt, session, actor, row, hosts) for row in found.all()]


def _view(
    rt: Runtime, session: Session, actor: Actor, row: Approval, offices: Mapping[str, str]
) -> ApprovalView:
    asker: Officer = row.officer
    lapsed = row.state in ("ASKED", "GIVEN") and row.closes <= rt.now()
    return ApprovalView(
        id=row.id,
        account=row.account_name,
        kind=row.kind,
        guest_name=offices[row.office_code],
        host_name=offices[AccountName.parse(row.account_name).host],
        officer=asker.username,
        officer_name=asker.full_name,
        dossier=row.dossier,
        opens=row.opens,
        closes=row.closes,
        reason=row.reason,
        state="LAPSED" if lapsed else row.state,
        asked_at=row.asked_at,
        decider=row.decider.full_name if row.decider else None,
        decided_at=row.decided_at,
        stood_in=row.stood_in,
        note=row.note,
        used_at=row.used_at,
        lease=str(row.lease_id) if row.lease_id else None,
        own=row.officer_id == actor.id,
        refusal=refusal_of(rt, session, actor, row) if row.state == "ASKED" else None,
    )
