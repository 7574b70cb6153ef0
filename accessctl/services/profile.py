"""Who somebody is to the service, shown to that person and to nobody else: each word with whose decision it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountState
from accessctl.domain.notices import How
from accessctl.services import notices, officer_list, officer_view, roles, second_factor, tokens, web_sessions
from accessctl.services.actor import Actor
from accessctl.services.officer_list import OfficerRow
from accessctl.services.officer_view import ProposalView, RoleView
from accessctl.services.runtime import Runtime
from accessctl.services.second_factor import Status
from accessctl.services.staff import names_of
from accessctl.store.models import Account, Custody, Office, Officer


@dataclass(frozen=True, slots=True)
class OwnCustody:
    """Accounts that the person answers for now, or will; `stands_in_for` names whom, during a substitution.

    `accounts`: how many there are of this kind that the office's people borrow, retired ones not counted.
    """

    kind: str
    office: str
    office_name: str
    since: datetime
    until: datetime | None
    begun: bool
    decision_no: str
    appointed_by: str
    acknowledged: bool
    stands_in_for: str | None
    accounts: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What the service knows of a person and goes by. `mailed`: kinds of notices that come by mail too, of `kinds`."""

    row: OfficerRow
    language: str | None
    held: tuple[RoleView, ...]
    proposals: tuple[ProposalView, ...]
    custody: tuple[OwnCustody, ...]
    factor: Status
    sessions: int
    tokens: int
    unread: int
    mails: bool
    mailed: int
    kinds: int


def mine(rt: Runtime, session: Session, actor: Actor, token: str) -> Profile:
    """The own profile; `token` is that of the present browser session."""
    officer = session.get_one(Officer, actor.id)
    chosen = [row for _, rows in notices.choices(rt, session, actor, "vi") for row in rows]
    return Profile(
        row=officer_list.rows_of(session, [officer], rt.now())[0],
        language=officer.language,
        held=officer_view.roles_of(session, officer)[0],
        proposals=tuple(officer_view.proposals_of(rt, session, actor, roles.open_of(officer))),
        custody=tuple(_custody(rt, session, actor)),
        factor=second_factor.status(rt, session, actor.id, actor.roles),
        sessions=len(web_sessions.mine(rt, session, actor, token)),
        tokens=sum(line.state == "in_force" for line in tokens.mine(rt, session, actor)),
        unread=notices.unread(rt, session, actor),
        mails=rt.settings.mails,
        mailed=sum(row.how is not How.PAGE for row in chosen),
        kinds=len(chosen),
    )


def _custody(rt: Runtime, session: Session, actor: Actor) -> list[OwnCustody]:
    """What is in force first, then what is to come."""
    now = rt.now()
    living = or_(func.upper(Custody.period).is_(None), func.upper(Custody.period) > now)
    rows = session.scalars(
        select(Custody)
        .where(Custody.officer_id == actor.id, ~func.isempty(Custody.period), living)
        .order_by(func.lower(Custody.period))
    ).all()
    names = names_of(session, [row.appointed_by for row in rows] + [row.substitutes for row in rows])
    return [_own(session, row, names, now) for row in rows]


def _own(session: Session, row: Custody, names: dict[int, str], now: datetime) -> OwnCustody:
    begins = row.period.lower or row.appointed_at
    there = select(func.count()).where(
        Account.kind == row.kind, Account.guest == row.office_code, Account.state != AccountState.RETIRED
    )
    return OwnCustody(
        kind=row.kind,
        office=row.office_code,
        office_name=session.get_one(Office, row.office_code).name,
        since=begins,
        until=row.period.upper,
        begun=begins <= now,
        decision_no=row.decision_no,
        appointed_by=names[row.appointed_by],
        acknowledged=row.acknowledged_at is not None,
        stands_in_for=names.get(row.substitutes or 0),
        accounts=session.scalar(there) or 0,
    )
