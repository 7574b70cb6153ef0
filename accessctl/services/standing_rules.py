"""The standing rule of a custodian: set by him, kept in versions, asked at each check-out of his accounts (A4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from accessctl.clock import PROVINCE_TIME
from accessctl.domain.accounts import AccountName, Kind
from accessctl.domain.calendar import Span
from accessctl.domain.custody import CUSTODY_DEPARTMENT
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.standing import BadRule, StandingRule
from accessctl.domain.text import BadText, by_given_name, one_line
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import ledger
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store import models
from accessctl.store.models import Account, Approval, Lease, Office, Officer, OfficerRole

_SERVES = {Kind.TKCL: Role.CARD, Kind.TKHCTT: Role.COLLECTION}
_PERMISSION = {Kind.TKCL: Permission.LEASE_RULE_TKCL, Kind.TKHCTT: Permission.LEASE_RULE_TKHCTT}


@dataclass(frozen=True, slots=True)
class Person:
    """An officer whom the rule may name."""

    username: str
    full_name: str
    title: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a rule, in words that a page can use; `officers` None: everybody who has the role."""

    version: int
    officers: tuple[Person, ...] | None
    days: tuple[int, ...]
    spans: tuple[tuple[str, str], ...]
    per_day: int | None
    note: str
    author: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class RuleView:
    """The rule of an office's accounts of a kind; `versions` newest first, empty: everything is inside the rule."""

    office: str
    office_name: str
    kind: str
    people: tuple[Person, ...]
    versions: tuple[Version, ...]
    editable: bool

    @property
    def now(self) -> Version | None:
        """The version in force."""
        return self.versions[0] if self.versions else None


@dataclass(frozen=True, slots=True)
class Change:
    """What the custodian wants from now on; words as a form has them. `seen`: the version before the eyes, 0: none.

    `officers` None: all; `spans` pairs of "HH:MM", pairs with nothing in them are passed over; `per_day` "" is none.
    """

    seen: int
    officers: tuple[str, ...] | None
    days: tuple[int, ...]
    spans: tuple[tuple[str, str], ...]
    per_day: str
    note: str = ""


def show(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind) -> RuleView:
    """The rule and its history; everybody who borrows may know it. Raises NotFound("office.unknown")."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    unit = session.get(Office, office)
    if unit is None:
        raise NotFound("office.unknown", office=office[:20])
    rows = session.scalars(_rows(office, kind).options(joinedload(models.StandingRule.author))).all()
    named = {number for row in rows for number in row.officers or []}
    wanted = select(Officer).where(Officer.id.in_(named))
    names = {person.id: _person(person) for person in session.scalars(wanted)} if named else {}
    return RuleView(
        office=unit.code,
        office_name=unit.name,
        kind=kind.value,
        people=tuple(_person(person) for person in people(session, office, kind)),
        versions=tuple(_version(row, names) for row in rows),
        editable=may(rt, actor, _PERMISSION[kind], office)
        and ledger.answers_for(session, actor, kind, office),
    )


def _rows(office: str, kind: Kind):  # type: ignore[no-untyped-def]
    rule = models.StandingRule
    return select(rule).where(rule.office_code == office, rule.kind == kind).order_by(rule.version.desc())


def _version(row: models.StandingRule, names: Mapping[int, Person]) -> Version:
    return Version(
        version=row.version,
        officers=None if row.officers is None else tuple(names[number] for number in row.officers),
        days=tuple(row.days),
        spans=tuple((opens, closes) for opens, closes in row.spans),
        per_day=row.per_day,
        note=row.note,
        author=row.author.full_name,
        set_at=row.set_at,
    )


def _person(officer: Officer) -> Person:
    return Person(officer.username, officer.full_name, officer.title)


def people(session: Session, office: str, kind: Kind) -> list[Officer]:
    """Who has the role that borrows accounts of this kind, in the department that it belongs to; by given name."""
    rows = session.scalars(
        select(Officer)
        .join(OfficerRole, OfficerRole.officer_id == Officer.id)
        .where(
            Officer.office_code == office,
            Officer.department == CUSTODY_DEPARTMENT[kind],
            Officer.left_at.is_(None),
            OfficerRole.role == _SERVES[kind],
            OfficerRole.revoked_at.is_(None),
        )
    )
    return sorted(rows, key=lambda person: by_given_name(person.full_name))


def change(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind, wanted: Change) -> int:
    """Set the rule anew; returns its version. Raises Conflict("rule.changed") when somebody else just did."""
    require(rt, actor, _PERMISSION[kind], office)
    if not ledger.answers_for(session, actor, kind, office):
        raise Refused("rule.other_kind", kind=kind)
    known = {person.username: person.id for person in people(session, office, kind)}
    rule = _understood(wanted, known)
    last = session.scalars(_rows(office, kind).limit(1)).first()
    if (last.version if last else 0) != wanted.seen:
        raise Conflict("rule.changed", kind=kind)
    if last is not None and StandingRule.stored(_kept(last)) == rule:
        return last.version
    row = models.StandingRule(
        office_code=office,
        kind=kind,
        version=wanted.seen + 1,
        note=_note(wanted.note),
        set_by=actor.id,
        set_at=rt.now(),
        **rule.kept(),
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise Conflict("rule.changed", kind=kind) from error
    _tell(rt, session, actor, row, last, {number: name for name, number in known.items()})
    return row.version


def _tell(
    rt: Runtime,
    session: Session,
    actor: Actor,
    row: models.StandingRule,
    last: models.StandingRule | None,
    names: Mapping[int, str],
) -> None:
    def said(rule: models.StandingRule) -> dict[str, Any]:
        kept = _kept(rule)
        return kept | {"officers": kept["officers"] and [names.get(n, str(n)) for n in kept["officers"]]}

    details = {
        "kind": row.kind,
        "version": row.version,
        "new": said(row),
        "old": said(last) if last else None,
    }
    record(
        rt, session, Event.RULE_CHANGED, actor=actor, guest=row.office_code, reason=row.note or None,
        details=details,
    )  # fmt: skip


def _kept(row: models.StandingRule) -> dict[str, Any]:
    return {"officers": row.officers, "days": row.days, "spans": row.spans, "per_day": row.per_day}


def _understood(wanted: Change, known: Mapping[str, int]) -> StandingRule:
    unknown = [name for name in wanted.officers or () if name not in known]
    if unknown:
        raise Invalid("rule.bad_officers")
    try:
        return StandingRule(
            officers=None if wanted.officers is None else frozenset(known[name] for name in wanted.officers),
            days=frozenset(wanted.days),
            spans=tuple(_span(pair) for pair in wanted.spans if any(pair)),
            per_day=_number(wanted.per_day),
        )
    except BadRule as error:
        raise Invalid(f"rule.bad_{error.why}") from None


def _span(pair: tuple[str, str]) -> Span:
    try:
        opens, closes = (datetime.strptime(text.strip(), "%H:%M").time() for text in pair)
    except ValueError:
        raise BadRule("hours") from None
    return Span(opens, closes)


def _number(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise BadRule("per_day")
    return int(text)


def _note(text: str) -> str:
    try:
        return one_line(text, limit=300, empty_ok=True)
    except BadText as error:
        raise Invalid(f"input.{error.why}", limit=error.limit) from None


# --- asked at a check-out -------------------------------------------------------------------------


def outside(
    session: Session, account: Account | AccountName, rule: Mapping[str, Any], *, officer: int, at: datetime
) -> str | None:
    """Why this check-out is outside the rule: officer, day, hours or per_day; None inside it."""
    standing, local = StandingRule.stored(rule), at.astimezone(PROVINCE_TIME)
    why = standing.objection(officer, local)
    if why is None and standing.per_day is not None:
        used = _used_today(session, account, officer, local)
        why = "per_day" if standing.exhausted(used) else None
    return why


def _used_today(session: Session, account: Account | AccountName, officer: int, local: datetime) -> int:
    """How often the officer has borrowed accounts of the kind on this local day."""
    day = datetime.combine(local.date(), time(), PROVINCE_TIME)
    used = select(func.count()).where(
        Lease.officer_id == officer,
        Lease.opened_at >= day,
        Lease.opened_at < day + timedelta(days=1),
        Lease.guest == account.guest,
        Lease.account_name.startswith(f"{account.kind}-"),
    )
    return session.scalar(used) or 0


def granted(session: Session, account: str, *, officer: int, dossier: str, at: datetime) -> int | None:
    """The id of an approval for exactly this check-out, locked; None when there is none, or it is used or past."""
    given = select(Approval.id).where(
        Approval.officer_id == officer,
        Approval.account_name == account,
        Approval.dossier == dossier,
        Approval.state == "GIVEN",
        Approval.opens <= at,
        Approval.closes > at,
    )
    return session.scalars(given.order_by(Approval.closes).limit(1).with_for_update()).first()
