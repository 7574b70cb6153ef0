"""Who answers for what, as pages show it: an office now, the province at a glance, any past day (R31, R37)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, joinedload

from accessctl.clock import PROVINCE_TIME
from accessctl.domain.accounts import AccountState, Kind
from accessctl.domain.leases import HOLDS_ACCOUNT, LeaseState
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import NotFound
from accessctl.services import custody, custody_judge, ledger
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.contact_list import SHARED, offices_in_order
from accessctl.services.custody_days import ends_soon, late
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, Lease, Office


@dataclass(frozen=True, slots=True)
class Assignment:
    """One row of custody. `substitutes`: the name of whom this officer stands in for; `until` None: until ended."""

    id: int
    username: str
    full_name: str
    title: str
    phone: str
    email: str
    substitutes: str | None
    decision_no: str
    since: datetime
    until: datetime | None
    acknowledged_at: datetime | None
    end_reason: str | None
    has_minutes: bool
    waivers: tuple[int, ...] = ()
    """Numbers of the director's waivers on which it rests (S13)."""
    returns: bool = False
    """The same custodian going on after a substitution."""


@dataclass(frozen=True, slots=True)
class Post:
    """The post of custodian of one kind at an office, as it stands now."""

    office: str
    office_name: str
    kind: str
    current: Assignment | None
    late: bool
    ending: bool
    planned: tuple[Assignment, ...]
    accounts: int
    """Accounts of the kind that are not retired."""
    active: int
    suspended: int
    own: bool = False
    """This very person answers."""
    offers: frozenset[str] = frozenset()
    """What this person may do here: appoint, end, acknowledge, propose, rule."""


@dataclass(frozen=True, slots=True)
class OwnLoan:
    """A custodian's own use of an account he answers for."""

    lease: str
    account: str
    officer_name: str
    dossier: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OfficePage:
    """An office with both posts, and what has been."""

    office: str
    office_name: str
    posts: tuple[Post, ...]
    past: tuple[tuple[str, Assignment], ...]
    own_loans: tuple[OwnLoan, ...]


@dataclass(frozen=True, slots=True)
class DayLine:
    """Who answered for a kind at an office on a day; `gap`: for part of the day, or all of it, nobody did."""

    office: str
    office_name: str
    kind: str
    parts: tuple[Assignment, ...]
    gap: bool


@dataclass(frozen=True, slots=True)
class Consequence:
    """What ending an assignment does. `substitutes`: for whom the custodian stands in, whose assignment ends too."""

    custodian: str
    accounts: int
    sessions: int
    queued: int
    substitutes: str | None


def office_page(rt: Runtime, session: Session, actor: Actor, code: str) -> OfficePage:
    """Both posts of an office, for every officer (R34). Raises NotFound("office.unknown")."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    office = session.get(Office, code)
    if office is None:
        raise NotFound("office.unknown", office=code[:20])
    rows, counts = _rows(session, Custody.office_code == code), _counts(session)
    seen = may(rt, actor, Permission.LOG_VIEW, code)
    return OfficePage(
        office=code,
        office_name=office.name,
        posts=tuple(_post(rt, session, office, kind, rows, counts, actor) for kind in SHARED),
        past=tuple((row.kind, _assignment(row, rows)) for row in reversed(rows) if _past(row, rt.now())),
        own_loans=tuple(_own_loans(session, code, rows, rt.now())) if seen else (),
    )


def province(rt: Runtime, session: Session, actor: Actor) -> list[Post]:
    """All 18 posts of the province, for the readiness board (R37)."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    now, counts = rt.now(), _counts(session)
    living = func.coalesce(func.upper(Custody.period), now + timedelta(days=1)) > now
    rows = _rows(session, living & ~func.isempty(Custody.period))
    offices = offices_in_order(session)
    return [
        _post(rt, session, office, kind, [row for row in rows if row.office_code == office.code], counts)
        for office in offices
        for kind in SHARED
    ]


def on_day(rt: Runtime, session: Session, actor: Actor, day: date) -> list[DayLine]:
    """Who answered for what on a local day, hour by hour where it changed, for every office that had accounts."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    begins = datetime.combine(day, time(), PROVINCE_TIME)
    whole = Range(begins, begins + timedelta(days=1), bounds="[)")
    rows = _rows(session, Custody.period.overlaps(whole))
    held = {row.office_code for row in rows}
    offices = offices_in_order(session, closed=True)
    return [
        _day_line(office, kind, [r for r in rows if (r.office_code, r.kind) == (office.code, kind)], whole)
        for office in offices
        if office.active or office.code in held
        for kind in SHARED
    ]


def _day_line(office: Office, kind: Kind, rows: Sequence[Custody], whole: Range[datetime]) -> DayLine:
    covered = timedelta()
    for row in rows:
        part = row.period.intersection(whole)
        if part.lower is not None and part.upper is not None:
            covered += part.upper - part.lower
    parts = tuple(_assignment(row, rows) for row in rows)
    return DayLine(office.code, office.name, kind.value, parts, gap=covered < timedelta(days=1))


def consequence(rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind) -> Consequence:
    """What `custody.end` would do now, counted. Raises NotFound("custody.none")."""
    unit = custody_judge.office_of(session, office)
    require(rt, actor, Permission.CUSTODIAN_END, office)
    custody_judge.by_function(actor, unit, kind)
    current = custody.in_force(session, office, kind, rt.now())
    if current is None:
        raise NotFound("custody.none", kind=kind, office=unit.name)
    states = [
        LeaseState(state)
        for state in session.scalars(
            select(Lease.state)
            .join(Account, Account.name == Lease.account_name)
            .where(
                Account.guest == office,
                Account.kind == kind,
                Lease.state.in_([*HOLDS_ACCOUNT, LeaseState.QUEUED]),
            )
        )
    ]
    return Consequence(
        custodian=current.officer.full_name,
        accounts=_counts(session).get((office, kind), {}).get(AccountState.ACTIVE, 0),
        sessions=sum(1 for state in states if state in HOLDS_ACCOUNT),
        queued=states.count(LeaseState.QUEUED),
        substitutes=current.principal.full_name if current.principal else None,
    )


# --- read -----------------------------------------------------------------------------------------


def _rows(session: Session, which: object) -> list[Custody]:
    rows = (
        select(Custody)
        .where(which, ~func.isempty(Custody.period))  # type: ignore[arg-type]
        .options(joinedload(Custody.officer), joinedload(Custody.principal))
        .order_by(func.lower(Custody.period))
    )
    return list(session.scalars(rows))


def _counts(session: Session) -> Mapping[tuple[str, str], Mapping[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    rows = session.execute(
        select(Account.guest, Account.kind, Account.state, func.count())
        .where(Account.kind.in_(SHARED), Account.state != AccountState.RETIRED)
        .group_by(Account.guest, Account.kind, Account.state)
    )
    for guest, kind, state, number in rows:
        found.setdefault((guest, kind), {})[state] = number
    return found


def _past(row: Custody, now: datetime) -> bool:
    return row.period.upper is not None and row.period.upper <= now


def _post(
    rt: Runtime,
    session: Session,
    office: Office,
    kind: Kind,
    rows: Sequence[Custody],
    counts: Mapping[tuple[str, str], Mapping[str, int]],
    actor: Actor | None = None,
) -> Post:
    now, ours = rt.now(), [row for row in rows if row.kind == kind]
    row = next((row for row in ours if now in row.period), None)
    states = counts.get((office.code, kind), {})
    return Post(
        office=office.code,
        office_name=office.name,
        kind=kind.value,
        current=_assignment(row, ours) if row else None,
        late=row is not None and late(session, row, now),
        ending=row is not None and ends_soon(session, row, now),
        planned=tuple(_assignment(r, ours) for r in ours if r.period.lower and r.period.lower > now),
        accounts=sum(states.values()),
        active=states.get(AccountState.ACTIVE, 0),
        suspended=states.get(AccountState.SUSPENDED, 0),
        own=row is not None and actor is not None and row.officer_id == actor.id,
        offers=_offers(rt, session, actor, office.code, kind, row) if actor else frozenset(),
    )


def _assignment(row: Custody, among: Iterable[Custody]) -> Assignment:
    person = row.officer
    before = [r for r in among if r.kind == row.kind and r.period.upper == row.period.lower]
    return Assignment(
        id=row.id,
        username=person.username,
        full_name=person.full_name,
        title=person.title,
        phone=person.phone,
        email=person.email,
        substitutes=row.principal.full_name if row.principal else None,
        decision_no=row.decision_no,
        since=row.period.lower or row.appointed_at,
        until=row.period.upper,
        acknowledged_at=row.acknowledged_at,
        end_reason=row.end_reason,
        has_minutes=row.handover is not None and row.substitutes is None,
        waivers=tuple(row.waivers or ()),
        returns=any(r.substitutes == row.officer_id for r in before),
    )


def _offers(
    rt: Runtime, session: Session, actor: Actor, office: str, kind: Kind, row: Custody | None
) -> frozenset[str]:
    rule = Permission(f"lease:rule.{kind.lower()}")
    answers = Role.DIRECTOR in actor.roles or ledger.answers_for(session, actor, kind, office)
    own = row is not None and row.officer_id == actor.id
    known = {
        "appoint": answers and may(rt, actor, Permission.CUSTODIAN_APPOINT, office),
        "end": answers and row is not None and may(rt, actor, Permission.CUSTODIAN_END, office),
        "acknowledge": own
        and row is not None
        and row.acknowledged_at is None
        and may(rt, actor, Permission.CUSTODIAN_ACKNOWLEDGE, office),
        "propose": own
        and row is not None
        and row.substitutes is None
        and may(rt, actor, Permission.CUSTODIAN_PROPOSE, office),
        "rule": answers and may(rt, actor, rule, office),
    }
    return frozenset(name for name, allowed in known.items() if allowed)


def _own_loans(session: Session, office: str, rows: Sequence[Custody], now: datetime) -> Iterable[OwnLoan]:
    """The latest loans, of the last quarter, by the very person who answered for the account then."""
    own = (
        select(Lease)
        .join(Account, Account.name == Lease.account_name)
        .join(
            Custody,
            (Custody.office_code == Account.guest)
            & (Custody.kind == Account.kind)
            & (Custody.officer_id == Lease.officer_id)
            & Custody.period.contains(Lease.opened_at),
        )
        .where(
            Lease.officer_id.in_({row.officer_id for row in rows}),
            Lease.opened_at > now - timedelta(days=92),
            Account.guest == office,
        )
    )
    for lease in session.scalars(own.order_by(Lease.opened_at.desc()).limit(10)):
        at = lease.opened_at or lease.requested_at
        yield OwnLoan(str(lease.id), lease.account_name, lease.officer_name, lease.dossier, at)
