"""Roles: proposed by the unit head, entered by IT, approved by the director; in force when every needed word is there.

Never for oneself, never two that one person may not hold together, never where the role does not belong (§7.1).
Custody is no role that anybody enters: it comes with an appointment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from accessctl.access.enforcer import Decision
from accessctl.domain import separation
from accessctl.domain.events import Event
from accessctl.domain.granting import Word, headed, missing
from accessctl.domain.notices import NoticeKind
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import accounts, telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import decide, require
from accessctl.services.runtime import Runtime
from accessctl.services.staff import case_of, locked, tell, why
from accessctl.store.models import Custody, Office, Officer, OfficerRole, RoleProposal

WAITING, GRANTED, CLOSED = "WAITING", "GRANTED", "CLOSED"

_PERMISSION = {
    Word.HEAD: Permission.ROLE_PROPOSE,
    Word.IT: Permission.ROLE_ENTER,
    Word.DIRECTOR: Permission.ROLE_APPROVE,
}
_EVENT = {Word.HEAD: Event.ROLE_PROPOSED, Word.IT: Event.ROLE_ENTERED, Word.DIRECTOR: Event.ROLE_APPROVED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which role for whom; `reason` is why, or the number of the decision."""

    username: str
    role: str
    reason: str


def propose(rt: Runtime, session: Session, actor: Actor, wanted: Wanted) -> RoleProposal:
    """The unit head's word for an officer of the own office; in force once IT has entered it."""
    return _say(rt, session, actor, wanted, Word.HEAD)


def enter(rt: Runtime, session: Session, actor: Actor, wanted: Wanted) -> RoleProposal:
    """IT's entry; in force at once where the head has proposed it, otherwise waiting for whose word is lacking."""
    return _say(rt, session, actor, wanted, Word.IT)


def agree(rt: Runtime, session: Session, actor: Actor, number: str) -> RoleProposal:
    """Give one's own word on a role that waits: the head proposes it, IT enters it, the director approves it."""
    proposal, officer = _waiting(session, number)
    words = [word for word in Word if may_say(rt, session, actor, officer, word)]
    word = next(iter(words), Word.DIRECTOR)
    _permit(rt, session, actor, officer, word)  # refuses with the policy's own reason who has no word here
    if getattr(proposal, _COLUMN[word] + "_by") is not None:
        raise Conflict("role.said_already", role=proposal.role, officer=officer.full_name)
    return _give(rt, session, actor, officer, proposal, word)


def decline(rt: Runtime, session: Session, actor: Actor, number: str, reason: str) -> RoleProposal:
    """Close a waiting role, with a reason: by anybody whose word counts for it, also by who has said yes before."""
    proposal, officer = _waiting(session, number)
    words = [word for word in Word if may_say(rt, session, actor, officer, word)]
    if not words:
        _permit(rt, session, actor, officer, Word.DIRECTOR)
    _close(rt, session, proposal, officer, actor, why(reason))
    return proposal


def revoke(
    rt: Runtime, session: Session, actor: Actor, username: str, role: str, reason: str, *, version: int
) -> list[str]:
    """IT withdraws a role in force: what the officer holds ends at once. Returns the leases that are ending."""
    officer = locked(session, username)
    require(rt, actor, Permission.ROLE_ENTER, officer.office_code, case=case_of(actor, officer))
    if officer.version != version:
        raise Conflict("officer.changed_meanwhile", officer=officer.full_name)
    if not end(rt, session, officer, actor, why(reason), only=role):
        raise Conflict("role.not_held", role=role[:60], officer=officer.full_name)
    return accounts.end_leases_of(rt, session, officer.id, "role.lost")


def end(
    rt: Runtime,
    session: Session,
    officer: Officer,
    actor: Actor | None,
    reason: str,
    *,
    only: str | None = None,
) -> list[str]:
    """Withdraw the roles in force, or one of them; says which. What follows from it is the caller's part."""
    held = [r for r in officer.roles if r.revoked_at is None and only in (None, r.role)]
    for row in held:
        row.revoked_at, row.revoke_reason = rt.now(), reason
        row.revoked_by = actor.id if actor else None
        tell(rt, session, Event.ROLE_REVOKED, officer, actor, {"role": row.role}, reason=reason)
        telling.role_changed(rt, session, NoticeKind.ROLE_ENDED, officer, row.role)
    if held:
        officer.version += 1
    return [row.role for row in held]


def lapse(rt: Runtime, session: Session, officer: Officer, actor: Actor | None, reason: str) -> int:
    """Close whatever still waits for this officer, who moves or leaves. Returns how many."""
    open_ones = session.scalars(open_of(officer).with_for_update(of=RoleProposal)).all()
    for proposal in open_ones:
        _close(rt, session, proposal, officer, actor, reason)
    return len(open_ones)


def objection(session: Session, officer: Officer, role: Role, *, waiting: bool = True) -> Refused | None:
    """Why this officer cannot have this role, in words; what still waits counts as held, custody to come too."""
    place = session.get_one(Office, officer.office_code)
    return judged(place, officer, role, _besides(session, officer, waiting=waiting))


def _besides(session: Session, officer: Officer, *, waiting: bool) -> set[Role]:
    """What counts as held beside the entered roles."""
    held = custody_of(session, [officer.id]).get(officer.id, set())
    if waiting:
        held = held | {Role(p.role) for p in session.scalars(open_of(officer))}
    return held


def judged(place: Office, officer: Officer, role: Role, besides: Collection[Role]) -> Refused | None:
    """The same where custody and what waits are known; of the entered roles the officer's own rows speak."""
    if role in separation.BY_APPOINTMENT:
        return Refused("role.by_appointment", role=role.value)
    if not separation.belongs(role, officer.department, provincial=place.level == "province"):
        return Refused("role.elsewhere", role=role.value, office=place.name, officer=officer.full_name)
    held = {Role(r.role) for r in officer.roles if r.revoked_at is None}
    clash = separation.incompatible({*held, *besides, role})
    if clash is None or set(clash) == separation.BY_APPOINTMENT:  # both kinds: the director's waiver (S13)
        return None
    first, second = clash
    return Refused("role.separation", role=first.value, other_role=second.value, officer=officer.full_name)


def still_missing(session: Session, officer: Officer, proposal: RoleProposal) -> frozenset[Word]:
    """The words that a waiting role still lacks."""
    provincial = session.get_one(Office, officer.office_code).level == "province"
    given = [word for word in Word if getattr(proposal, _COLUMN[word] + "_by") is not None]
    return missing(Role(proposal.role), officer.department, provincial=provincial, given=given)


def choices(session: Session, officer: Officer) -> list[str]:
    """The roles that this officer could be given: that belong there, are not held and are not refused."""
    held = {r.role for r in officer.roles if r.revoked_at is None}
    place, besides = session.get_one(Office, officer.office_code), _besides(session, officer, waiting=True)
    free = (role for role in Role if role not in held)
    return [role.value for role in free if judged(place, officer, role, besides) is None]


def stands_in(proposal: RoleProposal, word: Word) -> bool:
    """Whether the director may still say yes in the head's place: nobody has to wait for a head on leave."""
    return word is Word.DIRECTOR and proposal.proposed_by is None and proposal.approved_by is None


_COLUMN = {Word.HEAD: "proposed", Word.IT: "entered", Word.DIRECTOR: "approved"}


def _say(rt: Runtime, session: Session, actor: Actor, wanted: Wanted, word: Word) -> RoleProposal:
    """Open a proposal with the first word, or add the word to the one that waits."""
    officer = locked(session, wanted.username)
    _permit(rt, session, actor, officer, word)
    role = _role(wanted.role)
    if any(r.role == role and r.revoked_at is None for r in officer.roles):
        raise Conflict("role.held", role=role.value, officer=officer.full_name)
    reason = why(wanted.reason)
    proposal = session.scalars(open_of(officer).where(RoleProposal.role == role)).first()
    if proposal is None:
        if refusal := objection(session, officer, role):
            raise refusal
        proposal = RoleProposal(
            officer_id=officer.id,
            role=role.value,
            office_code=officer.office_code,
            state=WAITING,
            reason=reason,
            opened_by=actor.id,
            opened_at=rt.now(),
        )
        session.add(proposal)
    elif getattr(proposal, _COLUMN[word] + "_by") is not None:
        raise Conflict("role.said_already", role=role.value, officer=officer.full_name)
    return _give(rt, session, actor, officer, proposal, word)


def _give(
    rt: Runtime, session: Session, actor: Actor, officer: Officer, proposal: RoleProposal, word: Word
) -> RoleProposal:
    """Write the word down; with the last one the role is in force."""
    role = Role(proposal.role)
    if refusal := objection(session, officer, role, waiting=False):
        raise refusal  # something has changed since the first word
    setattr(proposal, _COLUMN[word] + "_by", actor.id)
    setattr(proposal, _COLUMN[word] + "_at", rt.now())
    session.flush()
    lacking = still_missing(session, officer, proposal)
    told = {"role": role.value, "proposal": proposal.id, "waits_for": sorted(lacking)}
    tell(rt, session, _EVENT[word], officer, actor, told, reason=proposal.reason)
    if lacking:
        telling.role_waits(rt, session, proposal, officer, lacking, actor)
    else:
        _grant(rt, session, actor, officer, proposal)
    return proposal


def _grant(rt: Runtime, session: Session, actor: Actor, officer: Officer, proposal: RoleProposal) -> None:
    """In force from this moment: the one place where a role begins by the words of people."""
    now = rt.now()
    first = not any(r.revoked_at is None for r in officer.roles)
    officer.roles.append(
        OfficerRole(
            role=proposal.role,
            shown_first=first,
            granted_at=now,
            granted_by=actor.id,
            proposal_id=proposal.id,
        )
    )
    proposal.state, proposal.closed_at, proposal.closed_by = GRANTED, now, actor.id
    officer.version += 1
    who = _usernames(session, proposal)
    told = {"role": proposal.role, "proposal": proposal.id, **who}
    tell(rt, session, Event.ROLE_GRANTED, officer, actor, told, reason=proposal.reason)
    telling.role_changed(rt, session, NoticeKind.ROLE_GRANTED, officer, proposal.role)


def _close(
    rt: Runtime, session: Session, proposal: RoleProposal, officer: Officer, actor: Actor | None, reason: str
) -> None:
    proposal.state, proposal.closed_at, proposal.closed_why = CLOSED, rt.now(), reason
    proposal.closed_by = actor.id if actor else None
    told = {"role": proposal.role, "proposal": proposal.id}
    tell(rt, session, Event.ROLE_DECLINED, officer, actor, told, reason=reason)
    telling.role_declined(rt, session, proposal, officer, actor)


def find(session: Session, number: str) -> RoleProposal:
    """The proposal of this number. Raises NotFound("role.no_proposal")."""
    whole = number.isascii() and number.isdigit() and len(number) < 18
    known = session.get(RoleProposal, int(number)) if whole else None
    if known is None:
        raise NotFound("role.no_proposal")
    return known


def _waiting(session: Session, number: str) -> tuple[RoleProposal, Officer]:
    """A proposal that waits, with its officer, both locked. Raises Conflict("role.settled")."""
    known = find(session, number)
    officer = locked(session, known.officer.username)
    session.refresh(known, with_for_update=True)
    if known.state != WAITING:
        raise Conflict("role.settled", role=known.role, officer=officer.full_name)
    return known, officer


def _permit(rt: Runtime, session: Session, actor: Actor, officer: Officer, word: Word) -> Decision:
    decision = require(rt, actor, _PERMISSION[word], officer.office_code, case=case_of(actor, officer))
    if word is Word.HEAD and not _heads(session, actor, officer):
        raise Refused("role.by_function", officer=officer.full_name)
    return decision


def may_say(rt: Runtime, session: Session, actor: Actor, officer: Officer, word: Word) -> bool:
    """Whether this person could give that word on a role of this officer; every act asks again."""
    case = case_of(actor, officer)
    allowed = decide(rt, actor, _PERMISSION[word], officer.office_code, case=case).allowed
    return allowed and (word is not Word.HEAD or _heads(session, actor, officer))


def _heads(session: Session, actor: Actor, officer: Officer) -> bool:
    """At the province a head answers for the own department only (A2)."""
    provincial = session.get_one(Office, officer.office_code).level == "province"
    return headed(officer.department, provincial=provincial) and (
        not provincial or actor.department == officer.department
    )


def open_of(officer: Officer) -> Select[RoleProposal]:
    """What waits for this officer."""
    return select(RoleProposal).where(RoleProposal.officer_id == officer.id, RoleProposal.state == WAITING)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Invalid("role.unknown") from None


def custody_of(session: Session, people: Iterable[int]) -> dict[int, set[Role]]:
    """By officer the custody that each has or is to have."""
    upper = func.upper(Custody.period)
    rows = session.execute(
        select(Custody.officer_id, Custody.kind).where(
            Custody.officer_id.in_(list(people)),
            ~func.isempty(Custody.period),
            or_(upper.is_(None), upper > func.clock_timestamp()),
        )
    )
    found: dict[int, set[Role]] = {}
    for officer_id, kind in rows:
        found.setdefault(officer_id, set()).add(Role(f"custodian_{kind.lower()}"))
    return found


def _usernames(session: Session, proposal: RoleProposal) -> dict[str, str]:
    said = {name: getattr(proposal, name + "_by") for name in _COLUMN.values()}
    rows = session.execute(
        select(Officer.id, Officer.username).where(Officer.id.in_([i for i in said.values() if i]))
    )
    known = dict(rows.all())
    return {name: known[identity] for name, identity in said.items() if identity}
