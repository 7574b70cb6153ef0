"""One officer with everything about that person, and the roles that wait for somebody's word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.granting import Word
from accessctl.domain.leases import HOLDS_OFFICER
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict, Refused
from accessctl.services import roles
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import decide, may, require
from accessctl.services.officer_list import OfficerRow, heads_of, rows_of, visible_offices
from accessctl.services.runtime import Runtime
from accessctl.services.staff import case_of, found, names_of
from accessctl.store.models import (
    AccessToken,
    Custody,
    Lease,
    Office,
    Officer,
    OfficerRole,
    Posting,
    RoleProposal,
    WebSession,
)


@dataclass(frozen=True, slots=True)
class RoleView:
    """A role that is or was held; `by`: whose words brought it, `proposed, entered, approved` or the granter."""

    role: str
    since: datetime
    until: datetime | None
    by: tuple[str, ...]
    why: str | None
    ended_by: str | None
    ended_why: str | None


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A role on its way; `lacks` are the words still missing, `mine` the one that the reader could give."""

    id: int
    username: str
    full_name: str
    title: str
    office_name: str
    role: str
    reason: str
    opened_at: datetime
    proposed: tuple[str, datetime] | None
    entered: tuple[str, datetime] | None
    approved: tuple[str, datetime] | None
    lacks: tuple[str, ...]
    mine: str | None
    can_decline: bool


@dataclass(frozen=True, slots=True)
class PostingView:
    """Where the officer served."""

    office: str
    office_name: str
    level: str
    department: str
    title: str
    since: datetime
    until: datetime | None
    decision_no: str | None


@dataclass(frozen=True, slots=True)
class CustodyView:
    """Accounts that the officer answers, answered or is to answer for."""

    kind: str
    office_name: str
    since: datetime | None
    until: datetime | None
    decision_no: str
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class Ties:
    """What would end at once if the officer moved or left, and who is to know of it."""

    accounts: tuple[str, ...]
    waiting_for: tuple[str, ...]
    custody: tuple[CustodyView, ...]
    roles: tuple[str, ...]
    proposals: int
    sessions: int
    tokens: int
    heads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfficerDetail:
    """One officer; `may` ∈ edit, transfer, leave, return, propose, enter, reset, journal: what this reader may do."""

    row: OfficerRow
    email: str
    version: int
    has_password: bool
    locked_until: datetime | None
    held: tuple[RoleView, ...]
    earlier: tuple[RoleView, ...]
    proposals: tuple[ProposalView, ...]
    postings: tuple[PostingView, ...]
    custody: tuple[CustodyView, ...]
    lease: str | None
    lease_account: str | None
    lease_state: str | None
    sees_lease: bool
    may: frozenset[str]


def show(rt: Runtime, session: Session, actor: Actor, username: str) -> OfficerDetail:
    """Everything about one officer, also one who has left. Raises NotFound("officer.unknown")."""
    officer = found(session, username)
    require(rt, actor, Permission.OFFICER_VIEW, officer.office_code)
    held, earlier = roles_of(session, officer)
    lease = session.scalars(
        select(Lease).where(Lease.officer_id == officer.id, Lease.state.in_(HOLDS_OFFICER))
    ).first()
    sees = lease is not None and may(rt, actor, Permission.LOG_VIEW, lease.guest)
    return OfficerDetail(
        row=rows_of(session, [officer], rt.now())[0],
        email=officer.email,
        version=officer.version,
        has_password=officer.password_hash is not None,
        locked_until=officer.locked_until,
        held=held,
        earlier=earlier,
        proposals=tuple(proposals_of(rt, session, actor, roles.open_of(officer))),
        postings=tuple(_postings(session, officer)),
        custody=tuple(_custody(session, officer)),
        lease=str(lease.id) if lease else None,
        lease_account=lease.account_name if lease else None,
        lease_state=lease.state if lease else None,
        sees_lease=sees,
        may=_may(rt, session, actor, officer),
    )


_ACTS = {
    "edit": Permission.OFFICER_ADD,
    "transfer": Permission.OFFICER_TRANSFER,
    "leave": Permission.OFFICER_LEAVE,
    "enter": Permission.ROLE_ENTER,
    "reset": Permission.CREDENTIAL_RESET,
}


def _may(rt: Runtime, session: Session, actor: Actor, officer: Officer) -> frozenset[str]:
    """What a page offers; every act asks the policy again."""
    found_ = {"journal"} if may(rt, actor, Permission.LOG_VIEW, officer.office_code) else set()
    if officer.left_at is not None:
        again = {"return"} if may(rt, actor, Permission.OFFICER_ADD, officer.office_code) else set()
        return frozenset(found_ | again)
    case = case_of(actor, officer)
    for name, permission in _ACTS.items():
        if decide(rt, actor, permission, officer.office_code, case=case).allowed:
            found_.add(name)
    if roles.may_say(rt, session, actor, officer, Word.HEAD):
        found_.add("propose")
    return frozenset(found_)


def roles_of(session: Session, officer: Officer) -> tuple[tuple[RoleView, ...], tuple[RoleView, ...]]:
    """Roles in force, then those of the past, newest first."""
    rows = list(officer.roles)
    words = {
        p.id: p
        for p in session.scalars(
            select(RoleProposal).where(RoleProposal.id.in_([r.proposal_id for r in rows if r.proposal_id]))
        )
    }
    who = [r.granted_by for r in rows] + [r.revoked_by for r in rows]
    for p in words.values():
        who += [p.proposed_by, p.entered_by, p.approved_by]
    names = names_of(session, who)
    views = [_role_view(row, words.get(row.proposal_id or 0), names) for row in rows]
    held = tuple(sorted((v for v in views if v.until is None), key=lambda v: v.since))
    earlier = sorted(
        (v for v in views if v.until is not None), key=lambda v: v.until or v.since, reverse=True
    )
    return held, tuple(earlier)


def _role_view(row: OfficerRole, proposal: RoleProposal | None, names: dict[int, str]) -> RoleView:
    said = (
        (proposal.proposed_by, proposal.entered_by, proposal.approved_by) if proposal else (row.granted_by,)
    )
    return RoleView(
        role=row.role,
        since=row.granted_at,
        until=row.revoked_at,
        by=tuple(names[identity] for identity in said if identity is not None),
        why=proposal.reason if proposal else None,
        ended_by=names.get(row.revoked_by or 0),
        ended_why=row.revoke_reason,
    )


def waiting(rt: Runtime, session: Session, actor: Actor) -> list[ProposalView]:
    """Every role that waits and that this person may see, those that wait for the own word first."""
    visible = visible_offices(rt, actor)
    open_ones = (
        select(RoleProposal)
        .where(RoleProposal.state == roles.WAITING, RoleProposal.office_code.in_(visible))
        .order_by(RoleProposal.opened_at)
        .limit(500)
    )
    found_ = proposals_of(rt, session, actor, open_ones)
    return sorted(found_, key=lambda view: view.mine is None)


def before_role(
    rt: Runtime, session: Session, actor: Actor, username: str
) -> tuple[OfficerDetail, list[str]]:
    """The officer and the roles that could be given; refused for whoever has no word on them."""
    officer = officer_named(session, username)
    if not any(roles.may_say(rt, session, actor, officer, word) for word in (Word.HEAD, Word.IT)):
        require(rt, actor, Permission.ROLE_PROPOSE, officer.office_code, case=case_of(actor, officer))
        raise Refused("role.by_function", officer=officer.full_name)
    return show(rt, session, actor, username), roles.choices(session, officer)


def before_decline(rt: Runtime, session: Session, actor: Actor, number: str) -> ProposalView:
    """The proposal that is to be declined; refused for whoever has no word on it."""
    proposal = roles.find(session, number)
    officer = proposal.officer
    if not any(roles.may_say(rt, session, actor, officer, word) for word in Word):
        require(rt, actor, Permission.ROLE_APPROVE, officer.office_code, case=case_of(actor, officer))
    if proposal.state != roles.WAITING:
        raise Conflict("role.settled", role=proposal.role, officer=officer.full_name)
    names = names_of(session, [proposal.proposed_by, proposal.entered_by, proposal.approved_by])
    return _proposal(rt, session, actor, proposal, names)


@dataclass(frozen=True, slots=True)
class BeforeRevoke:
    """An officer who is to lose a role, and what would end with it."""

    officer: Officer
    office_name: str
    ties: Ties


def before_revoke(rt: Runtime, session: Session, actor: Actor, username: str, role: str) -> BeforeRevoke:
    """What ends with a role; refused for whoever may not withdraw it."""
    officer = officer_named(session, username)
    require(rt, actor, Permission.ROLE_ENTER, officer.office_code, case=case_of(actor, officer))
    if not any(r.role == role and r.revoked_at is None for r in officer.roles):
        raise Conflict("role.not_held", role=role[:60], officer=officer.full_name)
    name = session.get_one(Office, officer.office_code).name
    return BeforeRevoke(officer, name, ties(session, officer, rt.now()))


def proposals_of(
    rt: Runtime, session: Session, actor: Actor, query: Select[RoleProposal]
) -> list[ProposalView]:
    """The proposals of a query, each with what is said and what is missing, as this reader may answer them."""
    rows = session.scalars(
        query.options(selectinload(RoleProposal.officer).selectinload(Officer.roles))
    ).all()
    names = names_of(session, [i for p in rows for i in (p.proposed_by, p.entered_by, p.approved_by)])
    return [_proposal(rt, session, actor, proposal, names) for proposal in rows]


def _proposal(
    rt: Runtime, session: Session, actor: Actor, proposal: RoleProposal, names: dict[int, str]
) -> ProposalView:
    officer = proposal.officer
    lacks = roles.still_missing(session, officer, proposal)
    words = [word for word in Word if roles.may_say(rt, session, actor, officer, word)]

    def said(by: int | None, at: datetime | None) -> tuple[str, datetime] | None:
        return (names[by], at) if by is not None and at is not None else None

    return ProposalView(
        id=proposal.id,
        username=officer.username,
        full_name=officer.full_name,
        title=officer.title,
        office_name=session.get_one(Office, officer.office_code).name,
        role=proposal.role,
        reason=proposal.reason,
        opened_at=proposal.opened_at,
        proposed=said(proposal.proposed_by, proposal.proposed_at),
        entered=said(proposal.entered_by, proposal.entered_at),
        approved=said(proposal.approved_by, proposal.approved_at),
        lacks=tuple(word.value for word in Word if word in lacks),
        mine=next((w.value for w in words if w in lacks or roles.stands_in(proposal, w)), None),
        can_decline=bool(words),
    )


def _postings(session: Session, officer: Officer) -> list[PostingView]:
    rows = session.execute(
        select(Posting, Office)
        .join(Office, Office.code == Posting.office_code)
        .where(Posting.officer_id == officer.id)
        .order_by(Posting.since.desc(), Posting.id.desc())
    )
    return [
        PostingView(
            office.code, office.name, office.level, p.department, p.title, p.since, p.until, p.decision_no
        )
        for p, office in rows
    ]


def _custody(session: Session, officer: Officer) -> list[CustodyView]:
    rows = session.execute(
        select(Custody, Office.name)
        .join(Office, Office.code == Custody.office_code)
        .where(Custody.officer_id == officer.id, ~func.isempty(Custody.period))
        .order_by(func.lower(Custody.period).desc())
    )
    return [
        CustodyView(c.kind, name, c.period.lower, c.period.upper, c.decision_no, c.end_reason)
        for c, name in rows
    ]


def ties(session: Session, officer: Officer, now: datetime) -> Ties:
    """What holds the officer to the place: for the page that spells out what will end."""
    leases = session.scalars(
        select(Lease).where(Lease.officer_id == officer.id, Lease.state.in_(HOLDS_OFFICER))
    ).all()
    living = [c for c in _custody(session, officer) if c.until is None or c.until > now]
    sessions = select(func.count()).where(WebSession.officer_id == officer.id, WebSession.ended_at.is_(None))
    tokens = select(func.count()).where(AccessToken.officer_id == officer.id, AccessToken.ended_at.is_(None))
    open_ones = select(func.count()).where(
        RoleProposal.officer_id == officer.id, RoleProposal.state == roles.WAITING
    )
    return Ties(
        accounts=tuple(lease.account_name for lease in leases if lease.state != "QUEUED"),
        waiting_for=tuple(lease.account_name for lease in leases if lease.state == "QUEUED"),
        custody=tuple(living),
        roles=tuple(r.role for r in officer.roles if r.revoked_at is None),
        proposals=session.scalar(open_ones) or 0,
        sessions=session.scalar(sessions) or 0,
        tokens=session.scalar(tokens) or 0,
        heads=tuple(heads_of(session, officer.office_code, without=officer.id)),
    )
