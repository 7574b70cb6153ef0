"""The director lifts one of two rules of custody, for a named person and a time, in writing (S13, A5, §7.1).

A head who appoints himself, one person for both kinds: nothing else can be waived. What rests on a waiver ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from accessctl.clock import rfc3339
from accessctl.domain.custody import LONGEST_WAIVER, WaivableRule
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.text import by_given_name
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import contact_list, custody, custody_judge, telling
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.staff import case_of, locked, why
from accessctl.store.models import Custody, Officer, Waiver

PERIOD_OVER, ENDED = "waiver.period_over", "waiver.ended_early"
_NEVER = frozenset({Role.IT_ADMIN, Role.AUDITOR, Role.DIRECTOR, Role.DEPUTY_DIRECTOR})


@dataclass(frozen=True, slots=True)
class Grant:
    """The director's decision; `kind` only for a head who may appoint himself; `closes` is excluded."""

    office: str
    rule: str
    kind: str | None
    username: str
    opens: datetime
    closes: datetime
    decision_no: str
    reason: str


@dataclass(frozen=True, slots=True)
class Use:
    """An assignment that rests, or rested, on a waiver."""

    kind: str
    custodian: str
    since: datetime | None
    until: datetime | None
    decision_no: str


@dataclass(frozen=True, slots=True)
class WaiverView:
    """A waiver as everybody may read it; `state` ∈ PLANNED, RUNNING, DONE, ENDED."""

    id: int
    office: str
    rule: str
    kind: str | None
    username: str
    full_name: str
    opens: datetime
    closes: datetime
    decision_no: str
    reason: str
    granted_by: str
    granted_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    state: str
    uses: tuple[Use, ...]
    may_end: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of an office, for whom a rule could be lifted."""

    username: str
    full_name: str
    title: str
    head: bool


def listed(rt: Runtime, session: Session, actor: Actor) -> list[WaiverView]:
    """Every waiver there is or was, newest first: for every officer, as custody itself is."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    rows = session.scalars(_whole().order_by(Waiver.id.desc()).limit(500)).all()
    return [_view(rt, session, actor, row) for row in rows]


def show(rt: Runtime, session: Session, actor: Actor, number: str) -> WaiverView:
    """One waiver at its own address. Raises NotFound("waiver.unknown")."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    return _view(rt, session, actor, _found(session, number))


def before_grant(rt: Runtime, session: Session, actor: Actor, office: str) -> list[Person]:
    """The people of an office, heads first; refused for whoever may not grant there."""
    require(rt, actor, Permission.WAIVER_GRANT, office or actor.office)
    people = session.scalars(select(Officer).where(Officer.office_code == office, Officer.left_at.is_(None)))
    found = [
        Person(one.username, one.full_name, one.title, Role.UNIT_HEAD in held)
        for one in people
        if not (held := _roles(one)) & _NEVER
    ]
    return sorted(found, key=lambda one: (not one.head, by_given_name(one.full_name)))


def grant(rt: Runtime, session: Session, actor: Actor, wanted: Grant) -> Waiver:
    """Lift a rule; nothing is appointed by it. Raises Refused, Invalid or Conflict("waiver.…")."""
    office = custody_judge.office_of(session, wanted.office)
    case = case_of(actor, officer_named(session, wanted.username))
    require(rt, actor, Permission.WAIVER_GRANT, office.code, case=case)
    officer = locked(session, wanted.username)
    _judge(session, officer, wanted)
    opens = _period(rt, wanted)
    made = Waiver(
        office_code=office.code,
        rule=wanted.rule,
        kind=wanted.kind,
        officer_id=officer.id,
        officer=officer,
        opens=opens,
        closes=wanted.closes,
        decision_no=custody_judge.decision(wanted.decision_no),
        reason=why(wanted.reason),
        granted_by=actor.id,
        granted_at=rt.now(),
    )
    session.add(made)
    session.flush()
    _tell(rt, session, Event.WAIVER_GRANTED, made, actor, made.reason)
    telling.waiver(rt, session, made, actor, over=False)
    return made


def _judge(session: Session, officer: Officer, wanted: Grant) -> None:
    if wanted.rule not in set(WaivableRule):
        raise Invalid("waiver.rule")
    of_self = wanted.rule == WaivableRule.SELF
    if (wanted.kind in custody.SHARED) is not of_self:
        raise Invalid("waiver.rule")
    if officer.office_code != wanted.office:
        raise Refused("waiver.other_office", officer=officer.full_name)
    roles = _roles(officer)
    if of_self and Role.UNIT_HEAD not in roles:
        raise Refused("waiver.not_head", officer=officer.full_name)
    if roles & _NEVER:
        raise Refused("waiver.separation", officer=officer.full_name)
    same = select(Waiver.id).where(
        Waiver.officer_id == officer.id,
        Waiver.office_code == wanted.office,
        Waiver.rule == wanted.rule,
        Waiver.kind.is_not_distinct_from(wanted.kind),
        Waiver.ended_at.is_(None),
        Waiver.opens < wanted.closes,
        Waiver.closes > wanted.opens,
    )
    if session.scalars(same.limit(1)).first() is not None:
        raise Conflict("waiver.there_already", officer=officer.full_name)


def _period(rt: Runtime, wanted: Grant) -> datetime:
    opens = max(wanted.opens, rt.now())
    if not opens < wanted.closes <= opens + LONGEST_WAIVER:
        raise Invalid("waiver.bad_period", days=LONGEST_WAIVER.days)
    return opens


def before_end(rt: Runtime, session: Session, actor: Actor, number: str) -> WaiverView:
    """What ends with a waiver. Raises what ending would raise."""
    row = _found(session, number)
    require(rt, actor, Permission.WAIVER_GRANT, row.office_code, case=case_of(actor, row.officer))
    _living(rt, row)
    return _view(rt, session, actor, row)


def end(rt: Runtime, session: Session, actor: Actor, number: str, reason: str) -> list[str]:
    """Before its time, with whatever rests on it. Returns the leases that are ending; the edge finishes them."""
    row = _found(session, number, lock=True)
    require(rt, actor, Permission.WAIVER_GRANT, row.office_code, case=case_of(actor, row.officer))
    _living(rt, row)
    row.ended_at, row.ended_by, row.end_reason = rt.now(), actor.id, why(reason)
    ending: list[str] = []
    for assignment in _resting(session, row, rt.now()):
        if assignment.period.isempty:
            continue  # went with the one before
        ending += _end_assignment(rt, session, assignment, actor)
    _tell(rt, session, Event.WAIVER_ENDED, row, actor, row.end_reason)
    telling.waiver(rt, session, row, actor, over=True)
    return ending


def _end_assignment(rt: Runtime, session: Session, row: Custody, actor: Actor) -> list[str]:
    begins, cut = row.period.lower, row.cut
    if begins is None or begins <= rt.now():
        return custody.finish(rt, session, row, ENDED, actor)
    custody.call_off_row(rt, session, row, ENDED, actor)
    if cut is not None:
        custody.give_back(session, row, begins, cut)
    contact_list.republish(rt, session, actor, custody_judge.office_of(session, row.office_code))
    return []


def run_out(rt: Runtime, session: Session) -> None:
    """Waivers whose time is up are over: recorded once. What rested on them has the same end and ends by itself."""
    due = _whole().where(Waiver.ended_at.is_(None), Waiver.closes <= rt.now())
    for row in session.scalars(due.with_for_update(of=Waiver, skip_locked=True)).all():
        row.ended_at, row.end_reason = row.closes, PERIOD_OVER
        _tell(rt, session, Event.WAIVER_ENDED, row, None, PERIOD_OVER)
        telling.waiver(rt, session, row, None, over=True)


def _roles(officer: Officer) -> set[Role]:
    return {Role(r.role) for r in officer.roles if r.revoked_at is None}


def _whole():  # type: ignore[no-untyped-def]
    return select(Waiver).options(joinedload(Waiver.officer), joinedload(Waiver.granter))


def _found(session: Session, number: str, *, lock: bool = False) -> Waiver:
    whole = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    wanted = _whole().where(Waiver.id == whole)
    row: Waiver | None = session.scalars(wanted.with_for_update(of=Waiver) if lock else wanted).first()
    if row is None:
        raise NotFound("waiver.unknown")
    return row


def _living(rt: Runtime, row: Waiver) -> None:
    if row.ended_at is not None or row.closes <= rt.now():
        raise Conflict("waiver.over")


def _resting(session: Session, row: Waiver, now: datetime | None = None) -> Sequence[Custody]:
    """The assignments that name this waiver; with `now` those that have not ended, locked."""
    rows = select(Custody).where(Custody.waivers.contains([row.id]), ~func.isempty(Custody.period))
    rows = rows.order_by(func.lower(Custody.period))
    if now is not None:
        living = func.coalesce(func.upper(Custody.period), row.closes) > now
        rows = rows.where(living).with_for_update(of=Custody)
    return session.scalars(rows).all()


def _view(rt: Runtime, session: Session, actor: Actor, row: Waiver) -> WaiverView:
    now = rt.now()
    early = row.ended_at is not None and row.end_reason != PERIOD_OVER
    state = "ENDED" if early else "DONE" if row.closes <= now else "PLANNED" if row.opens > now else "RUNNING"
    able = may(rt, actor, Permission.WAIVER_GRANT, row.office_code) and row.officer_id != actor.id
    return WaiverView(
        id=row.id,
        office=row.office_code,
        rule=row.rule,
        kind=row.kind,
        username=row.officer.username,
        full_name=row.officer.full_name,
        opens=row.opens,
        closes=row.closes,
        decision_no=row.decision_no,
        reason=row.reason,
        granted_by=row.granter.full_name,
        granted_at=row.granted_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        state=state,
        uses=tuple(_use(one) for one in _resting(session, row)),
        may_end=able and state in ("PLANNED", "RUNNING"),
    )


def _use(row: Custody) -> Use:
    return Use(row.kind, row.officer.full_name, row.period.lower, row.period.upper, row.decision_no)


def _tell(
    rt: Runtime, session: Session, event: Event, row: Waiver, actor: Actor | None, reason: str | None
) -> None:
    details = {
        "waiver": row.id,
        "rule": row.rule,
        "account_kind": row.kind,
        "officer": row.officer.username,
        "officer_name": row.officer.full_name,
        "decision_no": row.decision_no,
        "since": rfc3339(row.opens),
        "until": rfc3339(row.closes),
    }
    said = {name: value for name, value in details.items() if value is not None}
    record(rt, session, event, actor=actor, guest=row.office_code, reason=reason, details=said)
