"""How things stand at this moment, for the start pages: an office's accounts, who has them, findings, databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import DateTime, bindparam, case, func, select
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.accounts import AccountState, Kind
from accessctl.domain.leases import OVER, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.lease_view import LeaseView, Names, shown
from accessctl.services.matrix import IN_USE, Cell, own_row
from accessctl.services.office_names import office_names
from accessctl.services.runtime import Runtime
from accessctl.store.models import Custody, Finding, Lease, Office, OfficeLink, Officer, Subject

TOO_LONG = timedelta(minutes=5)  # a person stands at the counter meanwhile


@dataclass(frozen=True, slots=True)
class Custodian:
    """Who answers for an office's accounts of a kind now."""

    full_name: str
    phone: str
    since: datetime | None
    until: datetime | None
    acknowledged: bool
    myself: bool


@dataclass(frozen=True, slots=True)
class KindStanding:
    """One kind of the own office: its accounts in the order of the matrix, and who answers for them."""

    kind: str
    cells: tuple[Cell, ...]
    custodian: Custodian | None

    @property
    def counts(self) -> Counter[str]:
        """State → how many; IN_USE for those that somebody has."""
        return Counter(cell.state for cell in self.cells)

    @property
    def healthy(self) -> int:
        """Ready or in use."""
        return self.counts[AccountState.ACTIVE] + self.counts[IN_USE]


_IN_FORCE = (
    select(Custody)
    .where(
        Custody.office_code == bindparam("office"),
        Custody.period.contains(bindparam("now", type_=DateTime(timezone=True))),
    )
    .options(joinedload(Custody.officer))
)


def own_kinds(
    rt: Runtime, session: Session, actor: Actor, kinds: Collection[Kind]
) -> tuple[KindStanding, ...]:
    """The shared accounts of the own office, and their custodians."""
    in_force = {
        custody.kind: custody
        for custody in session.scalars(_IN_FORCE, {"office": actor.office, "now": rt.now()})
    }
    cells = own_row(rt, session, actor, kinds)
    return tuple(
        KindStanding(
            kind.value,
            tuple(cell for cell in cells if cell.account.startswith(f"{kind}-")),
            _custodian(in_force.get(kind), actor),
        )
        for kind in kinds
    )


def _custodian(custody: Custody | None, actor: Actor) -> Custodian | None:
    if custody is None:
        return None
    person = custody.officer
    return Custodian(
        full_name=person.full_name,
        phone=person.phone,
        since=custody.period.lower,
        until=custody.period.upper,
        acknowledged=custody.acknowledged_at is not None,
        myself=person.id == actor.id,
    )


@dataclass(frozen=True, slots=True)
class Use:
    """The unfinished leases of an office: who has an account, who waits, who has waited for too long."""

    held: tuple[LeaseView, ...]
    waiting: tuple[LeaseView, ...]
    too_long: tuple[LeaseView, ...]


_UNFINISHED = (
    select(Lease, Officer.username, Subject.bhxh_no)
    .join(Officer, Officer.id == Lease.officer_id)
    .join(Subject, Subject.pseudonym == Lease.subject)
    .where(Lease.guest == bindparam("office"), Lease.state.not_in(sorted(OVER)))
    .order_by(Lease.place)
)


def use_of(rt: Runtime, session: Session, actor: Actor, kinds: Collection[Kind]) -> Use:
    """What the own office holds and waits for now, of these kinds; oldest first."""
    rows = session.execute(_UNFINISHED, {"office": actor.office}).all()
    names = {code: name.vi for code, name in office_names(rt).items()}
    places: Counter[str] = Counter()
    views = []
    for lease, username, number in rows:
        if lease.account_name.partition("-")[0] not in kinds:
            continue
        queued = lease.state == LeaseState.QUEUED
        places[lease.account_name] += queued
        known = Names(
            names.get(lease.guest, lease.guest), names.get(lease.host, lease.host), username, number
        )
        views.append(shown(lease, known, position=places[lease.account_name] if queued else None))
    waiting = tuple(view for view in views if view.state == LeaseState.QUEUED)
    return Use(
        held=tuple(view for view in views if view.state != LeaseState.QUEUED),
        waiting=waiting,
        too_long=tuple(view for view in waiting if rt.now() - view.requested_at > TOO_LONG),
    )


@dataclass(frozen=True, slots=True)
class Ages:
    """Open findings by age: since midnight, of the last seven days, older; and how many of all are grave."""

    today: int
    week: int
    older: int
    grave: int

    @property
    def all(self) -> int:
        """Every open one."""
        return self.today + self.week + self.older


def finding_ages(rt: Runtime, session: Session, actor: Actor, midnight: datetime) -> Ages:
    """How many findings wait for somebody, at the offices whose findings this person may see."""
    places = [code for code in rt.office_codes() if may(rt, actor, Permission.FINDING_VIEW, code)]
    whole = len(places) == len(rt.office_codes())
    week = midnight - timedelta(days=7)
    counted = select(
        func.count().filter(Finding.first_at >= midnight),
        func.count().filter(Finding.first_at < midnight, Finding.first_at >= week),
        func.count().filter(Finding.first_at < week),
        func.count().filter(Finding.severity == 1),
    ).where(Finding.closed_at.is_(None))
    if not whole:
        counted = counted.where(Finding.office.in_(places))
    return Ages(*session.execute(counted).one())


@dataclass(frozen=True, slots=True)
class DatabaseNow:
    """One office's database: `up` None while nobody has looked yet; `drifts` None likewise."""

    office: str
    up: bool | None
    since: datetime | None
    code: str | None
    drifts: int | None


def databases_now(rt: Runtime, session: Session, actor: Actor) -> tuple[DatabaseNow, ...]:
    """What the worker last saw of each office's database that this person may look at."""
    rows = session.execute(
        select(Office.code, OfficeLink)
        .outerjoin(OfficeLink, OfficeLink.office == Office.code)
        .where(Office.active)
        .order_by(case((Office.level == "province", 0), else_=1), Office.gso_code, Office.code)
    )
    return tuple(
        DatabaseNow(code, *((link.up, link.since, link.code, link.drifts) if link else (None,) * 4))
        for code, link in rows
        if may(rt, actor, Permission.OFFICEDB_VIEW, code)
    )
