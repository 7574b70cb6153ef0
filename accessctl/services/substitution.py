"""A custodian on leave: a second named person for some days, proposed by the custodian, decided by the head (S09).

During it the substitute is *the* custodian, so that exactly one person answers at every moment; afterwards the
custodian answers again by himself (§4.7). Sessions go on and nothing is handed over: the accounts stay with the
same office and kind, and each loan names its officer (R3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.accounts import Kind
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import contact_list, custody, custody_judge, telling
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Custody, Officer, Substitution

BEGAN = "custody.substitution_began"
OVER = "custody.substitution_over"
_LONGEST = timedelta(days=92)  # longer than a quarter is not leave but a change of custodian


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who stands in for the custodian of a kind: from `opens` until `closes`, which is excluded."""

    office: str
    kind: Kind
    username: str
    opens: datetime
    closes: datetime
    reason: str


def propose(rt: Runtime, session: Session, actor: Actor, wanted: Wanted) -> Substitution:
    """The custodian asks for a substitute; nothing changes before the head has decided."""
    office = custody_judge.office_of(session, wanted.office)
    require(rt, actor, Permission.CUSTODIAN_PROPOSE, office.code)
    asked = _write(rt, session, actor, wanted)
    if asked.custody.officer_id != actor.id:
        raise Refused("substitution.not_yours")
    record(rt, session, Event.CUSTODIAN_PROPOSED, actor=actor, guest=office.code, details=_told(asked))
    telling.substitution_asked(rt, session, asked, actor)
    return asked


def order(rt: Runtime, session: Session, actor: Actor, wanted: Wanted, *, decision_no: str) -> Substitution:
    """The head decides without having been asked: the custodian fell ill."""
    require(rt, actor, Permission.CUSTODIAN_APPOINT, custody_judge.office_of(session, wanted.office).code)
    asked = _write(rt, session, actor, wanted)
    _give(rt, session, actor, asked, custody_judge.decision(decision_no))
    return asked


def _write(rt: Runtime, session: Session, actor: Actor, wanted: Wanted) -> Substitution:
    now = rt.now()
    if not (wanted.opens < wanted.closes <= wanted.opens + _LONGEST) or wanted.closes <= now:
        raise Invalid("substitution.bad_period")
    opens = max(wanted.opens, now)
    assignment = _interrupted(session, wanted.office, wanted.kind, opens, wanted.closes)
    substitute = officer_named(session, wanted.username)
    _may_stand_in(session, assignment, substitute, Range(opens, wanted.closes, bounds="[)"))
    asked = Substitution(
        custody_id=assignment.id,
        custody=assignment,
        officer_id=substitute.id,
        officer=substitute,
        opens=opens,
        closes=wanted.closes,
        reason=_reason(wanted.reason),
        state="PROPOSED",
        proposed_by=actor.id,
        proposed_at=now,
    )
    session.add(asked)
    session.flush()
    return asked


def _interrupted(session: Session, office: str, kind: Kind, opens: datetime, closes: datetime) -> Custody:
    """The one assignment that holds over the whole interval, locked."""
    row = session.scalars(
        select(Custody)
        .where(
            Custody.office_code == office,
            Custody.kind == kind,
            Custody.substitutes.is_(None),
            Custody.period.contains(Range(opens, closes, bounds="[)")),
        )
        .with_for_update(of=Custody)
    ).first()
    if row is None:
        raise Refused("substitution.outside", kind=kind)
    return row


def _may_stand_in(
    session: Session,
    assignment: Custody,
    substitute: Officer,
    period: Range[datetime],
    by: Actor | None = None,
) -> None:
    """The same rules as for any custodian. `by` None: only a proposal, whose author does not decide."""
    if substitute.id == assignment.officer_id:
        raise Refused("custody.same_person", officer=substitute.full_name)
    office = custody_judge.office_of(session, assignment.office_code)
    custody_judge.check(session, by, office, assignment.kind_, substitute, period, instead=True)


def decide(
    rt: Runtime, session: Session, actor: Actor, identity: str, *, give: bool, words: str
) -> Substitution:
    """The head gives (`words`: number of the decision) or declines (`words`: why). Raises Conflict when decided."""
    asked = find(session, identity)
    office = custody_judge.office_of(session, asked.custody.office_code)
    require(rt, actor, Permission.CUSTODIAN_APPOINT, office.code)
    custody_judge.by_function(actor, office, asked.custody.kind_)
    if asked.state != "PROPOSED":
        raise Conflict("substitution.decided")
    if give:
        _give(rt, session, actor, asked, custody_judge.decision(words))
        return asked
    asked.state, asked.note = "DECLINED", _reason(words)
    asked.decided_by, asked.decided_at = actor.id, rt.now()
    record(
        rt, session, Event.CUSTODIAN_SUBSTITUTED, actor=actor, guest=office.code, failed=True, reason=asked.note,
        details=_told(asked),
    )  # fmt: skip
    telling.substitution_decided(rt, session, asked, actor, given=False)
    return asked


def withdraw(rt: Runtime, session: Session, actor: Actor, identity: str) -> Substitution:
    """Whoever proposed it takes it back before it is decided."""
    asked = find(session, identity)
    require(rt, actor, Permission.CUSTODIAN_PROPOSE, asked.custody.office_code)
    if asked.proposed_by != actor.id:
        raise Refused("substitution.not_yours")
    if asked.state != "PROPOSED":
        raise Conflict("substitution.decided")
    asked.state = "WITHDRAWN"
    record(
        rt, session, Event.CUSTODIAN_PROPOSED, actor=actor, guest=asked.custody.office_code, failed=True,
        reason="substitution.withdrawn", details=_told(asked),
    )  # fmt: skip
    return asked


def _give(rt: Runtime, session: Session, actor: Actor, asked: Substitution, decision_no: str) -> None:
    """Cut the assignment in three: the custodian, the substitute, the custodian again."""
    now, first = rt.now(), asked.custody
    if asked.closes <= now:
        raise Refused("substitution.over")
    opens = max(asked.opens, now)
    office = custody_judge.office_of(session, first.office_code)
    row = _interrupted(session, first.office_code, first.kind_, opens, asked.closes)
    if row.officer_id != first.officer_id:
        raise Refused("substitution.outside", kind=first.kind)
    whole, stay = row.period, Range(opens, asked.closes, bounds="[)")
    _may_stand_in(session, row, asked.officer, stay, by=actor)
    row.period = Range(whole.lower, opens, bounds="[)") if whole.lower != opens else custody.NEVER
    session.flush()
    stands = _row(row, asked.officer, stay, decision_no=decision_no, appointed_by=actor.id, appointed_at=now)
    stands.substitutes, stands.principal, stands.cut = row.officer_id, row.officer, whole
    custody.add(session, stands, office)
    if whole.upper is None or asked.closes < whole.upper:
        custody.add(session, _return(row, Range(asked.closes, whole.upper, bounds="[)")), office)
    asked.state, asked.decision_no, asked.stands = "GIVEN", decision_no, stands.id
    asked.decided_by, asked.decided_at, asked.opens = actor.id, now, opens
    details = _told(asked) | {"decision_no": decision_no}
    record(rt, session, Event.CUSTODIAN_SUBSTITUTED, actor=actor, guest=office.code, details=details)
    telling.substitution_decided(rt, session, asked, actor, given=True)
    if opens <= now:
        row.end_reason = BEGAN
        contact_list.republish(rt, session, actor, office)


def _row(like: Custody, officer: Officer, period: Range[datetime], **more: object) -> Custody:
    return Custody(
        office_code=like.office_code,
        kind=like.kind,
        officer_id=officer.id,
        officer=officer,
        period=period,
        **more,
    )


def _return(row: Custody, period: Range[datetime]) -> Custody:
    """The same assignment going on: same decision, same acknowledgement, same hand-over."""
    return _row(
        row, row.officer, period, decision_no=row.decision_no, appointed_by=row.appointed_by,
        appointed_at=row.appointed_at, acknowledged_at=row.acknowledged_at, handover=row.handover,
        waivers=row.waivers,
    )  # fmt: skip


def end_early(rt: Runtime, session: Session, actor: Actor, identity: str, *, reason: str) -> Substitution:
    """The head ends a substitution before its time; the custodian answers again from this moment."""
    asked = find(session, identity)
    office = custody_judge.office_of(session, asked.custody.office_code)
    require(rt, actor, Permission.CUSTODIAN_END, office.code)
    custody_judge.by_function(actor, office, asked.custody.kind_)
    if asked.state != "GIVEN" or asked.closes <= rt.now():
        raise Conflict("substitution.decided")
    stop(rt, session, asked, _reason(reason), actor)
    contact_list.republish(rt, session, actor, office)
    return asked


def stop(rt: Runtime, session: Session, asked: Substitution, reason: str, actor: Actor | None) -> None:
    """Give back what the substitute has, or was to have."""
    stands = session.get_one(Custody, asked.stands, with_for_update={"of": Custody})
    opens, closes, whole, now = stands.period.lower, stands.period.upper, stands.cut, rt.now()
    asked.state, asked.note = "ENDED", reason
    if opens is None or closes is None or whole is None:
        return  # called off together with the custodian's assignment
    back = next((row for row in custody.later(session, stands) if row.officer_id == stands.substitutes), None)
    if opens > now:
        custody.call_off_row(rt, session, stands, reason, actor)
        if back is not None:
            back.period, back.end_reason = custody.NEVER, reason
        custody.give_back(session, stands, opens, whole)
        return
    stands.period, stands.end_reason = Range(opens, now, bounds="[)"), reason
    session.flush()
    ours = Range(now, back.period.upper if back is not None else whole.upper, bounds="[)")
    if back is not None:
        back.period = ours
    else:
        principal = asked.custody
        custody.add(
            session, _return(principal, ours), custody_judge.office_of(session, principal.office_code)
        )
    session.flush()
    record(
        rt, session, Event.CUSTODIAN_ENDED, actor=actor, guest=stands.office_code, reason=reason,
        details=custody.told(stands),
    )  # fmt: skip
    telling.custody_ended(rt, session, stands, actor)


def turn(rt: Runtime, session: Session, row: Custody) -> bool:
    """A row has run out: True when that is a substitution's beginning or end, and nobody has to hand anything on."""
    following = next(iter(custody.later(session, row)), None)
    if following is None or following.period.lower != row.period.upper:
        return False
    if following.substitutes == row.officer_id:
        row.end_reason = BEGAN
    elif row.substitutes is not None and row.substitutes == following.officer_id:
        row.end_reason = OVER
        record(
            rt, session, Event.CUSTODIAN_ENDED, guest=row.office_code, reason=OVER, details=custody.told(row)
        )
        telling.custody_ended(rt, session, row, None)
    else:
        return False
    contact_list.republish(rt, session, None, custody_judge.office_of(session, row.office_code))
    return True


def end_all_of(rt: Runtime, session: Session, officer_id: int, reason: str, actor: Actor | None) -> list[str]:
    """Who leaves or moves answers for nothing any more (S11). Returns the leases that are ending.

    A substitute's days go back to the custodian; a custodian's own assignment ends with all that is planned of it.
    """
    ending: list[str] = []
    for asked in session.scalars(
        select(Substitution).where(
            Substitution.officer_id == officer_id,
            Substitution.state.in_(["PROPOSED", "GIVEN"]),
            Substitution.closes > rt.now(),
        )
    ).all():
        if asked.state == "GIVEN":
            stop(rt, session, asked, reason, actor)
            contact_list.republish(
                rt, session, actor, custody_judge.office_of(session, asked.custody.office_code)
            )
        else:
            asked.state, asked.note = "DECLINED", reason
    living = func.coalesce(func.upper(Custody.period), rt.now() + _LONGEST) > rt.now()
    mine = select(Custody).where(Custody.officer_id == officer_id, ~func.isempty(Custody.period), living)
    for row in session.scalars(mine.order_by(func.lower(Custody.period)).with_for_update(of=Custody)).all():
        if row.period.isempty:
            continue  # went with the one before
        if row.period.lower is not None and row.period.lower > rt.now():
            custody.call_off_row(rt, session, row, reason, actor)
        else:
            ending += custody.finish(rt, session, row, reason, actor)
    return ending


def find(session: Session, identity: str, *, lock: bool = True) -> Substitution:
    """The substitution of this number. Raises NotFound("substitution.unknown")."""
    number = int(identity) if identity.isascii() and identity.isdigit() and len(identity) < 19 else 0
    statement = select(Substitution).where(Substitution.id == number)
    found = session.scalars(statement.with_for_update(of=Substitution) if lock else statement).first()
    if found is None:
        raise NotFound("substitution.unknown")
    return found


def _told(asked: Substitution) -> dict[str, object]:
    return {
        "kind": asked.custody.kind,
        "custodian": asked.custody.officer.username,
        "substitute": asked.officer.username,
        "substitute_name": asked.officer.full_name,
        "since": rfc3339(asked.opens),
        "until": rfc3339(asked.closes),
        "why": asked.reason,
    }


def _reason(text: str) -> str:
    try:
        return one_line(text, limit=300)
    except BadText as error:
        code = "lease.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Invalid(code, limit=error.limit) from None
